"""What several backfills of one connection may start together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.drive import Drive, Outside

NOTHING = Outside()


def share(
    drives: Sequence[tuple[Drive, int | None]], outside: Outside = NOTHING
) -> tuple[Drive, ...]:
    """Take launches away where more would be in flight than a backfill's limit for all of them.

    They are served in the order in which they come, so that the first is never starved. A run that
    is both in a drive and outside counts once. Where it is not known what is outside, nothing
    starts that has a limit.
    """
    own = {
        row.run
        for drive, _ in drives
        for row in drive.rows
        if row.run and row.phase and not row.phase.is_terminal
    }
    total = len(own | outside.runs)
    others = len(outside.runs - own)
    found: list[Drive] = []
    for drive, limit in drives:
        if limit is None:
            kept = drive
        elif outside.unread:
            kept = _cut(drive, 0, f"what other sets have in flight is not known: {outside.unread}")
        else:
            kept = _cut(drive, max(limit - total, 0), _full(limit, others))
        total += len(kept.launches)
        found.append(kept)
    return tuple(found)


def _full(limit: int, others: int) -> str:
    told = f"at most {limit} runs of all backfills may be in flight"
    return f"{told}, {others} elsewhere among them" if others else told


def _cut(drive: Drive, room: int, why: str) -> Drive:
    held = {launch.scheduled_at for launch in drive.launches[room:]}
    if not held:
        return drive
    rows = tuple(
        replace(row, why="waits for other backfills") if row.scheduled_at in held else row
        for row in drive.rows
    )
    waits = drive.waits if room else why
    return replace(drive, launches=drive.launches[:room], rows=rows, waits=waits)
