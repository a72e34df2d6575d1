"""Where the time of an execution went, as flyteadmin works it out from its events.

Facts from flyteadmin 1.16.8: it fails where a branch shows what it did not choose, and where a node
is not in its workflow. The steps tell as much then as can be told: when each of them, and each
attempt, began and ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flyteidl.admin import execution_pb2
from flyteidl.core import metrics_pb2

from reconciler.backends.flyte1.run import methods, rows
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.times import moment
from reconciler.model.run import Run, RunId, Span, Step

DEPTH = 10
"""That of flytekit's own command; flyteadmin has no bound."""


async def worked_out(channel: Channel, run_id: RunId) -> Span:
    """Read the spans of an execution as a tree."""
    request = execution_pb2.WorkflowExecutionGetMetricsRequest(
        id=rows.identifier(run_id), depth=DEPTH
    )
    answer = await channel.call(methods.GET_EXECUTION_METRICS, request)
    return _span(answer.span)


def of_steps(run: Run, steps: Iterable[Step]) -> Span:
    """Make spans of the steps of an execution."""
    return Span(
        name=_run(run.id.name),
        started_at=run.created_at,
        ended_at=run.ended_at or run.updated_at,
        inside=tuple(map(_of_step, steps)),
    )


def _of_step(step: Step) -> Span:
    return Span(
        name=_step(step.id),
        started_at=step.queued_at or step.started_at,
        ended_at=step.ended_at,
        inside=(*_of_attempts(step), *map(_of_step, step.inside)),
    )


def _of_attempts(step: Step) -> Iterator[Span]:
    for one in step.attempts:
        yield Span(name=_attempt(one.number), started_at=one.started_at, ended_at=one.ended_at)


def _span(span: metrics_pb2.Span) -> Span:
    return Span(
        name=_name(span),
        started_at=moment(span, "start_time"),
        ended_at=moment(span, "end_time"),
        inside=tuple(_span(one) for one in span.spans),
    )


def _name(span: metrics_pb2.Span) -> str:
    match span.WhichOneof("id"):
        case "workflow_id":
            return _run(span.workflow_id.name)
        case "node_id":
            return _step(span.node_id.node_id)
        case "task_id":
            return _attempt(span.task_id.retry_attempt + 1)
        case _:
            return span.operation_id


def _run(name: str) -> str:
    return f"run {name}"


def _step(step: str) -> str:
    return f"step {step}"


def _attempt(number: int) -> str:
    return f"attempt {number}"
