"""Calls that change a project and its rows of attributes.

An update of a project replaces its labels as a whole and always writes the state, and no call
compares first. So the project is read right before, and everything that the action does not name is
sent as it is then. A delete takes narrower rows along, so it looks first whether there are others
than those the plan knew.
"""

from __future__ import annotations

from typing import cast

from flyteidl.admin import (
    project_attributes_pb2,
    project_domain_attributes_pb2,
    project_pb2,
    workflow_attributes_pb2,
)

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.project import observe, paths, values
from reconciler.backends.flyte1.project.paths import Row
from reconciler.backends.wire import project as shared
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, ConflictError
from reconciler.plan.plan import Action


async def create(channel: Channel, action: Action) -> None:
    """Register a project; one that exists is read and compared."""
    project = shared.created(project_pb2.Project, action.key, action.body)
    request = project_pb2.ProjectRegisterRequest(project=project)
    try:
        await channel.call(methods.REGISTER_PROJECT, request)
    except BackendError as error:
        if not faults.is_already_exists(error):
            raise
        live = await _get(channel, action.key.project)
        if shared.own_fields(live) != shared.own_fields(project):
            raise ConflictError(
                f"{channel.endpoint}: {action.key}: was registered by somebody else meanwhile; "
                "run again to see how it differs",
                method=methods.REGISTER_PROJECT.name,
            ) from error


async def update(channel: Channel, action: Action) -> None:
    """Write the named fields of a project, None for a label to remove; the others stay."""
    live = await _get(channel, action.key.project)
    await channel.call(methods.UPDATE_PROJECT, shared.updated(live, action.key, action.body))


async def _get(channel: Channel, project: str) -> project_pb2.Project:
    return await channel.call(methods.GET_PROJECT, project_pb2.ProjectGetRequest(id=project))


async def set_row(channel: Channel, action: Action) -> None:
    """Write one row of attributes."""
    project, row = action.key.project, Row.parse(action.field)
    if row.kind == values.PLUGINS and not row.workflow:
        await _has_own_row(channel, action)
    attributes = values.to_wire(row.kind, (action.body or {})["value"])
    if row.workflow:
        await channel.call(
            methods.UPDATE_WORKFLOW_ATTRIBUTES,
            workflow_attributes_pb2.WorkflowAttributesUpdateRequest(
                attributes=workflow_attributes_pb2.WorkflowAttributes(
                    project=project,
                    domain=row.domain,
                    workflow=row.workflow,
                    matching_attributes=attributes,
                )
            ),
        )
    elif row.domain:
        await channel.call(
            methods.UPDATE_PROJECT_DOMAIN_ATTRIBUTES,
            project_domain_attributes_pb2.ProjectDomainAttributesUpdateRequest(
                attributes=project_domain_attributes_pb2.ProjectDomainAttributes(
                    project=project, domain=row.domain, matching_attributes=attributes
                )
            ),
        )
    else:
        await channel.call(
            methods.UPDATE_PROJECT_ATTRIBUTES,
            project_attributes_pb2.ProjectAttributesUpdateRequest(
                attributes=project_attributes_pb2.ProjectAttributes(
                    project=project, matching_attributes=attributes
                )
            ),
        )


async def unset_row(channel: Channel, action: Action) -> None:
    """Remove one row; harmless when it is not there."""
    project, row = action.key.project, Row.parse(action.field)
    if not row.workflow:
        await _takes_only_known(channel, action)
    kind = values.KINDS[row.kind]
    if row.workflow:
        await channel.call(
            methods.DELETE_WORKFLOW_ATTRIBUTES,
            workflow_attributes_pb2.WorkflowAttributesDeleteRequest(
                project=project, domain=row.domain, workflow=row.workflow, resource_type=kind
            ),
        )
    elif row.domain:
        await channel.call(
            methods.DELETE_PROJECT_DOMAIN_ATTRIBUTES,
            project_domain_attributes_pb2.ProjectDomainAttributesDeleteRequest(
                project=project, domain=row.domain, resource_type=kind
            ),
        )
    else:
        await channel.call(
            methods.DELETE_PROJECT_ATTRIBUTES,
            project_attributes_pb2.ProjectAttributesDeleteRequest(
                project=project, resource_type=kind
            ),
        )


async def _narrower(channel: Channel, action: Action) -> tuple[set[str], bool]:
    """Read which narrower rows there are now, and whether the row itself is."""
    found = await observe.list_kind(channel, Row.parse(action.field).kind)
    mine = {path for project, path in found if project == action.key.project}
    return set(paths.cascades(action.field, mine)), action.field in mine


async def _takes_only_known(channel: Channel, action: Action) -> None:
    narrower, _ = await _narrower(channel, action)
    known = cast("list[str]", (action.body or {}).get("takes", []))
    if surprise := sorted(narrower.difference(known)):
        raise ConflictError(
            f"{channel.endpoint}: {action.key}: removing {action.field} would also remove "
            f"{', '.join(surprise)}, which was not there when this was planned; run again"
        )


async def _has_own_row(channel: Channel, action: Action) -> None:
    """Refuse where the server would write into the row of a workflow instead."""
    narrower, is_there = await _narrower(channel, action)
    if narrower and not is_there:
        raise ConflictError(
            f"{channel.endpoint}: {action.key}: {action.field} would be written into "
            f"{min(narrower)}, which was not there when this was planned; run again"
        )
