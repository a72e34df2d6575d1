"""Where the time of an execution went, as flyteadmin works it out from its events."""

from __future__ import annotations

from flyteidl.admin import execution_pb2
from flyteidl.core import metrics_pb2

from reconciler.backends.flyte1.run import methods, rows
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.times import moment
from reconciler.model.run import RunId, Span

_DEPTH = 10
"""That of flytekit's own command; flyteadmin has no bound."""


async def spans(channel: Channel, run_id: RunId) -> Span:
    """Read the spans of an execution as a tree."""
    request = execution_pb2.WorkflowExecutionGetMetricsRequest(
        id=rows.identifier(run_id), depth=_DEPTH
    )
    answer = await channel.call(methods.GET_EXECUTION_METRICS, request)
    return _span(answer.span)


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
            return f"run {span.workflow_id.name}"
        case "node_id":
            return f"step {span.node_id.node_id}"
        case "task_id":
            return f"attempt {span.task_id.retry_attempt + 1}"
        case _:
            return span.operation_id
