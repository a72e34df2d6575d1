"""One day of firings: those that come, of the live schedules, and the runs that came of others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.run import Mode, Run
from reconciler.schedule import grid
from reconciler.schedule.window import Window
from reconciler.web.board import Board

MOST_SHOWN = 200
"""Lines of one hour that are written out; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What one plan or trigger does within an hour.

    `at` is the first of `count` moments. `key` is what fires, where it is declared. `run` is the
    execution of a moment that is past.
    """

    at: datetime
    set_name: str
    place: Place
    name: str
    key: Key | None = None
    count: int = 1
    run: Run | None = None

    @property
    def is_past(self) -> bool:
        """Say whether it is an execution that there is."""
        return self.run is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of a day, with what fires in it."""

    start: datetime
    firings: tuple[Firing, ...]
    hidden: int = 0

    @property
    def total(self) -> int:
        """Count all moments."""
        return sum(firing.count for firing in self.firings) + self.hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day in a zone; `timers` are schedules of which no time of day can be told."""

    day: date
    hours: tuple[Hour, ...]
    timers: tuple[tuple[str, Key, str], ...] = ()


def agenda(boards: Iterable[Board], day: date, zone: tzinfo, now: datetime) -> Day:
    """Lay out a day of the boards' sets, its hours as they are in `zone`."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    firings: list[Firing] = []
    timers: list[tuple[str, Key, str]] = []
    coming = Window(max(start, now.astimezone(UTC)), end)
    # Thousands of plans have a few schedules, each of which takes a while.
    known: dict[str, tuple[datetime, ...] | str] = {}
    for board in boards:
        firings += _past(board, start, end)
        for key, schedule in sorted(board.schedules.items()):
            text = json.dumps(schedule, sort_keys=True)
            if text not in known:
                known[text] = _ticks(schedule, coming)
            ticks = known[text]
            if isinstance(ticks, str):
                timers.append((board.name, key, ticks))
            else:
                firings += _coming(board.name, key, ticks)
    return Day(day=day, hours=tuple(_hours(firings, zone)), timers=tuple(timers))


def _ticks(schedule: Mapping[str, Json], coming: Window) -> tuple[datetime, ...] | str:
    """Compute the ticks of a schedule, or say why there are none that can be told."""
    try:
        read = grid.read(schedule)
        return tuple(read.ticks(coming)) if coming.start < coming.end else ()
    except ValueError as error:
        return str(error)


def _past(board: Board, start: datetime, end: datetime) -> Iterator[Firing]:
    for run in board.runs:
        at = run.scheduled_at or run.created_at
        if run.mode is not Mode.SCHEDULED or at is None or not start <= at < end:
            continue
        name = run.entity.name if run.entity else run.id.name
        yield Firing(at=at, set_name=board.name, place=run.id.place, name=name, run=run)


def _coming(set_name: str, key: Key, ticks: Iterable[datetime]) -> Iterator[Firing]:
    """One firing for each hour in which there are any."""
    hours: dict[datetime, list[datetime]] = defaultdict(list)
    for tick in ticks:
        hours[tick.replace(minute=0, second=0, microsecond=0)].append(tick)
    for found in hours.values():
        yield Firing(
            at=found[0],
            set_name=set_name,
            place=key.place,
            name=key.name,
            key=key,
            count=len(found),
        )


def _hours(firings: Iterable[Firing], zone: tzinfo) -> Iterator[Hour]:
    hours: dict[datetime, list[Firing]] = defaultdict(list)
    for firing in firings:
        hours[firing.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)].append(firing)
    for start, found in sorted(hours.items()):
        found.sort(key=lambda item: (item.at, item.place, item.name))
        shown = tuple(found[:MOST_SHOWN])
        rest = sum(item.count for item in found[MOST_SHOWN:])
        yield Hour(start=start.astimezone(zone), firings=shown, hidden=rest)
