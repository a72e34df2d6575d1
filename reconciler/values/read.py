"""Literals become values for people and programs, as flytekit's `LiteralsResolver` reads them.

Nothing here fails: what cannot be read is shown as what it is. The result is no input of `encode`,
which `decode` makes; a union is its value, and a reference tells where the data is.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias, cast

from reconciler.values import cast as casts
from reconciler.values import columns, freeform, moments, msgpack
from reconciler.values.types import fields, items, show_type, text

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.model.run import Values

Native: TypeAlias = (
    "bool | int | float | str | datetime | timedelta | list[Native] | dict[str, Native] | None"
)
"""A value of Python: as JSON has it, with datetimes and durations of their own types."""


def value(literal: Json) -> Json:
    """Read a literal as JSON: datetimes as RFC 3339, durations as Go writes them."""
    return cast("Json", _read(literal, is_native=False))


def native(literal: Json) -> Native:
    """Read a literal with datetimes and durations as Python has them."""
    return _read(literal, is_native=True)


def shown(values: Values) -> dict[str, Json]:
    """Read all of them as JSON, by name."""
    return {name: value(literal) for name, literal in values.literals.items()}


def types_of(values: Values) -> dict[str, str]:
    """Write the types as people do; a literal without a declared one tells its own."""
    return {name: type_text(values, name) for name in values.literals}


def type_text(values: Values, name: str) -> str:
    """Write one type."""
    return show_type(type_json(values, name))


def type_json(values: Values, name: str) -> Json:
    """Give one type: what is declared, be it a variable or a type, else what the literal is."""
    declared = values.types.get(name)
    return fields(declared).get("type", declared) or casts.type_of(values.literals.get(name))


def _read(literal: Json, *, is_native: bool) -> Native:
    match literal:
        case {"collection": collection}:
            found = items(fields(collection).get("literals"))
            return [_read(one, is_native=is_native) for one in found]
        case {"map": map_}:
            named = fields(fields(map_).get("literals"))
            return {name: _read(one, is_native=is_native) for name, one in named.items()}
        case {"scalar": dict(scalar)}:
            return _scalar(scalar, is_native=is_native)
        case {"offloadedMetadata": offloaded}:
            return _offloaded(fields(offloaded))
        case _:
            return None


def _scalar(scalar: dict[str, Json], *, is_native: bool) -> Native:
    match scalar:
        case {"primitive": primitive}:
            return _primitive(fields(primitive), is_native=is_native)
        case {"union": union}:
            return _read(fields(union).get("value"), is_native=is_native)
        case {"generic": generic}:
            return cast("Native", freeform.from_struct(generic))
        case {"binary": binary}:
            return _binary(fields(binary))
        case {"blob": blob}:
            kind = fields(fields(fields(blob).get("metadata")).get("type"))
            is_folder = kind.get("dimensionality") == "MULTIPART"
            return _reference("directory" if is_folder else "file", fields(blob), kind)
        case {"structuredDataset": dataset}:
            metadata = fields(fields(dataset).get("metadata"))
            kind = fields(metadata.get("structuredDatasetType"))
            return _reference("dataset", fields(dataset), kind)
        case {"schema": schema}:
            return _reference("dataset", fields(schema), fields(fields(schema).get("type")))
        case {"error": error}:
            return {"error": text(fields(error).get("message"))}
        case _:
            return None


def _primitive(primitive: dict[str, Json], *, is_native: bool) -> Native:
    match primitive:
        case {"integer": integer}:
            with suppress(TypeError, ValueError):
                return int(cast("str", integer))
            return None
        case {"datetime": str(moment)}:
            return _moment(moment) if is_native else moment
        case {"duration": str(length)}:
            if is_native:
                return _duration(length)
            with suppress(moments.MomentError):
                return moments.show_duration(length)
            return length
        case {"floatValue": str(word)} if is_native:  # NaN and the infinities are texts in JSON
            with suppress(ValueError):
                return float(word)
            return word
        case _ if len(primitive) == 1:
            return cast("Native", next(iter(primitive.values())))
        case _:
            return None


def _moment(written: str) -> datetime | str:
    """Read a moment to the microsecond, which is as far as Python goes."""
    with suppress(ValueError):
        return datetime.fromisoformat(written)
    return written


def _duration(written: str) -> timedelta | str:
    with suppress(ValueError, OverflowError):
        return timedelta(seconds=float(written.removesuffix("s")))
    return written


def _binary(binary: dict[str, Json]) -> Native:
    tag, encoded = text(binary.get("tag")), text(binary.get("value"))
    if tag == msgpack.TAG:
        with suppress(msgpack.NotMsgpackError):
            return cast("Native", msgpack.unpack(encoded))
    return {"base64": encoded, "tag": tag} if tag else {"base64": encoded}


def dataset_type(literal: Json) -> dict[str, Json] | None:
    """Return what a literal says of its table, None where it refers to none.

    A schema, the older form, is a table in parquet.
    """
    scalar = fields(fields(literal).get("scalar"))
    if "union" in scalar:
        return dataset_type(fields(scalar["union"]).get("value"))
    if "structuredDataset" in scalar:
        metadata = fields(fields(scalar["structuredDataset"]).get("metadata"))
        return fields(metadata.get("structuredDatasetType"))
    if "schema" in scalar:
        kind = fields(fields(scalar["schema"]).get("type"))
        return {"format": "parquet", "columns": _columns(kind)}
    return None


def external_schema(kind: Mapping[str, Json]) -> tuple[str, bytes] | None:
    """Return the schema of another library that a table is kept with: what it is in, and it."""
    name = text(kind.get("externalSchemaType"))
    return (name, b64decode(text(kind.get("externalSchemaBytes")))) if name else None


def _reference(word: str, message: dict[str, Json], kind: dict[str, Json]) -> Native:
    """Tell where data is, its format and columns, without looking at it."""
    found: dict[str, Native] = {word: text(message.get("uri"))}
    if text(kind.get("format")):
        found["format"] = text(kind.get("format"))
    named = columns.shown(_columns(kind))
    if named:
        found["columns"] = cast("Native", named)
    return found


def _columns(kind: Mapping[str, Json]) -> Json:
    """List the columns; those of a schema, the older form, have words of their own for types."""
    found: list[Json] = []
    for column in items(kind.get("columns")):
        one = fields(column)
        if "literalType" in one:
            found.append(one)
        else:
            found.append(
                {"name": one.get("name"), "literalType": {"simple": one.get("type") or "INTEGER"}}
            )
    return found


def _offloaded(message: dict[str, Json]) -> Native:
    size = text(message.get("sizeBytes"))
    found: dict[str, Native] = {"offloaded": text(message.get("uri"))}
    if size.isdecimal():
        found["bytes"] = int(size)
    return found
