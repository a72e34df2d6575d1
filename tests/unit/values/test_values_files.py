"""Local files, tables and their columns as values: one table for each of what is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.model.attachment import LocalFile, Upload
from reconciler.model.interface import Unread
from reconciler.values.decode import decode
from reconciler.values.encode import encode
from reconciler.values.interface import bind
from reconciler.values.known import Known
from reconciler.values.references import local_paths
from reconciler.values.stand_ins import stand_in, uris, with_uris

FILE: Any = {"blob": {}}
FOLDER: Any = {"blob": {"dimensionality": "MULTIPART"}}
TABLE: Any = {"structuredDatasetType": {}}
PARQUET: Any = {"structuredDatasetType": {"format": "parquet"}}
INT, FLOAT, STR = {"simple": "INTEGER"}, {"simple": "FLOAT"}, {"simple": "STRING"}
COLUMNS: Any = {
    "structuredDatasetType": {
        "columns": [{"name": "id", "literalType": INT}, {"name": "name", "literalType": STR}]
    }
}


def upload(name: str, *inner: str, root: str = "aaaaaaaaaaaaaaaa") -> Upload:
    file = LocalFile(Path("/nowhere"), 12_000, b"0" * 16)
    return Upload(root, name, dict.fromkeys(inner or ("",), file))


HERE = Known(
    {
        "data/rows.csv": upload("rows.csv"),
        "rows.parquet": upload("rows.parquet"),
        "ROWS.CSV": upload("ROWS.CSV"),
        "rows.dat": upload("rows.dat"),
        "parts": upload("parts", "p1.parquet", "day=2/p2.parquet", "_SUCCESS"),
        "mixed": upload("mixed", "a.csv", "b.parquet"),
        "gone.csv": Unread("gone.csv: does not exist; correct the path, or make the file first"),
    }
)
ROWS = "flyte://local.aaaaaaaaaaaaaaaa/rows.csv"


def table(uri: str, **type_: Any) -> Any:
    content = {"uri": uri, "metadata": {"structuredDatasetType": type_}}
    return {"scalar": {"structuredDataset": content}}


def blob(uri: str, **type_: Any) -> Any:
    return {"scalar": {"blob": {"metadata": {"type": type_}, "uri": uri}}}


@pytest.mark.parametrize(
    ("value", "type_", "literal"),
    [
        ({"path": "data/rows.csv"}, FILE, blob(ROWS)),
        ({"path": "data/rows.csv", "format": "csv"}, FILE, blob(ROWS, format="csv")),
        (
            {"path": "parts"},
            FOLDER,
            blob("flyte://local.aaaaaaaaaaaaaaaa/parts", dimensionality="MULTIPART"),
        ),
        ({"path": "data/rows.csv"}, TABLE, table(ROWS, format="csv")),
        (
            {"path": "ROWS.CSV"},
            TABLE,
            table("flyte://local.aaaaaaaaaaaaaaaa/ROWS.CSV", format="csv"),
        ),
        (
            {"path": "parts"},
            TABLE,
            table("flyte://local.aaaaaaaaaaaaaaaa/parts", format="parquet"),
        ),
        (
            {"path": "rows.dat", "format": "lance"},
            TABLE,
            table("flyte://local.aaaaaaaaaaaaaaaa/rows.dat", format="lance"),
        ),
        (
            {"path": "mixed"},
            PARQUET,
            table("flyte://local.aaaaaaaaaaaaaaaa/mixed", format="parquet"),
        ),
        (
            {"path": "rows.parquet"},
            {"schema": {}},
            {
                "scalar": {
                    "schema": {"uri": "flyte://local.aaaaaaaaaaaaaaaa/rows.parquet", "type": {}}
                }
            },
        ),
        ({"uri": "s3://b/t", "format": "csv"}, TABLE, table("s3://b/t", format="csv")),
        (
            {"uri": "s3://b/t", "columns": {"name": "str", "more": "float", "id": "int"}},
            COLUMNS,
            table(
                "s3://b/t",
                columns=[
                    {"name": "id", "literalType": INT},
                    {"name": "name", "literalType": STR},
                    {"name": "more", "literalType": FLOAT},
                ],
            ),
        ),
    ],
)
def test_file_or_table_becomes_a_reference(value: Any, type_: Any, literal: Any) -> None:
    assert encode(value, type_, known=HERE) == (literal, [])


def test_a_table_is_one_literal_whatever_wrote_it() -> None:
    of_pandas, of_arrow = upload("t.parquet", root="b" * 16), upload("t.parquet", root="c" * 16)
    made = [
        encode({"path": "t.parquet"}, TABLE, known=Known({"t.parquet": one}))[0]
        for one in (of_pandas, of_arrow)
    ]
    made.append(encode({"uri": "s3://b/t", "format": "parquet"}, TABLE)[0])

    types = [one["scalar"]["structuredDataset"]["metadata"] for one in made]  # type: ignore[index,call-overload]

    assert types == [{"structuredDatasetType": {"format": "parquet"}}] * 3


@pytest.mark.parametrize(
    ("value", "type_", "path", "message"),
    [
        (
            {"path": "gone.csv"},
            FILE,
            ("path",),
            "gone.csv: does not exist; correct the path, or make the file first",
        ),
        ({"path": "other.csv"}, FILE, ("path",), "local files cannot be given here"),
        (
            {"path": "parts"},
            FILE,
            ("path",),
            "is a folder, and the input takes a file",
        ),
        (
            {"path": "rows.dat"},
            FOLDER,
            ("path",),
            "is a file, and the input takes a folder",
        ),
        (
            {"path": "rows.dat"},
            TABLE,
            ("path",),
            'the format of "rows.dat" cannot be told by its ending',
        ),
        (
            {"path": "data/rows.csv"},
            PARQUET,
            ("path",),
            'the format "csv" is not the "parquet" of the input',
        ),
        (
            {"path": "data/rows.csv"},
            {"schema": {}},
            ("path",),
            "a schema is parquet, and this is not",
        ),
        ({"path": "rows.dat", "uri": "s3://b/k"}, FILE, (), "has both a uri and a path"),
        (
            {"uri": "s3://b/k", "columns": {"id": "int"}},
            FILE,
            ("columns",),
            "file has no columns of its own",
        ),
        (
            {"uri": "s3://b/t", "columns": {"id": "int"}},
            COLUMNS,
            ("columns",),
            'the column "name", which the input needs, is missing',
        ),
        (
            {"path": "rows.parquet", "columns": {"id": "str", "name": "str"}},
            COLUMNS,
            ("columns", "id"),
            "the column is str, and the input needs int",
        ),
        (
            {"uri": "s3://b/t", "columns": {"id": "int32", "name": "str"}},
            COLUMNS,
            ("columns", "id"),
            '"int32" is not the type of a column',
        ),
        (
            {"uri": "s3://b/t", "columns": ["id"]},
            COLUMNS,
            ("columns",),
            "expected a map of names to types, found a list",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_place(
    value: Any, type_: Any, path: tuple[str, ...], message: str
) -> None:
    literal, problems = encode(value, type_, path=("inputs", "x"), known=HERE)

    assert literal is None
    assert (problems[0].path, problems[0].message) == (("inputs", "x", *path), message)


@pytest.mark.parametrize(
    ("columns", "declared", "fits"),
    [
        ({"id": "int"}, TABLE, True),
        ({"id": "int", "name": "str", "more": "bool"}, COLUMNS, True),
        ({"name": "str"}, COLUMNS, False),
        ({"id": "float", "name": "str"}, COLUMNS, False),
        (None, COLUMNS, True),
    ],
)
def test_columns_are_compared_only_where_both_sides_list_some(
    columns: Any, declared: Any, fits: bool
) -> None:
    value: Any = {"uri": "s3://b/t"} | ({"columns": columns} if columns else {})

    _, problems = encode(value, declared)

    assert (problems == []) == fits


@pytest.mark.parametrize(
    ("given", "declared", "fits"),
    [("CSV", "csv", True), ("csv", "", True), ("", "csv", True), ("parquet", "csv", False)],
)
def test_formats_of_tables_are_compared_without_case_where_both_name_one(
    given: str, declared: str, fits: bool
) -> None:
    value: Any = {"uri": "s3://b/t"} | ({"format": given} if given else {})

    _, problems = encode(value, {"structuredDatasetType": {"format": declared}})

    assert (problems == []) == fits


NESTED: Any = {
    "mapValueType": {"collectionType": {"unionType": {"variants": [FILE, {"simple": "NONE"}]}}}
}


def test_stand_ins_are_replaced_three_levels_deep_and_nothing_else_is() -> None:
    value = {"eu": [{"path": "data/rows.csv"}, None, "s3://b/k"], "us": [{"path": "rows.dat"}]}
    literal, problems = encode(value, NESTED, known=HERE)
    places = {ROWS: "s3://store/p/d/aaaaaaaaaaaaaaaa/rows.csv"}

    placed = with_uris(literal, lambda uri: places.get(uri, uri))

    assert problems == []
    assert list(uris(placed)) == [
        "s3://store/p/d/aaaaaaaaaaaaaaaa/rows.csv",
        "s3://b/k",
        "flyte://local.aaaaaaaaaaaaaaaa/rows.dat",
    ]
    assert next(uris(literal)) == ROWS
    back = {place: uri for uri, place in places.items()}
    assert with_uris(placed, lambda uri: back.get(uri, uri)) == literal


@pytest.mark.parametrize("type_", [TABLE, PARQUET, {"schema": {}}, FILE, FOLDER])
def test_every_kind_of_reference_is_replaced(type_: Any) -> None:
    literal, _ = encode("s3://old/k", type_)

    assert list(uris(with_uris(literal, lambda uri: uri.replace("old", "new")))) == ["s3://new/k"]


def test_columns_and_places_are_written_out_as_they_are_read() -> None:
    for value in (
        {"uri": "s3://b/t", "format": "csv", "columns": {"id": "int"}},
        {"uri": "s3://b/t", "columns": {"a": "datetime", "b": "bytes"}},
        ROWS,
    ):
        literal, problems = encode(value, TABLE)
        assert (decode(literal, TABLE), problems) == (value, [])


def test_uri_that_stands_for_a_file_is_no_input_of_its_own() -> None:
    variables: Any = {"x": {"type": {"collectionType": FILE}}}

    (problem,) = bind({"x": [ROWS]}, variables, path=("inputs",)).problems

    assert problem.path == ("inputs", "x")
    assert problem.message == "names a local file by the URI that stands for it in a plan"
    assert bind({"x": [{"path": "data/rows.csv"}]}, variables, known=HERE).problems == ()


def test_paths_are_found_however_deep_and_only_in_their_form() -> None:
    value = {
        "a": [{"path": "1"}, {"b": {"path": "2", "format": "csv"}}],
        "c": {"path": "no", "mode": "r"},
        "d": {"path": 3},
        "e": "text",
    }

    assert list(local_paths(value)) == ["1", "2"]
    assert stand_in(upload("x")) == "flyte://local.aaaaaaaaaaaaaaaa/x"
