"""How far a backfill is, for the status of its custom resource: counts, and open ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.document import Json
from reconciler.plan.backfill.due import length
from reconciler.schedule.window import show

if TYPE_CHECKING:
    from reconciler.model.drive import Drive, Row

_MOST_OPEN = 20
_LONGEST = 200


def counts(drive: Drive) -> dict[str, Json]:
    """Count the ticks of a drive by what has become of them, and name the first that are open."""
    rows = drive.rows
    if not rows:
        return {}
    covered = [row for row in rows if row.phase is not None and row.phase.is_success]
    alive = [row for row in rows if row.phase is not None and not row.phase.is_terminal]
    missing = [row for row in rows if row.phase is None]
    failed = len(rows) - len(covered) - len(alive) - len(missing)
    shown = [_line(row) for row in rows if row not in covered][:_MOST_OPEN]
    return {
        "ticks": len(rows),
        "covered": len(covered),
        "inFlight": len(alive),
        "missing": len(missing),
        "failed": failed,
        "estimate": length(drive.estimate) if drive.estimate is not None else None,
        "open": list[Json](shown) or None,
    }


def _line(row: Row) -> str:
    tick = show(row.scheduled_at) if row.scheduled_at else ""
    phase = row.phase.value if row.phase else "missing"
    run = f" {row.run.name}" if row.run else ""
    why = f": {row.why}" if row.why else ""
    page = f" {row.url}" if row.url else ""
    return f"{tick} {phase}{run}{page}{why}"[:_LONGEST]
