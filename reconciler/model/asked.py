"""What a list is asked for: the one grammar of filters and order that every list has.

Filters look at the rows that are shown. A backend may leave out what cannot match, and what it
gives is looked at again here, so that a filter means the same on both Flytes whatever a server
makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from reconciler.model.entity import HIDDEN, Entity, What
from reconciler.model.key import ALL, Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    _Key = Callable[[Entity], tuple[str, ...]]

EVERY_STATE = "all"
NAME, NEWEST = "name", "-created"
"""The two orders that lists come in by themselves: by place and name, and the newest first."""

_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One list.

    `project`, `domain`, `names` and `version` are globs; several names are alternatives. Without
    `history` there is one row for a name: the active version, else the newest. `state` is a word,
    `all`, or empty for all but archived ones; a name without glob is shown whatever its state.
    `created_after` is included and `created_before` is not, and so it is for updates. `sort` is a
    field, with `-` in front for the largest first; `limit` 0 is every row.
    """

    what: What
    project: str = ALL
    domain: str = ALL
    names: tuple[str, ...] = ()
    version: str = ""
    history: bool = False
    state: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    sort: str = ""
    limit: int = 0

    @property
    def is_history(self) -> bool:
        """Say whether there is a row for each version."""
        return self.what.is_versioned and (self.history or bool(self.version))

    @property
    def order(self) -> str:
        """The order that is asked for; versions come the newest first."""
        return self.sort or (NEWEST if self.is_history else NAME)

    @property
    def place(self) -> Place | None:
        """The one project-domain that it is about; None where it may be many."""
        if is_glob(self.project) or is_glob(self.domain):
            return None
        return Place(self.project, self.domain)

    @property
    def exact_names(self) -> tuple[str, ...]:
        """The names, where all of them are names and no globs."""
        return () if any(map(is_glob, self.names)) else self.names

    def is_in(self, place: Place) -> bool:
        """Say whether a place is meant."""
        return fnmatchcase(place.project, self.project) and fnmatchcase(place.domain, self.domain)

    def is_named(self, name: str) -> bool:
        """Say whether a name is meant; a trigger is by its own name too, without its task's."""
        if not self.names:
            return True
        called = {name}
        if self.what is What.TRIGGERS:
            called.add(name.partition("/")[2])
        return any(fnmatchcase(one, glob) for one in called for glob in self.names)

    def matches(self, row: Entity) -> bool:
        """Say whether a row is shown."""
        return (
            (not self.what.is_placed or self.is_in(Place(row.project, row.domain)))
            and self.is_named(row.name)
            and (not self.version or fnmatchcase(row.version, self.version))
            and self.is_in_state(row.state, row.name)
            and is_within(row.created_at, self.created_after, self.created_before)
            and is_within(row.updated_at, self.updated_after, self.updated_before)
        )

    def is_in_state(self, state: str, name: str) -> bool:
        """Say whether something of this state is shown."""
        match self.state:
            case "":
                return state not in HIDDEN or name in self.exact_names
            case str(word) if word == EVERY_STATE:
                return True
            case word:
                return state == word


@dataclass(frozen=True, slots=True)
class Told:
    """What the rows of a list tell: the fields of them that are there, and their states."""

    fields: frozenset[str]
    states: frozenset[str] = frozenset()


def is_glob(text: str) -> bool:
    """Say whether a text may match more than itself."""
    return bool(_MAGIC.intersection(text))


FIELDS: dict[str, _Key] = {
    "name": lambda row: (row.project, row.domain, row.name, row.version),
    "version": lambda row: (row.version, row.project, row.domain, row.name),
    "state": lambda row: (row.state, row.project, row.domain, row.name),
    "created": lambda row: (_text(row.created_at), row.project, row.domain, row.name),
    "updated": lambda row: (_text(row.updated_at), row.project, row.domain, row.name),
}
"""What rows can be sorted by; rows that are equal in it are in the order of place and name."""


def ordered(rows: list[Entity], order: str) -> list[Entity]:
    """Sort rows; the largest first turns only the field round, not what follows it."""
    field = order.removeprefix("-")
    key = FIELDS[field]
    if not order.startswith("-"):
        return sorted(rows, key=key)
    if field == "name":
        return sorted(rows, key=key, reverse=True)
    plain = sorted(rows, key=FIELDS["name"])
    return sorted(plain, key=lambda row: key(row)[0], reverse=True)


def is_within(moment: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    """Say whether a moment lies in a span; one that is not told lies in none that has an end."""
    if after is None and before is None:
        return True
    if moment is None:
        return False
    return (after is None or after <= moment) and (before is None or moment < before)


def _text(moment: datetime | None) -> str:
    return moment.isoformat(timespec="microseconds") if moment else ""
