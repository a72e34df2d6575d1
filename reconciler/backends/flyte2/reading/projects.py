"""Projects and domains of Flyte 2; domains are the server's and come with every project."""

from __future__ import annotations

from collections.abc import AsyncIterator

from flyteidl2.project import project_service_pb2

from reconciler.backends.flyte2 import faults, methods, paging
from reconciler.backends.wire import looking
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError
from reconciler.model.asked import Asked
from reconciler.model.document import Json
from reconciler.model.entity import Details, Entity, What
from reconciler.model.key import Place


async def projects(channel: Channel) -> AsyncIterator[Entity]:
    """List projects by id, archived ones too."""
    async for project in paging.projects(channel):
        yield _entity(project)


async def places(channel: Channel, asked: Asked) -> tuple[Place, ...]:
    """List the project-domains that a list is about, sorted; none is asked for where one is."""
    if asked.place is not None:
        return (asked.place,)
    return await looking.places(paging.projects(channel), asked)


async def domains(channel: Channel) -> AsyncIterator[Entity]:
    """List the domains that projects have."""
    found: dict[str, str] = {}
    async for project in paging.projects(channel):
        found.update({domain.id: domain.name for domain in project.domains})
        if found:
            break
    for name, shown in sorted(found.items()):
        facts: dict[str, Json] = {"displayName": shown} if shown not in {name, ""} else {}
        yield Entity(what=What.DOMAINS, name=name, facts=facts)


async def details(channel: Channel, name: str) -> Details | None:
    """Read one project."""
    request = project_service_pb2.GetProjectRequest(id=name)
    try:
        project = (await channel.call(methods.GET_PROJECT, request)).project
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise
    return Details(entity=_entity(project), message=to_json(project))


async def domain_details(channel: Channel, name: str) -> Details | None:
    """Find one domain."""
    return await looking.named(domains(channel), name)


def _entity(project: project_service_pb2.Project) -> Entity:
    state = project_service_pb2.ProjectState.Name(project.state)
    return looking.project(project, state.removeprefix("PROJECT_STATE_"))
