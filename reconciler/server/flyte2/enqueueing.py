"""Actions as objects in Kubernetes: what a running task starts, and the answers of people.

The manager keeps one object for each action that is executed (v2.0.43, actions/k8s/client.go);
here a row says that there is one. Conditions run nothing, so they are executed here as there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl2.actions import actions_service_pb2 as wire
from flyteidl2.common import identifier_pb2, phase_pb2
from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.workflow import internal_run_service_pb2, run_definition_pb2, run_service_pb2

from reconciler.server.flyte2 import action_rows, identity, recording, run_shapes
from reconciler.server.flyte2.refusals import not_found
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from google.protobuf.message import Message

    from reconciler.server.store import Store, Value

_KINDS = {
    "boolean": types_pb2.BOOLEAN,
    "integer": types_pb2.INTEGER,
    "float_value": types_pb2.FLOAT,
    "string_value": types_pb2.STRING,
}
_PAYLOADS = {
    "bool_value": "boolean",
    "int_value": "integer",
    "float_value": "float_value",
    "string_value": "string_value",
}


def enqueue(store: Store, request: wire.EnqueueRequest) -> wire.EnqueueResponse:
    """Enqueue: the parent must be there, and runs from now on; a condition waits at once."""
    action = request.action
    kind = action.WhichOneof("spec")
    if kind == "condition" and action.condition.type.simple not in _KINDS.values():
        raise refused(
            f'condition "{action.condition.name}" declares unsupported type '
            f"{_shown(action.condition.type)}; must be one of bool/int/float/str"
        )
    if kind != "trace" and action.parent_action_name:
        _parent(store, action)
    if kind is not None:
        is_new = recording.record(store, _record(action))
        if kind != "trace":
            _begin(store, action, is_new=is_new)
    return wire.EnqueueResponse()


def _record(action: wire.Action) -> internal_run_service_pb2.RecordActionRequest:
    recorded = internal_run_service_pb2.RecordActionRequest(
        action_id=action.action_id,
        parent=action.parent_action_name,
        group=action.group,
        subject=action.subject,
        input_uri=action.input_uri,
    )
    name = action.WhichOneof("spec")
    if name is not None:
        getattr(recorded, name).CopyFrom(getattr(action, name))
    return recorded


def _parent(store: Store, action: wire.Action) -> None:
    run = action.action_id.run
    row = action_rows.find(store, run, action.parent_action_name)
    if row is None or not row["is_enqueued"]:
        name = _object(identifier_pb2.ActionIdentifier(run=run, name=action.parent_action_name))
        raise internal(
            f'failed to get parent TaskAction {name}: taskactions.flyte.org "{name}" not found'
        )


def _begin(store: Store, action: wire.Action, *, is_new: bool) -> None:
    row = action_rows.find(store, action.action_id.run, action.action_id.name)
    if row is None:
        raise RuntimeError("the action was just written")
    if row["is_enqueued"]:
        if action.WhichOneof("spec") == "task":
            name = _object(action.action_id)
            raise internal(
                f"failed to create TaskAction CR {name}: "
                f'taskactions.flyte.org "{name}" already exists'
            )
        return
    with store.writing():
        action_rows.change(store, row, {"is_enqueued": 1})
        if is_new and action.parent_action_name:
            parent = identifier_pb2.ActionIdentifier(
                run=action.action_id.run, name=action.parent_action_name
            )
            running = phase_pb2.ACTION_PHASE_RUNNING
            action_rows.update(store, parent, run_definition_pb2.ActionStatus(phase=running))
        if action.WhichOneof("spec") == "condition":
            paused = run_definition_pb2.ActionStatus(phase=action_rows.PAUSED)
            action_rows.update(store, action.action_id, paused)


def abort(store: Store, request: wire.AbortRequest) -> wire.AbortResponse:
    """Abort: the object goes away, and what is below it."""
    row = _enqueued(store, request.action_id)
    if row is None:
        name = _object(request.action_id)
        raise internal(f'failed to get TaskAction {name}: taskactions.flyte.org "{name}" not found')
    with store.writing():
        action_rows.remove(store, row)
    return wire.AbortResponse()


def signal(store: Store, request: wire.SignalRequest) -> wire.SignalResponse:
    """Signal: the value that a condition waits for, once."""
    by = None if not request.HasField("signalled_by") else request.signalled_by
    _signal(store, request.action_id, request.value, by)
    return wire.SignalResponse()


def signal_event(
    store: Store, request: run_service_pb2.SignalEventRequest
) -> run_service_pb2.SignalEventResponse:
    """SignalEvent: the same for people, with who they are."""
    value = literals_pb2.Literal()
    if (kind := request.payload.WhichOneof("value")) is not None:
        setattr(value.scalar.primitive, _PAYLOADS[kind], getattr(request.payload, kind))
    _signal(store, request.action_id, value, identity.caller())
    return run_service_pb2.SignalEventResponse()


def _signal(
    store: Store,
    action: identifier_pb2.ActionIdentifier,
    value: literals_pb2.Literal,
    signalled_by: Message | None,
) -> None:
    kind = _KINDS.get(value.scalar.primitive.WhichOneof("value") or "")
    if kind is None:
        raise refused("signal value must be a concrete bool/int/float/str literal")
    row = _waiting(store, action, value)
    if row is None:
        return
    declared = run_shapes.condition(row).type.simple
    if declared != kind:
        names = types_pb2.SimpleType
        raise refused(
            f"signal value type {names.Name(kind)} does not match declared condition type "
            f"{names.Name(declared)}"
        )
    changed: dict[str, Value] = {"output": value.SerializeToString()}
    if signalled_by is not None:
        changed["signalled_by"] = signalled_by.SerializeToString()
    with store.writing():
        action_rows.change(store, row, changed)
        succeeded = run_definition_pb2.ActionStatus(phase=action_rows.SUCCEEDED)
        action_rows.update(store, action, succeeded)


def _waiting(
    store: Store, action: identifier_pb2.ActionIdentifier, value: literals_pb2.Literal
) -> sqlite3.Row | None:
    """The condition that is to get a value; None when it has got that one before."""
    row, name = _enqueued(store, action), _object(action)
    if row is None:
        raise not_found(f"condition action {name} not found")
    if row["action_type"] != run_shapes.CONDITION:
        raise _precondition(f"action {name} is not a condition")
    if row["output"] is not None:
        if literals_pb2.Literal.FromString(row["output"]) == value:
            return None
        raise _precondition(f"condition {name} already signalled with a different value")
    if row["phase"] in action_rows.TERMINAL:
        raise _precondition(f"condition {name} already completed")
    return row


def _enqueued(store: Store, action: identifier_pb2.ActionIdentifier) -> sqlite3.Row | None:
    row = action_rows.find(store, action.run, action.name)
    return row if row is not None and row["is_enqueued"] else None


def _object(action: identifier_pb2.ActionIdentifier) -> str:
    return f"{action.run.name}-{action.name}"


def _precondition(text: str) -> StatusError:
    return StatusError(grpc.StatusCode.FAILED_PRECONDITION, text)


def _shown(kind: types_pb2.LiteralType) -> str:
    return "" if not kind.HasField("simple") else f"simple:{types_pb2.SimpleType.Name(kind.simple)}"


HANDLERS = guarded({"Enqueue": enqueue, "Abort": abort, "Signal": signal})
