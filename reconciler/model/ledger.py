"""The ledger of a set: what it wrote, adopted, holds and protects, kept on the backend itself.

Losing it loses prune and never causes one. Each write makes a new version beside the old ones, so
that the history of the ledger is the audit log of the set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, cast

from reconciler.model.digest import encode_hash
from reconciler.model.document import Json, filled
from reconciler.model.key import Key, Place
from reconciler.model.policy import Prune

FORMAT = 1
_HALF = 6
_MARK = 2 * _HALF


def mark(key: Key, content: str) -> str:
    """Mark that an object with this content is as declared.

    Twelve characters, so that a set of ten thousand objects stays small in every ledger version:
    six for the object and six for the content. Two contents have the same mark once in 2^30.
    """
    return mark_of(key) + _short(content)


def mark_of(key: Key) -> str:
    """Return the first half of all marks of an object."""
    return _short(str(key))


def about(marked: str) -> str:
    """Return the half of a mark that tells the object."""
    return marked[:_HALF]


def _short(text: str) -> str:
    return encode_hash(hashlib.sha256(text.encode()).digest())[:_HALF]


@dataclass(frozen=True, slots=True)
class Claim:
    """Who owns the set: a random id, the source it is declared in, the last commit applied."""

    id: str
    source: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause: objects whose key matches `pattern` stay inactive until `until`."""

    pattern: str
    reason: str
    until: datetime
    by: str = ""

    def matches(self, key: Key) -> bool:
        """Say whether the hold is about an object, in force or not."""
        return fnmatchcase(str(key), self.pattern)

    def covers(self, key: Key, now: datetime) -> bool:
        """Say whether the hold is in force for an object."""
        return now < self.until and self.matches(key)


@dataclass(frozen=True, slots=True)
class Removal:
    """One removal that was done, for the limit on removals in 24 hours."""

    key: Key
    at: datetime


@dataclass(frozen=True, slots=True)
class Flips:
    """How often somebody else's change to one object was undone, for one desired digest."""

    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class Held:
    """A mutable object of the set, as it was last written, adopted or found as declared.

    While its revision is this one, its content has this digest. An empty revision announces a
    creation: what is there afterwards with this digest is the set's.
    """

    revision: str
    digest: str
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Driven:
    """A declaration of runs, as far as it has to be remembered.

    `done` are the contents for which nothing will ever follow, the latest one last, with a `!`
    after those that did not end well. `frozen` is what was decided at first sight. `started` names
    the runs that this set has started, or was about to, and that had not ended when they were last
    read.
    """

    done: tuple[str, ...] = ()
    frozen: Mapping[str, Json] = field(default_factory=dict)
    started: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """What one apply did: the audit line of a ledger version.

    `source` (repository and folder) and `commit` say where all that was done was declared. `done`
    are actions by id, those that registered something with the version.
    """

    at: datetime | None = None
    by: str = ""
    commit: str = ""
    source: str = ""
    plan: str = ""
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """One version of a ledger, as its history has it."""

    revision: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Ledger:
    """State of one set.

    `revision` is the backend's version number of what was read, 0 for none, and `home` the
    project-domain it was found in; neither is part of the content. `desired` the digest of
    the declaration applied last, `applied` the marks (see `mark`) of the objects that are as
    declared. `places` are all project-domains ever written; `rows` the record fields we wrote;
    `objects` the mutable objects that are the set's; `runs` the declarations of runs; `on_removal`
    what a declaration asked to happen once it is gone.
    """

    set_name: str
    revision: int = 0
    home: Place | None = None
    claim: Claim | None = None
    desired: str = ""
    applied: frozenset[str] = frozenset()
    places: frozenset[Place] = frozenset()
    adopted: Mapping[Key, str] = field(default_factory=dict)
    rows: Mapping[Key, frozenset[str]] = field(default_factory=dict)
    objects: Mapping[Key, Held] = field(default_factory=dict)
    runs: Mapping[Key, Driven] = field(default_factory=dict)
    protected: frozenset[Key] = frozenset()
    on_removal: Mapping[Key, Prune] = field(default_factory=dict)
    archived: frozenset[Key] = frozenset()
    holds: tuple[Hold, ...] = ()
    removals: tuple[Removal, ...] = ()
    flips: Mapping[Key, Flips] = field(default_factory=dict)
    renamed_to: str = ""
    entry: Entry = Entry()

    def hold_on(self, key: Key, now: datetime) -> Hold | None:
        """Return the hold in force on an object, the one that lasts longest."""
        holds = [hold for hold in self.holds if hold.covers(key, now)]
        return max(holds, key=lambda hold: hold.until, default=None)

    def was_held(self, key: Key) -> bool:
        """Say whether a hold that has ended is why an object is inactive.

        Ended holds stay listed until the next write, which also starts the object again.
        """
        return any(hold.matches(key) for hold in self.holds)

    def is_adopted(self, key: Key) -> bool:
        """Say whether somebody else made an object that is the set's now."""
        held = self.objects.get(key)
        return key in self.adopted or (held is not None and held.adopted)

    def removals_since(self, place: Place, since: datetime) -> int:
        """Count removals done in a place since a moment."""
        return sum(1 for item in self.removals if item.key.place == place and item.at >= since)

    def without_old_removals(self, now: datetime) -> Ledger:
        """Drop removals older than a day, which no limit looks at."""
        recent = tuple(item for item in self.removals if now - item.at < timedelta(days=1))
        return replace(self, removals=recent)

    def same_content(self, other: Ledger) -> bool:
        """Compare all but the revision and the audit line."""
        mine = replace(self, revision=0, home=None, entry=Entry())
        return mine == replace(other, revision=0, home=None, entry=Entry())


