"""Starting executions once, by name, and ending them.

Facts from flyteadmin 1.16.8: a name that is taken is found out last, when the inputs of the other
execution are overwritten and, if Kubernetes has cleaned up behind it, it was started anew. A name
is therefore read before it is sent, except for a tick's: what that one is made of says its inputs,
and whoever asks for it has just read which ticks are there. ALREADY_EXISTS has more meanings (a
tag of the same name, a concurrency limit, which is looked at before the name), hence it is read
back. An execution that Kubernetes refused is there as FAILED, and the call says nothing of it.

Ending one that is aborting replaces its cause, and asks Kubernetes again, which may have refused
it the first time.
"""

from __future__ import annotations

from flyteidl.admin import execution_pb2
from flyteidl.core import execution_pb2 as core
from flyteidl.core import literals_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.run import likeness, normal, rows
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, ConflictError, UnavailableError
from reconciler.model.run import Launch, Run, RunId, Started, Stopping


async def get(channel: Channel, run_id: RunId) -> execution_pb2.Execution | None:
    """Read one execution; None when there is none."""
    request = execution_pb2.WorkflowExecutionGetRequest(id=rows.identifier(run_id))
    try:
        return await channel.call(methods.GET_EXECUTION, request)
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise


async def there(channel: Channel, launch: Launch) -> Run | None:
    """Read the execution of a name; raises ConflictError when it is another one."""
    found = await get(channel, launch.id)
    return None if found is None else (await _there(channel, launch, found)).run


async def start(channel: Channel, launch: Launch) -> Started:
    """Start an execution, or hand back the one that is there under its name."""
    is_tick = launch.scheduled_at is not None
    if not is_tick:
        found = await there(channel, launch)
        if found is not None:
            return Started(run=found, was_there=True)
    try:
        await channel.call(methods.CREATE_EXECUTION, normal.to_wire(launch))
    except BackendError as error:
        return await _after(channel, launch, error)
    if is_tick:
        return Started(run=_accepted(launch))
    made = await get(channel, launch.id)
    return Started(run=rows.run(made) if made is not None else _accepted(launch))


async def terminate(channel: Channel, run_id: RunId, cause: str) -> Stopping:
    """Ask for the end of an execution; one that is aborting is asked again, with its own cause."""
    found = await get(channel, run_id)
    closure = found.closure if found is not None else execution_pb2.ExecutionClosure()
    is_aborting = closure.phase == core.WorkflowExecution.ABORTING
    request = execution_pb2.ExecutionTerminateRequest(
        id=rows.identifier(run_id), cause=closure.abort_metadata.cause if is_aborting else cause
    )
    try:
        await channel.call(methods.TERMINATE_EXECUTION, request)
    except BackendError as error:
        if faults.has_ended(error):
            return Stopping.OVER
        raise
    return Stopping.UNDER_WAY if is_aborting else Stopping.ASKED


async def _after(channel: Channel, launch: Launch, error: BackendError) -> Started:
    """Find out what became of a call that did not answer that it started anything."""
    is_unknown = isinstance(error, UnavailableError)
    if not is_unknown and not (faults.is_already_exists(error) or faults.is_at_limit(error)):
        raise error
    found = await get(channel, launch.id)
    if found is None:
        if faults.is_already_exists(error):
            raise BackendError(
                f"run {launch.id}: there is no such run, and its name or a tag of it is taken by "
                "what is left of one that was not started whole; use another name",
                method=error.method,
                code=error.code,
            ) from error
        raise error
    known = await _there(channel, launch, found)
    return Started(run=known.run, was_there=not is_unknown)


async def _there(channel: Channel, launch: Launch, found: execution_pb2.Execution) -> Started:
    other = likeness.differs(launch, found, None)
    if not other and launch.body.get("inputs"):
        other = likeness.differs(launch, found, await _inputs(channel, launch.id))
    if other:
        raise ConflictError(
            f"run {launch.id}: is there and another one: {other}; use another name",
            method=methods.CREATE_EXECUTION.name,
            code="ALREADY_EXISTS",
        )
    return Started(run=rows.run(found), was_there=True)


async def _inputs(channel: Channel, run_id: RunId) -> literals_pb2.LiteralMap | None:
    """Read stored inputs; None where nothing comes, which says nothing."""
    request = execution_pb2.WorkflowExecutionGetDataRequest(id=rows.identifier(run_id))
    answer = await channel.call(methods.GET_EXECUTION_DATA, request)
    return answer.full_inputs if answer.full_inputs.literals else None


def _accepted(launch: Launch) -> Run:
    """Tell what is known of a run right after it was started."""
    request = normal.to_wire(launch)
    identifier = rows.identifier(launch.id)
    return rows.run(execution_pb2.Execution(id=identifier, spec=request.spec))
