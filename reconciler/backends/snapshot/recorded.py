"""What a snapshot holds, as a value: the reading of one set's scope, values already hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.backends.snapshot.hiding import Hider
from reconciler.model.document import Json
from reconciler.model.interface import Catalog
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is not shown.

    `mark` stands for all of it, `said` is the description in the words of the language with its
    values hidden, None where nobody will ask for it, and `schedule` that part of the body.
    """

    mark: str
    said: dict[str, Json] | None = None
    schedule: Json = None


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version; `content` is None where the backend told only that it exists."""

    version: str
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """A name with versions; `description` is the mark of the one that the name has."""

    active: tuple[Version, ...] = ()
    registered: tuple[Version, ...] = ()
    description: str | None = None
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """A record with its values hidden."""

    fields: Mapping[str, Json]
    facts: Mapping[str, Json]
    exists: bool = True
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Thing:
    """A mutable object."""

    revision: str
    content: Content | None = None
    digest: str = ""
    is_active: bool = False
    listed: Mapping[str, Json] = field(default_factory=dict)
    changed: str = ""


Item = Name | Fields | Thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One reading.

    `places` are the project-domains that were read, `existing` the marks of all that the
    installation has, so that one that is yet to be made is told from one that was not read.
    `elsewhere` names the other sets that adopted something in the scope.
    """

    hider: Hider
    made_at: str
    set_name: str
    connection: Mapping[str, str]
    ledgers: Mapping[str, Ledger]
    places: frozenset[Place]
    existing: frozenset[str]
    catalog: Catalog
    items: Mapping[Key, Item]
    records: frozenset[Key] = frozenset()
    unreadable: Mapping[tuple[str, Place], str] = field(default_factory=dict)
    elsewhere: Mapping[Key, str] = field(default_factory=dict)
