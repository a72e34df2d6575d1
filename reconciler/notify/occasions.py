"""What is worth saying of a set, from what was last said of it and how it is now; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.model.digest import digest
from reconciler.specs.notify import Occasion

PATIENCE = timedelta(minutes=5)
"""How long what may pass by itself is given."""

AGAIN = timedelta(hours=24)
"""After this a failure that goes on is told once more."""

MOST_NAMED = 20
"""Objects that a message names; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A set as it is now.

    `is_passing` says that it is tried again by itself. `changes` counts the calls by which
    the last pass changed Flyte, under the plan `plan`. `drifted`, `contested` and `missed` name
    objects, or ticks.
    """

    name: str
    at: datetime
    is_ready: bool
    is_passing: bool = False
    reason: str = ""
    message: str = ""
    revision: str = ""
    plan: str = ""
    changes: int = 0
    drifted: frozenset[str] = frozenset()
    contested: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was said of a set: kept, so that a new process does not say it again.

    `failing_since` is when it first was not as declared, `failed` what was said of that, each by
    reason and revision, and `failed_at` when something last was.
    """

    failing_since: datetime | None = None
    failed: frozenset[str] = frozenset()
    failed_at: datetime | None = None
    applied: str = ""
    drifted: frozenset[str] = frozenset()
    contested: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing to say; `id` is the same whenever the same is said."""

    set_name: str
    occasion: Occasion
    title: str
    text: str
    at: datetime
    reason: str = ""
    revision: str = ""
    names: tuple[str, ...] = ()
    more: int = 0

    @property
    def id(self) -> str:
        """Tell repetitions of one delivery from another message."""
        return digest(
            [self.set_name, str(self.occasion), self.at.isoformat(), self.text, *self.names]
        )

    def lines(self) -> Iterator[str]:
        """Write it as plain text."""
        yield self.text
        yield from (f"- {name}" for name in self.names)
        if self.more:
            yield f"- and {self.more} more"
        if self.revision:
            yield f"revision: {self.revision}"


def messages(seen: Seen, told: Told) -> tuple[tuple[Message, ...], Told]:
    """Say what is new, and what is then told."""
    found: list[Message] = []
    failure, told = _failure(seen, told)
    found += failure
    if seen.changes and seen.plan != told.applied:
        calls = f"{seen.changes} call{'s' if seen.changes > 1 else ''}"
        found.append(_message(seen, Occasion.APPLIED, f"{calls} changed Flyte"))
        told = replace(told, applied=seen.plan)
    for occasion, names, known, what in (
        (Occasion.DRIFT, seen.drifted, told.drifted, "was changed by somebody else"),
        (Occasion.CONTESTED, seen.contested, told.contested, "is put back no longer"),
        (Occasion.MISSED_TICKS, seen.missed, told.missed, "was missed"),
    ):
        new = names - known
        if new:
            noun = "tick" if occasion is Occasion.MISSED_TICKS else "object"
            count = f"{len(new)} {noun}{'s' if len(new) > 1 else ''}"
            verb = what if len(new) == 1 else what.replace("was ", "were ").replace("is ", "are ")
            found.append(_message(seen, occasion, f"{count} {verb}", new))
    told = replace(told, drifted=seen.drifted, contested=seen.contested, missed=seen.missed)
    return tuple(found), told


def _failure(seen: Seen, told: Told) -> tuple[list[Message], Told]:
    if seen.is_ready:
        over = replace(told, failing_since=None, failed=frozenset(), failed_at=None)
        if not told.failed:
            return [], over
        return [_message(seen, Occasion.RECOVERED, seen.message)], over
    told = replace(told, failing_since=told.failing_since or seen.at)
    assert told.failing_since is not None
    if seen.is_passing and seen.at - told.failing_since < PATIENCE:
        return [], told
    what = f"{seen.reason} {seen.revision}"
    is_old = told.failed_at is not None and seen.at - told.failed_at >= AGAIN
    if what in told.failed and not is_old:
        return [], told
    known = frozenset() if is_old else told.failed
    failed = replace(told, failed=known | {what}, failed_at=seen.at)
    return [_message(seen, Occasion.FAILED, seen.message)], failed


_TITLES: Mapping[Occasion, str] = {
    Occasion.FAILED: "is not as declared",
    Occasion.RECOVERED: "is as declared again",
    Occasion.APPLIED: "was changed",
    Occasion.DRIFT: "was changed by somebody else",
    Occasion.CONTESTED: "is contested",
    Occasion.MISSED_TICKS: "missed ticks",
}


def _message(seen: Seen, occasion: Occasion, text: str, names: Iterable[str] = ()) -> Message:
    every = sorted(names)
    title = f"{seen.name} {_TITLES[occasion]}"
    return Message(
        set_name=seen.name,
        occasion=occasion,
        title=f"{title}: {seen.reason}" if occasion is Occasion.FAILED else title,
        text=text,
        at=seen.at,
        reason=seen.reason,
        revision=seen.revision,
        names=tuple(every[:MOST_NAMED]),
        more=max(0, len(every) - MOST_NAMED),
    )


def encode(told: Told) -> dict[str, Any]:
    """Write what was told as JSON."""
    return {
        "failingSince": told.failing_since.isoformat() if told.failing_since else "",
        "failed": sorted(told.failed),
        "failedAt": told.failed_at.isoformat() if told.failed_at else "",
        "applied": told.applied,
        "drifted": sorted(told.drifted),
        "contested": sorted(told.contested),
        "missed": sorted(told.missed),
    }


def decode(value: Mapping[str, Any]) -> Told:
    """Read what `encode` wrote; raises ValueError, KeyError or TypeError for anything else."""
    return Told(
        failing_since=_moment(value["failingSince"]),
        failed=frozenset(map(str, value["failed"])),
        failed_at=_moment(value["failedAt"]),
        applied=str(value["applied"]),
        drifted=frozenset(map(str, value["drifted"])),
        contested=frozenset(map(str, value["contested"])),
        missed=frozenset(map(str, value["missed"])),
    )


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
