"""Values that no schema types, and the JSON of a protobuf Struct.

In such a value a whole float is an integer: YAML and kubectl do not keep `3.0` and `3` apart. Keys
come out sorted, since neither kubectl nor kustomize nor a protobuf map keeps their order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reconciler.values.problem import ValueProblem, describe

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path

Problems = list[ValueProblem]

DEEPEST = 100
"""Levels that any value may nest."""

_DEEPEST_STRUCT = 24
"""Levels of a Struct: each takes three of the 100 nested messages that protobuf's parsers allow."""

_EXACT = 2**53


def plain(value: Json, path: Path, problems: Problems, depth: int = 0) -> Json:
    """Check a value down to its leaves and give it back typed and in order; adds to `problems`."""
    if depth > DEEPEST:
        problems.append(ValueProblem(path, f"is nested deeper than {DEEPEST} levels"))
        return None
    match value:
        case dict():
            typed: dict[str, Json] = {}
            for name in sorted(value):
                below = (*path, name)
                check_text(name, below, problems)
                typed[name] = plain(value[name], below, problems, depth + 1)
            return typed
        case list():
            return [plain(one, (*path, i), problems, depth + 1) for i, one in enumerate(value)]
        case str():
            check_text(value, path, problems)
            return value
        case bool() | None:
            return value
        case _:
            return number(value, path, problems)


def number(value: float, path: Path, problems: Problems) -> float | None:
    """Check a number that may be an integer or a float: integers must fit into 64 bits."""
    known = whole(value)
    if isinstance(known, int) and not -(2**63) <= known < 2**64:
        if isinstance(value, float):
            return value
        message = f"{describe(value)} does not fit into 64 bits"
        problems.append(ValueProblem(path, message, "write it as a text"))
        return None
    return known


def to_struct(value: Json, path: Path, problems: Problems) -> Json:
    """Turn a checked value into the JSON of a protobuf Struct, where every number is a double."""
    return _struct(value, path, problems, 0)


def from_struct(value: Json) -> Json:
    """Turn the JSON of a protobuf Struct into a value: whole doubles are integers again."""
    match value:
        case float() if value.is_integer() and abs(value) <= _EXACT:
            return int(value)
        case list():
            return [from_struct(inner) for inner in value]
        case dict():
            return {key: from_struct(inner) for key, inner in value.items()}
        case _:
            return value


def check_text(value: str, path: Path, problems: Problems) -> None:
    """Refuse a text that UTF-8 cannot carry: half of a surrogate pair, from an escape."""
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError:
        problems.append(
            ValueProblem(path, "the text is not valid Unicode", "remove the lone surrogate")
        )


def whole(value: float) -> float:
    """Make an integer of a float that is whole; everything else stays."""
    if isinstance(value, int) or not value.is_integer():
        return value
    return int(value)


def _struct(value: Json, path: Path, problems: Problems, depth: int) -> Json:
    if depth > _DEEPEST_STRUCT:
        problems.append(
            ValueProblem(path, f"is nested deeper than {_DEEPEST_STRUCT} levels of a struct")
        )
        return None
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            if not math.isfinite(value):
                problems.append(ValueProblem(path, "is not a finite number", "write it as a text"))
                return None
            if float(value) != value:
                message = f"{describe(value)} would lose digits, since a struct holds floats"
                problems.append(ValueProblem(path, message, "write it as a text"))
                return None
            return float(value)
        case list():
            return [
                _struct(inner, (*path, i), problems, depth + 1) for i, inner in enumerate(value)
            ]
        case _:
            return {
                key: _struct(inner, (*path, key), problems, depth + 1)
                for key, inner in value.items()
            }
