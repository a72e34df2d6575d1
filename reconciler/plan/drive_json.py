"""How far a declaration of runs is, as JSON; what is due stands in its change."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from reconciler.model.document import filled
from reconciler.model.drive import Drive, Row
from reconciler.model.key import Key, Place
from reconciler.model.run import Phase, RunId
from reconciler.schedule.window import show

if TYPE_CHECKING:
    from reconciler.model.document import Json

MOST_ROWS = 100
"""Runs of one declaration that are told one by one; all of them are counted."""


def encode_drive(key: Key, drive: Drive, *, waits: str, most: int = MOST_ROWS) -> dict[str, Json]:
    """Write how far a declaration is, with its first rows."""
    parts: dict[str, Json] = {
        "key": str(key),
        "state": state_of(drive),
        "waits": "" if drive.is_done else waits,
        "failure": drive.failure,
        "counts": dict(counts(drive)),
        "rows": [_row(row) for row in drive.rows[:most]],
        "rowsLeftOut": max(len(drive.rows) - most, 0),
        "outputs": dict(drive.outputs),
        "notes": list(drive.notes),
        "estimateSeconds": _seconds(drive.estimate),
    }
    return filled(parts)


def state_of(drive: Drive) -> str:
    """Say in a word how far a declaration is: due, waiting, idle, failed or done."""
    if drive.is_done:
        return "done"
    if drive.launches or drive.stops or drive.replies:
        return "due"
    if drive.is_idle:
        return "idle"
    return "failed" if drive.failure else "waiting"


def counts(drive: Drive) -> dict[str, int]:
    """Count the runs of a declaration by phase; what was not started is `due`, or `covered`."""
    found = Counter(
        row.phase.value if row.phase else "covered" if row.is_covered else "due"
        for row in drive.rows
    )
    return dict(sorted(found.items()))


def _row(row: Row) -> dict[str, Json]:
    parts: dict[str, Json] = {
        "scheduledAt": show(row.scheduled_at) if row.scheduled_at else "",
        "place": str(row.run.place) if row.run else "",
        "run": row.run.name if row.run else "",
        "phase": row.phase.value if row.phase else "",
        "attempts": row.attempts,
        "isCovered": row.is_covered,
        "why": row.why,
        "url": row.url,
    }
    return filled(parts)


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else max(round(span.total_seconds()), 1)


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def decode_drive(value: dict[str, Any]) -> tuple[Key, Drive]:
    """Read what `encode_drive` wrote; what was due is in the plan's changes."""
    return Key.parse(value["key"]), Drive(
        rows=tuple(_read_row(item) for item in value.get("rows", [])),
        waits=value.get("waits", ""),
        failure=value.get("failure", ""),
        is_done=value["state"] == "done",
        is_idle=value["state"] == "idle",
        outputs=value.get("outputs", {}),
        notes=tuple(value.get("notes", [])),
        estimate=_span(value.get("estimateSeconds")),
    )


def _read_row(value: dict[str, Any]) -> Row:
    at = value.get("scheduledAt")
    return Row(
        scheduled_at=datetime.fromisoformat(at) if at else None,
        run=_run(value),
        phase=Phase(value["phase"]) if "phase" in value else None,
        attempts=value.get("attempts", 0),
        is_covered=value.get("isCovered", False),
        why=value.get("why", ""),
        url=value.get("url", ""),
    )


def _run(value: dict[str, Any]) -> RunId | None:
    return RunId(Place.parse(value["place"]), value["run"]) if "run" in value else None
