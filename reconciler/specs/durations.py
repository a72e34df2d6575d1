"""Durations as Go writes them: `90s`, `10m`, `1h30m`, `1.5h`."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def seconds(text: str) -> Fraction:
    """Read a duration, exactly; raises ValueError when it is not one."""
    if not text or _PART.sub("", text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 10m or 1h30m")
    parts = _PART.findall(text)
    return (
        sum((Fraction(number) * _NANOSECONDS[unit] for number, unit in parts), Fraction()) / 10**9
    )


def duration(text: str) -> timedelta:
    """Read a duration, to the microsecond; raises ValueError when it is not one or too long."""
    try:
        return timedelta(microseconds=int(seconds(text) * 10**6))
    except OverflowError as error:
        raise ValueError(f"{text!r} is too long") from error


def whole_minutes(text: str) -> int | None:
    """Read a duration of whole minutes; None when it has a rest. Raises ValueError as `seconds`."""
    minutes = seconds(text) / 60
    return int(minutes) if minutes.denominator == 1 else None


def equal_cron(minutes: int) -> str | None:
    """Return the cron expression that fires at the same rate, None when there is none.

    >>> equal_cron(360)
    '0 */6 * * *'
    """
    if minutes == 1:
        return "* * * * *"
    if minutes < 60 and 60 % minutes == 0:
        return f"*/{minutes} * * * *"
    if minutes == 60:
        return "0 * * * *"
    if minutes < 1440 and minutes % 60 == 0 and 24 % (minutes // 60) == 0:
        return f"0 */{minutes // 60} * * *"
    return {1440: "0 0 * * *", 7 * 1440: "0 0 * * 0"}.get(minutes)
