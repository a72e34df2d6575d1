"""The clock that both Flytes' schedulers share: timers, each with its next moment.

As the fork of the cron library keeps them: a timer may be given its first moment, which may be
past; one that is late rings for every moment that it missed, and is told which one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.server.calendar import Timing

RESYNC = 30_000_000
"""Microseconds between two looks at what is scheduled, on both Flytes."""

_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3


@dataclass(slots=True, eq=False)
class Timer:
    """`next` is None when it never rings again; `ring` gets the moment that it rings for."""

    timing: Timing
    ring: Callable[[int], None]
    next: int | None


@dataclass(slots=True)
class Crontab:
    """Timers by their next moment."""

    timers: list[Timer] = field(default_factory=list)

    def add(
        self, timing: Timing, ring: Callable[[int], None], *, now: int, first: int | None = None
    ) -> Timer:
        """A new timer, whose first moment is `first` where that is given."""
        timer = Timer(timing, ring, timing.next(now) if first is None else first)
        self.timers.append(timer)
        return timer

    def remove(self, timer: Timer) -> None:
        """Stop a timer that was added."""
        self.timers.remove(timer)

    def wake_at(self) -> int | None:
        """When the next timer rings."""
        return min((one.next for one in self.timers if one.next is not None), default=None)

    def ring(self, now: int) -> None:
        """Ring, once each, the timers whose moment has come; the earliest first."""
        due = [(one.next, one) for one in self.timers if one.next is not None and one.next <= now]
        for moment, timer in sorted(due, key=lambda pair: pair[0]):
            timer.next = timer.timing.next(moment)
            timer.ring(moment)


def fnv(text: str) -> int:
    """The 64-bit FNV-1 hash that schedulers name what they start by."""
    value = _FNV_OFFSET
    for byte in text.encode():
        value = value * _FNV_PRIME % 2**64 ^ byte
    return value
