"""Projects and domains of Flyte 2; domains are the server's and come with every project."""

from __future__ import annotations

from collections.abc import AsyncIterator

from flyteidl2.project import project_service_pb2

from reconciler.backends.flyte2 import faults, methods, paging
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
    found = {
        place
        async for project in paging.projects(channel)
        for domain in project.domains
        if asked.is_in(place := Place(project.id, domain.id))
    }
    return tuple(sorted(found))


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
    async for one in domains(channel):
        if one.name == name:
            return Details(entity=one)
    return None


def _entity(project: project_service_pb2.Project) -> Entity:
    state = project_service_pb2.ProjectState.Name(project.state)
    facts: dict[str, Json] = {
        "displayName": project.name,
        "description": project.description,
        "labels": dict(project.labels.values),
        "domains": [domain.id for domain in project.domains],
    }
    return Entity(
        what=What.PROJECTS,
        name=project.id,
        state=state.removeprefix("PROJECT_STATE_").lower().replace("_", "-"),
        facts={name: value for name, value in facts.items() if value},
    )
