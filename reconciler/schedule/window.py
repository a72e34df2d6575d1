"""A window of time as somebody writes it: absolute, or relative to the moment it is first seen.

Absolute moments are RFC 3339 with a zone. Relative ones are `now`, or a sign and weeks, days,
hours, minutes and seconds: `-30d`, `-1w2d`, `+12h`. A window holds its start and not its end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOW = "now"
_FIRST_YEAR, _LAST_YEAR = 1900, 9998
"""With room on both sides for clocks of any zone, and for what comes shortly before a moment."""
_UNSEEN = datetime(1970, 1, 1, tzinfo=UTC)
_RELATIVE = re.compile(
    r"(?P<sign>[-+])(?:(?P<weeks>\d{1,5})w)?(?:(?P<days>\d{1,5})d)?(?:(?P<hours>\d{1,6})h)?"
    r"(?:(?P<minutes>\d{1,8})m)?(?:(?P<seconds>\d{1,9})s)?",
    re.ASCII,
)
_ABSOLUTE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_NAIVE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?", re.ASCII)


class WindowError(ValueError):
    """A text is no moment, or two moments are no window; `fix` says what to write."""

    def __init__(self, message: str, fix: str) -> None:
        self.message = message
        self.fix = fix
        super().__init__(f"{message}; {fix}")


@dataclass(frozen=True, slots=True)
class Window:
    """From `start`, included, to `end`, excluded; both in UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: object) -> bool:
        return isinstance(moment, datetime) and self.start <= moment < self.end

    def __str__(self) -> str:
        return f"[{show(self.start)}, {show(self.end)})"


def moment(text: str, *, now: datetime) -> datetime:
    """The moment, in UTC, that a text names when it is read at `now`, cut to whole seconds.

    Raises:
        WindowError: it names none, or one that no schedule is asked for.
    """
    try:
        found = _absolute(text) if is_absolute(text) else now + distance(text)
    except (ValueError, OverflowError) as error:
        if isinstance(error, WindowError):
            raise
        raise _unreadable(text) from None
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        years = f"{_FIRST_YEAR} to {_LAST_YEAR}"
        raise WindowError(f'"{text}" is in none of the years {years}', "write a moment in them")
    return found.astimezone(UTC).replace(microsecond=0)


def instant(text: str) -> datetime:
    """The moment, in UTC, that an absolute text names.

    Raises:
        WindowError: it is not one.
    """
    if not is_absolute(text):
        raise _unreadable(text)
    return moment(text, now=_UNSEEN)


def is_absolute(text: str) -> bool:
    """Whether a text names the same moment whenever it is read."""
    return _ABSOLUTE.fullmatch(text) is not None


def distance(text: str) -> timedelta:
    """How far from now a relative text is.

    Raises:
        WindowError: it is not one.
    """
    if text == NOW:
        return timedelta()
    found = _RELATIVE.fullmatch(text)
    parts = (
        {}
        if found is None
        else {
            unit: int(number)
            for unit, number in found.groupdict().items()
            if number is not None and unit != "sign"
        }
    )
    if found is None or not parts:
        raise _unreadable(text)
    length = timedelta(**parts)
    return -length if found["sign"] == "-" else length


def window(start: str, end: str, *, now: datetime) -> Window:
    """The window of two texts, read at `now`.

    Raises:
        WindowError: one is no moment, or the first is not before the second.
    """
    found = Window(moment(start, now=now), moment(end, now=now))
    if found.start >= found.end:
        raise WindowError(
            f"{show(found.start)} is not before {show(found.end)}, so that the window is empty",
            "write the earlier moment first; the end is not part of the window",
        )
    return found


def show(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _absolute(text: str) -> datetime:
    return datetime.fromisoformat(text.upper())


def _unreadable(text: str) -> WindowError:
    fix = 'write it as RFC 3339, for example "2026-05-01T06:00:00Z", or as -30d, -12h or now'
    naive = _NAIVE.fullmatch(text)
    if naive is not None:
        tail = "T00:00:00Z" if len(text) == len(naive[1]) else "Z"
        fix = f'add the zone, for example "{text.replace(" ", "T")}{tail}"'
    return WindowError(f'"{text}" is no moment', fix)
