"""Reading `LiteralType` JSON, and writing types as people do: `list[int]`, `int | None`.

Facts: flyteidl/core/types.proto for the fields; flytekit 1.16 marks dataclasses, pydantic models
and untyped dicts whose literals are msgpack by the annotation `cache-key-metadata`, puts their JSON
schema into `metadata`, and the values of a `Literal[...]` into the annotation `literal_values`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.document import Json

_SIMPLE_NAMES = {
    "NONE": "None",
    "INTEGER": "int",
    "FLOAT": "float",
    "STRING": "str",
    "BOOLEAN": "bool",
    "DATETIME": "datetime",
    "DURATION": "duration",
    "BINARY": "bytes",
    "ERROR": "error",
}


def fields(value: Json) -> dict[str, Json]:
    """Read an optional message: its fields, or none when the value is not an object."""
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[Json]:
    """Read a repeated field: its items, or none when the value is not a list."""
    return value if isinstance(value, list) else []


def text(value: Json) -> str:
    """Read a string field, empty when it is absent or not a string."""
    return value if isinstance(value, str) else ""


def variants(type_: Json) -> list[Json]:
    """List the variants of a union type, in order; empty for any other type."""
    return items(fields(fields(type_).get("unionType")).get("variants"))


def tag(type_: Json) -> str:
    """Name the transformer that a union variant was made by, for example `int` or `Typed List`."""
    return text(fields(fields(type_).get("structure")).get("tag"))


def is_none(type_: Json) -> bool:
    """Tell whether the type is the simple type NONE."""
    return fields(type_).get("simple") == "NONE"


def is_msgpack(type_: Json) -> bool:
    """Tell whether literals of this struct are msgpack bytes instead of a protobuf Struct."""
    cache_key = fields(_annotations(type_).get("cache-key-metadata"))
    return cache_key.get("serialization-format") == "msgpack"


def literal_values(type_: Json) -> list[Json]:
    """List what a `Literal[...]` allows; empty when the type is not limited so."""
    return items(_annotations(type_).get("literal_values"))


def enum_values(type_: Json) -> list[str]:
    """List the values of an enum type, in order."""
    values = items(fields(fields(type_).get("enumType")).get("values"))
    return [value for value in values if isinstance(value, str)]


def show_type(type_: Json) -> str:
    """Write a type as a person would, for example `dict[str, list[int]]` or `enum(red, green)`."""
    match type_:
        case {"simple": "STRUCT"}:
            return _struct_name(fields(fields(type_).get("metadata")))
        case {"simple": str(simple)}:
            if allowed := literal_values(type_):
                return f"enum({', '.join(_plain(value) for value in allowed)})"
            return _SIMPLE_NAMES.get(simple, simple)
        case {"collectionType": inner}:
            return f"list[{show_type(inner)}]"
        case {"mapValueType": inner}:
            return f"dict[str, {show_type(inner)}]"
        case {"unionType": _}:
            return " | ".join(show_type(variant) for variant in variants(type_)) or "empty union"
        case {"enumType": _}:
            return f"enum({', '.join(enum_values(type_))})"
        case {"blob": blob}:
            is_folder = fields(blob).get("dimensionality") == "MULTIPART"
            return _with_format("directory" if is_folder else "file", fields(blob))
        case {"structuredDatasetType": dataset}:
            return _with_format("dataset", fields(dataset))
        case {"schema": _}:
            return "schema"
        case _:
            return "unknown type"


def named_type(name: str) -> Json:
    """Return the simple type that `show_type` gives this name, None when there is none."""
    for simple, one in _SIMPLE_NAMES.items():
        if one == name:
            return {"simple": simple}
    return None


def _annotations(type_: Json) -> dict[str, Json]:
    return fields(fields(fields(type_).get("annotation")).get("annotations"))


def _with_format(name: str, message: dict[str, Json]) -> str:
    format_ = text(message.get("format"))
    return f"{name}[{format_}]" if format_ else name


def _struct_name(schema: dict[str, Json]) -> str:
    name = text(schema.get("title"))
    if not name:
        # marshmallow writes "#/definitions/ConfigSchema", pydantic "#/$defs/Config"
        name = text(schema.get("$ref")).rpartition("/")[2].removesuffix("Schema")
    return name or "dict"


def _plain(value: Json) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value).lower()
