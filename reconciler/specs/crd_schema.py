"""Turns the schema of a kind into the structural form that the API server asks for.

Everything has one type and stands where it is used. What the language leaves open is kept as it
is: inputs of any shape; versions that are text or a map, quantities that are text or a number are
held to that by limits. An absent field that a rule tells
from its default is given none, since the API server would write the default into the object.
"""

from __future__ import annotations

import json
from typing import Any, cast

from reconciler.specs import schema
from reconciler.specs.crd_rules import LIMITS, RULES, Rule, any_of, at_most_one, either, literal
from reconciler.specs.fields import WORDS
from reconciler.specs.registry import KINDS
from reconciler.specs.schema import Schema
from reconciler.specs.shape import Shape

_KEPT = (
    *("type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "required"),
)
_TOLD_FROM_DEFAULT = frozenset({"acknowledgeRestarts", "overwriteCache", "deletionPolicy"})
_EXACT = 2**53
_FREE: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
# Where a value has more than one type, none can be said, and limits shut out the types it has not.
_UNTYPED: Schema = {
    "x-kubernetes-preserve-unknown-fields": True,
    "not": {"enum": [True, False]},
}
_NO_LIST: Schema = {"minItems": 1, "maxItems": 0}
_NO_MAP: Schema = {"minProperties": 1, "maxProperties": 0}
_NO_NUMBER: Schema = {"minimum": 1, "maximum": 0}
_KEYS_OF_RULES = 32
"""How many keys a map may hold that a rule can look at: for more the API server finds it costly."""


def spec(kind: str) -> Schema:
    """Return the structural schema of a kind's `spec`; raises KeyError for a kind not served."""
    whole = schema.schema(kind)
    shapes = {shape.__name__: shape for shape in schema.shapes_below(KINDS[kind])}
    return _Structure(whole["$defs"], shapes).of_map(whole["properties"]["spec"], KINDS[kind])


def rules(found: tuple[Rule, ...] | list[Rule]) -> list[Schema]:
    """Return rules as a schema holds them."""
    return [{"rule": rule.holds, "message": rule.message} for rule in found]


class _Structure:
    def __init__(self, parts: Schema, shapes: dict[str, type[Shape]]) -> None:
        self._parts = parts
        self._shapes = shapes

    def of_map(self, one: Schema, model: type[Shape]) -> Schema:
        """Return the schema of a map of fields."""
        found: Schema = {"type": "object"}
        if "description" in one:
            found["description"] = one["description"]
        if one.get("required"):
            found["required"] = one["required"]
        found["properties"] = {
            name: self._of_field(field, model, name) for name, field in one["properties"].items()
        }
        held = [*_exclusions(model, found["properties"]), *_rules_of(model)]
        if held:
            found["x-kubernetes-validations"] = rules(held)
        choices = _unseen_choices(model, found["properties"])
        return found | choices

    def _of_field(self, one: Schema, model: type[Shape], name: str) -> Schema:
        limits = {
            key: value
            for owner in model.__mro__
            for key, value in LIMITS.get((owner, name), {}).items()
        }
        found = self._of({**one, **limits}) | limits
        if _is_default(one.get("default"), name):
            found["default"] = one["default"]
        if name in model.cleared_by_null and not _is_cleared_below(model, name):
            found["nullable"] = True
        text = one.get("description", "")
        if "default" in one and "default" not in found and one["default"] not in ("", [], {}):
            text += f" Default: {json.dumps(one['default'])}."
        found.pop("description", None)
        return {"description": text, **found}

    def _of(self, one: Schema) -> Schema:
        one = _without_null(one)
        choices = one.get("anyOf") or one.get("oneOf")
        if "$ref" in one:
            name = one["$ref"].rpartition("/")[2]
            return self.of_map(self._parts[name], self._shapes[name])
        if choices is not None:
            return self._of_choices(choices)
        found: Schema = {key: one[key] for key in _KEPT if key in one}
        if "const" in one:
            found["type"] = "boolean" if isinstance(one["const"], bool) else "string"
            found["enum"] = [one["const"]]
        if abs(found.get("maximum", 0)) > _EXACT:
            del found["maximum"]
        match one:
            case {"type": "array", "items": dict(items)}:
                found["items"] = self._of(items)
            case {"patternProperties": dict(patterns)}:
                ((pattern, values),) = patterns.items()
                found["additionalProperties"] = self._of(values)
                if found.get("maxProperties", _KEYS_OF_RULES + 1) <= _KEYS_OF_RULES:
                    found |= _keys(pattern)
            case {"type": "object", "additionalProperties": dict(values)} if values:
                found["additionalProperties"] = self._of(values)
            case {"type": "object"}:
                found |= _FREE
            case _ if "type" not in found:
                found |= _FREE
        return found

    def _of_choices(self, choices: list[Schema]) -> Schema:
        match choices:
            case [{"type": "string"} as text, {"type": "number", "minimum": least}]:
                found: Schema = _UNTYPED | _NO_LIST | _NO_MAP | {"minimum": least}
            case [{"type": "string"} as text, {"$ref": str(reference)}]:
                below = self._of({"$ref": reference})
                found = _UNTYPED | _NO_LIST | _NO_NUMBER
                found |= {key: below[key] for key in ("properties", "required")}
                found["maxProperties"] = len(below["properties"])
            case _:
                raise AssertionError(choices)
        return found | {key: text[key] for key in ("pattern", "maxLength") if key in text}


def _without_null(one: Schema) -> Schema:
    if isinstance(one.get("type"), list):
        (kind,) = [name for name in one["type"] if name != "null"]
        one = {**one, "type": kind}
    if None in one.get("enum", ()):
        one = {**one, "enum": [value for value in one["enum"] if value is not None]}
    if "anyOf" in one:
        choices = [choice for choice in one["anyOf"] if choice.get("type") != "null"]
        one = {**one, "anyOf": choices}
        if len(choices) == 1:
            del one["anyOf"]
            one = _without_null({**one, **choices[0]})
    return one


def _keys(pattern: str) -> Schema:
    holds = f"self.all(key, key.matches({literal(pattern)}))"
    return {"x-kubernetes-validations": rules([Rule(holds, f"a key must be {WORDS[pattern]}")])}


def _is_default(value: Any, name: str) -> bool:
    """Tell whether a default may be written into objects; empty ones say nothing."""
    return name not in _TOLD_FROM_DEFAULT and (value in (0, False) or bool(value))


def _is_cleared_below(model: type[Shape], name: str) -> bool:
    """Tell a field whose `null` is refused, so that only what is below it can be cleared."""
    return model is KINDS["FlyteProject"] and name in {"attributes", "settings"}


def _rules_of(model: type[Shape]) -> list[Rule]:
    return [rule for owner in model.__mro__ for rule in RULES.get(cast("type[Shape]", owner), ())]


def _is_seen(one: Schema) -> bool:
    """Tell whether rules can see a field: the API server shows them none without a type."""
    return "type" in one


def _exclusions(model: type[Shape], fields: Schema) -> list[Rule]:
    found = [
        Rule(any_of(*group), f"needs {either(group)}; add one of them")
        for group in model.exactly_one
        if all(_is_seen(fields[name]) for name in group)
    ]
    for group in (*model.exactly_one, *model.at_most_one):
        seen = [name for name in group if _is_seen(fields[name])]
        if len(seen) > 1:
            why = f"{', '.join(seen[:-1])} and {seen[-1]} exclude each other; keep one of them"
            found.append(Rule(at_most_one(*seen), why))
    return found


def _unseen_choices(model: type[Shape], fields: Schema) -> Schema:
    """Say in the schema which of a group is given, where rules cannot see one of its fields."""
    for group in model.exactly_one:
        if not all(_is_seen(fields[name]) for name in group):
            return {"oneOf": [{"required": [name]} for name in group]}
    return {}
