"""The inputs of a plan or trigger, bound to the interface of its workflow or task.

A literal that fits its type may still be refused by Flyte 1: flyteadmin guesses the type from the
literal and asks whether that casts (`cast`), which fails for lists whose items it cannot bring
together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from reconciler.model.attachment import Upload
from reconciler.values.cast import castable, type_of
from reconciler.values.encode import encode
from reconciler.values.known import NOTHING
from reconciler.values.problem import ValueProblem, quote, suggest
from reconciler.values.size import inline_size
from reconciler.values.stand_ins import is_stand_in, stand_in, uris
from reconciler.values.types import fields, show_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.document import Json, Path
    from reconciler.values.known import Known

_SHORT = 200

INLINE_LIMIT = 10 * 1024 * 1024
"""Bytes that the inputs of one plan may hold in all."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What has the interface.

    `is_cast`: Flyte guesses types from literals and refuses what does not cast to the declared one.
    """

    name: str
    is_cast: bool


WORKFLOW = Owner("workflow", is_cast=True)
TASK = Owner("task", is_cast=False)
"""A task of Flyte 2, which checks no literal."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Literals by input name, in the order given, without those that have a problem."""

    literals: dict[str, Json]
    problems: tuple[ValueProblem, ...]


def bind(
    inputs: Mapping[str, Json],
    variables: Mapping[str, Json],
    *,
    path: Path = (),
    limit: int = INLINE_LIMIT,
    known: Known = NOTHING,
    owner: Owner = WORKFLOW,
) -> Bound:
    """Type the inputs by the owner's variables (`Variable` by name, as JSON of either Flyte).

    `path` is where the inputs stand, `limit` the bytes they may hold together. Inputs that are not
    given are left out.
    """
    at_hand = {stand_in(one) for one in known.files.values() if isinstance(one, Upload)}
    literals: dict[str, Json] = {}
    problems: list[ValueProblem] = []
    for name, value in inputs.items():
        if name not in variables:
            message = f"the {owner.name} has no input {quote(name)}"
            fix = suggest(name, sorted(variables)) or "remove it"
            problems.append(ValueProblem((*path, name), message, fix))
            continue
        type_ = fields(variables[name]).get("type")
        literal, found = _encode(value, type_, (*path, name), known)
        if (
            owner.is_cast
            and not found
            and ("collection" in fields(literal) or "map" in fields(literal))
        ):
            found = _check_cast(literal, type_, (*path, name))
        if not found and any(is_stand_in(uri) and uri not in at_hand for uri in uris(literal)):
            message = "names a local file by the URI that stands for it in a plan"
            found = [ValueProblem((*path, name), message, "write {path: ...}")]
        problems.extend(found)
        if not found:
            literals[name] = literal
    problems.extend(_check_size(literals, path, limit))
    return Bound(literals, tuple(problems))


def _encode(value: Json, type_: Json, path: Path, known: Known) -> tuple[Json, list[ValueProblem]]:
    """Encode one value; the same short one gives the same object, since plans repeat them."""
    match type_:
        case {"simple": str(simple), **rest} if not rest and not known.types:
            if isinstance(value, int | float) or (isinstance(value, str) and len(value) < _SHORT):
                literal = _simple(value, simple)
                if literal is not None:
                    return literal, []
        case _:
            pass
    return encode(value, type_, path=path, known=known)


@lru_cache(maxsize=8192, typed=True)
def _simple(value: float | str, simple: str) -> Json:
    """Encode a value of a simple type; None when there is something to say about it."""
    return encode(value, {"simple": simple})[0]


def _check_cast(literal: Json, type_: Json, path: Path) -> list[ValueProblem]:
    read = type_of(literal)
    if castable(read, type_):
        return []
    message = f"Flyte reads it as {show_type(read)}, not as {show_type(type_)}, and refuses it"
    return [ValueProblem(path, message, "give all items one form: all empty or none, one format")]


def _check_size(literals: Mapping[str, Json], path: Path, limit: int) -> list[ValueProblem]:
    sizes = {name: inline_size(literal) for name, literal in literals.items()}
    total = sum(sizes.values())
    if total <= limit:
        return []
    largest = max(sizes, key=lambda name: sizes[name])
    message = f"the inputs hold {total:,} bytes, over the limit of {limit:,}"
    return [ValueProblem((*path, largest), message, "put the data into a file and give its URI")]