def encode(ledger: Ledger) -> dict[str, Json]:
    """Write a ledger as JSON, empty parts left out; `revision` is the backend's and not in it."""
    claim = ledger.claim
    entry = ledger.entry
    parts: dict[str, Json] = {
        "format": FORMAT,
        "set": ledger.set_name,
        "claim": {"id": claim.id, "source": claim.source, "commit": claim.commit}
        if claim
        else None,
        "desired": ledger.desired,
        "applied": "".join(sorted(ledger.applied)),
        "places": [str(place) for place in sorted(ledger.places)],
        "adopted": {str(key): version for key, version in sorted(ledger.adopted.items())},
        "rows": {str(key): list[Json](sorted(rows)) for key, rows in sorted(ledger.rows.items())},
        "objects": {
            str(key): [held.revision, held.digest, *([1] if held.adopted else [])]
            for key, held in sorted(ledger.objects.items())
        },
        "runs": {str(key): encode_driven(one) for key, one in sorted(ledger.runs.items())},
        "protected": [str(key) for key in sorted(ledger.protected)],
        "onRemoval": {str(key): how.value for key, how in sorted(ledger.on_removal.items())},
        "archived": [str(key) for key in sorted(ledger.archived)],
        "holds": [
            {
                "pattern": hold.pattern,
                "reason": hold.reason,
                "until": hold.until.isoformat(),
                "by": hold.by,
            }
            for hold in ledger.holds
        ],
        "removals": [[str(item.key), item.at.isoformat()] for item in ledger.removals],
        "flips": {
            str(key): [flips.count, flips.digest] for key, flips in sorted(ledger.flips.items())
        },
        "renamedTo": ledger.renamed_to,
        "entry": {
            "at": entry.at.isoformat() if entry.at else "",
            "by": entry.by,
            "commit": entry.commit,
            **({"source": entry.source} if entry.source else {}),
            "plan": entry.plan,
            "done": list(entry.done),
            "failed": list(entry.failed),
        },
    }
    return filled(parts)


def encode_driven(driven: Driven) -> list[Json]:
    """Write what is remembered of a declaration of runs; what is empty at the end is left out."""
    parts: list[Json] = [
        " ".join(driven.done),
        dict(driven.frozen),
        " ".join(sorted(driven.started)),
    ]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def decode_driven(parts: list[Any]) -> Driven:
    """Read what `encode_driven` wrote."""
    empty: list[Any] = ["", {}, ""]
    done, frozen, started = [*parts, *empty[len(parts) :]]
    return Driven(tuple(done.split()), frozen, frozenset(started.split()))


