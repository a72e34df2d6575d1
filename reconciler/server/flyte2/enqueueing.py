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

from reconciler.server.flyte2 import (
    action_rows,
    identity,
    recording,
    run_shapes,
    task_objects,
    updates,
)
from reconciler.server.flyte2.go_text import quoted, shown
from reconciler.server.flyte2.panics import PanicError, passed_on
from reconciler.server.flyte2.refusals import not_found, unknown_object
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from google.protobuf.message import Message

    from reconciler.server.methods import Handler
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
    if not action.action_id.HasField("run"):
        raise PanicError
    if kind == "trace":
        with store.writing():
            recording.recorded(store, _record(action))
        action_rows.tell_of_trace(store, action.action_id)
    elif kind is not None:
        _check_condition(action)
        if action.parent_action_name:
            _parent(store, action)
        _begin(store, request)
    return wire.EnqueueResponse()


def _check_condition(action: wire.Action) -> None:
    condition = action.condition
    declared = condition.type
    if action.WhichOneof("spec") == "condition" and declared.simple not in _KINDS.values():
        kind = shown(declared) if condition.HasField("type") else "<nil>"
        raise refused(
            f"condition {quoted(condition.name)} declares unsupported type {kind}; "
            "must be one of bool/int/float/str"
        )


def _record(action: wire.Action) -> internal_run_service_pb2.RecordActionRequest:
    recorded = internal_run_service_pb2.RecordActionRequest(
        action_id=action.action_id,
        parent=action.parent_action_name,
        group=action.group,
        input_uri=action.input_uri,
    )
    match action.WhichOneof("spec"):
        case "trace":
            recorded.trace.CopyFrom(action.trace)
            recorded.subject = action.subject
        case "condition":
            recorded.condition.CopyFrom(action.condition)
        case "task" if action.task.spec.task_template.type:
            _add_task(recorded.task, action)
    return recorded


def _add_task(task: run_definition_pb2.TaskAction, action: wire.Action) -> None:
    """What an object keeps of a task: its template, which names it, and its short name."""
    template = action.task.spec.task_template
    run = action.action_id.run
    task.id.project, task.id.domain = run.project, run.domain
    task.id.name, task.id.version = template.id.name, template.id.version
    task.spec.task_template.CopyFrom(template)
    task.spec.short_name = action.task.spec.short_name


def _parent(store: Store, action: wire.Action) -> None:
    parent = _parent_of(action)
    if not task_objects.exists(store, parent):
        raise unknown_object("parent TaskAction", task_objects.name(parent))


def _parent_of(action: wire.Action) -> identifier_pb2.ActionIdentifier:
    return identifier_pb2.ActionIdentifier(run=action.action_id.run, name=action.parent_action_name)


def _begin(store: Store, request: wire.EnqueueRequest) -> None:
    action = request.action
    name, is_task = task_objects.name(action.action_id), action.WhichOneof("spec") == "task"
    with store.writing():
        root_spec = None if action.parent_action_name else request.run_spec
        if not task_objects.create(store, action, root_spec if is_task else None):
            if not is_task:
                return
            raise internal(
                f"failed to create TaskAction CR {name}: "
                f'taskactions.flyte.org "{name}" already exists'
            )
        is_new = recording.recorded(store, _record(action))
        if is_new and action.parent_action_name:
            running = phase_pb2.ACTION_PHASE_RUNNING
            status = run_definition_pb2.ActionStatus(phase=running)
            action_rows.update(store, _parent_of(action), status)
        if not is_task:
            paused = run_definition_pb2.ActionStatus(phase=action_rows.PAUSED)
            action_rows.update(store, action.action_id, paused)


def abort(store: Store, request: wire.AbortRequest) -> wire.AbortResponse:
    """Abort: the object goes away, and what is below it."""
    if not request.action_id.HasField("run"):
        raise PanicError
    found = task_objects.existing(store, request.action_id)
    with store.writing():
        action_rows.remove(store, found)
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
    try:
        _signal(store, request.action_id, value, identity.caller())
    except PanicError:
        raise passed_on() from None
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
        action_rows.update(store, action_rows.identifier(row), succeeded)


def _waiting(
    store: Store, action: identifier_pb2.ActionIdentifier, value: literals_pb2.Literal
) -> sqlite3.Row | None:
    """The condition that is to get a value; None when it has got that one before."""
    if not action.HasField("run"):
        raise PanicError
    name = task_objects.name(action)
    if not task_objects.exists(store, action):
        raise not_found(f"condition action {name} not found")
    owner = task_objects.action_of(task_objects.existing(store, action))
    row = action_rows.find(store, owner.run, owner.name)
    if row is None or row["action_type"] != run_shapes.CONDITION:
        raise _precondition(f"action {name} is not a condition")
    if row["output"] is not None:
        if literals_pb2.Literal.FromString(row["output"]) == value:
            return None
        raise _precondition(f"condition {name} already signalled with a different value")
    if row["phase"] in action_rows.TERMINAL:
        raise _precondition(f"condition {name} already completed")
    return row


def _precondition(text: str) -> StatusError:
    return StatusError(grpc.StatusCode.FAILED_PRECONDITION, text)


_HANDLERS: dict[str, Handler] = {
    "Enqueue": enqueue,
    "Abort": abort,
    "Signal": signal,
    **updates.HANDLERS,
}
HANDLERS = guarded(_HANDLERS)
