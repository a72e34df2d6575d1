"""Whether identifiers of nodes and tasks of an execution are complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.server.flyte1 import checks
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.execution_rows import check_identifier
from reconciler.server.flyte1.refusals import missing

if TYPE_CHECKING:
    from flyteidl.core import identifier_pb2


def check_node(
    name: identifier_pb2.NodeExecutionIdentifier | None,
) -> identifier_pb2.NodeExecutionIdentifier:
    """A complete identifier of a node."""
    if name is None:
        raise missing("id")
    if not name.HasField("execution_id"):
        raise missing("execution_id")
    checks.text(name.node_id, "node_id")
    check_identifier(name.execution_id)
    return name


def typed(
    name: identifier_pb2.TaskExecutionIdentifier | None,
) -> identifier_pb2.TaskExecutionIdentifier | None:
    """With the type of its task, which the HTTP gateway never sends."""
    if name is not None and name.HasField("task_id") and not name.task_id.resource_type:
        name.task_id.resource_type = checks.TASK
    return name


def check_task(
    name: identifier_pb2.TaskExecutionIdentifier | None,
) -> identifier_pb2.TaskExecutionIdentifier:
    """A complete identifier of a task's attempt."""
    if name is None:
        raise missing("id")
    if not name.HasField("node_execution_id"):
        raise missing("node_execution_id")
    check_node(name.node_execution_id)
    if not name.HasField("task_id"):
        raise missing("task_id")
    checks.identifier(optional(name, "task_id"), checks.TASK)
    return name
