"""Tables are looked at without reading them, and read in small parts that are checked."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from reconciler.api.literals import Literals
from reconciler.api.stored import Store
from reconciler.api.tables import NotOpenedError, Table
from reconciler.cli.describe import describe
from reconciler.errors import BackendError, UsageError
from reconciler.model.run import Values
from reconciler.values.decode import decode
from reconciler.values.encode import encode


class Counting(Store):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__(None)
        self.listed = 0
        self.saved: list[str] = []
        self.most_here = 0

    async def list(self, uri: str) -> Any:
        self.listed += 1
        return await super().list(uri)

    async def save(self, uri: str, to: Path) -> Path:
        self.saved.append(uri)
        self.most_here = max(self.most_here, len(list(to.parent.iterdir())) + 1)
        return await super().save(uri, to)


ROWS = 250


def rows(start: int = 0, count: int = ROWS) -> pa.Table:
    numbers = list(range(start, start + count))
    names: list[str | None] = [f"n{number}" if number % 5 else None for number in numbers]
    return pa.table({"id": numbers, "name": names})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table of four files, with what other writers leave beside them."""
    made = tmp_path / "table"
    made.mkdir()
    for number in range(4):
        pa.parquet.write_table(rows(number * ROWS), made / f"part-{number}.parquet")
    (made / "_SUCCESS").write_text("")
    return made


@pytest.fixture
def store() -> Counting:
    return Counting()


def test_nothing_is_read_before_it_is_asked_for(store: Counting, folder: Path) -> None:
    table = Table(store=store, uri=str(folder), columns={"id": "int"}).open(list)
    assert table.columns == {"id": "int"}
    assert store.listed == 0


async def test_all_rows_of_all_files_are_read(store: Counting, folder: Path) -> None:
    table = Table(store=store, uri=str(folder))
    found = await table.open(pa.Table).all()
    assert found.num_rows == 4 * ROWS
    assert found.column("id").to_pylist() == list(range(4 * ROWS))


async def test_parts_are_no_larger_than_asked_and_one_file_is_here_at_once(
    store: Counting, folder: Path
) -> None:
    table = Table(store=store, uri=str(folder)).open(pa.Table)
    sizes = [part.num_rows async for part in table.iter(rows=100)]
    assert sizes == [100, 100, 50] * 4
    assert store.most_here == 1


async def test_whoever_stops_reads_no_more(store: Counting, folder: Path) -> None:
    async for _ in Table(store=store, uri=str(folder)).open(list).iter():
        break
    assert len(store.saved) == 1
    assert len(await Table(store=store, uri=str(folder)).head(3)) == 3
    assert len(store.saved) == 2


@pytest.mark.parametrize(
    ("as_type", "kind"),
    [(pa.Table, pa.Table), (pd.DataFrame, pd.DataFrame), (list, list), (lambda t: t.num_rows, int)],
    ids=["arrow", "pandas", "list", "function"],
)
async def test_rows_are_had_as_what_is_wanted(folder: Path, as_type: Any, kind: type) -> None:
    assert isinstance(await Table(store=Store(None), uri=str(folder)).open(as_type).all(), kind)


async def test_csv_is_read_too(tmp_path: Path) -> None:
    pa.csv.write_csv(rows(), tmp_path / "a.csv")
    found = await Table(store=Store(None), uri=str(tmp_path / "a.csv")).open(list).all()
    assert (len(found), found[1]["name"]) == (ROWS, "n1")


async def test_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    pa.parquet.write_table(rows(count=0), tmp_path / "a.parquet")
    found = await Table(store=Store(None), uri=str(tmp_path / "a.parquet")).open(pa.Table).all()
    assert (found.num_rows, found.column_names) == (0, ["id", "name"])


async def test_without_open_nobody_knows_what_is_wanted(folder: Path) -> None:
    table = Table(store=Store(None), uri=str(folder))
    with pytest.raises(NotOpenedError, match="say as what"):
        await table.all()
    with pytest.raises(ValueError, match="say as what"):
        async for _ in table.iter():
            pass


@pytest.mark.parametrize("as_type", [int, "pandas", dict])
def test_types_that_are_no_tables_are_refused(as_type: Any) -> None:
    with pytest.raises(UsageError, match="rows are not read as that"):
        Table(store=Store(None), uri="x").open(as_type)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"id": "int", "price": "float"}, "has no column price, which is declared as float"),
        ({"name": "int"}, "column name is string, and is declared int"),
        ({"id": "float", "name": "str"}, ""),
        ({"id": "(list of int)"}, ""),
    ],
)
async def test_declared_columns_are_checked_when_rows_are_read(
    folder: Path, columns: dict[str, str], said: str
) -> None:
    table = Table(store=Store(None), uri=str(folder), columns=columns).open(list)
    if not said:
        assert await table.all()
        return
    with pytest.raises(BackendError, match=r"part-0\.parquet: ") as raised:
        await table.all()
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("name", "format_", "said"),
    [
        ("a.feather", "", "what a.feather is is not known here"),
        ("a.parquet", "delta", "the format delta is not known here"),
        ("a.parquet", "", "is no parquet that can be read"),
    ],
)
async def test_what_cannot_be_read_is_told(
    tmp_path: Path, name: str, format_: str, said: str
) -> None:
    (tmp_path / name).write_text("nothing")
    table = Table(store=Store(None), uri=str(tmp_path / name), format=format_).open(list)
    with pytest.raises((UsageError, BackendError)) as raised:
        await table.all()
    assert said in str(raised.value)


