"""Tables of outputs: what is known of one without reading it, and its rows, whole or in parts.

table = outputs.table("df")
table.columns, table.format                       # nothing is read for these
frame = await table.open(pandas.DataFrame).all()
async for part in table.open(pyarrow.Table).iter(rows=10_000): ...

Rows are read by pyarrow, file after file: each is brought here, read in batches and removed again,
so that no more than one file and one batch are here at once.
"""

from __future__ import annotations

import asyncio
import importlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from reconciler.api.stored import Store
from reconciler.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS = 65_536
_ENDINGS = {".parquet": "parquet", ".csv": "csv"}
_HIDDEN = ("_", ".")
"""What names of files begin with that are no part of a table, such as _SUCCESS."""

_FITS: Mapping[str, tuple[str, ...]] = {
    "int": ("int", "uint"),
    "float": ("double", "float", "halffloat", "decimal", "int", "uint"),
    "str": ("string", "large_string", "dictionary"),
    "bool": ("bool",),
    "datetime": ("timestamp", "date"),
    "duration": ("duration",),
    "bytes": ("binary", "large_binary", "fixed_size_binary"),
}
"""Which types of Arrow a declared column may have; other declared types are not looked at."""


class NotOpenedError(UsageError, ValueError):
    """Rows were asked for, and nobody said as what."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that another library keeps with a table: what it is in, such as `arrow`, and it."""

    type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What a column holds: rows, those without a value, and the least and greatest of the others.

    The last two are None where the type has no order.
    """

    name: str
    type: str
    rows: int
    nulls: int
    least: Any = None
    greatest: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of which nothing is read before it is asked for.

    `columns` are those that are declared, by name, in the words of the language; empty for a table
    of any columns. `format` is empty where the endings of its files have to tell it.
    """

    store: Store = field(repr=False)
    uri: str
    format: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    schema: Schema | None = None
    _as: Callable[[Any], Any] | None = field(default=None, repr=False)

    def open(self, as_type: Any) -> Table:
        """Say as what rows are wanted.

        `pyarrow.Table`, `pandas.DataFrame`, `list` (of dicts), or whatever takes a `pyarrow.Table`,
        such as `polars.from_arrow`. Raises UsageError for anything else.
        """
        return Table(
            store=self.store,
            uri=self.uri,
            format=self.format,
            columns=self.columns,
            schema=self.schema,
            _as=_converter(as_type),
        )

    async def all(self) -> Any:
        """Read all rows at once.

        Raises NotOpenedError before `open`, BackendError where they cannot be read or a declared
        column is not among them as it is declared.
        """
        convert, arrow = self._convert(), _arrow()
        parts = [part async for part in self._parts(_ROWS)]
        if not parts:
            raise BackendError(f"{self.uri}: holds no file of a table")
        return convert(arrow.concat_tables(parts, promote_options="default"))

    async def iter(self, rows: int = _ROWS) -> AsyncIterator[Any]:
        """Yield the rows in parts of at most `rows`; raises as `all` does."""
        convert = self._convert()
        async for part in self._parts(rows):
            yield convert(part)

    async def head(self, rows: int = 5) -> list[dict[str, Any]]:
        """Read the first rows, and no file beyond those that hold them."""
        found: list[dict[str, Any]] = []
        async for part in self._parts(max(rows, 1)):
            found += part.slice(0, rows - len(found)).to_pylist()
            if len(found) >= rows:
                break
        return found

    async def facts(self) -> tuple[ColumnFacts, ...]:
        """Read all rows in parts, and tell of each column how it is filled."""
        kept: dict[str, ColumnFacts] = {}
        async for part in self._parts(_ROWS):
            for name in part.column_names:
                kept[name] = _added(kept.get(name), name, part.column(name))
        return tuple(kept.values())

    def _convert(self) -> Callable[[Any], Any]:
        if self._as is None:
            raise NotOpenedError(
                f"{self.uri}: say as what it is read: open(pandas.DataFrame) or the like"
            )
        return self._as

    async def _parts(self, rows: int) -> AsyncIterator[Any]:
        if rows < 1:
            raise UsageError(f"rows: {rows} is not one or more")
        files = [
            one
            for one in await self.store.list(self.uri)
            if not PurePosixPath(one.path).name.startswith(_HIDDEN)
        ]
        with tempfile.TemporaryDirectory() as folder:
            for one in files:
                kind = _format(self.format, one.path, self.uri)
                path = await self.store.save(one.uri, Path(folder) / "part")
                batches = _batches(kind, path, rows, one.uri)
                while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                    self._check(batch.schema, one.uri)
                    yield batch
                path.unlink()

    def _check(self, schema: Any, uri: str) -> None:
        for name, declared in self.columns.items():
            if name not in schema.names:
                raise BackendError(f"{uri}: has no column {name}, which is declared as {declared}")
            actual = str(schema.field(name).type)
            fits = _FITS.get(declared)
            if fits is not None and not actual.startswith(fits):
                raise BackendError(f"{uri}: column {name} is {actual}, and is declared {declared}")


