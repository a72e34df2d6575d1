"""The next moment of a schedule, as the cron library of both Flytes' schedulers finds it.

The library steps Go's `time.Time`, and so does this: days and months on the calendar of a zone,
hours and minutes in real time, and local times that are no times read as Go's `time.Date` reads
them. A field that matches is not looked at again, even where a missing midnight has moved the day
on (robfig/cron v3, spec.go and constantdelay.go, which Flyte's fork leaves alone).

Moments are microseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 1_000_000
_YEARS = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX = _EPOCH.replace(tzinfo=None)
_NO_TIME = timedelta()


@dataclass(frozen=True, slots=True)
class Delay:
    """A timer of `seconds`."""

    seconds: int

    def next(self, after: int, _zone: tzinfo = UTC) -> int:
        """When a timer rings that starts at `after`; parts of a second are dropped."""
        return (after // SECOND + self.seconds) * SECOND


@dataclass(frozen=True, slots=True)
class Calendar:
    """The values of five fields (Sunday is 0), in `zone`, or in that of whoever asks.

    `either`: a date matches by day or by weekday, since none of the two was a star.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    zone: tzinfo | None

    def next(self, after: int, zone: tzinfo = UTC) -> int | None:
        """The first match later than `after`; None when five years have none.

        None too where the library would search for ever: in a zone that left out a whole day.
        """
        try:
            found = _Search(self, _Time(after // SECOND + 1, self.zone or zone)).run()
        except (OverflowError, ValueError):  # past the year 9999
            return None
        return None if found is None else found * SECOND

    def is_steady(self, start: int, end: int) -> bool:
        """Whether clocks are as far from UTC at `start` as at `end`."""
        return self.zone is None or _offset(start // SECOND, self.zone) == _offset(
            end // SECOND, self.zone
        )

    def has_date(self, wall: datetime) -> bool:
        """Whether the day of a local time matches; the month is not asked."""
        found = (wall.day in self.days, wall.isoweekday() % 7 in self.weekdays)
        return any(found) if self.either else all(found)


Timing = Calendar | Delay


@cache
def zone(name: str) -> tzinfo:
    """A zone of the `tzdata` package, whatever the machine has; KeyError when there is none."""
    if name == "UTC":
        return UTC
    package = resources.files("tzdata")
    if name not in package.joinpath("zones").read_text("utf-8").split():
        raise KeyError(name)
    with package.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


class _Time:
    """A second since 1970 and what clocks in a zone show then."""

    __slots__ = ("second", "wall", "zone")

    def __init__(self, second: int, zone: tzinfo) -> None:
        self.second = second
        self.zone = zone
        shown = (_EPOCH + timedelta(seconds=second)).astimezone(zone)
        self.wall = shown.replace(tzinfo=None, fold=0)

    def later(self, seconds: int) -> _Time:
        return _Time(self.second + seconds, self.zone)

    def at(self, wall: datetime) -> _Time:
        """The moment at which clocks show `wall`, by the offset that Go picks of two."""
        seconds = (wall - _UNIX) // timedelta(seconds=1)
        offset = _offset(seconds, self.zone)
        if offset:
            offset = _offset(seconds - offset, self.zone)
        return _Time(seconds - offset, self.zone)

    def start(self, *, day: int | None = None, hour: int = 0) -> _Time:
        wall = self.wall.replace(day=day or self.wall.day, hour=hour, minute=0, second=0)
        return self.at(wall)

    def next_month(self) -> _Time:
        # Days that the next month lacks run over into the one after it.
        first = (self.wall.replace(day=1) + timedelta(days=31)).replace(day=1)
        return self.at(first + timedelta(days=self.wall.day - 1))

    def next_day(self) -> _Time:
        found = self.at(self.wall + timedelta(days=1))
        hour = found.wall.hour
        return found.later(3600 * (24 - hour if hour > 12 else -hour)) if hour else found


def _offset(second: int, zone: tzinfo) -> int:
    shown = (_EPOCH + timedelta(seconds=second)).astimezone(zone)
    return int((shown.utcoffset() or _NO_TIME).total_seconds())


@dataclass(frozen=True, slots=True)
class _Unit:
    """A field's unit: how a time is cut to its start, how it steps, and its first value."""

    name: str
    cut: Callable[[_Time], _Time]
    step: Callable[[_Time], _Time]
    first: int


_UNITS = (
    _Unit("month", lambda time: time.start(day=1), _Time.next_month, 1),
    _Unit("day", lambda time: time.start(), _Time.next_day, 1),
    _Unit("hour", lambda time: time.start(hour=time.wall.hour), lambda time: time.later(3600), 0),
    _Unit("minute", lambda time: time.later(-(time.second % 60)), lambda time: time.later(60), 0),
    _Unit("second", lambda time: time, lambda time: time.later(1), 0),
)
_ZERO = frozenset({0})


class _Search:
    def __init__(self, calendar: Calendar, time: _Time) -> None:
        self.time = time
        self.is_cut = False
        self.is_stuck = False
        self.has_date = calendar.has_date
        self.values = {
            "month": calendar.months,
            "hour": calendar.hours,
            "minute": calendar.minutes,
            "second": _ZERO,
        }

    def run(self) -> int | None:
        last = self.time.wall.year + _YEARS
        if not (self.values["month"] and self.values["hour"] and self.values["minute"]):
            return None
        while self.time.wall.year <= last and not self.is_stuck:
            # A unit that comes round starts the search over.
            if all(self._settles(unit) for unit in _UNITS):
                return self.time.second
        return None

    def _settles(self, unit: _Unit) -> bool:
        while not self._matches(unit.name):
            if not self.is_cut:
                self.is_cut = True
                self.time = unit.cut(self.time)
            before = self.time.second
            self.time = unit.step(self.time)
            if self.time.second <= before:
                self.is_stuck = True
                return False
            if getattr(self.time.wall, unit.name) == unit.first:
                return False
        return True

    def _matches(self, unit: str) -> bool:
        if unit == "day":
            return self.has_date(self.time.wall)
        return getattr(self.time.wall, unit) in self.values[unit]
