"""Firings that a change of clocks skips or repeats, found by walking over the change.

The scheduler steps hours in real time: a local time that clocks skip does not fire, one that occurs
twice fires twice. Where clocks skip midnight, stepping from day to day may pass over the whole day.
An expression that fires in every hour is left out, since nothing is missed there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache

from reconciler.schedule import zone as zones
from reconciler.schedule.cron import Cron
from reconciler.schedule.walk import Calendar
from reconciler.schedule.zone import Shift

_LOOKBACK_DAYS = (2, 8, 32, 367)
_DAY = timedelta(days=1)


class Effect(StrEnum):
    """What a change of clocks does to a firing."""

    SKIPPED = "skipped"
    REPEATED = "repeated"
    PASSED_OVER = "passed over"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Firings of one day that one change of clocks, at `at`, disturbs alike.

    `times` are local, in order.
    """

    at: datetime
    effect: Effect
    day: date
    times: tuple[time, ...]


def disturbances(cron: Cron, zone: tzinfo, *, after: datetime) -> tuple[Disturbance, ...]:
    """Every disturbance in the year after `after`, in order of time; none for `@every`."""
    midnight = datetime.combine(after.astimezone(UTC).date(), time(), UTC)
    return tuple(found for found in _in_year(cron, zone, midnight) if found.at > after)


@lru_cache(maxsize=4096)
def _in_year(cron: Cron, zone: tzinfo, start: datetime) -> tuple[Disturbance, ...]:
    if not isinstance(cron.timing, Calendar) or cron.fields[1].is_full:
        return ()
    found: list[Disturbance] = []
    for shift in zones.shifts(zone, start, 366):
        if _may_disturb(cron.timing, shift, zone):
            found.extend(_walk_over(cron, cron.timing, shift, zone))
    return tuple(found)


def _span(shift: Shift, zone: tzinfo) -> tuple[datetime, datetime]:
    # The local times that are left out, or that occur twice.
    resumed = shift.at.astimezone(zone).replace(tzinfo=None)
    left = resumed - shift.by
    return min(left, resumed), max(left, resumed)


def _may_disturb(calendar: Calendar, shift: Shift, zone: tzinfo) -> bool:
    low, high = _span(shift, zone)
    if (
        shift.by > timedelta()
        and (high - timedelta(seconds=1)).date() != (low - timedelta(seconds=1)).date()
    ):
        return True
    hours = range((high - low) // timedelta(hours=1) + 1)
    return any(calendar.hours >> (low + timedelta(hours=hour)).hour & 1 for hour in hours)


def _walk_over(cron: Cron, calendar: Calendar, shift: Shift, zone: tzinfo) -> Iterator[Disturbance]:
    low, high = _span(shift, zone)
    days = sorted({low.date(), (high - timedelta(seconds=1)).date()})
    fired = Counter(_fired(cron, days, zone))
    for day in days:
        due = list(_due(calendar, day))
        missed = [wall for wall in due if wall not in fired]
        gap = shift.by > timedelta()
        skipped = [wall for wall in missed if gap and low <= wall < high]
        passed_over = [wall for wall in missed if wall not in skipped]
        repeated = [wall for wall in due if fired[wall] > 1]
        for effect, walls in (
            (Effect.SKIPPED, skipped),
            (Effect.PASSED_OVER, passed_over),
            (Effect.REPEATED, repeated),
        ):
            if walls:
                yield Disturbance(shift.at, effect, day, tuple(wall.time() for wall in walls))


def _due(calendar: Calendar, day: date) -> Iterator[datetime]:
    start = datetime.combine(day, time())
    if not (calendar.months >> day.month & 1 and calendar.matches_day(start)):
        return
    for hour in range(24):
        if calendar.hours >> hour & 1:
            for minute in range(60):
                if calendar.minutes >> minute & 1:
                    yield start.replace(hour=hour, minute=minute)


def _fired(cron: Cron, days: list[date], zone: tzinfo) -> Iterator[datetime]:
    # From a firing before these days, as the scheduler comes to them.
    first = datetime.combine(days[0], time(), UTC) - _DAY
    end = datetime.combine(days[-1] + _DAY, time())
    moment: datetime | None = None
    for back in _LOOKBACK_DAYS:
        moment = cron.next((first - back * _DAY).astimezone(zone))
        if moment is None or moment < first:
            break
    while moment is not None and (wall := moment.replace(tzinfo=None, fold=0)) < end:
        yield wall
        moment = cron.next(moment)
