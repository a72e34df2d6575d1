"""The scheduler's clock: the next moment that a calendar or a delay names.

States what robfig/cron v3.0.1 computes, on which Flyte's native scheduler stands, its handling of
clock changes included:

- The search starts one second after the given moment and goes month, day, hour, minute; the first
  field that does not match rewinds to the start of its unit, later ones only go on. A field that
  comes round (January, day 1, hour 0, minute 0) starts the search over. It ends in the sixth year.
- Months and days step on the local calendar; hours and minutes step in real time. So a local time
  that clocks skip does not fire that day, and one that occurs twice fires twice.
- Where a local time is skipped or occurs twice, it is read by the offset in force at that time
  taken as UTC, unless that leads across the change; then by the offset found there.
- A step to a day without midnight is moved by whole hours until the clock shows 0, which east of
  Greenwich passes over that whole day.

Moments are whole seconds since 1970 in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import assert_never

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HORIZON_YEARS = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """The minutes, hours, days, months and weekdays (Sunday 0) that match, one bit for each value.

    `is_either_day`: a day matches by day of month or by weekday, instead of by both.
    """

    minutes: int
    hours: int
    days: int
    months: int
    weekdays: int
    is_either_day: bool

    def matches_day(self, wall: datetime) -> bool:
        """Whether the day of a local time matches; the month is not asked."""
        by_day = bool(self.days >> wall.day & 1)
        by_weekday = bool(self.weekdays >> (wall.isoweekday() % 7) & 1)
        return (by_day or by_weekday) if self.is_either_day else (by_day and by_weekday)

    def next(self, after: int, zone: tzinfo) -> int | None:
        """The first matching second after `after`; None when there is none in five years."""
        return _Walk(calendar=self, zone=zone, second=after + 1).run()


@dataclass(frozen=True, slots=True)
class Delay:
    """A timer of constant length in seconds."""

    seconds: int

    def next(self, after: int) -> int:
        """The second at which a timer started at `after` rings."""
        return after + self.seconds


def to_second(moment: datetime) -> int:
    """The whole second that a moment with zone falls into.

    Raises:
        ValueError: `moment` has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give a datetime with one")
    return (moment - EPOCH) // timedelta(seconds=1)


def from_second(second: int, zone: tzinfo) -> datetime:
    """The moment of a second, in a zone."""
    return (EPOCH + timedelta(seconds=second)).astimezone(zone)


def following(timing: Calendar | Delay, after: datetime, zone: tzinfo | None) -> datetime | None:
    """The first firing later than `after`, in the zone of `after`; None when there is none.

    A calendar is read in `zone`, or in the zone of `after` where that is None.

    Raises:
        ValueError: `after` has no zone.
    """
    start = to_second(after)
    assert after.tzinfo is not None  # to_second refuses it
    try:
        match timing:
            case Calendar():
                second = timing.next(start, zone or after.tzinfo)
            case Delay():
                second = timing.next(start)
            case _:
                assert_never(timing)
        return None if second is None else from_second(second, after.tzinfo)
    except OverflowError:  # past the year 9999
        return None


def read_wall(wall: datetime, zone: tzinfo) -> int:
    """The second at which clocks in `zone` show `wall` (its own zone is not looked at)."""
    taken_as_utc = to_second(wall.replace(tzinfo=UTC))
    return taken_as_utc - _offset(taken_as_utc - _offset(taken_as_utc, zone), zone)


def _offset(second: int, zone: tzinfo) -> int:
    offset = from_second(second, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


@dataclass(slots=True)
class _Walk:
    calendar: Calendar
    zone: tzinfo
    second: int
    is_rewound: bool = False

    def run(self) -> int | None:
        calendar = self.calendar
        if not (calendar.minutes and calendar.hours and calendar.months):
            return None
        last_year = self.wall().year + HORIZON_YEARS
        try:
            while self.wall().year <= last_year:
                if self.month() and self.day() and self.hour() and self.minute() and self.whole():
                    return self.second
        except _StuckError:
            return None
        return None

    def wall(self) -> datetime:
        return from_second(self.second, self.zone)

    def rewind(self, *, day: int | None = None, hour: int | None = None) -> None:
        if not self.is_rewound:
            self.is_rewound = True
            wall = self.wall()
            start = wall.replace(
                day=wall.day if day is None else day,
                hour=wall.hour if hour is None else hour,
                minute=0,
                second=0,
            )
            self.second = read_wall(start, self.zone)

    def month(self) -> bool:
        while not self.calendar.months >> self.wall().month & 1:
            self.rewind(day=1, hour=0)
            wall = self.wall()
            first = wall.replace(day=1, tzinfo=None)
            following = (first + timedelta(days=31)).replace(day=1) + timedelta(days=wall.day - 1)
            self.second = read_wall(following, self.zone)
            if self.wall().month == 1:
                return False
        return True

    def day(self) -> bool:
        while not self.calendar.matches_day(self.wall()):
            self.rewind(hour=0)
            before = self.second
            tomorrow = self.wall().replace(tzinfo=None) + timedelta(days=1)
            self.second = read_wall(tomorrow, self.zone)
            hour = self.wall().hour
            self.second += ((24 - hour) if hour > 12 else -hour) * 3600
            if self.second <= before:
                # A zone that left out a whole calendar day; robfig/cron never returns from here.
                raise _StuckError
            if self.wall().day == 1:
                return False
        return True

    def hour(self) -> bool:
        while not self.calendar.hours >> self.wall().hour & 1:
            self.rewind()
            self.second += 3600
            if self.wall().hour == 0:
                return False
        return True

    def minute(self) -> bool:
        while not self.calendar.minutes >> self.wall().minute & 1:
            if not self.is_rewound:
                self.is_rewound = True
                self.second -= self.second % 60
            self.second += 60
            if self.wall().minute == 0:
                return False
        return True

    def whole(self) -> bool:
        # True on a whole minute; else the search starts over at the next one.
        past = self.wall().second
        if past == 0:
            return True
        self.is_rewound = True
        self.second += 60 - past
        return False


class _StuckError(Exception):
    """The search makes no progress."""
