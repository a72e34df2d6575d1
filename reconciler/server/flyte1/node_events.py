"""What an engine says about a node: its first event makes the node execution, others change it.

A phase that is there already is ALREADY_EXISTS, whatever follows the end is FAILED_PRECONDITION,
and any other order is taken. flyteadmin logs what it finds wrong with an event's identifier and
goes on (1.16.8, pkg/manager/impl/node_execution_manager.go and transformers/node_execution.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import event_pb2 as wire
from flyteidl.admin import node_execution_pb2
from flyteidl.core import catalog_pb2, identifier_pb2
from flyteidl.core import execution_pb2 as core_execution

from reconciler.server.clock import now
from reconciler.server.flyte1 import execution_rows, literal_files, node_rows, task_rows
from reconciler.server.flyte1.checks import optional
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
from reconciler.server.flyte1.refusals import compact
from reconciler.server.flyte1.run_identifiers import check_task
from reconciler.server.status import StatusError, internal

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.event import event_pb2

    from reconciler.server.store import Store, Value

_Phase = core_execution.NodeExecution
_TERMINAL = frozenset(
    {
        _Phase.SUCCEEDED,
        _Phase.FAILED,
        _Phase.TIMED_OUT,
        _Phase.ABORTED,
        _Phase.SKIPPED,
        _Phase.RECOVERED,
    }
)


def create(
    store: Store, request: wire.NodeExecutionEventRequest
) -> wire.NodeExecutionEventResponse:
    """CreateNodeEvent."""
    event = request.event
    try:
        execution = execution_rows.existing(store, event.id.execution_id)
    except StatusError as error:
        raise StatusError(
            error.code,
            f"Failed to get existing execution id: [{compact(event.id.execution_id)}] "
            f"with err: {error.text}",
        ) from None
    check_cluster(execution["cluster"], event.producer_id)
    dynamic = _keep_dynamic(store, event)
    row = node_rows.find(store, event.id)
    if row is None:
        _insert(store, event, dynamic)
    else:
        _update(store, event, dynamic, row)
    return wire.NodeExecutionEventResponse()


def _keep_dynamic(store: Store, event: event_pb2.NodeExecutionEvent) -> str:
    """Store the workflow that a dynamic node made; where it is."""
    if not event.task_node_metadata.HasField("dynamic_workflow"):
        return ""
    made = event.task_node_metadata.dynamic_workflow
    name = f"{made.id.project}_{made.id.domain}_{made.id.name}_{made.id.version}"
    key = (*execution_rows.key_of(event.id.execution_id), event.id.node_id, name)
    if not made.HasField("compiled_workflow"):
        raise internal(
            f"Failed to upload dynamic workflow closure for node id [{compact(event.id)}] and "
            f"workflow id [{compact(optional(made, 'id'))}] with err: proto: Marshal called with "
            "nil"
        )
    uri = literal_files.offloaded("metadata", "admin", *key)
    store.objects.put(uri, made.compiled_workflow.SerializeToString())
    return uri


def _insert(store: Store, event: event_pb2.NodeExecutionEvent, dynamic: str) -> None:
    parents: dict[str, Value] = {}
    if event.HasField("parent_task_metadata"):
        task = check_task(optional(event.parent_task_metadata, "id"))
        parents["parent_task_execution_id"] = task_rows.existing(store, task)["id"]
    if event.HasField("parent_node_metadata"):
        parent = identifier_pb2.NodeExecutionIdentifier(
            execution_id=event.id.execution_id, node_id=event.parent_node_metadata.node_id
        )
        parents["parent_id"] = node_rows.existing(store, parent)["id"]
    closure = node_execution_pb2.NodeExecutionClosure()
    metadata = node_execution_pb2.NodeExecutionMetaData(
        retry_group=event.retry_group,
        spec_node_id=event.spec_node_id,
        is_parent_node=event.is_parent,
        is_dynamic=event.is_dynamic,
        is_array=event.is_array,
    )
    moment, key = now(), execution_rows.key_of(event.id.execution_id)
    inputs = _inputs(store, event)
    progress = _progress(store, event, closure, started_at=None)
    created = micros(optional(event, "occurred_at"), "failed to read event timestamp", reason=False)
    closure.created_at.CopyFrom(event.occurred_at)
    updated = micros(reported(event), "failed to read event reported_at timestamp", reason=False)
    values: dict[str, Value] = {
        "created_at": moment,
        "updated_at": moment,
        "execution_project": key[0],
        "execution_domain": key[1],
        "execution_name": key[2],
        "node_id": event.id.node_id,
        "node_execution_created_at": created,
        "node_execution_updated_at": updated,
        "input_uri": inputs,
        "node_execution_metadata": metadata.SerializeToString(),
        "dynamic_workflow_remote_closure_reference": dynamic,
        "event_version": event.event_version,
        **parents,
        **progress,
        "closure": closure.SerializeToString(),
    }
    columns, places = ", ".join(values), ", ".join("?" * len(values))
    with store.writing():
        store.run(
            f"INSERT INTO node_executions ({columns}) VALUES ({places})",  # noqa: S608  # own names
            tuple(values.values()),
        )


def _update(
    store: Store, event: event_pb2.NodeExecutionEvent, dynamic: str, row: sqlite3.Row
) -> None:
    known = phase_number(_Phase.Phase, row["phase"])
    current, new = _Phase.Phase.Name(known), phase_name(_Phase.Phase, event.phase)
    if known == event.phase:
        raise StatusError(
            grpc.StatusCode.ALREADY_EXISTS,
            f"This phase was already recorded {current} for {compact(event.id)}",
        )
    if known in _TERMINAL:
        # The detail names the new phase, not the one that is there.
        text = f"Invalid phase change from {current} to {new} for node execution {row['id']}"
        raise already_ended(text, new)
    closure = node_rows.closure(row)
    _started_workflow(store, event, closure)
    columns = {
        "input_uri": row["input_uri"] or _inputs(store, event),
        "dynamic_workflow_remote_closure_reference": (
            dynamic or row["dynamic_workflow_remote_closure_reference"]
        ),
        **_progress(store, event, closure, started_at=row["started_at"]),
    }
    spec_uri = event.task_node_metadata.dynamic_workflow.dynamic_job_spec_uri
    if spec_uri:
        closure.dynamic_job_spec_uri = spec_uri
    columns["node_execution_updated_at"] = micros(
        reported(event), "failed to parse updated at timestamp", reason=False
    )
    columns["closure"] = closure.SerializeToString()
    metadata = node_rows.metadata(row)
    metadata.is_parent_node |= event.is_parent
    metadata.is_dynamic |= event.is_dynamic
    metadata.is_array |= event.is_array
    columns["node_execution_metadata"] = metadata.SerializeToString()
    execution_rows.write(store, "node_executions", row, **columns)


def _started_workflow(
    store: Store,
    event: event_pb2.NodeExecutionEvent,
    closure: node_execution_pb2.NodeExecutionClosure,
) -> None:
    """The execution that the node started, kept from the second event on; it must exist."""
    if not event.HasField("workflow_node_metadata"):
        return
    child = event.workflow_node_metadata.execution_id
    execution_rows.existing(store, child)
    if not closure.HasField("workflow_node_metadata"):
        closure.workflow_node_metadata.executionId.CopyFrom(child)


def _inputs(store: Store, event: event_pb2.NodeExecutionEvent) -> str:
    if event.WhichOneof("input_value") != "input_data":
        return event.input_uri
    place = (*execution_rows.key_of(event.id.execution_id), event.id.node_id)
    return literal_files.put(store, event.input_data, *place, literal_files.INPUTS)


def _progress(
    store: Store,
    event: event_pb2.NodeExecutionEvent,
    closure: node_execution_pb2.NodeExecutionClosure,
    *,
    started_at: int | None,
) -> dict[str, Value]:
    """Write the phase into the closure, with what it brings; the columns that filters know."""
    occurred = optional(event, "occurred_at")
    closure.phase = event.phase
    moment = reported(event)
    if moment is not None:
        closure.updated_at.CopyFrom(moment)
    columns: dict[str, Value] = {"phase": phase_name(_Phase.Phase, event.phase)}
    if event.phase == _Phase.RUNNING:
        columns["started_at"] = micros(occurred, "failed to unmarshal occurredAt with error")
        closure.started_at.CopyFrom(event.occurred_at)
        closure.deck_uri = event.deck_uri
    if event.phase in _TERMINAL:
        if started_at is not None:
            micros(occurred, "Failed to parse node execution occurred at timestamp")
            length = since(started_at, event.occurred_at)
            columns["duration"] = length
            closure.duration.CopyFrom(duration(length))
        columns |= _outcome(store, event, closure)
        closure.deck_uri = event.deck_uri
    if event.HasField("task_node_metadata"):
        about = event.task_node_metadata
        target = node_execution_pb2.TaskNodeMetadata(checkpoint_uri=about.checkpoint_uri)
        if about.HasField("catalog_key"):
            target.cache_status = about.cache_status
            target.catalog_key.CopyFrom(about.catalog_key)
            columns["cache_status"] = phase_name(catalog_pb2.CatalogCacheStatus, about.cache_status)
        closure.task_node_metadata.CopyFrom(target)
    return columns


def _outcome(
    store: Store,
    event: event_pb2.NodeExecutionEvent,
    closure: node_execution_pb2.NodeExecutionClosure,
) -> dict[str, Value]:
    match event.WhichOneof("output_result"):
        case "output_uri" if event.output_uri:
            closure.output_uri = event.output_uri
        case "output_data":
            place = (*execution_rows.key_of(event.id.execution_id), event.id.node_id)
            uri = literal_files.put(store, event.output_data, *place, literal_files.OUTPUTS)
            closure.output_uri = uri
        case "error":
            closure.error.CopyFrom(event.error)
            kind = phase_name(type(event.error).ErrorKind, event.error.kind)
            return {"error_kind": kind, "error_code": event.error.code}
        case _:
            pass
    return {}
