"""What is there on the backend, as far as it could be read.

A reading has three answers, never two: present, absent and unreadable. Unreadable says nothing
about the object and must never turn into a creation or a removal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.document import Json
    from reconciler.model.key import Key, Place


@dataclass(frozen=True, slots=True)
class LiveVersion:
    """One registered version.

    `body` is None where the backend tells only that the version exists; `made_at` is an RFC 3339
    time, empty where the backend does not tell it.
    """

    version: str
    body: dict[str, Json] | None
    made_at: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What is kept at a name beside its versions."""

    description: str = ""
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class Versions:
    """A name with versions: those active now, and those of the asked ones that exist.

    `about` is None where the query did not ask for it.
    """

    active: tuple[LiveVersion, ...] = ()
    registered: Mapping[str, LiveVersion] = field(default_factory=dict)
    about: About | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An object that is changed in place, as a map from field path to value.

    `facts` are what cannot be changed but decides what can, such as the domains of a server. They
    may be known of an object that does not exist.
    """

    fields: Mapping[str, Json]
    facts: Mapping[str, Json] = field(default_factory=dict)
    exists: bool = True


@dataclass(frozen=True, slots=True)
class Absent:
    """The backend answered that there is no such object."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The backend did not answer for this object."""

    cause: str


Observed = Versions | Record | Absent | Unreadable

ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Live:
    """One reading of a scope.

    `objects` holds what was found. Whatever was asked for and is not in it is absent, unless its
    kind and place are in `unreadable`.
    """

    objects: Mapping[Key, Versions | Record] = field(default_factory=dict)
    unreadable: Mapping[tuple[str, Place], str] = field(default_factory=dict)

    def get(self, key: Key) -> Observed:
        """Return what is known of one object."""
        cause = self.unreadable.get((key.kind, key.place))
        if cause is not None:
            return Unreadable(cause)
        return self.objects.get(key, ABSENT)

    def unreadable_in(self, place: Place) -> str | None:
        """Return why something in a place could not be read, or None."""
        for (_, where), cause in self.unreadable.items():
            if where == place:
                return cause
        return None


@dataclass(frozen=True, slots=True)
class Query:
    """What to observe: everything active in `places`, plus these versions and records by name.

    `described` are the places where descriptions and archive states of names are wanted too.
    Where a body is equal to the one in `expected`, the reading holds that very object, so that
    what is as declared takes memory once.
    """

    places: frozenset[Place] = frozenset()
    described: frozenset[Place] = frozenset()
    versions: Mapping[Key, frozenset[str]] = field(default_factory=dict)
    records: frozenset[Key] = frozenset()
    expected: Mapping[Key, dict[str, Json]] = field(default_factory=dict)
