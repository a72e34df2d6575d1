"""Which unit is looked at next: what changed first, then what is due.

A unit waits until nothing has come for a moment, or until it has waited long enough, so that a
thousand objects sent one after the other are few passes. No unit is worked on twice at once. What
must not wait (a stop, a deletion) ends the pass under way at the next call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from operator import itemgetter
from secrets import SystemRandom
from typing import Generic, TypeVar

_QUIET_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 1.0
_FIRST_RETRY_SECONDS = 1.0
_LAST_RETRY_SECONDS = 300.0
_RANDOM = SystemRandom()

Clock = Callable[[], float]
U = TypeVar("U", bound=Hashable)
"""What is looked at: a set of a namespace, or a set of a repository."""


@dataclass(slots=True)
class _Entry:
    first: float | None = None
    last: float = 0.0
    due: float | None = None
    is_running: bool = False
    failures: int = 0
    untold: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def ready_at(self, quiet: float) -> float | None:
        """Return when the unit may be taken; None for never, as far as is known."""
        if self.is_running:
            return None
        moments = [] if self.due is None else [self.due]
        if self.first is not None:
            moments.append(min(self.last + quiet, self.first + _LONGEST_WAIT_SECONDS))
        return min(moments, default=None)


class Queue(Generic[U]):
    """Units that are to be looked at; `clock` gives seconds that never go back."""

    def __init__(self, clock: Clock = time.monotonic, *, quiet: float = _QUIET_SECONDS) -> None:
        self._clock = clock
        self._quiet = quiet
        self._entries: dict[U, _Entry] = {}
        self._changed = asyncio.Event()

    @property
    def depth(self) -> int:
        """Count the units that changed and wait."""
        return sum(1 for entry in self._entries.values() if entry.first is not None)

    @property
    def running(self) -> int:
        """Count the units that are worked on."""
        return sum(1 for entry in self._entries.values() if entry.is_running)

    def stop(self) -> None:
        """Ask everything that is worked on to end early."""
        for entry in self._entries.values():
            entry.stop.set()

    def mark(self, unit: U, *, is_urgent: bool = False) -> None:
        """Say that something of a unit changed."""
        entry = self._entries.setdefault(unit, _Entry())
        now = self._clock()
        entry.first = entry.first if entry.first is not None else now
        entry.last = now
        if is_urgent and entry.is_running:
            entry.stop.set()
        self._changed.set()

    async def take(self) -> tuple[U, asyncio.Event]:
        """Wait for the next unit; the event asks its pass to end early."""
        while True:
            self._changed.clear()
            now = self._clock()
            waiting = [
                (at, unit)
                for unit, entry in self._entries.items()
                if (at := entry.ready_at(self._quiet)) is not None
            ]
            at, unit = min(waiting, key=itemgetter(0), default=(None, None))
            if at is not None and unit is not None and at <= now:
                entry = self._entries[unit]
                entry.first, entry.due, entry.is_running = None, None, True
                entry.stop = asyncio.Event()
                return unit, entry.stop
            timeout = None if at is None else at - now
            try:
                await asyncio.wait_for(self._changed.wait(), timeout)
            except TimeoutError:
                continue

    def done(self, unit: U, *, again_after: float | None, is_failed: bool) -> None:
        """Give a unit back: it is due again after so many seconds, sooner while it fails."""
        entry = self._entries[unit]
        entry.is_running = False
        entry.failures = entry.failures + 1 if is_failed else 0
        if is_failed:
            retry = _backoff(entry.failures)
            again_after = retry if again_after is None else min(retry, again_after)
        if again_after is None and entry.first is None:
            del self._entries[unit]
        elif again_after is not None:
            entry.due = self._clock() + again_after * _RANDOM.uniform(0.9, 1.1)
        self._changed.set()

    def told(self, unit: U, *, is_told: bool) -> None:
        """Say whether what a pass had to tell was written; if not, the unit is due before long."""
        entry = self._entries.get(unit)
        if is_told:
            if entry is not None:
                entry.untold = 0
            return
        entry = self._entries.setdefault(unit, _Entry())
        entry.untold += 1
        due = self._clock() + _backoff(entry.untold)
        entry.due = due if entry.due is None else min(due, entry.due)
        self._changed.set()


def _backoff(failures: int) -> float:
    return min(_FIRST_RETRY_SECONDS * 2.0 ** (failures - 1), _LAST_RETRY_SECONDS)
