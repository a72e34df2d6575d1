"""One attempt at a task, with the pages of its logs."""

from __future__ import annotations

from collections.abc import Iterator

from flyteidl.admin import task_execution_pb2

from reconciler.backends.flyte1.run.rows import ended_at
from reconciler.backends.flyte1.run.words import ATTEMPT_PHASES
from reconciler.backends.wire.times import moment
from reconciler.model.run import Attempt, Link, Phase


def attempt(found: task_execution_pb2.TaskExecution) -> Attempt:
    """Read an attempt; the first is number 1."""
    closure = found.closure
    phase = ATTEMPT_PHASES.get(closure.phase, Phase.UNDEFINED)
    is_failure = closure.HasField("error") or not phase.is_success
    return Attempt(
        number=found.id.retry_attempt + 1,
        phase=phase,
        started_at=moment(closure, "started_at"),
        ended_at=ended_at(closure, phase),
        cause=(closure.error.message or closure.reason) if is_failure else "",
        links=tuple(_links(closure)),
    )


def _links(closure: task_execution_pb2.TaskExecutionClosure) -> Iterator[Link]:
    """Name the pages; those of a mapped task's parts carry the number of the part."""
    for log in closure.logs:
        yield Link(name=log.name, url=log.uri)
    for part in closure.metadata.external_resources:
        for log in part.logs:
            yield Link(name=f"{log.name} [{part.index}]", url=log.uri)
