"""When a schedule will fire, for `reconcile next` and for counting the ticks of a gap.

The scheduler replays missed ticks of a schedule by the same rules, one by one from a start.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import assert_never

from reconciler.schedule import zone as zones
from reconciler.schedule.cron import Cron
from reconciler.schedule.walk import Delay, following, to_second


def firings(
    schedule: Cron | Delay, *, zone: str, after: datetime, count: int
) -> tuple[datetime, ...]:
    """The first `count` firings later than `after`, fewer when no more come.

    They are in the cron's own zone, or in `zone` where it has none: that is the scheduler's. A
    `Delay` and `@every` are timers that start at `after`.

    Raises:
        ValueError: `zone` is unknown, or `after` has no zone.
    """
    to_second(after)
    name = zone
    if isinstance(schedule, Cron) and schedule.zone is not None:
        name = schedule.zone
    return tuple(islice(_ticks(schedule, after.astimezone(zones.load(name))), count))


def ticks_between(schedule: Cron | Delay, start: datetime, end: datetime) -> Iterator[datetime]:
    """The ticks from `start`, included, to `end`, excluded, in order and in the zone of `start`.

    A cron without a zone of its own is read in the zone of `start`. A `Delay` and `@every` are
    timers that start at `start`, so their first tick is one delay later. Lazy: a window of a year
    may hold half a million ticks.

    Raises:
        ValueError: `start` or `end` has no zone.
    """
    to_second(start)
    to_second(end)
    last = to_second(_just_before(end))
    after = start if _is_timer(schedule) else _just_before(start)
    return takewhile(lambda tick: to_second(tick) <= last, _ticks(schedule, after))


def _just_before(moment: datetime) -> datetime:
    # In UTC: on a local clock the second of two equal hours would become the first.
    return (moment.astimezone(UTC) - timedelta(microseconds=1)).astimezone(moment.tzinfo)


def _is_timer(schedule: Cron | Delay) -> bool:
    return isinstance(schedule, Delay) or isinstance(schedule.timing, Delay)


def _ticks(schedule: Cron | Delay, after: datetime) -> Iterator[datetime]:
    moment = _next(schedule, after)
    while moment is not None:
        yield moment
        moment = _next(schedule, moment)


def _next(schedule: Cron | Delay, after: datetime) -> datetime | None:
    match schedule:
        case Cron():
            return schedule.next(after)
        case Delay():
            return following(schedule, after, None)
        case _:
            assert_never(schedule)
