"""What the planner must know of a kind on one backend; adapters provide it as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.document import Json


class Verb(StrEnum):
    """What one call does."""

    CREATE = "create"
    UPDATE = "update"
    SET = "set"
    UNSET = "unset"
    REGISTER = "register"
    ACTIVATE = "activate"
    ARCHIVE = "archive"
    DESCRIBE = "describe"
    DEACTIVATE = "deactivate"


class Shape(StrEnum):
    """How a kind keeps its content."""

    VERSIONS = "versions"
    """Immutable versions under a name; a kind with a pointer has at most one active."""
    RECORD = "record"
    """Fields changed in place."""


Describe = Callable[[dict[str, Json]], dict[str, Json]]
"""A normal form in the words of the language, for people."""

Consequences = Callable[[dict[str, Json] | None, dict[str, Json] | None], tuple[str, ...]]
"""Facts that follow from replacing one active body by another (None: nothing active)."""


def _no_consequences(
    _before: dict[str, Json] | None, _after: dict[str, Json] | None
) -> tuple[str, ...]:
    return ()


def _as_is(body: dict[str, Json]) -> dict[str, Json]:
    return body


@dataclass(frozen=True, slots=True)
class Traits:
    """A kind on one backend.

    `rank` orders kinds in plans and registrations (lower first). `calls` names the RPC behind each
    verb. `rows` are prefixes of record fields that have a call of their own each; all other fields
    share one update. `unclearable` are record fields that the server cannot set back to nothing;
    `archivable` says that a name can be hidden when it is removed.
    """

    kind: str
    shape: Shape
    rank: int
    calls: Mapping[Verb, str]
    has_pointer: bool = False
    is_archivable: bool = False
    rows: tuple[str, ...] = ()
    unclearable: frozenset[str] = frozenset()
    describe: Describe = field(default=_as_is, repr=False, compare=False)
    consequences: Consequences = field(default=_no_consequences, repr=False, compare=False)
