"""Flyte's own type check, as flyteadmin 1.16.8 applies it to default and fixed inputs.

Facts: flytepropeller/pkg/compiler/validators, `AreTypesCastable` and `LiteralTypeForLiteral`. The
server guesses a type from a literal (an empty list is of None, mixed items are a union) and asks
whether it casts to the declared one. Only the outermost type is asked with the rule that a union of
one variant counts as that variant, and the variants of a union.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reconciler.values import msgpack, supertype
from reconciler.values.types import fields, is_none, items, tag, text, variants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.model.document import Json

_NOT_COMPARED = {"structure", "metadata", "annotation"}
_COLUMN_DEFAULT = "INTEGER"
_PRIMITIVES = {
    "integer": "INTEGER",
    "floatValue": "FLOAT",
    "stringValue": "STRING",
    "boolean": "BOOLEAN",
    "datetime": "DATETIME",
    "duration": "DURATION",
}


def castable(upstream: Json, downstream: Json) -> bool:
    """Tell whether Flyte takes a value of the type `upstream` where `downstream` is declared."""
    inner = variants(upstream)
    if len(inner) == 1 and _casts(inner[0], downstream):
        return True
    return _casts(upstream, downstream)


def type_of(literal: Json) -> Json:
    """Guess the type of a literal as the server does; None when it cannot."""
    match literal:
        case {"scalar": dict(scalar)}:
            return _type_of_scalar(scalar)
        case {"collection": collection}:
            inner = items(fields(collection).get("literals"))
            return {"collectionType": _type_of_all(inner)}
        case {"map": map_}:
            return {"mapValueType": _type_of_all(fields(fields(map_).get("literals")).values())}
        case {"offloadedMetadata": metadata}:
            return fields(metadata).get("inferredType")
        case _:
            return None


def _type_of_scalar(scalar: dict[str, Json]) -> Json:
    match scalar:
        case {"primitive": primitive}:
            kind = next((name for name in fields(primitive) if name in _PRIMITIVES), "")
            return {"simple": _PRIMITIVES.get(kind, "NONE")}
        case {"blob": blob}:
            metadata = fields(blob).get("metadata")
            return None if metadata is None else {"blob": fields(metadata).get("type", {})}
        case {"binary": binary}:
            is_packed = fields(binary).get("tag") == msgpack.TAG
            return {"simple": "STRUCT" if is_packed else "BINARY"}
        case {"schema": schema}:
            return {"schema": fields(schema).get("type", {})}
        case {"structuredDataset": dataset}:
            metadata = fields(fields(dataset).get("metadata"))
            return {"structuredDatasetType": metadata.get("structuredDatasetType", {})}
        case {"noneType": _}:
            return {"simple": "NONE"}
        case {"error": _}:
            return {"simple": "ERROR"}
        case {"generic": _}:
            return {"simple": "STRUCT"}
        case {"union": union}:
            return {"unionType": {"variants": [fields(union).get("type", {})]}}
        case _:
            return None


def _type_of_all(literals: Iterable[Json]) -> Json:
    """Find the common type of items: an empty list among others says nothing, an empty map does."""
    found: dict[str, Json] = {}
    empty: Json = {"simple": "NONE"}
    for literal in literals:
        type_ = type_of(literal)
        if _is_empty_list(literal):
            empty = type_
            continue
        found.setdefault(json.dumps(type_, sort_keys=True), type_)
    types = list(found.values())
    if not types:
        return empty
    return types[0] if len(types) == 1 else _joined(types)


def _is_empty_list(literal: Json) -> bool:
    known = fields(literal)
    return "collection" in known and not items(fields(known["collection"]).get("literals"))


def _joined(types: list[Json]) -> Json:
    joined: list[Json] = []
    is_nested = False
    for type_ in types:
        inner = variants(fields(type_).get("collectionType"))
        if "unionType" in fields(fields(type_).get("collectionType")):
            is_nested = True
            joined.extend(inner)
        else:
            joined.append(type_)
    union: Json = {"unionType": {"variants": joined}}
    return {"collectionType": union} if is_nested else union


def _casts(upstream: Json, downstream: Json) -> bool:
    match downstream:
        case {"collectionType": inner}:
            return _inner_casts(upstream, "collectionType", inner)
        case {"mapValueType": inner}:
            return _inner_casts(upstream, "mapValueType", inner)
        case {"blob": blob}:
            return _blob_casts(fields(upstream), fields(blob))
        case {"schema": schema}:
            return _schema_casts(fields(upstream), fields(schema))
        case {"unionType": _}:
            return _union_casts(upstream, variants(downstream))
        case {"structuredDatasetType": dataset}:
            return is_none(upstream) or _dataset_casts(fields(upstream), fields(dataset))
        case {"simple": "NONE"}:
            return is_none(upstream)
        case _:
            return _plain_casts(fields(upstream), fields(downstream))


def _inner_casts(upstream: Json, field: str, downstream: Json) -> bool:
    known = fields(upstream)
    if field not in known:
        return False
    return is_none(known[field]) or _casts(known[field], downstream)


def _blob_casts(upstream: dict[str, Json], downstream: dict[str, Json]) -> bool:
    """Formats must agree where both name one; a folder casts to a file."""
    if "blob" not in upstream:
        return False
    given, declared = text(fields(upstream["blob"]).get("format")), text(downstream.get("format"))
    return not given or not declared or given == declared


def _union_casts(upstream: Json, declared: list[Json]) -> bool:
    if "unionType" in fields(upstream):
        return all(any(castable(one, other) for other in declared) for one in variants(upstream))
    return sum(castable(upstream, other) for other in declared) == 1


def _plain_casts(upstream: dict[str, Json], downstream: dict[str, Json]) -> bool:
    if "enumType" in upstream and downstream.get("simple") == "STRING":
        return True
    if "enumType" in downstream and upstream.get("simple") == "STRING":
        return True
    if tag(upstream) and tag(upstream) != tag(downstream):
        return False
    if upstream.get("simple") == "STRUCT" and downstream.get("simple") == "STRUCT":
        given, declared = upstream.get("metadata"), downstream.get("metadata")
        if given is None or declared is None:
            return True
        return given == declared or supertype.covers(given, declared)
    return _compared(upstream) == _compared(downstream)


def _compared(type_: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in type_.items() if name not in _NOT_COMPARED}


def _schema_casts(upstream: dict[str, Json], downstream: dict[str, Json]) -> bool:
    declared = _schema_columns(downstream)
    if "schema" in upstream:
        return _columns_cast(_schema_columns(fields(upstream["schema"])), declared)
    if "structuredDatasetType" not in upstream:
        return False
    dataset = fields(upstream["structuredDatasetType"])
    return _is_parquet(dataset) and _columns_cast(_simple_columns(dataset), declared)


def _dataset_casts(upstream: dict[str, Json], downstream: dict[str, Json]) -> bool:
    if "schema" in upstream:
        given = _schema_columns(fields(upstream["schema"]))
        return _is_parquet(downstream) and _columns_cast(given, _simple_columns(downstream))
    if "structuredDatasetType" not in upstream:
        return False
    dataset = fields(upstream["structuredDatasetType"])
    format_, declared = text(dataset.get("format")), text(downstream.get("format"))
    if format_ and declared and format_.casefold() != declared.casefold():
        return False
    columns, wanted = _columns(dataset), _columns(downstream)
    if not columns or not wanted:
        return True
    return all(name in columns and _casts(columns[name], one) for name, one in wanted.items())


def _is_parquet(dataset: dict[str, Json]) -> bool:
    return text(dataset.get("format")).casefold() in {"", "parquet"}


def _columns_cast(upstream: dict[str, str], downstream: dict[str, str]) -> bool:
    """Columns are compared only where both sides name some; those declared must all be there."""
    if not upstream or not downstream:
        return True
    return all(upstream.get(name) == kind for name, kind in downstream.items())


def _columns(dataset: dict[str, Json]) -> dict[str, Json]:
    columns = [fields(column) for column in items(dataset.get("columns"))]
    return {text(column.get("name")): column.get("literalType", {}) for column in columns}


def _simple_columns(dataset: dict[str, Json]) -> dict[str, str]:
    return {
        name: text(fields(type_).get("simple")) or "NONE"
        for name, type_ in _columns(dataset).items()
    }


def _schema_columns(schema: dict[str, Json]) -> dict[str, str]:
    columns = [fields(column) for column in items(schema.get("columns"))]
    return {
        text(column.get("name")): text(column.get("type")) or _COLUMN_DEFAULT for column in columns
    }
