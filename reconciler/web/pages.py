"""The pages as HTML: made here whole, without a script, and with everything of others escaped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from reconciler.engine.status import ObjectStatus, Standing
from reconciler.model.document import Json
from reconciler.model.drive import Row
from reconciler.model.key import Key
from reconciler.schedule import grid
from reconciler.web.board import Board, Fill, State, Sync
from reconciler.web.calendar import Day
from reconciler.web.tables import Looked, part

_LONG_VALUE = 2000
_NEXT = 5
_SHORT = 12
_WELL = frozenset({Standing.READY, Standing.HELD})
_BADLY = frozenset({Standing.FAILED, Standing.BLOCKED, Standing.CONTESTED, Standing.UNREADABLE})
_SECTIONS = {
    "sets.html": "Sets",
    "set.html": "Sets",
    "object.html": "Sets",
    "sync.html": "Sets",
    "calendar.html": "Calendar",
    "fills.html": "Backfills",
    "fill.html": "Backfills",
    "audit.html": "Audit",
}
_SIGNS = {"good": "✓", "busy": "◌", "bad": "✕", "quiet": "-"}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("reconciler.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        moment=moment,
        iso=lambda at: at.isoformat(),
        short=lambda text: str(text)[:_SHORT],
        value=value,
        mood=mood,
        sign=lambda word: _SIGNS[mood(word)],
        part=lambda text: quote(str(text), safe=""),
    )
    return made


def _page(name: str, /, **values: Any) -> str:
    section = _SECTIONS.get(name, "")
    return _environment().get_template(name).render(section=section, address=_address, **values)


def _address(page: int) -> str:
    return f"?page={page}"


def moment(at: datetime | None) -> str:
    """Write a moment for people, in UTC; a dash for none."""
    if at is None:
        return "-"
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def value(found: Json) -> str:
    """Write a value of a field; a dash for one that is absent, and long ones cut."""
    if found is None:
        return "-"
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, indent=1)
    return text if len(text) <= _LONG_VALUE else text[:_LONG_VALUE] + " … (cut)"


def mood(word: str) -> str:
    """Say how a state, standing, result or phase is meant: good, busy, bad or quiet."""
    return _MOODS.get(str(word), "quiet")


def sets(boards: Iterable[Board], now: datetime) -> str:
    """All sets, those that need somebody first."""
    ranks = {"bad": 0, "busy": 1, "quiet": 2, "good": 3}
    rows = sorted(boards, key=lambda board: (ranks[mood(board.state)], board.name))
    return _page("sets.html", now=now, boards=rows, standing=Standing)


def one_set(board: Board, looked: Looked, now: datetime) -> str:
    """One set: how it stands, its objects in parts, and its last syncs."""
    found = [item for item in board.objects if looked.matches(item)]
    counts = Counter(str(item.standing) for item in board.objects)
    return _page(
        "set.html",
        now=now,
        board=board,
        looked=looked,
        part=part(found, looked.page),
        counts=sorted(counts.items()),
        kinds=sorted({item.key.kind for item in board.objects}),
        standings=sorted(counts),
    )


def one_object(board: Board, item: ObjectStatus, now: datetime) -> str:
    """One object: why it stands as it does, what differs, and when it fires."""
    return _page(
        "object.html",
        now=now,
        board=board,
        item=item,
        change=board.changes.get(item.key),
        firings=_next(board, item.key, now),
    )


def one_sync(board: Board, number: int, sync: Sync, now: datetime) -> str:
    """One sync that is over, with what it changed."""
    shown = part(sync.changes, 1)
    return _page("sync.html", now=now, board=board, number=number, sync=sync, part=shown)


def calendar(shown: Day, names: Iterable[str], asked: str, zone: str, now: datetime) -> str:
    """One day of firings."""
    return _page(
        "calendar.html",
        now=now,
        shown=shown,
        names=list(names),
        asked=asked,
        zone=zone,
        before=shown.day - timedelta(days=1),
        after=shown.day + timedelta(days=1),
    )


def fills(boards: Iterable[Board], now: datetime) -> str:
    """All backfills, with how far each is."""
    rows = [(board, fill, _counts(fill.rows)) for board in boards for fill in board.fills]
    return _page("fills.html", now=now, rows=rows)


def one_fill(board: Board, fill: Fill, page: int, now: datetime) -> str:
    """One backfill, tick by tick."""
    return _page(
        "fill.html",
        now=now,
        board=board,
        fill=fill,
        counts=_counts(fill.rows),
        part=part(fill.rows, page),
    )


def audit(boards: Iterable[Board], name: str, page: int, now: datetime) -> str:
    """What was written, by whom and for which commit, as the ledgers keep it."""
    every = list(boards)
    chosen = [board for board in every if not name or board.name == name]
    entries = [
        (board, one.entry)
        for board in chosen
        for one in board.audit.entries
        if one.entry.at is not None
    ]
    entries.sort(key=lambda item: str(item[1].at), reverse=True)
    return _page(
        "audit.html",
        now=now,
        part=part(entries, page),
        names=[board.name for board in every],
        asked=name,
        partial=[board.name for board in chosen if not board.audit.is_whole],
        pages_of=lambda number: (
            "?" + urlencode({**({"set": name} if name else {}), "page": number})
        ),
    )


def login(*, is_wrong: bool, has_token: bool) -> str:
    """The question for the token."""
    return _page("login.html", now=None, is_wrong=is_wrong, has_token=has_token)


def problem(title: str, text: str) -> str:
    """A page that says why there is none."""
    return _page("problem.html", now=None, title=title, text=text)


def today(now: datetime, zone: tzinfo) -> date:
    """The day that it is in a zone."""
    return now.astimezone(zone).date()


def _counts(rows: Iterable[Row]) -> dict[str, int]:
    found = Counter(_word(row) for row in rows)
    total = sum(found.values())
    over = sum(count for word, count in found.items() if word in {"covered", "succeeded"})
    return {"total": total, "over": over, **dict(sorted(found.items()))}


def _word(row: Row) -> str:
    if row.phase is not None:
        return str(row.phase)
    return "covered" if row.is_covered else "missing"


def _next(board: Board, key: Key, now: datetime) -> list[datetime]:
    schedule = board.schedules.get(key)
    if schedule is None:
        return []
    found: list[datetime] = []
    at: datetime | None = now
    try:
        read = grid.read(schedule)
        while at is not None and len(found) < _NEXT:
            at = read.first_after(at)
            if at is not None:
                found.append(at)
    except ValueError:
        return []
    return found


_MOODS = {
    **{str(state): "busy" for state in (State.PENDING, State.UNKNOWN)},
    **{str(state): "bad" for state in (State.FAILED, State.STALLED)},
    str(State.IN_SYNC): "good",
    str(State.SUSPENDED): "quiet",
    **{str(standing): "busy" for standing in Standing},
    **{str(standing): "good" for standing in _WELL},
    **{str(standing): "bad" for standing in _BADLY},
    "drift": "bad",
    "applied": "good",
    "unchanged": "quiet",
    "refused": "bad",
    "done": "good",
    "skipped": "quiet",
    "deferred": "busy",
    "succeeded": "good",
    "covered": "good",
    "recovered": "good",
    "running": "busy",
    "queued": "busy",
    "aborted": "bad",
    "timed-out": "bad",
}
