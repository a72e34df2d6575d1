"""Which runs carry a tick, and what they make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from reconciler.model.backfill import Coverage
from reconciler.model.run import Mode, Run
from reconciler.plan.backfill.names import Naming
from reconciler.plan.backfill.wish import GRACE, Wish

_NOT_COUNTED = frozenset({Mode.SYSTEM, Mode.CHILD})
"""Runs that another run started; they say nothing of a schedule."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Standing(StrEnum):
    """What has become of a tick."""

    DONE = "done"
    ALIVE = "alive"
    DUE = "due"
    FAILED = "failed"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick with its runs.

    `runs` all carry it, `telling` are those of them by which it stands, and `tries` those that
    count as attempts of the backfill. `next` is the number of the first attempt whose name is free.
    """

    at: datetime
    standing: Standing
    runs: tuple[Run, ...] = ()
    telling: tuple[Run, ...] = ()
    tries: tuple[Run, ...] = ()
    next: int = 1

    @property
    def alive(self) -> tuple[Run, ...]:
        """The runs of it that have not ended."""
        return tuple(run for run in self.runs if not run.phase.is_terminal)

    @property
    def shown(self) -> Run | None:
        """The run that tells most: one that succeeded, else one that goes on, else the last."""
        numbers = {run.id: number for number, run in enumerate(self.tries, start=1)}
        return max(self.telling, key=lambda run: _order(run, numbers.get(run.id, 0)), default=None)


def _order(run: Run, attempt: int) -> tuple[bool, bool, datetime, int, str]:
    made_at = run.created_at or _LONG_AGO
    return run.phase.is_success, not run.phase.is_terminal, made_at, attempt, run.id.name


def cover(
    ticks: Sequence[datetime], found: Iterable[Run], *, wish: Wish, naming: Naming, now: datetime
) -> tuple[Tick, ...]:
    """Tell how each tick stands, by the runs that were read."""
    counted = [run for run in found if run.mode not in _NOT_COUNTED]
    by_name = {run.id.name: run for run in counted if run.id.place == naming.place}
    by_tick: defaultdict[datetime, list[Run]] = defaultdict(list)
    for run in counted:
        if run.scheduled_at is not None:
            by_tick[run.scheduled_at.astimezone(UTC).replace(microsecond=0)].append(run)
    return tuple(
        _tick(at, by_tick.get(at, []), by_name, wish=wish, naming=naming, now=now) for at in ticks
    )


def there_before(
    ticks: Sequence[datetime], found: Iterable[Run], *, wish: Wish, naming: Naming, now: datetime
) -> frozenset[str]:
    """Name the runs that are no attempts of a backfill that is seen for the first time."""
    if wish.coverage is Coverage.ALL:
        return frozenset()
    seen = cover(ticks, found, wish=wish, naming=naming, now=now)
    return frozenset(run.id.name for tick in seen for run in tick.tries)


def _tick(
    at: datetime,
    carried: list[Run],
    by_name: dict[str, Run],
    *,
    wish: Wish,
    naming: Naming,
    now: datetime,
) -> Tick:
    named: list[Run] = []
    while (run := by_name.get(naming.name(at, len(named) + 1))) is not None:
        named.append(run)
    runs = (*carried, *(run for run in named if run not in carried))
    if wish.coverage is Coverage.ALL:
        tries = tuple(named)
        telling = tries
    else:
        tries = tuple(run for run in named if run.id.name not in wish.before)
        telling = runs
    return Tick(
        at=at,
        standing=_standing(at, telling, len(tries), wish=wish, now=now),
        runs=runs,
        telling=telling,
        tries=tries,
        next=len(named) + 1,
    )


def _standing(
    at: datetime, telling: Sequence[Run], tries: int, *, wish: Wish, now: datetime
) -> Standing:
    if any(run.phase.is_success for run in telling):
        return Standing.DONE
    if any(not run.phase.is_terminal for run in telling):
        return Standing.ALIVE
    if wish.is_once and telling:
        return Standing.DONE
    if at > now - GRACE:
        return Standing.LATER
    return Standing.FAILED if tries > wish.retries else Standing.DUE
