"""What several backfills of one connection may start together."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconciler.model.drive import Drive, Outside
from reconciler.model.run import Launch, RunId

NOTHING = Outside()


def share(
    drives: Sequence[tuple[Drive, int | None]], outside: Outside = NOTHING
) -> tuple[Drive, ...]:
    """Take launches away where more would be in flight than a backfill's limit for all of them.

    They are served in the order in which they come, so that the first is never starved. A run that
    several have, or that is outside as well, counts once. Where it is not known what is outside,
    nothing starts that has a limit.
    """
    own = {
        row.run
        for drive, _ in drives
        for row in drive.rows
        if row.run and row.phase and not row.phase.is_terminal
    }
    taken = own | outside.runs
    others = len(outside.runs - own)
    found: list[Drive] = []
    for drive, limit in drives:
        if limit is None:
            kept = drive
        elif outside.unread:
            why = f"what other sets have in flight is not known: {outside.unread}"
            kept = _cut(drive, (), why)
        else:
            kept = _cut(drive, _within(drive.launches, taken, limit), _full(limit, others))
        taken |= {launch.id for launch in kept.launches}
        found.append(kept)
    return tuple(found)


def _full(limit: int, others: int) -> str:
    told = f"at most {limit} runs of all backfills may be in flight"
    return f"{told}, {others} elsewhere among them" if others else told


def _within(
    launches: Sequence[Launch], taken: AbstractSet[RunId], limit: int
) -> tuple[Launch, ...]:
    """Choose what starts: what another one starts already takes no more room."""
    room = limit - len(taken)
    kept: list[Launch] = []
    for launch in launches:
        if launch.id in taken:
            kept.append(launch)
        elif room > 0:
            kept.append(launch)
            room -= 1
    return tuple(kept)


def _cut(drive: Drive, kept: tuple[Launch, ...], why: str) -> Drive:
    if len(kept) == len(drive.launches):
        return drive
    starting = {launch.id for launch in kept}
    held = {launch.scheduled_at for launch in drive.launches if launch.id not in starting}
    rows = tuple(
        replace(row, why="waits for other backfills") if row.scheduled_at in held else row
        for row in drive.rows
    )
    return replace(drive, launches=kept, rows=rows, waits=why)
