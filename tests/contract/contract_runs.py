"""Requests about executions, and the events that an engine sends about one."""

from __future__ import annotations

from typing import Any

from contract_messages import DOMAIN, TASK, identifier
from flyteidl.admin import event_pb2 as admin_event
from flyteidl.admin import execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import execution_pb2 as core_execution
from flyteidl.core import identifier_pb2
from flyteidl.event import event_pb2
from google.protobuf.timestamp_pb2 import Timestamp

Phase = core_execution.WorkflowExecution
NodePhase = core_execution.NodeExecution
TaskPhase = core_execution.TaskExecution
Error = core_execution.ExecutionError

START = 1_700_000_000


def at(seconds: int) -> Timestamp:
    return Timestamp(seconds=START + seconds)


def name(owner: str, run: str = "") -> identifier_pb2.WorkflowExecutionIdentifier:
    return identifier_pb2.WorkflowExecutionIdentifier(
        project=owner, domain=DOMAIN, name=run or f"x{owner}"
    )


def get(owner: str, run: str = "") -> execution_pb2.WorkflowExecutionGetRequest:
    return execution_pb2.WorkflowExecutionGetRequest(id=name(owner, run))


def data(owner: str, run: str = "") -> execution_pb2.WorkflowExecutionGetDataRequest:
    return execution_pb2.WorkflowExecutionGetDataRequest(id=name(owner, run))


def terminate(
    owner: str, cause: str = "", run: str = ""
) -> execution_pb2.ExecutionTerminateRequest:
    return execution_pb2.ExecutionTerminateRequest(id=name(owner, run), cause=cause)


def archive(owner: str, run: str = "") -> execution_pb2.ExecutionUpdateRequest:
    return execution_pb2.ExecutionUpdateRequest(
        id=name(owner, run), state=execution_pb2.EXECUTION_ARCHIVED
    )


def error(kind: Any = Error.USER, message: str = "it broke") -> core_execution.ExecutionError:
    return Error(code="USER:Broken", message=message, kind=kind)


def event(
    owner: str, phase: Any, *, seconds: int = 0, run: str = "", **rest: Any
) -> admin_event.WorkflowExecutionEventRequest | Any:
    """What the engine says about the execution itself, `seconds` after it began."""
    told = event_pb2.WorkflowExecutionEvent(
        execution_id=name(owner, run), phase=phase, occurred_at=at(seconds), **rest
    )
    return admin_event.WorkflowExecutionEventRequest(request_id="r", event=told)


def node(owner: str, node_id: str = "n0", run: str = "") -> identifier_pb2.NodeExecutionIdentifier:
    return identifier_pb2.NodeExecutionIdentifier(execution_id=name(owner, run), node_id=node_id)


def node_event(
    owner: str, phase: Any, *, node_id: str = "n0", seconds: int = 0, run: str = "", **rest: Any
) -> admin_event.NodeExecutionEventRequest | Any:
    """What the engine says about a node."""
    rest.setdefault("spec_node_id", node_id)
    rest.setdefault("event_version", 2)
    told = event_pb2.NodeExecutionEvent(
        id=node(owner, node_id, run), phase=phase, occurred_at=at(seconds), **rest
    )
    return admin_event.NodeExecutionEventRequest(request_id="r", event=told)


def node_get(owner: str, node_id: str = "n0") -> node_execution_pb2.NodeExecutionGetRequest:
    return node_execution_pb2.NodeExecutionGetRequest(id=node(owner, node_id))


def node_data(owner: str, node_id: str = "n0") -> node_execution_pb2.NodeExecutionGetDataRequest:
    return node_execution_pb2.NodeExecutionGetDataRequest(id=node(owner, node_id))


def node_list(owner: str, **rest: Any) -> node_execution_pb2.NodeExecutionListRequest:
    rest.setdefault("limit", 100)
    return node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=name(owner), **rest)


def task(
    owner: str, *, node_id: str = "n0", attempt: int = 0
) -> identifier_pb2.TaskExecutionIdentifier:
    return identifier_pb2.TaskExecutionIdentifier(
        task_id=identifier(TASK, owner, "t"),
        node_execution_id=node(owner, node_id),
        retry_attempt=attempt,
    )


def task_event(
    owner: str, phase: Any, *, node_id: str = "n0", seconds: int = 0, attempt: int = 0, **rest: Any
) -> admin_event.TaskExecutionEventRequest | Any:
    """What the engine says about one attempt of a task."""
    rest.setdefault("event_version", 2)
    told = event_pb2.TaskExecutionEvent(
        task_id=identifier(TASK, owner, "t"),
        parent_node_execution_id=node(owner, node_id),
        retry_attempt=attempt,
        phase=phase,
        occurred_at=at(seconds),
        **rest,
    )
    return admin_event.TaskExecutionEventRequest(request_id="r", event=told)


def task_get(owner: str, **rest: Any) -> task_execution_pb2.TaskExecutionGetRequest:
    return task_execution_pb2.TaskExecutionGetRequest(id=task(owner, **rest))


def task_data(owner: str, **rest: Any) -> task_execution_pb2.TaskExecutionGetDataRequest:
    return task_execution_pb2.TaskExecutionGetDataRequest(id=task(owner, **rest))


def task_list(
    owner: str, node_id: str = "n0", **rest: Any
) -> task_execution_pb2.TaskExecutionListRequest:
    rest.setdefault("limit", 100)
    return task_execution_pb2.TaskExecutionListRequest(
        node_execution_id=node(owner, node_id), **rest
    )
