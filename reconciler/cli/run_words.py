"""Words and columns for runs, their steps and gates, which the commands about them share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.cli.kinds import one_line, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.model.document import Json
    from reconciler.model.entity import Reference
    from reconciler.model.run import Gate, Run, Step

RUNS = (
    *("PROJECT", "DOMAIN", "NAME", "PHASE", "MODE", "OF", "VERSION"),
    *("SCHEDULED", "CREATED", "TIME", "BY", "CAUSE"),
)
STEPS = ("ID", "NAME", "PHASE", "DOES", "TARGET", "STARTED", "TIME", "TRIES", "CACHE", "CAUSE")
SIGNALS = ("PROJECT", "DOMAIN", "RUN", "SIGNAL", "TYPE", "ANSWER")
DROP = ("BY", "CAUSE", "CACHE", "MODE", "VERSION", "SCHEDULED", "DOES", "TRIES", "STARTED")
"""What a narrow terminal leaves out."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def run_cells(run: Run) -> tuple[str, ...]:
    """Write a run in columns."""
    of = run.entity or run.workflow
    cells = (
        run.id.place.project,
        run.id.place.domain,
        run.id.name,
        phase_of(run),
        run.mode.value if run.mode else "",
        of.name if of else "",
        of.version if of else "",
        time_text(run.scheduled_at),
        time_text(run.created_at),
        lasted(run.started_at or run.created_at, run.ended_at, is_over=run.phase.is_terminal),
        run.created_by,
        run.cause,
    )
    return tuple(map(one_line, cells))


def step_cells(step: Step, indent: str = "") -> tuple[str, ...]:
    """Write a step in columns."""
    cells = (
        f"{indent}{step.id}",
        step.name if step.name != step.id else "",
        step.phase.value,
        step.does,
        target_text(step.target) or (str(step.child) if step.child else ""),
        time_text(step.started_at),
        step_lasted(step),
        str(len(step.attempts)) if len(step.attempts) > 1 else "",
        step.cache,
        step.cause,
    )
    return tuple(map(one_line, cells))


def gate_cells(gate: Gate) -> tuple[str, ...]:
    """Write a gate in columns."""
    answer = json.dumps(gate.value, ensure_ascii=False) if gate.is_answered else ""
    place = gate.run.place
    cells = (place.project, place.domain, gate.run.name, gate.signal, gate.type, answer)
    return tuple(map(one_line, cells))


def phase_of(run: Run) -> str:
    """Write the phase of a run; an archived one says so."""
    return f"{run.phase} (archived)" if run.is_archived else run.phase.value


def target_text(target: Reference | None) -> str:
    """Name what a step runs."""
    if target is None:
        return ""
    return f"{target.name} {target.version}".rstrip()


def step_lasted(step: Step) -> str:
    """Write how long a step ran, or has been running."""
    return lasted(step.started_at, step.ended_at, is_over=step.phase.is_terminal)


def lasted(start: datetime | None, end: datetime | None, *, is_over: bool) -> str:
    """Write how long something took; what is not over took until now."""
    if start is None or (end is None and is_over):
        return ""
    return length(((end or datetime.now(UTC)) - start).total_seconds())


def length(seconds: float) -> str:
    """Write a length of time in its two largest units."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{seconds:.1f}s" if 0 < seconds < 10 and seconds != whole else f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"


def tree(steps: Iterable[Step], depth: int = 0) -> Iterator[tuple[Step, int]]:
    """Yield steps with their depth, each before what is inside of it."""
    for step in steps:
        yield step, depth
        yield from tree(step.inside, depth + 1)


def value_text(value: Json) -> str:
    """Write a value on one line."""
    return json.dumps(value, ensure_ascii=False)