def _converter(as_type: Any) -> Callable[[Any], Any]:
    module = str(getattr(as_type, "__module__", "")).partition(".")[0]
    name = getattr(as_type, "__name__", "")
    if as_type is list:
        return lambda table: table.to_pylist()
    if (module, name) == ("pyarrow", "Table"):
        return lambda table: table
    if (module, name) == ("pandas", "DataFrame"):
        return lambda table: table.to_pandas()
    if callable(as_type) and not isinstance(as_type, type):
        found: Callable[[Any], Any] = as_type
        return found
    raise UsageError(
        f"{as_type}: rows are not read as that; give pyarrow.Table, pandas.DataFrame, list, or a "
        "function that takes a pyarrow.Table"
    )


def _format(declared: str, path: str, uri: str) -> str:
    kind = declared.lower() or _ENDINGS.get(PurePosixPath(path).suffix.lower(), "")
    if kind not in _ENDINGS.values():
        what = f"the format {kind}" if kind else f"what {path} is"
        raise UsageError(f"{uri}: {what} is not known here; download it, and read it yourself")
    return kind


def _batches(kind: str, path: Path, rows: int, uri: str) -> Iterator[Any]:
    """Read one file in parts; an empty one has one part without rows, which tells its columns."""
    arrow = _arrow()
    try:
        if kind == "csv":
            reader = importlib.import_module("pyarrow.csv").open_csv(path)
            schema, found = reader.schema, iter(reader)
        else:
            opened = importlib.import_module("pyarrow.parquet").ParquetFile(path)
            schema, found = opened.schema_arrow, opened.iter_batches(batch_size=rows)
        is_empty = True
        for batch in found:
            for start in range(0, batch.num_rows, rows):
                is_empty = False
                yield arrow.Table.from_batches([batch.slice(start, rows)])
        if is_empty:
            yield schema.empty_table()
    except arrow.ArrowException as error:
        raise BackendError(f"{uri}: is no {kind} that can be read: {error}") from None


def _added(kept: ColumnFacts | None, name: str, column: Any) -> ColumnFacts:
    least, greatest = _bounds(column)
    kind = str(column.type)
    if kept is None:
        return ColumnFacts(name, kind, len(column), column.null_count, least, greatest)
    return ColumnFacts(
        name=name,
        type=kept.type if kept.type == kind else f"{kept.type} | {kind}",
        rows=kept.rows + len(column),
        nulls=kept.nulls + column.null_count,
        least=_first(min, kept.least, least),
        greatest=_first(max, kept.greatest, greatest),
    )


def _first(choose: Callable[[Sequence[Any]], Any], one: Any, other: Any) -> Any:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None


def _bounds(column: Any) -> tuple[Any, Any]:
    arrow = _arrow()
    try:
        found = importlib.import_module("pyarrow.compute").min_max(column).as_py()
    except arrow.ArrowException:
        return None, None
    return found["min"], found["max"]


def _arrow() -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ImportError:
        raise UsageError(
            "rows of tables are read by pyarrow; run `pip install 'flyte-reconciler[tables]'`"
        ) from None
