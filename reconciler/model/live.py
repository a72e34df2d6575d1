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
    from reconciler.model.ledger import Held
    from reconciler.model.pursuit import Asking
    from reconciler.model.run import Gate, Run, RunId, Values


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
    may be known of an object that does not exist. `revision` is what an update must name, empty
    where the backend has no lock.
    """

    fields: Mapping[str, Json]
    facts: Mapping[str, Json] = field(default_factory=dict)
    exists: bool = True
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Object:
    """A mutable object that is replaced whole.

    `revision` moves with every write that the backend tells of and is never empty. `body` is the
    normal form, `digest` its digest, in which the object's own name has no part: None and empty
    where the content was not read or cannot be.
    `listed` is the part of a normal form that a listing tells, such as the schedule. `changed` says
    in words who wrote the object last, and when, where the backend tells.
    """

    revision: str
    body: dict[str, Json] | None = None
    digest: str = ""
    is_active: bool = False
    listed: Mapping[str, Json] = field(default_factory=dict)
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Runs:
    """What was read for a declaration of runs: always there, with or without runs.

    `found` are the runs that it may be about, by name or by tick; `facts` what else decides what is
    due, such as the schedule of the plan that they are of. `outputs` are those of runs that ended
    well, by name, where they are wanted. `urls` are the pages of those that did not.
    """

    found: tuple[Run, ...] = ()
    gates: tuple[Gate, ...] = ()
    outputs: Mapping[str, Values] = field(default_factory=dict, repr=False)
    facts: Mapping[str, Json] = field(default_factory=dict)
    urls: Mapping[RunId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absent:
    """The backend answered that there is no such object."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The backend did not answer for this object."""

    cause: str


Found = Versions | Record | Object | Runs
"""What can be there."""

Observed = Found | Absent | Unreadable

ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Live:
    """One reading of a scope.

    `objects` holds what was found. Whatever was asked for and is not in it is absent, unless its
    kind and place are in `unreadable`.
    """

    objects: Mapping[Key, Found] = field(default_factory=dict)
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
    """What to observe: everything active in `places`, plus these versions, records and objects.

    `described` are the places where descriptions and archive states of names are wanted too.
    `expected` are the declared bodies: what a live body says in terms of the backend and a declared
    one in terms of content (where a local file is) is read as declared, and where a body is equal,
    the reading holds that very object, so that what is as declared takes memory once.

    `texts` are the declared descriptions. `sets` asks for every registered version that these sets
    made in the places, too: a snapshot has to know what a later question may be about.

    `objects` are mutable objects by name, each with what the ledger holds of it. One that is listed
    with the held revision has the held digest, and its content (the one in `expected`, if there)
    is not read again. None asks for the content: nothing is held, or it is about to change. Other
    objects in `places` are listed only, without content.

    `runs` are the declarations whose runs are to be read.
    """

    places: frozenset[Place] = frozenset()
    described: frozenset[Place] = frozenset()
    versions: Mapping[Key, frozenset[str]] = field(default_factory=dict)
    records: frozenset[Key] = frozenset()
    objects: Mapping[Key, Held | None] = field(default_factory=dict)
    expected: Mapping[Key, dict[str, Json]] = field(default_factory=dict)
    texts: Mapping[Key, str] = field(default_factory=dict)
    sets: frozenset[str] = frozenset()
    runs: Mapping[Key, Asking] = field(default_factory=dict)
