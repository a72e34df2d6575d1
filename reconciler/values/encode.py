"""Values become literals, by the type that the interface of the workflow declares.

The literals are those that flytekit 1.16 writes for the same value; the bounds are those of
flyteidl/core/literals.proto. All faults of a value are found at once.

A union takes the first variant that fits; `{type: int, value: 3}` chooses another, by the name that
`show_type` gives it or by the tag of its transformer. A map that has exactly these two keys, whose
`type` names a variant, is always read as such a choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.values import freeform, msgpack, own, references, structs
from reconciler.values.known import NOTHING
from reconciler.values.problem import ValueProblem, choice, mismatch
from reconciler.values.scalars import SCALARS, primitive
from reconciler.values.types import (
    enum_values,
    fields,
    is_msgpack,
    is_none,
    literal_values,
    show_type,
    tag,
    variants,
)

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path
    from reconciler.values.known import Known

Problems = list[ValueProblem]


def encode(
    value: Json, type_: Json, *, path: Path = (), known: Known = NOTHING
) -> tuple[Json, list[ValueProblem]]:
    """Turn a value into a literal of the type; `path` is where the value stands.

    With problems, the literal is None. Never raises, whatever the value and the type.
    """
    problems: Problems = []
    try:
        literal = _Encoding(problems, known).at(value, type_, path)
    except RecursionError:
        problems.append(ValueProblem(path, "is nested too deep", "make it flatter"))
        literal = None
    return (None if problems else literal), problems


class _Encoding:
    """One walk over a value: where problems go, and what is known besides it."""

    __slots__ = ("known", "problems")

    def __init__(self, problems: Problems, known: Known) -> None:
        self.problems = problems
        self.known = known

    def at(self, value: Json, type_: Json, path: Path) -> Json:
        for one in self.known.types:
            made = own.encode(one, value, type_, path)
            if isinstance(made, ValueProblem):
                self.problems.append(made)
                return None
            if made is not None:
                return made
        match type_:
            case {"collectionType": inner}:
                return self.collection(value, inner, path)
            case {"mapValueType": inner}:
                return self.map(value, inner, path)
            case {"unionType": _}:
                return self.union(value, type_, path)
            case {"blob": _}:
                return references.blob_literal(value, type_, path, self.problems, self.known)
            case {"structuredDatasetType": _}:
                return references.dataset_literal(value, type_, path, self.problems, self.known)
            case {"schema": _}:
                return references.schema_literal(value, type_, path, self.problems, self.known)
            case _:
                return _plain(value, type_, path, self.problems)

    def collection(self, value: Json, inner: Json, path: Path) -> Json:
        if not isinstance(value, list):
            expected = f"list[{show_type(inner)}]"
            self.problems.append(mismatch(value, path, expected, "write a list"))
            return None
        literals = [self.at(item, inner, (*path, index)) for index, item in enumerate(value)]
        return {"collection": {"literals": literals} if literals else {}}

    def map(self, value: Json, inner: Json, path: Path) -> Json:
        if not isinstance(value, dict):
            expected = f"dict[str, {show_type(inner)}]"
            self.problems.append(mismatch(value, path, expected, "write a map"))
            return None
        literals: dict[str, Json] = {}
        for key, item in value.items():
            freeform.check_text(key, (*path, key), self.problems)
            literals[key] = self.at(item, inner, (*path, key))
        return {"map": {"literals": literals} if literals else {}}

    def union(self, value: Json, type_: Json, path: Path) -> Json:
        known = variants(type_)
        match value:
            case {"type": str(name), "value": inner, **rest} if not rest:
                chosen = [one for one in known if name in {show_type(one), tag(one)}]
                if chosen:
                    return self.first_fit(inner, chosen, (*path, "value"))
        return self.first_fit(value, known, path)

    def first_fit(self, value: Json, known: list[Json], path: Path) -> Json:
        tried: list[Problems] = []
        for variant in known:
            found: Problems = []
            literal = _Encoding(found, self.known).at(value, variant, path)
            if not found:
                return {"scalar": {"union": {"value": literal, "type": variant}}}
            if not is_none(variant):
                tried.append(found)
        # a fault below the value itself says that its variant was meant
        meant = [found for found in tried if all(len(one.path) > len(path) for one in found)]
        if len(meant) == 1 or len(tried) == 1:
            self.problems.extend(meant[0] if len(meant) == 1 else tried[0])
            return None
        expected = " | ".join(show_type(variant) for variant in known) or "nothing"
        fixes = dict.fromkeys(one.fix for found in tried for one in found[:1] if one.fix)
        self.problems.append(mismatch(value, path, expected, ", or ".join(fixes)))
        return None


def _plain(value: Json, type_: Json, path: Path, problems: Problems) -> Json:
    """Encode what holds no other literals and no references."""
    match type_:
        case {"simple": "STRUCT"}:
            return _struct(value, type_, path, problems)
        case {"simple": str(simple)} if simple in SCALARS:
            allowed = literal_values(type_)
            if allowed and not _is_allowed(value, allowed):
                words = [one for one in allowed if isinstance(one, str)]
                problems.append(mismatch(value, path, show_type(type_), choice(value, words)))
                return None
            return SCALARS[simple](value, path, problems)
        case {"enumType": _}:
            return _enum(value, enum_values(type_), path, problems)
        case {"simple": "ERROR"}:
            message = "no value can be given: only Flyte makes errors"
            problems.append(ValueProblem(path, message, "give the input another type"))
            return None
        case _:
            message = f"no value can be given: the input is of {show_type(type_)}"
            problems.append(ValueProblem(path, message, "use a newer version of this program"))
            return None


def _struct(value: Json, type_: Json, path: Path, problems: Problems) -> Json:
    if not isinstance(value, dict):
        name = show_type(type_)
        expected = "a map" if name == "dict" else f"a map of the fields of {name}"
        problems.append(mismatch(value, path, expected))
        return None
    before = len(problems)
    typed = structs.conform(value, fields(type_).get("metadata"), path, problems)
    if len(problems) > before:
        return None
    if is_msgpack(type_):
        return {"scalar": {"binary": {"value": msgpack.pack(typed), "tag": msgpack.TAG}}}
    return {"scalar": {"generic": freeform.to_struct(typed, path, problems)}}


def _is_allowed(value: Json, allowed: list[Json]) -> bool:
    return any(one == value and isinstance(one, bool) == isinstance(value, bool) for one in allowed)


def _enum(value: Json, allowed: list[str], path: Path, problems: Problems) -> Json:
    if not isinstance(value, str) or value not in allowed:
        expected = f"enum({', '.join(allowed)})"
        problems.append(mismatch(value, path, expected, choice(value, allowed)))
        return None
    return primitive("stringValue", value)
