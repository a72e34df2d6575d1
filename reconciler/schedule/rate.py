"""Fixed rates: the text of `every` and Flyte's `{value, unit}`, by way of whole minutes.

Flyte 1 knows minutes, hours and days. It stores any 32-bit value and multiplies it into a signed
64-bit count of nanoseconds, which overflows past 106,751 days; a value of 0 silently means no
schedule. A rate is a timer: it starts when the scheduler picks the version up, not on the clock.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import assert_never

from reconciler.schedule import duration, rules
from reconciler.schedule.rules import ScheduleError
from reconciler.schedule.walk import Delay

LARGEST_MINUTES = ((1 << 63) - 1) // (60 * duration.SECOND)
"""The longest rate that the scheduler's arithmetic holds, in minutes: 292 years."""

_TEXT = re.compile(r"(?:([0-9]{1,12})d)?(?:([0-9]{1,12})h)?(?:([0-9]{1,12})m)?")
_HOUR = 60
_DAY = 24 * _HOUR


class Unit(StrEnum):
    """Units of Flyte's fixed rate, by their names in the IDL."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"

    @property
    def minutes(self) -> int:
        """Minutes in one unit."""
        match self:
            case Unit.MINUTE:
                return 1
            case Unit.HOUR:
                return _HOUR
            case Unit.DAY:
                return _DAY
            case _:
                assert_never(self)


def parse(text: str) -> int:
    """Minutes of a rate such as `90m`, `6h`, `1d` or `1h30m`.

    Raises:
        ScheduleError: a ValueError; not a rate, zero, not whole minutes, or too long.
    """
    match = _TEXT.fullmatch(text)
    if match is None or not text:
        raise _unreadable(text)
    days, hours, minutes = (int(part or "0") for part in match.groups())
    return check(days * _DAY + hours * _HOUR + minutes, text=text)


def check(minutes: int, *, text: str) -> int:
    """`minutes`, when Flyte can hold that rate; `text` is how messages call it.

    Raises:
        ScheduleError: zero, negative or too long.
    """
    if minutes <= 0:
        raise ScheduleError(
            rules.RATE,
            f'rate "{text}" is zero: no schedule for Flyte 1, and Flyte 2 hangs on it',
            "write 1m or more, or leave the schedule out",
        )
    if minutes > LARGEST_MINUTES:
        raise ScheduleError(
            rules.RATE,
            f'rate "{text}" is longer than 292 years, where the scheduler overflows',
            f"write at most {LARGEST_MINUTES}m",
        )
    return minutes


def render(minutes: int) -> str:
    """The shortest text that `parse` reads as that many minutes, in one unit: `6h`, `90m`."""
    value, unit = to_unit(minutes)
    return f"{value}{unit.value[0].lower()}"


def to_unit(minutes: int) -> tuple[int, Unit]:
    """The rate in the largest unit that divides it."""
    for unit in (Unit.DAY, Unit.HOUR):
        if minutes % unit.minutes == 0:
            return minutes // unit.minutes, unit
    return minutes, Unit.MINUTE


def to_delay(minutes: int) -> Delay:
    """The timer of a rate."""
    return Delay(minutes * 60)


def equal_cron(minutes: int) -> str | None:
    """The cron expression with the same distance between firings, None where there is none.

    Equal where clocks do not change; its phase is the clock's, the rate's is that of its timer.
    """
    match minutes:
        case _ if minutes <= 0:
            return None
        case 1:
            return "* * * * *"
        case _ if minutes < _HOUR and _HOUR % minutes == 0:
            return f"*/{minutes} * * * *"
        case 60:
            return "0 * * * *"
        case _ if minutes % _HOUR == 0 and minutes < _DAY and _DAY % minutes == 0:
            return f"0 */{minutes // _HOUR} * * *"
        case 1440:
            return "0 0 * * *"
        case 10080:
            return "0 0 * * 0"
        case _:
            return None


def _unreadable(text: str) -> ScheduleError:
    example = "write whole minutes, hours or days, such as 90m, 6h, 1d or 1h30m"
    try:
        nanoseconds = duration.parse(text)
    except ValueError:
        return ScheduleError(rules.RATE, f'rate "{text}" is not readable', example)
    if nanoseconds <= 0:
        return ScheduleError(rules.RATE, f'rate "{text}" is not above zero', "write 1m or more")
    minutes, rest = divmod(nanoseconds, 60 * duration.SECOND)
    if rest:
        fix = "write whole minutes; Flyte's smallest unit is one minute"
        return ScheduleError(rules.RATE, f'rate "{text}" is not a whole number of minutes', fix)
    return ScheduleError(
        rules.RATE,
        f'rate "{text}" is not in whole minutes, hours or days',
        f"write {render(minutes)}",
    )
