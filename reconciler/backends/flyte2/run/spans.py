"""Where the time of a run went: its steps, their attempts, and the phases of these."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from flyteidl2.workflow import run_definition_pb2 as wire

from reconciler.backends.flyte2.run import details, rows, steps, words
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.times import moment
from reconciler.model.run import Phase, RunId, Span, Step


async def spans(channel: Channel, run_id: RunId) -> Span:
    """Read the spans of a run as a tree; raises BackendError when there is no such run."""
    whole = await details.existing(channel, run_id)
    found = rows.detailed(whole.action, whole.run_spec)
    listed = [one async for one in steps.actions(channel, run_id)]
    read = await asyncio.gather(*(details.action(channel, one.id) for one in listed))
    by_name = {one.id.name: one for one in read}
    return Span(
        name=f"run {run_id.name}",
        started_at=found.started_at,
        ended_at=found.ended_at,
        inside=tuple(_span(step, by_name) for step in steps.tree(listed, by_name)),
    )


def _span(step: Step, read: dict[str, wire.ActionDetails]) -> Span:
    attempts = read[step.id].attempts
    return Span(
        name=f"step {step.id}",
        started_at=step.queued_at,
        ended_at=step.ended_at,
        inside=(
            *(_tried(one) for one in attempts),
            *(_span(one, read) for one in step.inside),
        ),
    )


def _tried(attempt: wire.ActionAttempt) -> Span:
    return Span(
        name=f"attempt {attempt.attempt}",
        started_at=moment(attempt, "start_time"),
        ended_at=moment(attempt, "end_time"),
        inside=tuple(_phases(attempt)),
    )


def _phases(attempt: wire.ActionAttempt) -> Iterator[Span]:
    for one in attempt.phase_transitions:
        phase = words.PHASES.get(one.phase, Phase.UNDEFINED)
        if not phase.is_terminal:
            yield Span(
                name=phase.value,
                started_at=moment(one, "start_time"),
                ended_at=moment(one, "end_time"),
            )
