"""Stretches of the time of executions, nodes and attempts, laid side by side as spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import metrics_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from reconciler.server.flyte1.event_kit import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flyteidl.core import compiler_pb2

_SECOND = 1_000_000_000
_END = "end-node"

_Node = node_execution_pb2.NodeExecution
_Closure = (
    execution_pb2.ExecutionClosure
    | node_execution_pb2.NodeExecutionClosure
    | task_execution_pb2.TaskExecutionClosure
)
_Ending = node_execution_pb2.NodeExecutionClosure | task_execution_pb2.TaskExecutionClosure
_Span = metrics_pb2.Span


def tries(attempts: list[task_execution_pb2.TaskExecution], depth: int) -> Iterator[_Span]:
    """Attempts, with the time between one and the next."""
    for index, one in enumerate(attempts):
        if index:
            before = attempts[index - 1].closure
            yield operation(updated(before), created(one.closure), "NODE_RESET")
        if depth:
            span = whole(one.closure)
            span.task_id.CopyFrom(one.id)
            span.spans.extend(_attempt(one.closure))
            yield span


def _attempt(closure: task_execution_pb2.TaskExecutionClosure) -> Iterator[_Span]:
    made, changed = created(closure), updated(closure)
    if not closure.HasField("started_at"):
        yield operation(made, changed, "TASK_SETUP")
        return
    yield operation(made, closure.started_at, "TASK_SETUP")
    if not _length(closure):
        yield operation(closure.started_at, changed, "TASK_RUNTIME")
        return
    ended = _ended(closure)
    yield operation(closure.started_at, ended, "TASK_RUNTIME")
    if nanos(changed) >= nanos(ended):
        yield operation(ended, changed, "TASK_TEARDOWN")


def gate(closure: node_execution_pb2.NodeExecutionClosure) -> Iterator[_Span]:
    """What a gate did: it idles from its start to its answer."""
    made, changed = created(closure), updated(closure)
    if not closure.HasField("started_at"):
        yield operation(made, changed, "NODE_SETUP")
        return
    yield operation(made, closure.started_at, "NODE_SETUP")
    if not _length(closure):
        yield operation(closure.started_at, changed, "NODE_IDLE")
        return
    ended = _ended(closure)
    yield operation(closure.started_at, ended, "NODE_IDLE")
    yield operation(ended, changed, "NODE_TEARDOWN")


def teardown(
    closure: _Closure,
    nodes: Mapping[str, _Node],
    compiled: compiler_pb2.CompiledWorkflowClosure,
    word: str,
) -> Iterator[_Span]:
    """The time after the last node that leads to the end."""
    last = latest_upstream(_END, nodes, compiled)
    if last is not None:
        yield from after(closure, last.closure, word)


def after(closure: _Closure, inner: _Closure, word: str) -> Iterator[_Span]:
    """The time from the end of what is inside to the end of the whole."""
    if nanos(updated(closure)) >= nanos(updated(inner)):
        yield operation(updated(inner), updated(closure), word)


def latest_upstream(
    spec: str, nodes: Mapping[str, _Node], compiled: compiler_pb2.CompiledWorkflowClosure
) -> _Node | None:
    """The node that ended last of those that a node waits for."""
    upstream = compiled.primary.connections.upstream
    found: _Node | None = None
    latest = 0
    for name in upstream[spec].ids if spec in upstream else ():
        node = nodes.get(name)
        if node is not None and nanos(updated(node.closure)) > latest:
            found, latest = node, nanos(updated(node.closure))
    return found


def by_creation(
    attempts: list[task_execution_pb2.TaskExecution],
) -> list[task_execution_pb2.TaskExecution]:
    """Attempts in the order of their creation."""
    return sorted(attempts, key=lambda one: nanos(created(one.closure)))


def whole(closure: _Closure) -> _Span:
    """The span from creation to the last change, of nobody yet."""
    return _Span(start_time=created(closure), end_time=updated(closure))


def operation(start: Timestamp | None, end: Timestamp | None, word: str) -> _Span:
    """The span of something that the engine did."""
    return _Span(start_time=start, end_time=end, operation_id=word)


def setup(closure: _Closure, word: str = "NODE_SETUP") -> _Span:
    """The span of what only began."""
    return operation(created(closure), updated(closure), word)


def created(closure: _Closure) -> Timestamp | None:
    """When it was made; None where that is not told."""
    return closure.created_at if closure.HasField("created_at") else None


def updated(closure: _Closure) -> Timestamp | None:
    """When it changed last; None where that is not told."""
    return closure.updated_at if closure.HasField("updated_at") else None


def _length(closure: _Ending) -> int:
    """Nanoseconds from start to end; 0 for what has not ended, as flyteadmin takes no time too."""
    return closure.duration.seconds * _SECOND + closure.duration.nanos


def _ended(closure: _Ending) -> Timestamp:
    seconds, rest = divmod(nanoseconds(closure.started_at) + _length(closure), _SECOND)
    return Timestamp(seconds=seconds, nanos=rest)


def nanos(moment: Timestamp | None) -> int:
    """Nanoseconds since 1970, which is when what is not told was."""
    return nanoseconds(moment) if moment is not None else 0
