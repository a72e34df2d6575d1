"""Starting runs once, by name, once more, and ending them.

Facts from the open-source manager 2.0.43: a name that is sent again is not refused. The inputs of
that run are overwritten, and if Kubernetes has cleaned up behind it, or it was aborted, its code
runs once more. So a name is read before it is sent, and never sent twice. Ending a run that has
ended makes an aborted one of it, so that it is read before that as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from flyteidl2.common import identifier_pb2
from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.run import (
    data,
    details,
    likeness,
    methods,
    normal,
    rows,
    words,
)
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import from_json
from reconciler.errors import BackendError, ConflictError, UnavailableError, UsageError
from reconciler.model.document import Json
from reconciler.model.run import Launch, Mode, Phase, Run, RunId, Started, Stopping


async def start(link: Link, launch: Launch) -> Started:
    """Start a run, or hand back the one that is there under its name."""
    found = await there(link, launch)
    if found is not None:
        return Started(run=found, was_there=True)
    try:
        answer = await link.channel.call(methods.CREATE_RUN, normal.to_wire(launch))
    except UnavailableError:
        # It may have arrived; nobody sends it again before it was read.
        found = await there(link, launch)
        if found is None:
            raise
        return Started(run=found)
    return Started(run=rows.listed(answer.run))


async def there(link: Link, launch: Launch) -> Run | None:
    """Read the run of a name; raises ConflictError when it is another one."""
    found = await details.get(link.channel, launch.id)
    if found is None:
        return None
    other = likeness.differs(launch, found)
    if not other and likeness.is_typed(launch):
        stored = (await data.read(link, launch.id, "")).inputs
        other = likeness.inputs_differ(launch, stored.literals) if stored else ""
    if other:
        raise ConflictError(
            f"run {launch.id}: is there and another one: {other}; use another name",
            method=methods.CREATE_RUN.name,
            code="ALREADY_EXISTS",
        )
    return rows.detailed(found.action, found.run_spec)


async def terminate(channel: Channel, run_id: RunId, cause: str, step: str) -> Stopping:
    """Abort a run, or one action of it, unless it has ended."""
    if not step or step == rows.ROOT:
        found = await details.existing(channel, run_id)
        if _has_ended(found.action.status):
            return Stopping.OVER
        # Without a reason the server gives its own.
        request = run_service_pb2.AbortRunRequest(
            run_id=rows.identifier(run_id), reason=cause or None
        )
        await channel.call(methods.ABORT_RUN, request)
        return Stopping.ASKED
    action = rows.action(run_id, step)
    if _has_ended((await details.action(channel, action)).status):
        return Stopping.OVER
    await channel.call(
        methods.ABORT_ACTION, run_service_pb2.AbortActionRequest(action_id=action, reason=cause)
    )
    return Stopping.ASKED


async def relaunch(link: Link, run_id: RunId, name: str, inputs: Mapping[str, Json] | None) -> Run:
    """Start the same task as it was, with the same settings and the same or other inputs.

    Inputs are sent along and not pointed to: what the task's cache goes by is worked out from what
    is sent. The tick of a scheduled run stays, anything else begins now.
    """
    origin = await details.existing(link.channel, run_id)
    request = run_service_pb2.CreateRunRequest(
        run_spec=origin.run_spec, source=run_definition_pb2.RUN_SOURCE_CLI
    )
    _fill_name(request, run_id, name)
    _fill_task(request, origin, run_id)
    request.inputs.CopyFrom(_replaced(await data.inputs_of(link, run_id), inputs or {}))
    settings = request.run_spec
    if rows.detailed(origin.action, origin.run_spec).mode is not Mode.SCHEDULED:
        settings.ClearField("run_start_time")
    for field in ("cluster_pool", "task_spec_source", "related_to"):
        settings.ClearField(field)
    settings.relation.relation_type = common_run_pb2.RELATION_TYPE_RERUN
    settings.relation.related_to.CopyFrom(rows.identifier(run_id))
    if name and await details.get(link.channel, RunId(run_id.place, name)) is not None:
        raise ConflictError(
            f"run {RunId(run_id.place, name)}: is there already; use another name",
            code="ALREADY_EXISTS",
        )
    answer = await link.channel.call(methods.CREATE_RUN, request)
    return rows.listed(answer.run)


def _fill_name(request: run_service_pb2.CreateRunRequest, origin: RunId, name: str) -> None:
    place = origin.place
    if not name:
        request.project_id.CopyFrom(
            identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain)
        )
        return
    if not methods.is_name(name):
        raise UsageError(
            f'run name "{name}": is none on Flyte 2; use at most 30 of a-z, 0-9 and -, beginning '
            "with a letter and not ending with -"
        )
    request.run_id.CopyFrom(rows.identifier(RunId(place, name)))


def _fill_task(
    request: run_service_pb2.CreateRunRequest,
    origin: run_definition_pb2.RunDetails,
    run_id: RunId,
) -> None:
    """Take the task as it was: a version may have been overwritten since, or never registered."""
    if not origin.action.HasField("task"):
        raise BackendError(f"run {run_id}: does not tell what it ran; start it anew")
    request.task_spec.CopyFrom(origin.action.task)
    registered = origin.action.metadata.task.id
    if registered.name:
        named = request.task_spec.task_template.id
        named.project, named.domain = registered.project, registered.domain
        named.name, named.version = registered.name, registered.version


def _replaced(inputs: common_pb2.Inputs, others: Mapping[str, Json]) -> common_pb2.Inputs:
    found = common_pb2.Inputs(context=inputs.context)
    found.literals.extend(one for one in inputs.literals if one.name not in others)
    for name, literal in sorted(others.items()):
        from_json(literal, found.literals.add(name=name).value)
    return found


def _has_ended(status: run_definition_pb2.ActionStatus) -> bool:
    return words.PHASES.get(status.phase, Phase.UNDEFINED).is_terminal
