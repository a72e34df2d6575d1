"""Executions started once more: relaunched, with other inputs, or recovered.

Facts from flyteadmin 1.16.8: it takes the inputs that the caller of the first one gave, and what
that one's spec says, its tick and tags too. It looks at no phase. Other inputs it does not take, so
that those go by a call that says the same and names the execution that it is made from.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping

from flyteidl.admin import execution_pb2

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.run import methods as run_methods
from reconciler.backends.flyte1.run import rows
from reconciler.backends.flyte1.run.start import get
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import from_json
from reconciler.errors import ConflictError, UnavailableError
from reconciler.model.document import Json
from reconciler.model.run import Run, RunId

_Metadata = execution_pb2.ExecutionMetadata
_NAME_LENGTH = 20


async def relaunch(channel: Channel, run_id: RunId, name: str) -> Run:
    """Start the same with the same inputs."""

    async def send(chosen: str) -> object:
        request = execution_pb2.ExecutionRelaunchRequest(id=rows.identifier(run_id), name=chosen)
        return await channel.call(run_methods.RELAUNCH_EXECUTION, request)

    return await _under(channel, run_id, name, send)


async def relaunch_with(
    channel: Channel, origin: execution_pb2.Execution, name: str, inputs: Mapping[str, Json]
) -> Run:
    """Start the same with other inputs."""
    request = execution_pb2.ExecutionCreateRequest(
        project=origin.id.project, domain=origin.id.domain, spec=origin.spec
    )
    for key, literal in sorted(inputs.items()):
        from_json(literal, request.inputs.literals[key])
    request.spec.ClearField("inputs")
    request.spec.metadata.mode = _Metadata.RELAUNCH
    request.spec.metadata.reference_execution.CopyFrom(origin.id)

    async def send(chosen: str) -> object:
        request.name = chosen
        return await channel.call(methods.CREATE_EXECUTION, request)

    return await _under(channel, rows.run_id(origin.id), name, send)


async def recover(channel: Channel, run_id: RunId, name: str) -> Run:
    """Start the same, in which the engine takes over what had succeeded."""

    async def send(chosen: str) -> object:
        request = execution_pb2.ExecutionRecoverRequest(id=rows.identifier(run_id), name=chosen)
        return await channel.call(run_methods.RECOVER_EXECUTION, request)

    return await _under(channel, run_id, name, send)


async def _under(
    channel: Channel, origin: RunId, name: str, send: Callable[[str], Awaitable[object]]
) -> Run:
    """Send a call under a name that is free, and read what it started."""
    run_id = RunId(origin.place, name or _made_up())
    if name and await get(channel, run_id) is not None:
        raise ConflictError(
            f"run {run_id}: is there already; use another name", code="ALREADY_EXISTS"
        )
    failure: UnavailableError | None = None
    try:
        await send(run_id.name)
    except UnavailableError as error:
        failure = error
    found = await get(channel, run_id)
    if found is not None:
        return rows.run(found)
    raise failure or ConflictError(
        f"run {run_id}: was started and is gone; somebody else removes executions"
    )


def _made_up() -> str:
    """Make a name up, of the shape that flyteadmin gives those without one."""
    return f"f{secrets.token_hex(_NAME_LENGTH)}"[:_NAME_LENGTH]
