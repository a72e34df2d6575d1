"""What an engine says about one attempt of a task.

Within a phase, a higher phase version brings news: logs, reasons, custom info and the states of an
array's parts are merged into what is there. Nothing follows the end (flyteadmin 1.16.8,
pkg/manager/impl/task_execution_manager.go and transformers/task_execution.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import event_pb2 as wire
from flyteidl.admin import task_execution_pb2
from flyteidl.core import execution_pb2 as core_execution
from flyteidl.core import identifier_pb2

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import (
    execution_rows,
    literal_files,
    node_rows,
    task_merges,
    task_rows,
)
from reconciler.server.flyte1.event_kit import (
    check_cluster,
    duration,
    micros,
    phase_name,
    phase_number,
    reported,
    since,
)
from reconciler.server.flyte1.executions import already_ended
from reconciler.server.flyte1.refusals import compact, missing
from reconciler.server.flyte1.run_identifiers import check_task
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.event import event_pb2

    from reconciler.server.store import Store, Value

_Phase = core_execution.TaskExecution
TERMINAL = frozenset({_Phase.SUCCEEDED, _Phase.FAILED, _Phase.ABORTED})


def create(
    store: Store, request: wire.TaskExecutionEventRequest
) -> wire.TaskExecutionEventResponse:
    """CreateTaskEvent."""
    event = request.event
    if not request.HasField("event"):
        raise missing("event")
    if not event.HasField("occurred_at"):
        raise missing("occurred_at")
    literal_files.check_size(event.output_data)
    name = identifier_pb2.TaskExecutionIdentifier(retry_attempt=event.retry_attempt)
    for field, given in (("task_id", "task_id"), ("node_execution_id", "parent_node_execution_id")):
        if event.HasField(given):
            getattr(name, field).CopyFrom(getattr(event, given))
    check_task(name)
    execution = execution_rows.existing(store, name.node_execution_id.execution_id)
    check_cluster(execution["cluster"], event.producer_id)
    row = task_rows.find(store, name)
    if row is None:
        _insert(store, event, name)
    else:
        _check_order(row, event, name)
        _update(store, event, name, row)
    return wire.TaskExecutionEventResponse()


def _check_order(
    row: sqlite3.Row,
    event: event_pb2.TaskExecutionEvent,
    name: identifier_pb2.TaskExecutionIdentifier,
) -> None:
    current, new = row["phase"], phase_name(_Phase.Phase, event.phase)
    if current == new and row["phase_version"] >= event.phase_version:
        raise StatusError(
            grpc.StatusCode.ALREADY_EXISTS,
            f"have already recorded task execution phase {new} (version: {event.phase_version}) "
            f"for {compact(name)}",
        )
    if phase_number(_Phase.Phase, current) in TERMINAL:
        # The detail names the new phase, not the one that is there.
        text = f"invalid phase change from {current} to {new} for task execution {compact(name)}"
        raise already_ended(text, new)


def _insert(
    store: Store,
    event: event_pb2.TaskExecutionEvent,
    name: identifier_pb2.TaskExecutionIdentifier,
) -> None:
    if node_rows.find(store, name.node_execution_id) is None:
        raise StatusError(
            grpc.StatusCode.NOT_FOUND,
            f"Failed to get existing node execution id: [{compact(name.node_execution_id)}] "
            "with err: entry not found",
        )
    closure = task_execution_pb2.TaskExecutionClosure(
        created_at=event.occurred_at,
        logs=event.logs,
        task_type=event.task_type,
        event_version=event.event_version,
    )
    if event.HasField("custom_info"):
        closure.custom_info.CopyFrom(event.custom_info)
    if event.HasField("metadata"):
        closure.metadata.CopyFrom(event.metadata)
        closure.metadata.external_resources.sort(key=task_merges.place_of)
    task_merges.reasons(closure, event)
    moment, key = now(), task_rows.key_of(name)
    values: dict[str, Value] = {
        "created_at": moment,
        "updated_at": moment,
        **dict(zip(task_rows.KEY, key, strict=True)),
        "phase_version": 0,
        "input_uri": _inputs(store, event, name),
        **_progress(store, event, name, closure, started_at=None),
        "task_execution_created_at": micros(
            event.occurred_at, "failed to read event timestamp", reason=False
        ),
        "task_execution_updated_at": micros(
            reported(event), "failed to read event reported_at timestamp", reason=False
        ),
        "closure": closure.SerializeToString(),
    }
    columns, places = ", ".join(values), ", ".join("?" * len(values))
    with store.writing():
        store.run(
            f"INSERT INTO task_executions ({columns}) VALUES ({places})",  # noqa: S608  # own names
            tuple(values.values()),
        )


def _update(
    store: Store,
    event: event_pb2.TaskExecutionEvent,
    name: identifier_pb2.TaskExecutionIdentifier,
    row: sqlite3.Row,
) -> None:
    closure = task_rows.closure(row)
    task_merges.logs(closure, event)
    task_merges.reasons(closure, event)
    columns = {
        "input_uri": row["input_uri"] or _inputs(store, event, name),
        **_progress(store, event, name, closure, started_at=row["started_at"]),
        "task_execution_updated_at": micros(
            reported(event), "failed to parse updated at timestamp", reason=False
        ),
    }
    task_merges.custom_info(closure, event)
    task_merges.metadata(closure, event, changed=row["phase"] != columns["phase"])
    closure.event_version = max(closure.event_version, event.event_version)
    columns["closure"] = closure.SerializeToString()
    execution_rows.write(store, "task_executions", row, **columns)


def _place(name: identifier_pb2.TaskExecutionIdentifier) -> tuple[str, ...]:
    return tuple(str(part) for part in task_rows.key_of(name))


def _inputs(
    store: Store,
    event: event_pb2.TaskExecutionEvent,
    name: identifier_pb2.TaskExecutionIdentifier,
) -> str:
    if event.WhichOneof("input_value") != "input_data":
        return event.input_uri
    return literal_files.put(store, event.input_data, *_place(name), literal_files.INPUTS)


def _progress(
    store: Store,
    event: event_pb2.TaskExecutionEvent,
    name: identifier_pb2.TaskExecutionIdentifier,
    closure: task_execution_pb2.TaskExecutionClosure,
    *,
    started_at: int | None,
) -> dict[str, Value]:
    """Write the phase into the closure, with what it brings; the columns that filters know."""
    closure.phase = event.phase
    closure.updated_at.CopyFrom(reported(event) or event.occurred_at)
    columns: dict[str, Value] = {"phase": phase_name(_Phase.Phase, event.phase)}
    if event.phase_version:
        # The one that is there stays, for the database leaves out what is zero.
        columns["phase_version"] = event.phase_version
    if event.phase == _Phase.RUNNING and started_at is None:
        problem = "failed to unmarshal occurredAt with error"
        columns["started_at"] = micros(event.occurred_at, problem)
        closure.started_at.CopyFrom(event.occurred_at)
    if event.phase in TERMINAL:
        if started_at is not None:
            micros(event.occurred_at, "Failed to parse task execution occurredAt timestamp")
            closure.started_at.CopyFrom(stamp(started_at))
            length = since(started_at, event.occurred_at)
            columns["duration"] = length
            closure.duration.CopyFrom(duration(length))
        _outcome(store, event, name, closure)
    return columns


def _outcome(
    store: Store,
    event: event_pb2.TaskExecutionEvent,
    name: identifier_pb2.TaskExecutionIdentifier,
    closure: task_execution_pb2.TaskExecutionClosure,
) -> None:
    match event.WhichOneof("output_result"):
        case "output_uri" if event.output_uri:
            closure.output_uri = event.output_uri
        case "output_data":
            place = _place(name)
            uri = literal_files.put(store, event.output_data, *place, literal_files.OUTPUTS)
            closure.output_uri = uri
        case "error":
            closure.error.CopyFrom(event.error)
        case _:
            pass
