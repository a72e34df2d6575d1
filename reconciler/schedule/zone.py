"""Time zones by IANA name, from the `tzdata` package and never from the machine.

So firings and findings are the same on every machine, whatever zone files it has; updating
`tzdata` updates them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reconciler.schedule import rules
from reconciler.schedule.rules import ScheduleError


class Shift(NamedTuple):
    """A moment at which a zone's clocks change, and by how much; forward is positive."""

    at: datetime
    by: timedelta


@cache
def names() -> frozenset[str]:
    """Every zone name, links included."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def load(name: str) -> tzinfo:
    """The zone of that name, whose letter case matters.

    Raises:
        ScheduleError: no such zone.
    """
    if name == "UTC":
        return UTC
    if name not in names():
        raise ScheduleError(rules.ZONE_UNKNOWN, f'time zone "{name}" is unknown', _advice(name))
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=1024)
def shifts(zone: tzinfo, start: datetime, days: int) -> tuple[Shift, ...]:
    """The shifts of a zone within `days` after `start`, in order, to the second."""
    found: list[Shift] = []
    low = start.astimezone(UTC)
    for _ in range(days):
        high = low + timedelta(days=1)
        change = _offset(high, zone) - _offset(low, zone)
        if change:
            found.append(Shift(_bisect(low, high, zone), change))
        low = high
    return tuple(found)


def _bisect(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    before = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _advice(name: str) -> str:
    by_fold = {known.casefold(): known for known in names()}
    place = name.rpartition("/")[2].casefold().replace(" ", "_")
    ends = sorted(known for fold, known in by_fold.items() if fold.rpartition("/")[2] == place)
    close = get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.75)
    best = by_fold.get(name.casefold().replace(" ", "_"))
    if best is None and ends:
        best = ends[0]
    if best is None and close:
        best = by_fold[close[0]]
    if best:
        return f'write "{best}"'
    return 'write a name such as "Europe/Berlin" or "UTC"'