def decode(value: Mapping[str, Json], *, revision: int, home: Place) -> Ledger:
    """Read what `encode` wrote; raises ValueError when the content is of another format."""
    _check_format(value)
    try:
        return replace(_decode(value), revision=revision, home=home)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"ledger content is damaged: {error!r}") from error


def decode_written(value: Mapping[str, Json], *, revision: int) -> Written:
    """Read who wrote a version; raises ValueError when the content is of another format."""
    _check_format(value)
    try:
        return Written(revision, _decode_entry(value))
    except (TypeError, AttributeError) as error:
        raise ValueError(f"ledger content is damaged: {error!r}") from error


def _check_format(value: Mapping[str, Json]) -> None:
    if value.get("format") != FORMAT:
        raise ValueError(
            f"ledger format {value.get('format')!r} is not {FORMAT}; a newer reconcile wrote it"
        )


def _decode_entry(value: Mapping[str, Json]) -> Entry:
    entry = cast("dict[str, object]", value.get("entry", {}))
    at = cast("str", entry.get("at", ""))
    return Entry(
        at=_time(at) if at else None,
        by=cast("str", entry.get("by", "")),
        commit=cast("str", entry.get("commit", "")),
        source=cast("str", entry.get("source", "")),
        plan=cast("str", entry.get("plan", "")),
        done=tuple(_strings(cast("Json", entry.get("done")))),
        failed=tuple(_strings(cast("Json", entry.get("failed")))),
    )


def _decode(value: Mapping[str, Json]) -> Ledger:
    claim = cast("dict[str, str] | None", value.get("claim"))
    flips = cast("dict[str, tuple[int, str]]", value.get("flips", {}))
    return Ledger(
        set_name=cast("str", value["set"]),
        claim=Claim(claim["id"], claim["source"], claim["commit"]) if claim else None,
        desired=cast("str", value.get("desired", "")),
        applied=split_marks(cast("str", value.get("applied", ""))),
        places=frozenset(Place.parse(text) for text in _strings(value.get("places"))),
        adopted={
            Key.parse(key): version
            for key, version in cast("dict[str, str]", value.get("adopted", {})).items()
        },
        rows={
            Key.parse(key): frozenset(rows)
            for key, rows in cast("dict[str, list[str]]", value.get("rows", {})).items()
        },
        objects={
            Key.parse(key): Held(revision, digest, adopted=bool(adopted))
            for key, (revision, digest, *adopted) in cast(
                "dict[str, list[str]]", value.get("objects", {})
            ).items()
        },
        runs={
            Key.parse(key): decode_driven(parts)
            for key, parts in cast("dict[str, list[Any]]", value.get("runs", {})).items()
        },
        protected=frozenset(Key.parse(text) for text in _strings(value.get("protected"))),
        on_removal={
            Key.parse(key): Prune(how)
            for key, how in cast("dict[str, str]", value.get("onRemoval", {})).items()
        },
        archived=frozenset(Key.parse(text) for text in _strings(value.get("archived"))),
        holds=tuple(
            Hold(item["pattern"], item["reason"], _time(item["until"]), item["by"])
            for item in cast("list[dict[str, str]]", value.get("holds", []))
        ),
        removals=tuple(
            Removal(Key.parse(key), _time(moment))
            for key, moment in cast("list[tuple[str, str]]", value.get("removals", []))
        ),
        flips={Key.parse(key): Flips(int(count), of) for key, (count, of) in flips.items()},
        renamed_to=cast("str", value.get("renamedTo", "")),
        entry=_decode_entry(value),
    )


def _strings(value: Json) -> list[str]:
    return cast("list[str]", value or [])


def split_marks(text: str) -> frozenset[str]:
    """Read marks that were written one after the other."""
    return frozenset(text[start : start + _MARK] for start in range(0, len(text), _MARK))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
