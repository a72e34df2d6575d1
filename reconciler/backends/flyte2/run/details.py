"""Reading one run, or one action, whole."""

from __future__ import annotations

from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import run_definition_pb2 as wire
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.run import rows
from reconciler.backends.running import missing
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError
from reconciler.model.run import Run, RunId


async def get(channel: Channel, run_id: RunId) -> wire.RunDetails | None:
    """Read a run as the server has it; None when there is none."""
    request = run_service_pb2.GetRunDetailsRequest(run_id=rows.identifier(run_id))
    try:
        answer = await channel.call(methods.GET_RUN_DETAILS, request)
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise
    return answer.details


async def existing(channel: Channel, run_id: RunId) -> wire.RunDetails:
    """Read a run that must be there; raises BackendError when it is not."""
    found = await get(channel, run_id)
    if found is None:
        raise missing(run_id)
    return found


async def run(channel: Channel, run_id: RunId) -> Run | None:
    """Read a run; None when there is none."""
    found = await get(channel, run_id)
    return None if found is None else rows.detailed(found.action, found.run_spec)


async def action(
    channel: Channel, identifier: identifier_pb2.ActionIdentifier
) -> wire.ActionDetails:
    """Read an action with its attempts; raises BackendError when there is none."""
    request = run_service_pb2.GetActionDetailsRequest(action_id=identifier)
    try:
        answer = await channel.call(methods.GET_ACTION_DETAILS, request)
    except BackendError as error:
        if not faults.is_not_found(error):
            raise
        raise BackendError(
            f"run {rows.run_id(identifier.run)}: step {identifier.name}: is not there; describe "
            "the run to see its steps",
            method=error.method,
            code=error.code,
        ) from error
    return answer.details
