"""Which type accepts which value: the type of a literal, and whether one type casts to another.

The rules are those of flytepropeller 1.16.8's compiler (pkg/compiler/validators/typing.go and
utils.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.core import literals_pb2, types_pb2

from reconciler.server.flyte1 import schemas
from reconciler.server.status import internal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Simple = types_pb2.SimpleType
_Column = types_pb2.SchemaType.SchemaColumn

_PRIMITIVES = {
    "integer": types_pb2.INTEGER,
    "float_value": types_pb2.FLOAT,
    "string_value": types_pb2.STRING,
    "boolean": types_pb2.BOOLEAN,
    "datetime": types_pb2.DATETIME,
    "duration": types_pb2.DURATION,
}
_SCALARS = {
    "none_type": types_pb2.NONE,
    "error": types_pb2.ERROR,
    "generic": types_pb2.STRUCT,
}
_COLUMNS = {
    _Column.INTEGER: types_pb2.INTEGER,
    _Column.FLOAT: types_pb2.FLOAT,
    _Column.STRING: types_pb2.STRING,
    _Column.BOOLEAN: types_pb2.BOOLEAN,
    _Column.DATETIME: types_pb2.DATETIME,
    _Column.DURATION: types_pb2.DURATION,
}


def simple(kind: _Simple) -> types_pb2.LiteralType:
    """A simple type."""
    return types_pb2.LiteralType(simple=kind)


def type_of(literal: literals_pb2.Literal) -> types_pb2.LiteralType | None:
    """The type that a literal shows; None when it shows none."""
    match literal.WhichOneof("value"):
        case "scalar":
            return scalar_type(literal.scalar)
        case "collection":
            return types_pb2.LiteralType(collection_type=_common(literal.collection.literals))
        case "map":
            return types_pb2.LiteralType(map_value_type=_common(literal.map.literals.values()))
        case "offloaded_metadata":
            known = literal.offloaded_metadata.HasField("inferred_type")
            return literal.offloaded_metadata.inferred_type if known else None
        case _:
            return None


def primitive_type(primitive: literals_pb2.Primitive) -> types_pb2.LiteralType:
    """The type of a primitive; NONE when it holds nothing."""
    return simple(_PRIMITIVES.get(primitive.WhichOneof("value") or "", types_pb2.NONE))


def scalar_type(scalar: literals_pb2.Scalar) -> types_pb2.LiteralType | None:
    """The type of a scalar; None when it holds nothing that has one."""
    kind = scalar.WhichOneof("value")
    if kind in _SCALARS:
        return simple(_SCALARS[kind])
    match kind:
        case "primitive":
            return primitive_type(scalar.primitive)
        case "blob" | "schema" | "structured_dataset":
            return _stored_type(scalar)
        case "binary":
            packed = scalar.binary.tag == "msgpack"
            return simple(types_pb2.STRUCT if packed else types_pb2.BINARY)
        case "union":
            if not scalar.union.HasField("type"):
                raise internal()
            union = types_pb2.UnionType(variants=[scalar.union.type])
            return types_pb2.LiteralType(union_type=union)
        case _:
            return None


def _stored_type(scalar: literals_pb2.Scalar) -> types_pb2.LiteralType | None:
    """The type that a value in storage says it has; one that says nothing fits nowhere."""
    kind = types_pb2.LiteralType()
    if scalar.HasField("blob"):
        if not scalar.blob.HasField("metadata"):
            return None
        if scalar.blob.metadata.HasField("type"):
            kind.blob.CopyFrom(scalar.blob.metadata.type)
    elif scalar.HasField("schema"):
        if scalar.schema.HasField("type"):
            kind.schema.CopyFrom(scalar.schema.type)
    elif scalar.structured_dataset.metadata.HasField("structured_dataset_type"):
        dataset = scalar.structured_dataset.metadata.structured_dataset_type
        kind.structured_dataset_type.CopyFrom(dataset)
    return kind


def _common(literals: Iterable[literals_pb2.Literal]) -> types_pb2.LiteralType:
    """The one type of all elements, or a union of theirs; NONE for an empty container."""
    kinds: dict[bytes, types_pb2.LiteralType] = {}
    empty: types_pb2.LiteralType | None = None
    for literal in literals:
        kind = type_of(literal) or types_pb2.LiteralType()
        if literal.WhichOneof("value") == "collection" and not literal.collection.literals:
            empty = kind
            continue
        kinds.setdefault(kind.SerializeToString(deterministic=True), kind)
    if not kinds:
        return empty or simple(types_pb2.NONE)
    if len(kinds) == 1:
        return next(iter(kinds.values()))
    return _union(sorted(kinds.values(), key=str))


def _union(kinds: list[types_pb2.LiteralType]) -> types_pb2.LiteralType:
    variants: list[types_pb2.LiteralType] = []
    nested = False
    for kind in kinds:
        if kind.collection_type.HasField("union_type"):
            nested = True
            variants += kind.collection_type.union_type.variants
        else:
            variants.append(kind)
    union = types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=variants))
    return types_pb2.LiteralType(collection_type=union) if nested else union


def castable(upstream: types_pb2.LiteralType, downstream: types_pb2.LiteralType) -> bool:
    """Whether a value of `upstream` may go where `downstream` is expected."""
    variants = upstream.union_type.variants
    if len(variants) == 1 and _accepts(downstream, variants[0]):
        return True
    return _accepts(downstream, upstream)


def _is_none(kind: types_pb2.LiteralType) -> bool:
    return kind.WhichOneof("type") == "simple" and kind.simple == types_pb2.NONE


def _accepts(downstream: types_pb2.LiteralType, upstream: types_pb2.LiteralType) -> bool:
    match downstream.WhichOneof("type"):
        case "collection_type":
            return _container(upstream, downstream, field="collection_type")
        case "map_value_type":
            return _container(upstream, downstream, field="map_value_type")
        case "blob":
            if not upstream.HasField("blob"):
                return False
            formats = {upstream.blob.format, downstream.blob.format}
            return "" in formats or len(formats) == 1
        case "schema":
            return _schema(upstream, downstream.schema)
        case "union_type":
            return _union_accepts(upstream, downstream.union_type.variants)
        case "structured_dataset_type":
            return _dataset(upstream, downstream.structured_dataset_type)
        case _:
            return _is_none(upstream) if _is_none(downstream) else _plain(upstream, downstream)


def _container(
    upstream: types_pb2.LiteralType, downstream: types_pb2.LiteralType, *, field: str
) -> bool:
    if not upstream.HasField(field):
        return False
    inner = getattr(upstream, field)
    # An empty container fits every container of its sort.
    return _is_none(inner) or _accepts(getattr(downstream, field), inner)


def _union_accepts(
    upstream: types_pb2.LiteralType, variants: Iterable[types_pb2.LiteralType]
) -> bool:
    if upstream.HasField("union_type"):
        return all(
            any(castable(theirs, ours) for ours in variants)
            for theirs in upstream.union_type.variants
        )
    # Two fitting variants are ambiguous and therefore none.
    return sum(castable(upstream, variant) for variant in variants) == 1


def _plain(upstream: types_pb2.LiteralType, downstream: types_pb2.LiteralType) -> bool:
    """Simple types and enums: equal but for metadata; an enum and a string cast both ways."""
    is_text = {
        side.WhichOneof("type") == "simple" and side.simple == types_pb2.STRING
        for side in (upstream, downstream)
    }
    is_enum = {side.HasField("enum_type") for side in (upstream, downstream)}
    if True in is_text and True in is_enum:
        return True
    tag = upstream.structure.tag
    if tag and tag != downstream.structure.tag:
        return False
    if _is_struct(upstream) and _is_struct(downstream):
        if not upstream.HasField("metadata") or not downstream.HasField("metadata"):
            return True
        return schemas.fits(upstream.metadata, downstream.metadata)
    return _bare(upstream) == _bare(downstream)


def _is_struct(kind: types_pb2.LiteralType) -> bool:
    return kind.WhichOneof("type") == "simple" and kind.simple == types_pb2.STRUCT


def _bare(kind: types_pb2.LiteralType) -> types_pb2.LiteralType:
    bare = types_pb2.LiteralType()
    bare.CopyFrom(kind)
    for field in ("structure", "metadata", "annotation"):
        bare.ClearField(field)
    return bare


def _parquet(kind: str) -> bool:
    return kind.lower() in ("", "parquet")


def _schema(upstream: types_pb2.LiteralType, downstream: types_pb2.SchemaType) -> bool:
    wanted = {column.name: column.type for column in downstream.columns}
    if upstream.HasField("schema"):
        had = {column.name: column.type for column in upstream.schema.columns}
        return not had or all(had.get(name) == kind for name, kind in wanted.items())
    if not upstream.HasField("structured_dataset_type"):
        return False
    dataset = upstream.structured_dataset_type
    return _parquet(dataset.format) and _columns_match(_simple_columns(dataset), wanted)


def _dataset(upstream: types_pb2.LiteralType, downstream: types_pb2.StructuredDatasetType) -> bool:
    if _is_none(upstream):
        return True
    if upstream.HasField("schema"):
        had = {column.name: _COLUMNS.get(column.type) for column in upstream.schema.columns}
        wanted = _simple_columns(downstream)
        if not _parquet(downstream.format):
            return False
        return not had or all(had.get(name) == kind for name, kind in wanted.items())
    if not upstream.HasField("structured_dataset_type"):
        return False
    dataset = upstream.structured_dataset_type
    formats = {dataset.format.lower(), downstream.format.lower()}
    if "" not in formats and len(formats) > 1:
        return False
    columns = {column.name: column.literal_type for column in dataset.columns}
    return not columns or all(
        column.name in columns and _accepts(column.literal_type, columns[column.name])
        for column in downstream.columns
    )


def _simple_columns(
    dataset: types_pb2.StructuredDatasetType,
) -> dict[str, _Simple]:
    return {column.name: column.literal_type.simple for column in dataset.columns}


def _columns_match(
    had: Mapping[str, _Simple],
    wanted: Mapping[str, _Column.SchemaColumnType],
) -> bool:
    return not had or all(had.get(name) == _COLUMNS.get(kind) for name, kind in wanted.items())


def is_optional(kind: types_pb2.LiteralType) -> bool:
    """Whether a binding may be left out.

    The compiler looks for a variant whose simple type is NONE, the zero value: a variant that is
    no simple type at all counts too.
    """
    return any(variant.simple == types_pb2.NONE for variant in kind.union_type.variants)