async def test_empty_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="holds no file of a table"):
        await Table(store=Store(None), uri=str(tmp_path)).open(list).all()


async def test_columns_are_counted_over_all_files(folder: Path) -> None:
    numbers, names = await Table(store=Store(None), uri=str(folder)).facts()
    assert (numbers.name, numbers.type, numbers.rows, numbers.nulls) == ("id", "int64", 1000, 0)
    assert (numbers.least, numbers.greatest) == (0, 999)
    assert (names.nulls, names.least, names.greatest) == (200, "n1", "n999")


def literal(uri: str, **kind: Any) -> dict[str, Any]:
    made = {"structuredDatasetType": {"format": "parquet", **kind}}
    return {"scalar": {"structuredDataset": {"uri": uri, "metadata": made}}}


async def test_output_is_a_table_with_what_its_literal_says(folder: Path) -> None:
    column = {"name": "id", "literalType": {"simple": "INTEGER"}}
    schema = pa.schema([("id", pa.int64())]).serialize().to_pybytes()
    kind = {
        "columns": [column],
        "externalSchemaType": "arrow",
        "externalSchemaBytes": base64.b64encode(schema).decode(),
    }
    values = Values(literals={"df": literal(str(folder), **kind), "n": {"scalar": {}}})
    outputs = Literals(values, store=Store(None))
    table = outputs.table("df")
    assert (table.format, table.columns) == ("parquet", {"id": "int"})
    assert table.schema is not None
    assert pa.ipc.read_schema(pa.py_buffer(table.schema.content)).names == ["id"]
    assert len(await table.open(list).all()) == 4 * ROWS
    with pytest.raises(UsageError, match="is no table"):
        outputs.table("n")


DATASET: Any = {"structuredDatasetType": {"format": "parquet"}}
SCHEMA = {"type": "arrow", "bytes": base64.b64encode(b"schema").decode()}


def test_schema_of_another_library_goes_round() -> None:
    value: Any = {"uri": "s3://b/k", "schema": SCHEMA}
    made, problems = encode(value, DATASET)
    assert not problems
    kind: Any = made
    kind = kind["scalar"]["structuredDataset"]["metadata"]["structuredDatasetType"]
    assert (kind["externalSchemaType"], kind["externalSchemaBytes"]) == ("arrow", SCHEMA["bytes"])
    assert decode(made, DATASET) == value


@pytest.mark.parametrize(
    ("schema", "at"),
    [
        ({"type": "arrow", "bytes": "***"}, ("schema", "bytes")),
        ({"type": "arrow"}, ("schema",)),
        ({"type": "", "bytes": ""}, ("schema",)),
        ({**SCHEMA, "more": 1}, ("schema",)),
        ("arrow", ("schema",)),
    ],
)
def test_wrong_schema_is_told_at_its_place(schema: Any, at: tuple[str, ...]) -> None:
    _, problems = encode({"uri": "s3://b/k", "schema": schema}, DATASET)
    assert [problem.path for problem in problems] == [at]


def test_files_have_no_schema() -> None:
    blob: Any = {"blob": {"dimensionality": "SINGLE"}}
    _, problems = encode({"uri": "s3://b/k", "schema": SCHEMA}, blob)
    assert "has no schema of its own" in problems[0].message


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory without a connection."""
    monkeypatch.delenv("RECONCILE_CONNECTION", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_table_is_described_by_its_first_rows_and_columns(alone: Path, folder: Path) -> None:
    del alone
    asked = ["table", str(folder), "--head", "2", "--stats"]
    text = CliRunner().invoke(describe, asked, standalone_mode=False)
    assert text.exception is None
    lines = text.output.splitlines()
    assert lines[0].split() == ["id", "name"]
    assert lines[2].split() == ["1", "n1"]
    assert lines[4].split() == ["COLUMN", "TYPE", "ROWS", "NULLS", "LEAST", "GREATEST"]
    assert lines[5].split() == ["id", "int64", "1000", "0", "0", "999"]
    found = CliRunner().invoke(describe, [*asked, "-o", "json"], standalone_mode=False)
    shown = json.loads(found.output)
    assert shown["head"][1] == {"id": 1, "name": "n1"}
    assert shown["columns"][1]["nulls"] == 200


def test_options_of_tables_are_for_tables(alone: Path) -> None:
    del alone
    found = CliRunner().invoke(describe, ["task", "x", "--stats"])
    assert found.exit_code == 2
    assert "--stats: belongs to tables" in found.output
