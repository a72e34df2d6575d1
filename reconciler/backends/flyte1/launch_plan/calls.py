"""Calls that change launch plans: register, activate, deactivate, and what is kept at the name."""

from __future__ import annotations

from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.attachments import Attachments
from reconciler.backends.flyte1.launch_plan import files, normal, wire
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, ConflictError, DeniedError, UnavailableError
from reconciler.model.key import Key
from reconciler.plan.plan import Action


async def register(channel: Channel, action: Action, attachments: Attachments) -> None:
    """Register one version, its files first; one that exists is compared by normal form."""
    key = action.key
    identifier = wire.identifier(
        project=key.project, domain=key.domain, name=key.name, version=action.version
    )
    body = action.body or {}
    target = action.refs[0]
    workflow = identifier_pb2.Identifier(
        resource_type=identifier_pb2.WORKFLOW,
        project=target.key.project,
        domain=target.key.domain,
        name=target.key.name,
        version=target.version,
    )
    uploaded = await attachments.uploaded(channel, action, files.stand_ins(body))
    request = launch_plan_pb2.LaunchPlanCreateRequest(
        id=identifier, spec=wire.to_wire(files.located(body, uploaded), workflow)
    )
    try:
        await channel.call(methods.CREATE_LAUNCH_PLAN, request)
    except BackendError as error:
        if not (faults.is_already_exists(error) or faults.is_different_structure(error)):
            raise
        live = await channel.call(
            methods.GET_LAUNCH_PLAN, common_pb2.ObjectGetRequest(id=identifier)
        )
        if files.recognised(normal.from_wire(live.id, live.spec), body)[0] != body:
            raise ConflictError(
                f"{channel.endpoint}: {action.key}: version {action.version} exists with other "
                "content; run again to see how it differs",
                method=methods.CREATE_LAUNCH_PLAN.name,
            ) from error


async def activate(channel: Channel, action: Action) -> None:
    """Make a version the active one.

    The call is not repeated blindly: activating the active version moves the time from which Flyte
    catches up. When the answer was lost, a read tells whether it was done. A refused activation
    leaves the former version active without its schedule (flyteadmin 1.16.8 removes that first), so
    that one is activated again.
    """
    try:
        await _update(channel, action.key, action.version, launch_plan_pb2.ACTIVE)
    except UnavailableError:
        if await _active_version(channel, action) != action.version:
            raise
    except DeniedError:
        raise
    except BackendError as error:
        former = "" if faults.is_not_found(error) else await _active_version(channel, action)
        if not former or former == action.version:
            raise
        await _update(channel, action.key, former, launch_plan_pb2.ACTIVE)
        raise BackendError(
            f"{error}; version {former} was activated again, since Flyte had stopped its schedule",
            method=error.method,
            code=error.code,
        ) from error


async def deactivate(channel: Channel, action: Action) -> None:
    """Stop a version; harmless when it is inactive already."""
    await _update(channel, action.key, action.version, launch_plan_pb2.INACTIVE)


async def archive(channel: Channel, action: Action) -> None:
    """Hide the name; its description stays, since empty ones are not written."""
    await _metadata(channel, action, "", common_pb2.NAMED_ENTITY_ARCHIVED)


async def describe(channel: Channel, action: Action) -> None:
    """Write the description of the name and show it."""
    description = str((action.body or {}).get("description", ""))
    await _metadata(channel, action, description, common_pb2.NAMED_ENTITY_ACTIVE)


async def _update(
    channel: Channel, key: Key, version: str, state: launch_plan_pb2.LaunchPlanState
) -> None:
    identifier = wire.identifier(
        project=key.project, domain=key.domain, name=key.name, version=version
    )
    request = launch_plan_pb2.LaunchPlanUpdateRequest(id=identifier, state=state)
    await channel.call(methods.UPDATE_LAUNCH_PLAN, request)


async def _active_version(channel: Channel, action: Action) -> str:
    key = action.key
    request = launch_plan_pb2.ActiveLaunchPlanRequest(
        id=common_pb2.NamedEntityIdentifier(project=key.project, domain=key.domain, name=key.name)
    )
    try:
        return (await channel.call(methods.GET_ACTIVE_LAUNCH_PLAN, request)).id.version
    except BackendError as error:
        if faults.is_not_found(error):
            return ""
        raise


async def _metadata(
    channel: Channel, action: Action, description: str, state: common_pb2.NamedEntityState
) -> None:
    key = action.key
    request = common_pb2.NamedEntityUpdateRequest(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        id=common_pb2.NamedEntityIdentifier(project=key.project, domain=key.domain, name=key.name),
        metadata=common_pb2.NamedEntityMetadata(description=description, state=state),
    )
    await channel.call(methods.UPDATE_NAMED_ENTITY, request)
