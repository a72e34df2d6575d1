"""Runs, their steps and gates as JSON, for whoever shows them; what is empty is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.document import Json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from reconciler.model.run import Attempt, Gate, Line, Run, RunId, Span, Step


def run_json(run: Run) -> dict[str, Json]:
    """Write a run as lists have it."""
    return _filled(
        {
            "kind": "run",
            **id_json(run.id),
            "phase": run.phase.value,
            "mode": run.mode.value if run.mode else "",
            "entity": run.entity.to_dict() if run.entity else None,
            "workflow": run.workflow.to_dict() if run.workflow else None,
            "scheduledAt": time_json(run.scheduled_at),
            "createdAt": time_json(run.created_at),
            "startedAt": time_json(run.started_at),
            "updatedAt": time_json(run.updated_at),
            "endedAt": time_json(run.ended_at),
            "createdBy": run.created_by,
            "cause": run.cause,
            "archived": run.is_archived,
            "labels": dict(run.labels),
            "tags": list[Json](run.tags),
            "facts": dict(run.facts),
        }
    )


def step_json(step: Step, *, is_tree: bool = True) -> dict[str, Json]:
    """Write a step; with what is inside it unless a list is flat."""
    return _filled(
        {
            "kind": "step",
            "id": step.id,
            "phase": step.phase.value,
            "does": step.does,
            "name": step.name,
            "target": step.target.to_dict() if step.target else None,
            "child": id_json(step.child) if step.child else None,
            "queuedAt": time_json(step.queued_at),
            "startedAt": time_json(step.started_at),
            "endedAt": time_json(step.ended_at),
            "attempts": [_attempt(one) for one in step.attempts],
            "cache": step.cache,
            "cause": step.cause,
            "hasReport": step.has_report,
            "facts": dict(step.facts),
            "inside": [step_json(one) for one in step.inside] if is_tree else None,
        }
    )


def gate_json(gate: Gate) -> dict[str, Json]:
    """Write a gate; `value` is there once it is answered."""
    found = _filled(
        {
            "kind": "signal",
            "project": gate.run.place.project,
            "domain": gate.run.place.domain,
            "run": gate.run.name,
            "signal": gate.signal,
            "type": gate.type,
        }
    )
    found["answered"] = gate.is_answered
    if gate.is_answered:
        found["value"] = gate.value
    return found


def line_json(line: Line) -> dict[str, Json]:
    """Write one line of a log."""
    return {
        **_filled({"at": time_json(line.at), "origin": line.origin}),
        "text": line.text,
    }


def span_json(span: Span) -> dict[str, Json]:
    """Write a stretch of time with its parts."""
    return _filled(
        {
            "name": span.name,
            "startedAt": time_json(span.started_at),
            "endedAt": time_json(span.ended_at),
            "seconds": _seconds(span.started_at, span.ended_at),
            "inside": [span_json(one) for one in span.inside],
        }
    )


def id_json(run_id: RunId) -> dict[str, Json]:
    """Write which run something is about."""
    return {"project": run_id.place.project, "domain": run_id.place.domain, "name": run_id.name}


def time_json(moment: datetime | None) -> str:
    """Write a moment as JSON has it, empty where there is none."""
    return moment.isoformat().replace("+00:00", "Z") if moment else ""


def _attempt(one: Attempt) -> dict[str, Json]:
    return _filled(
        {
            "number": one.number,
            "phase": one.phase.value,
            "startedAt": time_json(one.started_at),
            "endedAt": time_json(one.ended_at),
            "cause": one.cause,
            "links": [{"name": link.name, "url": link.url} for link in one.links],
        }
    )


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _filled(shown: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in shown.items() if value or type(value) is float}
