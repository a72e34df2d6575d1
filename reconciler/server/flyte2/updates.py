"""What the parent of running actions is told of them, and what whoever runs them says.

Nothing is executed here, so an object is in the phase that was told of its action, and has failed
with the error of its last attempt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.actions import actions_service_pb2 as wire
from flyteidl2.common import identifier_pb2
from flyteidl2.core import execution_pb2, literals_pb2
from flyteidl2.workflow import run_definition_pb2, state_service_pb2

from reconciler.server.flyte2 import action_rows, attempts, run_shapes, task_objects
from reconciler.server.flyte2.action_rows import ACTION_TOLD, TERMINAL, TRACE_TOLD
from reconciler.server.flyte2.panics import PanicError
from reconciler.server.status import refused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store

_KINDS = {
    run_definition_pb2.ErrorInfo.KIND_USER: execution_pb2.ExecutionError.USER,
    run_definition_pb2.ErrorInfo.KIND_SYSTEM: execution_pb2.ExecutionError.SYSTEM,
}


async def watch(
    store: Store, request: wire.WatchForUpdatesRequest
) -> AsyncIterator[wire.WatchForUpdatesResponse]:
    """WatchForUpdates: the parent and its children, a mark, and then each child that changes.

    A child of a run of the same name in another project is told of as well.
    """
    if request.WhichOneof("filter") is None:
        raise refused("filter is required")
    parent = request.parent_action_id
    if not parent.HasField("run"):
        raise PanicError
    told: dict[str, state_service_pb2.ActionUpdate] = {}
    with store.changes.listening() as listener:
        for row in task_objects.around(store, parent):
            found = _of_object(store, row)
            told[found.action_id.name] = found
            yield wire.WatchForUpdatesResponse(action_update=found)
        mark = state_service_pb2.ControlMessage(sentinel=True)
        yield wire.WatchForUpdatesResponse(control_message=mark)
        while True:
            for path in sorted(await listener.next()):
                changed = _of_child(store, path, parent)
                if changed is not None and told.get(changed.action_id.name) != changed:
                    told[changed.action_id.name] = changed
                    yield wire.WatchForUpdatesResponse(action_update=changed)


def update(store: Store, request: wire.UpdateRequest) -> wire.UpdateResponse:
    """Update: the attempt and what the cache did, as long as the action has not ended."""
    action = request.action_id
    if not action.HasField("run"):
        raise PanicError
    action = task_objects.action_of(task_objects.existing(store, action))
    row = action_rows.find(store, action.run, action.name)
    if row is not None and request.HasField("status") and row["phase"] not in TERMINAL:
        status = run_definition_pb2.ActionStatus(
            phase=row["phase"],
            attempts=request.status.attempts,
            cache_status=request.status.cache_status,
        )
        with store.writing():
            action_rows.update(store, action, status)
    return wire.UpdateResponse()


def _of_child(
    store: Store, path: str, parent: identifier_pb2.ActionIdentifier
) -> state_service_pb2.ActionUpdate | None:
    """What a change says of a child; None when it is of anything else."""
    prefix = next((one for one in (ACTION_TOLD, TRACE_TOLD) if path.startswith(one)), None)
    if prefix is None:
        return None
    project, domain, run_name, name = path.removeprefix(prefix).split("/", 3)
    if run_name != parent.run.name:
        return None
    run = identifier_pb2.RunIdentifier(project=project, domain=domain, name=run_name)
    action = identifier_pb2.ActionIdentifier(run=run, name=name)
    if prefix == TRACE_TOLD:
        return _of_trace(store, action, parent.name)
    row = task_objects.of(store, action)
    return None if row is None or row["parent"] != parent.name else _of_object(store, row)


def _of_trace(
    store: Store, action: identifier_pb2.ActionIdentifier, parent: str
) -> state_service_pb2.ActionUpdate | None:
    row = action_rows.find(store, action.run, action.name)
    if row is None or (row["parent_action_name"] or "") != parent:
        return None
    return state_service_pb2.ActionUpdate(
        action_id=action, phase=action_rows.SUCCEEDED, output_uri=row["outputs_uri"]
    )


def _of_object(store: Store, found: sqlite3.Row) -> state_service_pb2.ActionUpdate:
    action = task_objects.action_of(found)
    row = action_rows.find(store, action.run, action.name)
    told = state_service_pb2.ActionUpdate(action_id=action)
    attempt = 1 if row is None else row["attempts"]
    told.output_uri = task_objects.output_place(found, attempt)
    if row is None:
        return told
    told.phase = row["phase"]
    if row["action_type"] == run_shapes.CONDITION and row["output"] is not None:
        told.value.CopyFrom(literals_pb2.Literal.FromString(row["output"]))
    tried = attempts.of(store, action) if row["phase"] == action_rows.FAILED else []
    if tried and tried[-1].HasField("error_info"):
        error = tried[-1].error_info
        told.error.message = error.message
        told.error.kind = _KINDS.get(error.kind, execution_pb2.ExecutionError.UNKNOWN)
    return told


HANDLERS: dict[str, Handler] = {"WatchForUpdates": watch, "Update": update}
