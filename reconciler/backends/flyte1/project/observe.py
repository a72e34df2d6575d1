"""Reads projects and all their rows of attributes: one list of projects, one list per kind of row.

The calls that get the attributes of one level are never used, since they answer with inherited
rows. Archived projects are hidden from a list without a filter, so the filter is always true.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection

from flyteidl.admin import common_pb2, matchable_resource_pb2, project_pb2

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.paging import listing
from reconciler.backends.flyte1.project import values
from reconciler.backends.flyte1.project.paths import Row
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.project import own_fields
from reconciler.errors import BackendError
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.live import Record


async def observe_projects(
    channel: Channel, keys: Collection[Key]
) -> tuple[dict[Key, Record], dict[tuple[str, Place], str]]:
    """Read the named projects; without a name nothing is called.

    A project that does not exist is a record that says so and still tells the server's domains.
    """
    if not keys:
        return {}, {}
    cause = ""
    try:
        async with asyncio.TaskGroup() as group:
            listed = group.create_task(list_projects(channel))
            rows = group.create_task(list_rows(channel))
    except* BackendError as errors:
        cause = str(_first(errors))
    if cause:
        return {}, {(key.kind, key.place): cause for key in keys}
    projects = listed.result()
    domains = await _domains(channel, projects)
    found: dict[Key, Record] = {}
    for key in keys:
        project = projects.get(key.project)
        fields = {} if project is None else {**own_fields(project), **rows.result()[key.project]}
        found[key] = Record(fields, {"domains": list[Json](domains)}, exists=project is not None)
    return found, {}


def _first(errors: BaseExceptionGroup[BackendError]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def list_projects(channel: Channel) -> dict[str, project_pb2.Project]:
    """List all projects by id, archived ones too."""
    request = project_pb2.ProjectListRequest(
        filters="gte(state,0)", sort_by=common_pb2.Sort(key="identifier")
    )
    return {
        project.id: project
        async for page in listing(channel, methods.LIST_PROJECTS, request)
        for project in page.projects
    }


async def list_rows(channel: Channel) -> dict[str, dict[str, Json]]:
    """Read every row of every kind, by project and path."""
    found: dict[str, dict[str, Json]] = defaultdict(dict)
    answers = await asyncio.gather(*(list_kind(channel, kind) for kind in values.KINDS))
    for rows in answers:
        for (project, path), value in rows.items():
            found[project][path] = value
    return found


async def list_kind(channel: Channel, kind: str) -> dict[tuple[str, str], Json]:
    """Read every row of one kind, by project and path."""
    request = matchable_resource_pb2.ListMatchableAttributesRequest(
        resource_type=values.KINDS[kind]
    )
    answer = await channel.call(methods.LIST_MATCHABLE_ATTRIBUTES, request)
    return {
        (item.project, Row(kind, item.domain, item.workflow).path): values.from_wire(
            kind, item.attributes
        )
        for item in answer.configurations
        if not item.launch_plan
    }


async def _domains(channel: Channel, projects: dict[str, project_pb2.Project]) -> list[str]:
    """Tell the domains of the server, which every project has; empty when it does not tell."""
    for project in projects.values():
        return [domain.id for domain in project.domains]
    try:
        answer = await channel.call(methods.GET_DOMAINS, project_pb2.GetDomainRequest())
    except BackendError:
        return []
    return [domain.id for domain in answer.domains]
