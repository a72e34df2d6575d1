"""What Flyte's own engine reports: actions as they appear, their phases, and events of attempts.

A report that cannot be kept is answered with a status inside of the answer, as the manager does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl2.common import phase_pb2
from flyteidl2.workflow import events_proxy_service_pb2 as proxy
from flyteidl2.workflow import internal_run_service_pb2 as wire
from flyteidl2.workflow import run_definition_pb2
from google.rpc import status_pb2

from reconciler.server.clock import micros, now
from reconciler.server.flyte2 import action_rows
from reconciler.server.flyte2.nul_texts import NUL
from reconciler.server.flyte2.panics import PanicError
from reconciler.server.flyte2.run_shapes import CONDITION, TASK, TASK_COLUMNS, TRACE
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError, internal, refused
from reconciler.server.store import TextError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flyteidl2.task import task_definition_pb2

    from reconciler.server.store import Store, Value


def record_action(store: Store, request: wire.RecordActionRequest) -> wire.RecordActionResponse:
    """RecordAction: one that is known stays as it is."""
    status = status_pb2.Status()
    try:
        with store.writing():
            _record(store, request)
    except StatusError as error:
        status = status_pb2.Status(code=error.code.value[0], message=error.text)
    except TextError:
        status = _internal(f"failed to create action: {NUL}")
    answer = wire.RecordActionResponse(status=status)
    if request.HasField("action_id"):
        answer.action_id.CopyFrom(request.action_id)
    return answer


def recorded(store: Store, request: wire.RecordActionRequest) -> bool:
    """Keep an action, as far as it can be kept; whether it was not known before."""
    try:
        return _record(store, request)
    except StatusError:
        return True


def _record(store: Store, request: wire.RecordActionRequest) -> bool:
    """Keep an action; False when it was there. A trace has ended by the time it is told of."""
    values: dict[str, Value] = {
        "parent_action_name": request.parent or None,
        "action_group": request.group or None,
        "phase": phase_pb2.ACTION_PHASE_QUEUED,
        "inputs_uri": request.input_uri,
    }
    match request.WhichOneof("spec"):
        case "task":
            values |= _task(request.task)
        case "trace":
            values |= _trace(request.trace)
        case "condition":
            name = request.condition.name
            values |= {
                "action_type": CONDITION,
                "task_name": name or None,
                "function_name": name,
                "spec": request.condition.SerializeToString(),
            }
        case _:
            raise refused("unsupported action spec type: <nil>")
    return action_rows.insert(store, request.action_id, values)


def _task(action: run_definition_pb2.TaskAction) -> dict[str, Value]:
    values: dict[str, Value] = {"action_type": TASK}
    if action.HasField("id"):
        values |= _named(action.id)
    if action.HasField("spec"):
        values["task_type"] = action.spec.task_template.type
        values["environment_name"] = action.spec.environment.name or None
        values["spec"] = action.spec.SerializeToString()
        if action.spec.short_name:
            values["task_short_name"] = action.spec.short_name
    return values


def _named(identifier: task_definition_pb2.TaskIdentifier) -> dict[str, Value]:
    values: dict[str, Value] = {
        column: getattr(identifier, part) or None for column, part in TASK_COLUMNS.items()
    }
    return values | {
        "function_name": identifier.name,
        "task_short_name": identifier.name or None,
    }


def _trace(action: run_definition_pb2.TraceAction) -> dict[str, Value]:
    values: dict[str, Value] = {
        "action_type": TRACE,
        "task_name": action.name or None,
        "function_name": action.name,
        "phase": action_rows.SUCCEEDED,
        "outputs_uri": action.outputs.output_uri,
    }
    # What began first is listed first, although it is told of last.
    if action.HasField("start_time"):
        values["created_at"] = micros(action.start_time)
    if action.HasField("end_time"):
        values["ended_at"] = micros(action.end_time)
    if action.HasField("spec"):
        values["spec"] = action.spec.SerializeToString()
    return values


def update_status(
    store: Store, request: wire.UpdateActionStatusRequest
) -> wire.UpdateActionStatusResponse:
    """UpdateActionStatus: an unknown action is passed over, unless it is to have an output."""
    if not request.action_id.HasField("run"):
        raise PanicError
    status = status_pb2.Status()
    with store.writing():
        try:
            _keep_output(store, request)
            action_rows.update(store, request.action_id, request.status)
        except StatusError as error:
            status = status_pb2.Status(code=error.code.value[0], message=error.text)
        except TextError:
            status = _internal(NUL)
    return wire.UpdateActionStatusResponse(action_id=request.action_id, status=status)


def _keep_output(store: Store, request: wire.UpdateActionStatusRequest) -> None:
    changed: dict[str, Value] = {}
    if request.HasField("output"):
        changed["output"] = request.output.SerializeToString()
    if request.HasField("principal"):
        changed["signalled_by"] = request.principal.SerializeToString()
    if not changed:
        return
    row = action_rows.find(store, request.action_id.run, request.action_id.name)
    if row is None:
        raise internal("action not found")
    action_rows.change(store, row, changed | {"updated_at": now()})


def record_events(
    store: Store, request: wire.RecordActionEventsRequest
) -> wire.RecordActionEventsResponse:
    """RecordActionEvents: of whatever actions, also of unknown ones."""
    return wire.RecordActionEventsResponse(status=_kept(store, request.events))


def _kept(store: Store, events: Sequence[run_definition_pb2.ActionEvent]) -> status_pb2.Status:
    try:
        with store.writing():
            action_rows.add_events(store, events)
    except TextError:
        return _internal(f"insert action_events chunk start=0 size={len(events)}: {NUL}")
    return status_pb2.Status()


def _internal(text: str) -> status_pb2.Status:
    return status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0], message=text)


def record_event(
    store: Store, request: wire.RecordActionEventRequest
) -> wire.RecordActionEventResponse:
    """One event, for whom the answer says which action it is of."""
    answer = wire.RecordActionEventResponse(status=_kept(store, [request.event]))
    if request.event.HasField("id"):
        answer.action_id.CopyFrom(request.event.id)
    return answer


def stream_record(
    store: Store, request: wire.RecordActionStreamRequest
) -> wire.RecordActionStreamResponse:
    """RecordActionStream: for each message, and without its nonce."""
    return wire.RecordActionStreamResponse(response=record_action(store, request.request))


def stream_status(
    store: Store, request: wire.UpdateActionStatusStreamRequest
) -> wire.UpdateActionStatusStreamResponse:
    """UpdateActionStatusStream: for each message."""
    return wire.UpdateActionStatusStreamResponse(
        response=update_status(store, request.request), nonce=request.nonce
    )


def stream_event(
    store: Store, request: wire.RecordActionEventStreamRequest
) -> wire.RecordActionEventStreamResponse:
    """RecordActionEventStream: for each message."""
    return wire.RecordActionEventStreamResponse(
        response=record_event(store, request.request), nonce=request.nonce
    )


def record_for_engine(store: Store, request: proxy.RecordRequest) -> proxy.RecordResponse:
    """EventsProxyService.Record: the same for those who run tasks."""
    with store.writing():
        action_rows.add_events(store, request.events)
    return proxy.RecordResponse()


INTERNAL_HANDLERS = guarded(
    {
        "RecordAction": record_action,
        "UpdateActionStatus": update_status,
        "RecordActionEvents": record_events,
        "RecordActionStream": stream_record,
        "UpdateActionStatusStream": stream_status,
        "RecordActionEventStream": stream_event,
    }
)
PROXY_HANDLERS = guarded({"Record": record_for_engine})
