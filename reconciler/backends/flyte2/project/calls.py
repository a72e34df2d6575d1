"""Calls that make and change a project.

An update writes everything and knows no revision. So the project is read right before, what the
action does not name is sent as it is then, and it is read again, to see whether somebody else's
update came in between.
"""

from __future__ import annotations

from flyteidl2.project import project_service_pb2 as wire

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.wire import project as shared
from reconciler.errors import BackendError, ConflictError
from reconciler.plan.plan import Action


async def create(link: Link, action: Action) -> str:
    """Make a project; one that exists is read and compared."""
    project = shared.created(wire.Project, action.key, action.body)
    request = wire.CreateProjectRequest(project=project)
    try:
        await link.channel.call(methods.CREATE_PROJECT, request)
    except BackendError as error:
        if not faults.is_already_exists(error):
            raise
        live = await _get(link, action.key.project)
        if shared.own_fields(live) != shared.own_fields(project):
            raise _conflict(
                link, action, "was made by somebody else meanwhile; run again to see how it differs"
            ) from error
    return ""


async def update(link: Link, action: Action) -> str:
    """Write the named fields of a project, None for one to clear; the others stay."""
    live = await _get(link, action.key.project)
    project = shared.updated(live, action.key, action.body)
    await link.channel.call(methods.UPDATE_PROJECT, wire.UpdateProjectRequest(project=project))
    after = await _get(link, action.key.project)
    if shared.own_fields(after) != shared.own_fields(project):
        raise _conflict(
            link,
            action,
            "somebody else wrote it at the same time, and one of the two updates may be lost; "
            "run again",
        )
    return ""


async def _get(link: Link, project: str) -> wire.Project:
    answer = await link.channel.call(methods.GET_PROJECT, wire.GetProjectRequest(id=project))
    return answer.project


def _conflict(link: Link, action: Action, why: str) -> ConflictError:
    return ConflictError(f"{link.channel.endpoint}: {action.key}: {why}")
