"""Calls that change triggers: deploy, activate, deactivate, delete.

Each returns the revision that it made, where nobody else can have written in between. Facts from
the open-source manager 2.0.43: every deploy moves the revision and sets `active`; a switch moves it
where it flips something, and both switching and deleting pass over names that do not exist.
"""

from __future__ import annotations

from flyteidl2.trigger import trigger_service_pb2

from reconciler.backends.flyte2 import faults, locks, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.trigger import normal, wire
from reconciler.backends.flyte2.trigger.upload import upload
from reconciler.errors import BackendError, ConflictError
from reconciler.plan.plan import Action


async def deploy(link: Link, action: Action) -> str:
    """Replace a trigger whole over the revision that was read, or make it where there is none."""
    body = action.body or {}
    inputs = body.get("inputs")
    offloaded = await upload(link, action, inputs) if isinstance(inputs, dict) else None
    request = trigger_service_pb2.DeployTriggerRequest(
        name=normal.name_of(action.key),
        revision=int(action.revision) if action.revision else locks.NEW,
        spec=wire.to_wire(
            body,
            task_version=action.refs[0].version,
            active=action.active,
            offloaded=offloaded,
        ),
        automation_spec=wire.automation_to_wire(body),
    )
    try:
        answer = await link.channel.call(methods.DEPLOY_TRIGGER, request)
    except BackendError as error:
        if not faults.is_conflict(error):
            raise
        deleted = await locks.deleted_revision(link.channel, request.name)
        if action.revision or not deleted:
            raise _changed(link, action, error) from error
        request.revision = deleted
        answer = await link.channel.call(methods.DEPLOY_TRIGGER, request)
    revision = answer.trigger.id.revision
    link.revisions[action.key] = revision
    return str(revision)


async def activate(link: Link, action: Action) -> str:
    """Switch a trigger on; from here on Flyte catches up."""
    revision = await _switch(link, action, active=True)
    if revision is None:
        raise ConflictError(
            f"{link.channel.endpoint}: {action.key}: somebody deleted it; run again",
            method=methods.UPDATE_TRIGGERS.name,
        )
    return revision


async def deactivate(link: Link, action: Action) -> str:
    """Switch a trigger off; harmless when it is off already, or gone."""
    return await _switch(link, action, active=False) or ""


async def delete(link: Link, action: Action) -> str:
    """Delete a trigger that is as it was read; its history stays."""
    name = normal.name_of(action.key)
    details = await locks.details_of(link.channel, name)
    if details is None:
        return ""
    if details.id.revision != _known(link, action):
        raise _changed(link, action, None)
    request = trigger_service_pb2.DeleteTriggersRequest(names=[name])
    await link.channel.call(methods.DELETE_TRIGGERS, request)
    return ""


async def _switch(link: Link, action: Action, *, active: bool) -> str | None:
    """Switch, and return the revision if it is surely ours; None where there is no trigger."""
    name = normal.name_of(action.key)
    request = trigger_service_pb2.UpdateTriggersRequest(names=[name], active=active)
    await link.channel.call(methods.UPDATE_TRIGGERS, request)
    details = await locks.details_of(link.channel, name)
    if details is None:
        return None
    known, revision = _known(link, action), details.id.revision
    if details.spec.active is not active or revision not in {known, known + 1}:
        return ""
    link.revisions[action.key] = revision
    return str(revision)


def _known(link: Link, action: Action) -> int:
    return link.revisions.get(action.key) or int(action.revision or 0)


def _changed(link: Link, action: Action, cause: BackendError | None) -> ConflictError:
    read = f"revision {action.revision} was read" if action.revision else "it was read as absent"
    return ConflictError(
        f"{link.channel.endpoint}: {action.key}: somebody else changed it since {read}; run "
        "again to see how it differs",
        method=cause.method if cause else methods.DELETE_TRIGGERS.name,
        code=cause.code if cause else "",
    )
