"""What the reading commands tell, as JSON; a new minor of the format adds fields."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.api.converting import Conversion
from reconciler.convert.cut_over import CutOver
from reconciler.engine.explanation import Explanation
from reconciler.engine.firings import Preview
from reconciler.engine.status import ObjectStatus, Status
from reconciler.engine.upcoming import Upcoming
from reconciler.model import ledger as ledgers
from reconciler.model.document import Json
from reconciler.model.health import Check
from reconciler.model.ledger import Written
from reconciler.model.origin import Origin

FORMAT_VERSION = "1.0"


def status_json(found: Status) -> dict[str, Json]:
    """Write a status; the ledger is given as it is kept."""
    return {
        "formatVersion": FORMAT_VERSION,
        "set": found.set_name or None,
        "source": found.source or None,
        "commit": found.commit or None,
        "connection": dict(found.backend),
        "at": found.now.isoformat(),
        "ready": found.is_ready,
        "objects": [object_json(item) for item in found.objects],
        "others": [object_json(item) for item in found.others],
        "ledger": {"revision": found.ledger.revision, **ledgers.encode(found.ledger)}
        if found.ledger
        else None,
        "warnings": list(found.warnings),
        "unread": list(found.unread),
    }


def audit_json(name: str, found: Iterable[Written]) -> dict[str, Json]:
    """Write the history of a set's ledger, the newest first."""
    return {
        "formatVersion": FORMAT_VERSION,
        "set": name,
        "entries": [
            {
                "revision": one.revision,
                "at": one.entry.at.isoformat() if one.entry.at else None,
                "by": one.entry.by or None,
                "source": one.entry.source or None,
                "commit": one.entry.commit or None,
                "plan": one.entry.plan or None,
                "done": list(one.entry.done),
                "failed": list(one.entry.failed),
            }
            for one in found
        ],
    }


def object_json(item: ObjectStatus) -> dict[str, Json]:
    """Write one object of a status."""
    return {
        "key": str(item.key),
        "state": item.standing.value,
        "source": origin_json(item.origin),
        "declared": {"state": item.wanted or None, "version": item.version or None},
        "active": list(item.active),
        "registeredAt": item.made_at or None,
        "owner": item.owner or None,
        "next": preview_json(item.firing),
        "detail": item.detail or None,
    }


def preview_json(firing: Preview | None) -> dict[str, Json] | None:
    """Write the next firings of a schedule."""
    if firing is None:
        return None
    return {
        "schedule": firing.text,
        "times": [time.isoformat() for time in firing.times],
        "timer": firing.timer,
        "notes": list(firing.notes),
    }


def origin_json(origin: Origin | None) -> dict[str, Json] | None:
    """Write a place in a file."""
    if origin is None:
        return None
    return {"file": origin.file, "line": origin.line, "column": origin.column}


def upcoming_json(found: Iterable[Upcoming]) -> dict[str, Json]:
    """Write previews of plans."""
    return {
        "formatVersion": FORMAT_VERSION,
        "plans": [
            {
                "key": str(item.key),
                "source": origin_json(item.origin),
                "version": item.version or None,
                "next": preview_json(item.preview),
                "note": item.note or None,
            }
            for item in found
        ],
    }


def explanation_json(found: Explanation) -> dict[str, Json]:
    """Write an explanation of one object."""
    return {
        "formatVersion": FORMAT_VERSION,
        "set": found.set_name,
        "object": object_json(found.status),
        "digest": found.digest or None,
        "fields": [
            {"path": item.path, "before": item.before, "after": item.after} for item in found.fields
        ],
        "notes": list(found.notes),
        "ledger": list(found.ledger),
        "rule": found.rule,
        "unblock": found.unblock or None,
    }


def checks_json(checks: Iterable[Check]) -> dict[str, Json]:
    """Write the checks of the doctor."""
    return {
        "formatVersion": FORMAT_VERSION,
        "checks": [
            {
                "name": check.name,
                "health": check.health.value,
                "detail": check.detail,
                "fix": check.fix or None,
            }
            for check in checks
        ],
    }


def conversion_json(found: Conversion, moved: CutOver | None) -> dict[str, Json]:
    """Write a conversion, and the plan of the move where one was asked for."""
    made: dict[str, Json] = {
        "formatVersion": FORMAT_VERSION,
        "documents": list[Json](found.documents),
        "notes": [
            {
                "source": origin_json(note.origin),
                "path": note.path,
                "fate": note.fate.value,
                "why": note.why,
            }
            for note in found.notes
        ],
    }
    if moved is not None:
        made["cutOver"] = _cut_over_json(moved)
    return made


def _cut_over_json(moved: CutOver) -> dict[str, Json]:
    window = moved.window
    return {
        "at": moved.now.isoformat(),
        "marginSeconds": moved.margin.total_seconds(),
        "refused": moved.is_refused,
        "window": None
        if window is None
        else {
            "from": window.start.isoformat(),
            "beginBefore": window.last.isoformat() if window.last else None,
            "nextFiring": window.tick.isoformat() if window.tick else None,
        },
        "plans": [
            {
                "key": str(one.plan),
                "trigger": str(one.trigger) if one.trigger else None,
                "source": origin_json(one.origin),
                "schedule": one.text or None,
                "active": one.is_active,
                "timer": one.is_timer,
                "times": [time.isoformat() for time in one.ticks],
                "atRisk": [time.isoformat() for time in one.at_risk],
                "notes": list(one.notes),
            }
            for one in moved.moving
        ],
    }
