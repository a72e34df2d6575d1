"""Looks up workflows that plans refer to: interface, and the defaults that live beside it.

One list per project-domain names all exact versions; the newest versions of many names usually come
in one page, since CI registers a release at once. The default launch plan of a workflow has the
workflow's own name and version and holds the defaults of its inputs.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from flyteidl.admin import common_pb2, launch_plan_pb2, workflow_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import methods, starting
from reconciler.backends.flyte1.interface import default_literals, variables
from reconciler.backends.flyte1.lists import is_filterable, value_in
from reconciler.backends.flyte1.observe import list_active
from reconciler.backends.flyte1.paging import listing
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError
from reconciler.model.interface import Catalog, Missing, Unread, Want, Workflow
from reconciler.model.key import Place

_NEWEST = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)
_NEWEST_PAGE = 200

Name = tuple[str, str]
"""Name and version of a workflow in one project-domain."""


async def look_up(channel: Channel, wants: Collection[Want]) -> Catalog:
    """Answer every want; what fails in a project-domain is unread there."""
    by_place: dict[Place, list[Want]] = defaultdict(list)
    started = [want for want in wants if want.starts is not None]
    for want in wants:
        if want.starts is None:
            by_place[Place(want.project, want.domain)].append(want)
    found = await asyncio.gather(*(starting.look_up(channel, want) for want in started))
    answers: dict[Want, Workflow | Missing | Unread] = dict(zip(started, found, strict=True))

    async def read(place: Place, asked: list[Want]) -> None:
        try:
            answers.update(await _look_up_in(channel, place, asked))
        except BackendError as error:
            answers.update(dict.fromkeys(asked, Unread(str(error))))

    async with asyncio.TaskGroup() as group:
        for place, asked in sorted(by_place.items()):
            group.create_task(read(place, asked))
    return answers


async def _look_up_in(
    channel: Channel, place: Place, wants: Iterable[Want]
) -> dict[Want, Workflow | Missing | Unread]:
    exact: dict[Want, Name] = {}
    answers: dict[Want, Workflow | Missing | Unread] = {}
    active: dict[str, identifier_pb2.Identifier] | None = None
    follow: list[Want] = []
    for want in wants:
        if want.version:
            exact[want] = (want.name, want.version)
        elif want.matching:
            follow.append(want)
        else:
            if active is None:
                active = {
                    plan.id.name: plan.spec.workflow_id
                    async for plan in list_active(channel, place)
                }
            found = active.get(want.plan)
            if found is None:
                answers[want] = Missing(f"no version of plan {want.plan} is active in {place}")
            elif found.name != want.name:
                answers[want] = Missing(
                    f"plan {want.plan} in {place} runs {found.name}, not {want.name}"
                )
            else:
                answers.update(await _resolved(channel, found, want))
    for want in follow:
        newest = await _newest(channel, place, want)
        if isinstance(newest, Missing):
            answers[want] = newest
        elif want.plan:
            answers[want] = Workflow(place.project, place.domain, want.plan, newest)
        else:
            exact[want] = (want.name, newest)
    facts = await _facts(channel, place, frozenset(exact.values()))
    for want, name in exact.items():
        answers[want] = facts.get(name) or Missing(
            f"workflow {name[0]} version {name[1]} is not registered in {place}"
        )
    return answers


async def _resolved(
    channel: Channel, found: identifier_pb2.Identifier, want: Want
) -> dict[Want, Workflow | Missing | Unread]:
    """Read the workflow that another domain's plan runs, wherever it is registered."""
    place = Place(found.project, found.domain)
    name = (found.name, found.version)
    facts = await _facts(channel, place, frozenset({name}))
    missing = Missing(f"workflow {found.name} version {found.version} is not in {place}")
    return {want: facts.get(name) or missing}


async def _newest(channel: Channel, place: Place, want: Want) -> str | Missing:
    """Find the newest version that matches; names with plans are launch plans, else workflows."""
    name = want.plan or want.name
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain, name=name),
        sort_by=_NEWEST,
    )
    versions = _plan_versions if want.plan else _workflow_versions
    async for version in versions(channel, request):
        if fnmatchcase(version, want.matching):
            return version
    return replace(want, name=name).unmatched("launch plan" if want.plan else "workflow")


async def _plan_versions(
    channel: Channel, request: common_pb2.ResourceListRequest
) -> AsyncIterator[str]:
    async for page in listing(channel, methods.LIST_LAUNCH_PLANS, request, limit=_NEWEST_PAGE):
        for plan in page.launch_plans:
            yield plan.id.version


async def _workflow_versions(
    channel: Channel, request: common_pb2.ResourceListRequest
) -> AsyncIterator[str]:
    async for page in listing(channel, methods.LIST_WORKFLOWS, request, limit=_NEWEST_PAGE):
        for workflow in page.workflows:
            yield workflow.id.version


async def _facts(channel: Channel, place: Place, names: frozenset[Name]) -> dict[Name, Workflow]:
    if not names:
        return {}
    interfaces: dict[Name, workflow_pb2.Workflow] = {}
    defaults: dict[Name, launch_plan_pb2.LaunchPlan] = {}
    for request in _requests(place, names):
        async for workflows in listing(channel, methods.LIST_WORKFLOWS, request):
            for item in workflows.workflows:
                interfaces[item.id.name, item.id.version] = item
        async for plans in listing(channel, methods.LIST_LAUNCH_PLANS, request):
            for plan in plans.launch_plans:
                defaults[plan.id.name, plan.id.version] = plan
    return {
        name: _workflow(place, name, interfaces[name], defaults.get(name))
        for name in names
        if name in interfaces
    }


def _requests(place: Place, names: frozenset[Name]) -> Iterable[common_pb2.ResourceListRequest]:
    """Ask for all names and versions at once, and for odd ones by name."""
    plain = {name for name in names if is_filterable(name[0]) and is_filterable(name[1])}
    identifier = common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain)
    for by_version in value_in("version", {version for _, version in plain}):
        for by_name in value_in("name", {name for name, _ in plain}):
            yield common_pb2.ResourceListRequest(id=identifier, filters=f"{by_version}+{by_name}")
    for name in sorted({name for name, _ in names - plain}):
        one = common_pb2.NamedEntityIdentifier(
            project=place.project, domain=place.domain, name=name
        )
        yield common_pb2.ResourceListRequest(id=one)


def _workflow(
    place: Place,
    name: Name,
    item: workflow_pb2.Workflow,
    plan: launch_plan_pb2.LaunchPlan | None,
) -> Workflow:
    interface = item.closure.compiled_workflow.primary.template.interface
    return Workflow(
        project=place.project,
        domain=place.domain,
        name=name[0],
        version=name[1],
        inputs=variables(interface.inputs),
        defaults={} if plan is None else default_literals(plan.spec.default_inputs),
    )
