"""What several backfills of one connection may start together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.drive import Drive
from reconciler.model.run import Phase, RunId


def share(drives: Sequence[tuple[Drive, int | None]]) -> tuple[Drive, ...]:
    """Take launches away where more would be in flight than a backfill's limit for all of them.

    They are served in the order in which they come, so that the first is never starved.
    """
    alive = set[RunId]()
    for drive, _ in drives:
        alive |= {row.run for row in drive.rows if row.run and row.phase and _is_alive(row.phase)}
    total = len(alive)
    found: list[Drive] = []
    for drive, limit in drives:
        room = len(drive.launches) if limit is None else max(limit - total, 0)
        kept = _cut(drive, room, limit or 0)
        total += len(kept.launches)
        found.append(kept)
    return tuple(found)


def _is_alive(phase: Phase) -> bool:
    return not phase.is_terminal


def _cut(drive: Drive, room: int, limit: int) -> Drive:
    held = {launch.scheduled_at for launch in drive.launches[room:]}
    if not held:
        return drive
    rows = tuple(
        replace(row, why="waits for other backfills") if row.scheduled_at in held else row
        for row in drive.rows
    )
    waits = drive.waits if room else f"at most {limit} runs of all backfills may be in flight"
    return replace(drive, launches=drive.launches[:room], rows=rows, waits=waits)
