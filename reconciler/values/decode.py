"""Literals become the YAML value that `encode` would turn into an equal literal, for export."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from reconciler.values import columns, freeform, moments, msgpack, own
from reconciler.values.canonical import canonical
from reconciler.values.encode import encode
from reconciler.values.known import NOTHING
from reconciler.values.problem import NotExpressibleError
from reconciler.values.types import fields, is_msgpack, items, show_type, tag, text, variants

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.values.known import Known

_BY_FLYTE = {
    "hash": "it carries a hash that only the task which made it knows",
    "metadata": "it carries metadata",
    "offloadedMetadata": "it is kept in Flyte's own store",
}


def decode(literal: Json, type_: Json, known: Known = NOTHING) -> Json:
    """Turn a literal into a value that gives the same literal (`canonical`) when it is encoded.

    Raises NotExpressibleError when there is no such value.
    """
    try:
        value = _decode(canonical(literal), type_, known)
    except RecursionError:
        raise NotExpressibleError("it is nested too deep") from None
    if not _gives(value, type_, literal, known):
        raise NotExpressibleError(f"no value of {show_type(type_)} gives it back unchanged")
    return value


def _gives(value: Json, type_: Json, literal: Json, known: Known) -> bool:
    made, problems = encode(value, type_, known=known)
    return not problems and canonical(made) == canonical(literal)


def _decode(literal: Json, type_: Json, known: Known) -> Json:
    for one in known.types:
        with suppress(NotExpressibleError):
            value = own.decode(one, literal, type_)
            if _gives(value, type_, literal, known):
                return value
    return _built_in(literal, type_, known)


def _built_in(literal: Json, type_: Json, known: Known) -> Json:
    for field, reason in _BY_FLYTE.items():
        if field in fields(literal):
            raise NotExpressibleError(reason)
    match literal, type_:
        case ({"collection": collection}, {"collectionType": inner}):
            return [_decode(one, inner, known) for one in items(fields(collection).get("literals"))]
        case ({"map": map_}, {"mapValueType": inner}):
            literals = fields(fields(map_).get("literals"))
            return {key: _decode(one, inner, known) for key, one in literals.items()}
        case ({"scalar": {"union": union}}, {"unionType": _}):
            return _union(fields(union), literal, type_, known)
        case ({"scalar": dict(scalar)}, _):
            return _scalar(scalar, type_)
        case _:
            raise NotExpressibleError(f"it is not of {show_type(type_)}")


def _scalar(scalar: dict[str, Json], type_: Json) -> Json:
    match scalar:
        case {"primitive": primitive}:
            return _primitive(fields(primitive))
        case {"noneType": _}:
            return None
        case {"blob": blob}:
            given = fields(fields(fields(blob).get("metadata")).get("type"))
            return _reference(fields(blob), given, fields(fields(type_).get("blob")))
        case {"structuredDataset": dataset}:
            metadata = fields(fields(dataset).get("metadata"))
            given = fields(metadata.get("structuredDatasetType"))
            declared = fields(fields(type_).get("structuredDatasetType"))
            return _reference(fields(dataset), given, declared)
        case {"schema": schema}:
            return _reference(fields(schema), {}, {})
        case {"generic": generic}:
            return freeform.from_struct(generic)
        case {"binary": binary}:
            return _binary(fields(binary), type_)
        case _:
            raise NotExpressibleError("it is of a kind that nobody writes by hand")


def _primitive(primitive: dict[str, Json]) -> Json:
    match primitive:
        case {"integer": str(integer)}:
            try:
                return int(integer)
            except ValueError:
                raise NotExpressibleError("its integer is not one") from None
        case {"duration": str(duration)}:
            try:
                return moments.show_duration(duration)
            except moments.MomentError as error:
                raise NotExpressibleError(f"its duration {error}") from None
        case _ if len(primitive) == 1:
            return next(iter(primitive.values()))
        case _:
            raise NotExpressibleError("it is empty")


def _reference(message: dict[str, Json], given: dict[str, Json], declared: dict[str, Json]) -> Json:
    uri = text(message.get("uri"))
    parts: dict[str, Json] = {"uri": uri}
    if text(given.get("format")) != text(declared.get("format")):
        parts["format"] = given.get("format")
    if given.get("columns") != declared.get("columns"):
        parts["columns"] = columns.shown(given.get("columns"))
    name, encoded = given.get("externalSchemaType"), given.get("externalSchemaBytes")
    if name and (name, encoded) != (
        declared.get("externalSchemaType"),
        declared.get("externalSchemaBytes"),
    ):
        parts["schema"] = {"type": name, "bytes": text(encoded)}
    return uri if len(parts) == 1 and "://" in uri else parts


def _binary(binary: dict[str, Json], type_: Json) -> Json:
    label, encoded = text(binary.get("tag")), text(binary.get("value"))
    if fields(type_).get("simple") == "BINARY":
        return {"base64": encoded, "tag": label} if label else {"base64": encoded}
    if label != msgpack.TAG or not is_msgpack(type_):
        raise NotExpressibleError(
            f"it is bytes with the tag {label!r}, which only its task can read"
        )
    try:
        return msgpack.unpack(encoded)
    except msgpack.NotMsgpackError as error:
        raise NotExpressibleError(str(error)) from None


def _union(union: dict[str, Json], literal: Json, type_: Json, known: Known) -> Json:
    variant = union.get("type")
    if variant not in variants(type_):
        raise NotExpressibleError(f"its variant {show_type(variant)} is not in {show_type(type_)}")
    plain = _decode(union.get("value"), variant, known)
    if _gives(plain, type_, literal, known):
        return plain
    for name in (show_type(variant), tag(variant)):
        chosen: Json = {"type": name, "value": plain}
        if name and _gives(chosen, type_, literal, known):
            return chosen
    return plain
