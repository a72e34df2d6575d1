"""JSON Schemas (draft 2020-12) of the kinds, for editors and for whoever builds on the language.

Made from the models: types and limits by pydantic, descriptions from docstrings, fields that
exclude each other from `exactly_one` and `at_most_one`. `null` is allowed for an absent field, as
`validate` allows it. Rules between the values of several fields are said in descriptions only.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, cast

from reconciler.specs import descriptions, walk
from reconciler.specs.envelope import NAME_PATTERN, OBJECT_META
from reconciler.specs.owned import Owned
from reconciler.specs.registry import API_VERSION, KINDS
from reconciler.specs.shape import Shape, written_name

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_LIMITS = {"ge": "minimum", "le": "maximum"}
"""What pydantic calls limits of a value that something else looks at first."""

Schema = dict[str, Any]
"""A JSON Schema, as plain JSON."""


def schema(kind: str) -> Schema:
    """Return the schema of the documents of one kind; raises KeyError for a kind not served."""
    model = KINDS[kind]
    spec, parts = _spec(model)
    required = ["apiVersion", "kind", "metadata"]
    if spec.get("required") or model.exactly_one:
        required.append("spec")
    metadata: Schema = {
        "type": "object",
        "description": "ObjectMeta of Kubernetes.",
        "required": ["name"],
        "properties": {name: {} for name in OBJECT_META},
        "additionalProperties": False,
    }
    metadata["properties"]["name"] = {
        "type": "string",
        "pattern": f"^({model.name_pattern or NAME_PATTERN})$",
        "maxLength": 253,
        "description": "The name of this document within its kind.",
    }
    return {
        "$schema": DIALECT,
        "$id": f"{API_VERSION}/{kind}",
        "title": kind,
        "description": descriptions.of_model(model),
        "type": "object",
        "required": required,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind},
            "metadata": metadata,
            "spec": spec if "spec" in required else _or_null(spec),
            "status": {"description": "Written by the operator; ignored here."},
        },
        "additionalProperties": False,
        "$defs": parts,
    }


def combined() -> Schema:
    """Return one schema for the documents of every kind, for editors that take only one."""
    parts: Schema = {}
    choices = []
    for kind in KINDS:
        one = schema(kind)
        parts |= one.pop("$defs")
        del one["$schema"], one["$id"]
        parts[kind] = one
        is_kind = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
        choices.append({"if": is_kind, "then": {"$ref": f"#/$defs/{kind}"}})
    return {
        "$schema": DIALECT,
        "$id": API_VERSION,
        "title": "Documents of the Flyte reconciler",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {"apiVersion": {"const": API_VERSION}, "kind": {"enum": list(KINDS)}},
        "allOf": choices,
        "$defs": dict(sorted(parts.items())),
    }


def shapes_below(model: type[Shape]) -> Iterator[type[Shape]]:
    """Yield a model and every model that its fields lead to, each once."""
    seen: list[type[Shape]] = []
    waiting = [model]
    while waiting:
        one = waiting.pop(0)
        if one in seen:
            continue
        seen.append(one)
        yield one
        for info in one.model_fields.values():
            waiting += walk.shapes_in(info.annotation)


def _spec(model: type[Shape]) -> tuple[Schema, Schema]:
    """Return the schema of a `spec` and the definitions that it refers to."""
    raw = model.model_json_schema()
    definitions = raw.pop("$defs", {})
    inlined = {name: one for name, one in definitions.items() if one.get("type") != "object"}
    parts: Schema = {}
    for shape in shapes_below(model):
        written = raw if shape is model else definitions[shape.__name__]
        parts[shape.__name__] = _finish(cast("Schema", _inline(written, inlined)), shape)
    return parts.pop(model.__name__), dict(sorted(parts.items()))


def _finish(found: Schema, model: type[Shape]) -> Schema:
    found.pop("title", None)
    required = found.get("required", [])
    properties = found["properties"]
    for attribute in model.model_fields:
        name = written_name(model, attribute)
        one = properties[name]
        if name == "deletionPolicy" and issubclass(model, Owned):
            one = {"type": "string", "enum": [str(policy) for policy in model.deletion_policies]}
            one["default"] = one["enum"][0]
        if one.get("default", ...) is None or isinstance(one.get("default"), dict):
            del one["default"]
        one = one if name in required else _or_null(one)
        text = descriptions.of_field(model, attribute)
        properties[name] = {"description": text, **one}
    rules = [_one_of(group) for group in model.exactly_one]
    rules += [_at_most_one(group) for group in model.at_most_one]
    return {**found, "allOf": rules} if rules else found


def _one_of(group: tuple[str, ...]) -> Schema:
    return {"oneOf": [_given(name) for name in group]}


def _at_most_one(group: tuple[str, ...]) -> Schema:
    none: Schema = {"not": {"anyOf": [_given(name) for name in group]}}
    return {"oneOf": [none, *(_given(name) for name in group)]}


def _given(name: str) -> Schema:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _or_null(one: Schema) -> Schema:
    """Allow `null` beside what a schema allows."""
    if not one.keys() - {"description"}:
        return one
    rest = {name: value for name, value in one.items() if name not in {"default", "description"}}
    kept = {name: value for name, value in one.items() if name not in rest}
    choices = rest.get("anyOf")
    if choices is not None:
        others = [choice for choice in choices if choice != {"type": "null"}]
        rest = others[0] if len(others) == 1 else {"anyOf": others}
    if isinstance(rest.get("type"), str):
        rest = {**rest, "type": [rest["type"], "null"]}
        if "enum" in rest:
            rest["enum"] = [*rest["enum"], None]
        return kept | rest
    return {**kept, "anyOf": [*rest.get("anyOf", [rest]), {"type": "null"}]}


def _inline(value: object, definitions: Schema) -> object:
    """Replace references to what is no map, such as enums, by what they refer to; drop titles."""
    match value:
        case {"$ref": str(reference), **rest} if reference.rpartition("/")[2] in definitions:
            target = copy.deepcopy(definitions[reference.rpartition("/")[2]])
            target.pop("description", None)
            target.pop("title", None)
            return {**target, **rest}
        case {"properties": dict(properties), **rest}:
            inner = {name: _inline(one, definitions) for name, one in properties.items()}
            return {**cast("Schema", _inline(rest, definitions)), "properties": inner}
        case dict():
            found = {
                _LIMITS.get(k, k): _inline(v, definitions) for k, v in value.items() if k != "title"
            }
            return found | ({"additionalProperties": False} if "patternProperties" in found else {})
        case list():
            return [_inline(one, definitions) for one in value]
        case _:
            return value
