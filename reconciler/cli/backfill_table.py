"""The table of a backfill: a row for each tick, redrawn while it fills, line by line elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import click

from reconciler.cli.kinds import one_line
from reconciler.cli.output import counted
from reconciler.schedule.window import show as written

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.model.drive import Drive, Row
    from reconciler.model.key import Key

HEADER = ("TICK", "PHASE", "RUN", "TRIES", "")
_DROPPED = ("TRIES", "RUN", "")
"""What a narrow terminal goes without, so that no tick is cut."""
_MOST_PAGES = 10
_WIDTH = 60


class Viewer(Protocol):
    """Shows what each look found."""

    def show(self, drive: Drive) -> None:
        """Show how far it is while it goes on."""
        ...

    def last(self, drive: Drive) -> None:
        """Show all of it."""
        ...


def viewer(key: Key, format_: str, *, is_live: bool) -> Viewer:
    """Choose how a backfill is shown."""
    if format_ != "text":
        return _Documents(key, format_)
    return _Screen(key) if is_live and sys.stdout.isatty() else _Lines(key)


class _Documents:
    """Writes what was found last as one document."""

    def __init__(self, key: Key, format_: str) -> None:
        self._key, self._format = key, format_

    def show(self, drive: Drive) -> None:
        """Write nothing yet."""

    def last(self, drive: Drive) -> None:
        """Write it, with every row."""
        from reconciler.cli.documents import FORMAT_VERSION
        from reconciler.cli.output import document
        from reconciler.plan.drive_json import encode_drive

        shown: dict[str, Json] = {
            "formatVersion": FORMAT_VERSION,
            **encode_drive(self._key, drive, waits=drive.waits, most=len(drive.rows)),
        }
        click.echo(document(shown, self._format), nl=False)


class _Lines:
    """Writes a line for each tick that comes to another phase, and the table at the end."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._seen: dict[str, str] = {}

    def show(self, drive: Drive) -> None:
        """Write what changed."""
        is_first = not self._seen
        for row in drive.rows:
            tick, phase = _tick(row), row.phase.value if row.phase else ""
            if self._seen.get(tick) != phase and not is_first:
                name = row.run.name if row.run else ""
                click.echo(one_line(f"{tick} {phase} {name} {row.why}".rstrip()))
            self._seen[tick] = phase

    def last(self, drive: Drive) -> None:
        """Write the table."""
        click.echo("\n".join(lines(self._key, drive)))


class _Screen:
    """Draws how far it is anew in place of the former drawing, and the table at the end."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._height = 0

    def show(self, drive: Drive) -> None:
        """Draw the ticks that go on, and a mark for each of all."""
        columns, rows = shutil.get_terminal_size()
        alive = [row for row in drive.rows if row.phase and not row.phase.is_terminal]
        drawn = [*_head(self._key, drive), *_strip(drive, min(columns - 1, _WIDTH))]
        drawn += [" ".join(_cells(row)).rstrip() for row in alive]
        drawn = [one_line(line)[: columns - 1] for line in drawn][: max(rows - 2, 3)]
        self._draw(drawn)

    def last(self, drive: Drive) -> None:
        """Write the table in its place."""
        self._draw(list(lines(self._key, drive)))

    def _draw(self, drawn: list[str]) -> None:
        up = f"\x1b[{self._height}A\r\x1b[J" if self._height else ""
        click.echo(up + "\n".join(drawn))
        self._height = len(drawn)


def lines(key: Key, drive: Drive) -> Iterator[str]:
    """Write a backfill with a row for each tick."""
    from reconciler.cli.table import table, width_of_terminal

    yield from map(one_line, _head(key, drive))
    if drive.rows:
        rows = [_cells(row) for row in drive.rows]
        yield from table(HEADER, rows, width=width_of_terminal(), drop=_DROPPED)
    pages = [f"{_tick(row)}: {row.url}" for row in drive.rows if row.url and not row.is_covered]
    if pages:
        yield "look at what did not end well:"
        yield from (f"  {page}" for page in pages[:_MOST_PAGES])


def _head(key: Key, drive: Drive) -> Iterator[str]:
    yield f"{key}: {state(drive)}"
    for note in drive.notes:
        yield f"  {note}"


def state(drive: Drive) -> str:
    """Say in words how far a backfill is."""
    if drive.is_done:
        return "done"
    if drive.failure:
        return f"failed: {drive.failure}"
    if drive.launches:
        return f"{counted(len(drive.launches), 'run')} due now"
    return f"waits: {drive.waits}" if drive.waits else "nothing is due"


def _strip(drive: Drive, width: int) -> Iterator[str]:
    """Draw a mark for each tick: done, going on, failed, or not started."""
    marks = "".join(map(_mark, drive.rows))
    for start in range(0, len(marks), width):
        yield f"  {marks[start : start + width]}"


def _mark(row: Row) -> str:
    phase = row.phase
    if phase is None:
        return "."
    if phase.is_success:
        return "#"
    return "x" if phase.is_terminal else ">"


def _tick(row: Row) -> str:
    return written(row.scheduled_at) if row.scheduled_at else ""


def _cells(row: Row) -> tuple[str, ...]:
    phase = row.phase.value if row.phase else "missing"
    why = row.why or ("covered by a run that was there before" if row.is_covered else "")
    tries = str(row.attempts) if row.attempts > 1 else ""
    cells = (_tick(row), phase, row.run.name if row.run else "", tries, why)
    return tuple(map(one_line, cells))
