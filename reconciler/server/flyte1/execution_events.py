"""What an engine says about a whole execution, and which phase may follow which.

A phase that is there already is ALREADY_EXISTS, but for QUEUED, which may come again from another
cluster. Nothing follows the end; from ABORTING there is no way but to it (flyteadmin 1.16.8,
CreateWorkflowEvent and UpdateExecutionModelState).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import event_pb2 as wire

from reconciler.server.flyte1 import execution_rows, literal_files
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.event_kit import (
    check_cluster,
    duration,
    micros,
    other_cluster,
    phase_name,
    phase_number,
    producer,
    since,
)
from reconciler.server.flyte1.execution_rows import TERMINAL, Phase
from reconciler.server.flyte1.executions import already_ended
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.admin import execution_pb2
    from flyteidl.event import event_pb2

    from reconciler.server.store import Store, Value

_REASSIGNABLE = frozenset({Phase.UNDEFINED, Phase.QUEUED})


def create(
    store: Store, request: wire.WorkflowExecutionEventRequest
) -> wire.WorkflowExecutionEventResponse:
    """CreateWorkflowEvent."""
    event = request.event
    if not request.HasField("event"):
        raise refused("Workflow event handler was called without event")
    if not event.HasField("execution_id"):
        raise refused(
            f"Workflow event handler request event doesn't have an execution id - {compact(event)}"
        )
    literal_files.check_size(event.output_data)
    row = execution_rows.existing(store, event.execution_id)
    _check_order(row, event)
    occurred = micros(optional(event, "occurred_at"), "Failed to parse OccurredAt")
    closure = execution_rows.closure(row)
    closure.phase = event.phase
    closure.updated_at.CopyFrom(event.occurred_at)
    columns: dict[str, Value] = {
        "phase": phase_name(Phase.Phase, event.phase),
        "execution_updated_at": occurred,
    }
    if event.phase == Phase.RUNNING:
        columns["started_at"] = occurred
        closure.started_at.CopyFrom(event.occurred_at)
    elif event.phase in TERMINAL and row["started_at"] is not None:
        length = since(row["started_at"], event.occurred_at)
        columns["duration"] = length
        closure.duration.CopyFrom(duration(length))
    columns |= _assign(row, event)
    columns |= _outcome(store, event, closure)
    columns["closure"] = closure.SerializeToString()
    execution_rows.write(store, "executions", row, **columns)
    return wire.WorkflowExecutionEventResponse()


def _check_order(row: sqlite3.Row, event: event_pb2.WorkflowExecutionEvent) -> None:
    known = phase_number(Phase.Phase, row["phase"])
    current, new = Phase.Phase.Name(known), phase_name(Phase.Phase, event.phase)
    place = f"workflow execution {compact(event.execution_id)}"
    if event.phase != Phase.QUEUED:
        if current == new:
            raise StatusError(
                grpc.StatusCode.ALREADY_EXISTS,
                f"This phase {current} was already recorded for {place}",
            )
        check_cluster(row["cluster"], event.producer_id)
    if known in TERMINAL:
        raise already_ended(f"Invalid phase change from {current} to {new} for {place}", current)
    if current == "RUNNING" and event.phase == Phase.QUEUED:
        text = f"Cannot go from {current} to {new} for {place}"
        raise StatusError(grpc.StatusCode.FAILED_PRECONDITION, text)
    if current == "ABORTING" and event.phase not in TERMINAL:
        text = f"Invalid phase change from aborting to {new} for {place}"
        raise StatusError(grpc.StatusCode.FAILED_PRECONDITION, text)


def _assign(row: sqlite3.Row, event: event_pb2.WorkflowExecutionEvent) -> dict[str, Value]:
    """The cluster that runs the execution from here on, as long as it may change."""
    cluster = producer(event.producer_id)
    if not cluster:
        return {}
    if event.phase not in _REASSIGNABLE:
        if cluster != row["cluster"]:
            raise other_cluster(
                f"Cannot accept events for running/terminated execution "
                f"[{compact(event.execution_id)}] from cluster [{cluster}],expected events to "
                f"originate from [{row['cluster']}]",
                row["cluster"],
            )
        return {}
    spec = execution_rows.spec(row)
    spec.metadata.system_metadata.execution_cluster = cluster
    return {"cluster": cluster, "spec": spec.SerializeToString()}


def _outcome(
    store: Store,
    event: event_pb2.WorkflowExecutionEvent,
    closure: execution_pb2.ExecutionClosure,
) -> dict[str, Value]:
    """Write outputs or an error into the closure; the columns that filters know of it."""
    match event.WhichOneof("output_result"):
        case "output_uri" if event.output_uri:
            closure.outputs.uri = event.output_uri
        case "output_data":
            key = execution_rows.key_of(event.execution_id)
            uri = literal_files.put(store, event.output_data, *key, literal_files.OUTPUTS)
            closure.outputs.uri = uri
        case "error":
            closure.error.CopyFrom(event.error)
            kind = phase_name(type(event.error).ErrorKind, event.error.kind)
            return {"error_kind": kind, "error_code": event.error.code}
        case _:
            pass
    return {}
