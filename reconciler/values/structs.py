"""Structs: JSON checked against the JSON schema that flytekit puts into a type's metadata.

flytekit writes draft 2020-12 for dataclasses (mashumaro) and pydantic models, and wrote draft 7
with `definitions` before (marshmallow). Checked are types, fields, required fields, enums, arrays,
maps, `anyOf`, `oneOf` and references; what a schema says beyond that is left to the task.

The answer has its numbers typed by the schema, and its keys in one order: required fields as the
schema lists them (the order of the class), then the others by name. A protobuf map has no order and
neither kubectl nor kustomize keeps that of YAML, so the order as written cannot carry meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.values import freeform
from reconciler.values.problem import ValueProblem, choice, describe, mismatch, quote, suggest
from reconciler.values.schema import resolve
from reconciler.values.types import fields, items, text

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path

Problems = list[ValueProblem]

_BRANCHES = 10_000
_BRANCHES_A_NODE = 20
"""Unions that a value may meet; a recursive schema with alternatives doubles them at each level."""


def conform(value: Json, schema: Json, path: Path, problems: Problems) -> Json:
    """Check a value against a JSON schema and give it back typed and in order.

    An empty schema takes any JSON, where a whole float is an integer. Adds to `problems`.
    """
    budget = _BRANCHES + _BRANCHES_A_NODE * _nodes(value)
    return _Walk(fields(schema), problems, budget).at(value, schema, path, 0)


class _Walk:
    """One check of one value: the root schema, for references, and where problems go."""

    __slots__ = ("budget", "problems", "root")

    def __init__(self, root: dict[str, Json], problems: Problems, budget: int) -> None:
        self.root = root
        self.problems = problems
        self.budget = budget

    def at(self, value: Json, schema: Json, path: Path, depth: int) -> Json:
        if depth > freeform.DEEPEST:
            self.problems.append(
                ValueProblem(path, f"is nested deeper than {freeform.DEEPEST} levels")
            )
            return None
        known = self.resolve(schema)
        branches = items(known.get("anyOf")) or items(known.get("oneOf"))
        if not branches and isinstance(known.get("type"), list):
            branches = [{**known, "type": one} for one in items(known["type"])]
        if branches:
            return self.branch(value, branches, path, depth)
        parts = items(known.get("allOf"))
        if len(parts) == 1 and "type" not in known:
            return self.at(value, parts[0], path, depth + 1)
        if "enum" in known or "const" in known:
            return self.member(value, known, path)
        return self.typed(value, known, path, depth)

    def resolve(self, schema: Json) -> dict[str, Json]:
        """Follow references; one that leads nowhere allows everything."""
        return resolve(schema, self.root) or {}

    def branch(self, value: Json, branches: list[Json], path: Path, depth: int) -> Json:
        """Take the first branch that fits, as flytekit does for a union inside a dataclass."""
        self.budget -= 1
        if self.budget < 0:
            self.problems.append(
                ValueProblem(path, "has too many alternatives to try", "shorten it")
            )
            return None
        own, tried = self.problems, []
        for one in branches:
            self.problems = []
            typed = self.at(value, one, path, depth + 1)
            found, self.problems = self.problems, own
            if not found:
                return typed
            if self.resolve(one).get("type") != "null":
                tried.append(found)
        if len(tried) == 1:
            own.extend(tried[0])
        else:
            expected = " | ".join(self.name(one) for one in branches)
            own.append(mismatch(value, path, expected))
        return None

    def member(self, value: Json, schema: dict[str, Json], path: Path) -> Json:
        allowed = items(schema["enum"]) if "enum" in schema else [schema["const"]]
        for one in allowed:
            if one == value and isinstance(one, bool) == isinstance(value, bool):
                return freeform.plain(value, path, self.problems)
        words = [one for one in allowed if isinstance(one, str)]
        message = f"{describe(value)} is not one of the values"
        self.problems.append(ValueProblem(path, message, choice(value, words)))
        return None

    def typed(self, value: Json, schema: dict[str, Json], path: Path, depth: int) -> Json:
        type_ = schema.get("type")
        if type_ is None and "properties" in schema:
            type_ = "object"
        match type_, value:
            case ("object", dict()):
                return self.object(value, schema, path, depth)
            case ("array", list()):
                return self.array(value, schema, path, depth)
            case ("null", None) | ("boolean", bool()):
                return value
            case ("string", str()):
                freeform.check_text(value, path, self.problems)
                return value
            case ("integer" | "number", int() | float()) if not isinstance(value, bool):
                return self.number(value, type_, path)
            case ("object" | "array" | "null" | "boolean" | "string" | "integer" | "number", _):
                self.problems.append(
                    mismatch(value, path, self.name(schema), _hint(value, text(type_)))
                )
                return None
            case _:
                return freeform.plain(value, path, self.problems, depth)

    def number(self, value: float, type_: str, path: Path) -> Json:
        if type_ == "number":
            try:
                return float(value)
            except OverflowError:
                self.problems.append(
                    ValueProblem(path, f"{describe(value)} is too large for a float")
                )
                return None
        whole = freeform.whole(value)
        if isinstance(whole, float):
            self.problems.append(mismatch(value, path, "int", "write a whole number"))
            return None
        return freeform.number(whole, path, self.problems)

    def object(
        self, value: dict[str, Json], schema: dict[str, Json], path: Path, depth: int
    ) -> Json:
        known = fields(schema.get("properties"))
        required = [name for name in items(schema.get("required")) if isinstance(name, str)]
        other = schema.get("additionalProperties")
        is_open = other is True or isinstance(other, dict) or (other is None and not known)
        for name in required:
            if name not in value:
                self.problems.append(
                    ValueProblem(path, f"the field {quote(name)} is missing", f"add {quote(name)}")
                )
        order = [name for name in dict.fromkeys(required) if name in value]
        order += sorted(value.keys() - set(required))
        typed: dict[str, Json] = {}
        for name in order:
            below = (*path, name)
            freeform.check_text(name, below, self.problems)
            if name in known:
                typed[name] = self.at(value[name], known[name], below, depth + 1)
            elif is_open:
                typed[name] = self.at(value[name], fields(other), below, depth + 1)
            else:
                message = f"{self.name(schema)} has no field {quote(name)}"
                self.problems.append(
                    ValueProblem(below, message, suggest(name, known) or "remove it")
                )
        return typed

    def array(self, value: list[Json], schema: dict[str, Json], path: Path, depth: int) -> Json:
        first = items(schema.get("prefixItems")) or items(schema.get("items"))
        rest = {} if isinstance(schema.get("items"), list) else fields(schema.get("items"))
        least, most = schema.get("minItems"), schema.get("maxItems")
        if isinstance(least, int | float) and len(value) < least:
            message = f"has {len(value)} items, fewer than {freeform.whole(least)}"
            self.problems.append(ValueProblem(path, message, "add items"))
        if isinstance(most, int | float) and len(value) > most:
            message = f"has {len(value)} items, more than {freeform.whole(most)}"
            self.problems.append(ValueProblem(path, message, "remove items"))
        return [
            self.at(inner, first[index] if index < len(first) else rest, (*path, index), depth + 1)
            for index, inner in enumerate(value)
        ]

    def name(self, schema: Json) -> str:
        known = self.resolve(schema)
        if title := text(known.get("title")):
            return title
        match known.get("type"):
            case "object":
                return "a map"
            case "array":
                return "a list"
            case "integer":
                return "int"
            case "number":
                return "float"
            case "string":
                return "str"
            case "boolean":
                return "bool"
            case "null":
                return "null"
            case _:
                return "one of the enum's values" if "enum" in known else "a value"


def _hint(value: Json, type_: str) -> str:
    """Say what to do about a scalar of the wrong kind, where quoting is the usual reason."""
    match type_, value:
        case ("string", bool() | int() | float()):
            return "quote it"
        case ("integer" | "number" | "boolean", str()):
            return "write it without quotes"
        case _:
            return ""


def _nodes(value: Json) -> int:
    match value:
        case list():
            return 1 + sum(map(_nodes, value))
        case dict():
            return 1 + sum(map(_nodes, value.values()))
        case _:
            return 1
