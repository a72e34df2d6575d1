"""Projects and domains of Flyte 1.

Facts from flyteadmin 1.16.8: without a filter the list of projects leaves archived ones out, and
any filter shows them; limit 0 is everything; domains are the server's and the same for all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from flyteidl.admin import common_pb2, project_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.lists import is_filterable
from reconciler.backends.wire import looking, paging
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError
from reconciler.model.asked import Asked, is_glob
from reconciler.model.document import Json
from reconciler.model.entity import Details, Entity, What
from reconciler.model.key import Place

_PAGE = 1000
_ANY_STATE = "gte(state,0)"
_SORT = common_pb2.Sort(key="identifier", direction=common_pb2.Sort.ASCENDING)


async def projects(channel: Channel, asked: Asked) -> AsyncIterator[Entity]:
    """List projects by id, archived ones too."""
    for filters in _filters(asked):
        async for project in _listed(channel, filters):
            yield entity(project)


async def places(channel: Channel, asked: Asked) -> tuple[Place, ...]:
    """List the project-domains that a list is about, sorted; none is asked for where one is."""
    if asked.place is not None:
        return (asked.place,)
    exact = "" if is_glob(asked.project) else asked.project
    filters = f"{_ANY_STATE}+eq(identifier,{exact})" if is_filterable(exact) and exact else ""
    return await looking.places(_listed(channel, filters or _ANY_STATE), asked)


async def domains(channel: Channel) -> AsyncIterator[Entity]:
    """List the domains of the server."""
    answer = await channel.call(methods.GET_DOMAINS, project_pb2.GetDomainRequest())
    for domain in sorted(answer.domains, key=lambda one: one.id):
        yield _domain(domain)


async def details(channel: Channel, name: str) -> Details | None:
    """Read one project."""
    try:
        project = await channel.call(methods.GET_PROJECT, project_pb2.ProjectGetRequest(id=name))
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise
    return Details(entity=entity(project), message=to_json(project))


async def domain_details(channel: Channel, name: str) -> Details | None:
    """Find one domain."""
    return await looking.named(domains(channel), name)


def entity(project: project_pb2.Project) -> Entity:
    """Read one project."""
    return looking.project(project, project_pb2.Project.ProjectState.Name(project.state))


def _domain(domain: project_pb2.Domain) -> Entity:
    facts: dict[str, Json] = {"displayName": domain.name} if domain.name != domain.id else {}
    return Entity(what=What.DOMAINS, name=domain.id, facts=facts)


def _filters(asked: Asked) -> tuple[str, ...]:
    exact = sorted(set(asked.exact_names))
    if not exact or not all(map(is_filterable, exact)):
        return (_ANY_STATE,)
    return (f"{_ANY_STATE}+value_in(identifier,{';'.join(exact)})",)


async def _listed(channel: Channel, filters: str) -> AsyncIterator[project_pb2.Project]:
    def ask(limit: int, token: str) -> project_pb2.ProjectListRequest:
        return project_pb2.ProjectListRequest(
            limit=limit, token=token, filters=filters, sort_by=_SORT
        )

    async for page in paging.calls(channel, methods.LIST_PROJECTS, ask, limit=_PAGE):
        for project in page.projects:
            yield project
