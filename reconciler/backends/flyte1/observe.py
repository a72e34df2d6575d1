"""Reads the live side of Flyte 1 in pages.

Per project-domain: one list of active launch plans, one list of the asked versions that are not
active, and one list of names where descriptions matter. Lists of a project that does not exist
answer empty (seen on flyteadmin 1.16.8), so that a project still to be created reads as absent.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from flyteidl.admin import common_pb2, launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import methods, task
from reconciler.backends.flyte1.attachments import Attachments
from reconciler.backends.flyte1.launch_plan import files, normal
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.launch_plan.spec import WORKFLOW_KIND as WORKFLOW
from reconciler.backends.flyte1.lists import is_filterable, value_in
from reconciler.backends.flyte1.paging import BY_NAME, listing
from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError
from reconciler.model.digest import split_version
from reconciler.model.key import Key, Place
from reconciler.model.live import About, LiveVersion, Query, Record, Versions

_RESOURCE_TYPES = {
    TASK: identifier_pb2.TASK,
    WORKFLOW: identifier_pb2.WORKFLOW,
    LAUNCH_PLAN: identifier_pb2.LAUNCH_PLAN,
}

T = TypeVar("T")

Found = dict[Key, Versions | Record]
Failed = dict[tuple[str, Place], str]


_Mark = tuple[str, str, int, int]
"""A registered version: name, version, and when it was made."""


@dataclass(slots=True)
class ReadBefore:
    """Launch plans as they were read, for a backend that observes again and again.

    Flyte never changes what it registered under a version, so the same one is not read twice. Only
    those that were as some set declared them are kept: that set holds the body anyway.
    """

    _kept: dict[Place, dict[_Mark, LiveVersion]] = field(default_factory=dict)

    def of(self, place: Place) -> Mapping[_Mark, LiveVersion]:
        """Return what is kept of a place."""
        return self._kept.get(place, {})

    def keep(self, place: Place, versions: dict[_Mark, LiveVersion]) -> None:
        """Keep these of a place, and no others."""
        self._kept[place] = versions


async def observe_versions(
    channel: Channel, query: Query, attachments: Attachments, before: ReadBefore
) -> tuple[Found, Failed]:
    """Read launch plans, tasks and workflows; what fails in a place is unreadable there.

    `attachments` learns where files are that were uploaded before, `before` what was read.
    """
    asked: dict[tuple[str, Place], dict[Key, frozenset[str]]] = defaultdict(dict)
    for key, versions in query.versions.items():
        asked[key.kind, key.place][key] = versions
    for place in query.places:
        for kind in _RESOURCE_TYPES if query.sets else (LAUNCH_PLAN,):
            asked.setdefault((kind, place), {})
    found: Found = {}
    failed: Failed = {}

    async def read_in(kind: str, place: Place, keys: Mapping[Key, frozenset[str]]) -> None:
        try:
            if kind == LAUNCH_PLAN:
                compare = _Comparing(query, attachments, before)
                read = await _launch_plans(channel, place, keys, compare)
            else:
                read = await _registered(channel, kind, place, keys)
            if query.sets:
                read = _joined(read, await _made_by(channel, kind, place, query.sets))
            found.update(read)
        except BackendError as error:
            failed[kind, place] = str(error)

    async with asyncio.TaskGroup() as group:
        for (kind, place), keys in sorted(asked.items(), key=lambda item: item[0]):
            group.create_task(read_in(kind, place, keys))
    return found, failed


@dataclass(frozen=True, slots=True)
class _Comparing:
    """Live plans beside what is declared of them."""

    query: Query
    attachments: Attachments
    before: ReadBefore

    def __call__(self, key: Key, version: LiveVersion) -> LiveVersion:
        """Read declared files as declared, and hold an equal body once; see `Query.expected`."""
        return self.equal(key, version) or self._recognised(key, version)

    def equal(self, key: Key, version: LiveVersion) -> LiveVersion | None:
        """Return a version that says what is declared, word for word, with the declared body."""
        declared = self.query.expected.get(key)
        if declared is None or version.body != declared:
            return None
        return version if version.body is declared else replace(version, body=declared)

    def _recognised(self, key: Key, version: LiveVersion) -> LiveVersion:
        declared = self.query.expected.get(key)
        if declared is None or version.body is None:
            return version
        body, uploads = files.recognised(version.body, declared)
        if split_version(version.version) is not None:
            self.attachments.seen(key.place, uploads)
        return replace(version, body=declared if body == declared else body)


async def _launch_plans(
    channel: Channel,
    place: Place,
    keys: Mapping[Key, frozenset[str]],
    compare: _Comparing,
) -> Found:
    active = await _active(channel, place, compare)
    missing = {
        key: rest
        for key, versions in keys.items()
        if (rest := versions - {item.version for item in active.get(key, ())})
    }
    registered = await _registered(channel, LAUNCH_PLAN, place, missing)
    about = await _about(channel, place) if place in compare.query.described else None
    described = keys if about is not None and not compare.query.sets else about or {}
    names = {*active, *registered, *(key for key in described if about and key in about)}
    found: Found = {}
    for key in names:
        versions = registered.get(key, Versions())
        assert isinstance(versions, Versions)
        now = tuple(active.get(key, ()))
        asked = keys.get(key, frozenset())
        known = {item.version: item for item in now if item.version in asked}
        others = {name: compare(key, item) for name, item in versions.registered.items()}
        found[key] = Versions(
            active=now,
            registered={**others, **known},
            about=about.get(key) if about is not None else None,
        )
    return found


async def _active(
    channel: Channel, place: Place, compare: _Comparing
) -> Mapping[Key, list[LiveVersion]]:
    active: dict[Key, list[LiveVersion]] = defaultdict(list)
    before, now = compare.before.of(place), dict[_Mark, LiveVersion]()
    async for plan in list_active(channel, place):
        key = Key(LAUNCH_PLAN, plan.id.project, plan.id.domain, plan.id.name)
        made_at = plan.closure.created_at
        mark = (plan.id.name, plan.id.version, made_at.seconds, made_at.nanos)
        known = before.get(mark)
        read = known or live_plan(plan)
        equal = compare.equal(key, read)
        if kept := equal or known:
            now[mark] = kept
        active[key].append(equal or compare(key, read))
    compare.before.keep(place, now)
    return active


async def list_active(channel: Channel, place: Place) -> AsyncIterator[launch_plan_pb2.LaunchPlan]:
    """Yield the active launch plans of a place, in the order of their creation."""
    request = launch_plan_pb2.ActiveLaunchPlanListRequest(
        project=place.project, domain=place.domain
    )
    async for page in listing(channel, methods.LIST_ACTIVE_LAUNCH_PLANS, request):
        for plan in page.launch_plans:
            yield plan


def live_plan(plan: launch_plan_pb2.LaunchPlan) -> LiveVersion:
    """Read one launch plan version."""
    made_at = plan.closure.created_at.ToJsonString() if plan.closure.HasField("created_at") else ""
    return LiveVersion(plan.id.version, normal.from_wire(plan.id, plan.spec), made_at)


async def _registered(
    channel: Channel, kind: str, place: Place, keys: Mapping[Key, frozenset[str]]
) -> Found:
    """Read which of the asked versions exist, with one list for all that a filter can name."""
    collected: dict[Key, dict[str, LiveVersion]] = defaultdict(dict)
    versions = {version for asked in keys.values() for version in asked}
    plain = {version for version in versions if is_filterable(version)}
    for text in value_in("version", plain):
        async for name, version in _list_versions(channel, kind, place, filters=text):
            key = Key(kind, place.project, place.domain, name)
            if version.version in keys.get(key, frozenset()):
                collected[key][version.version] = version
    for key, asked in keys.items():
        for odd in sorted(asked - plain):
            single = await get_version(channel, key, odd)
            if single is not None:
                collected[key][odd] = single
    return {key: Versions(registered=items) for key, items in collected.items()}


async def _made_by(
    channel: Channel, kind: str, place: Place, sets: frozenset[str]
) -> dict[Key, dict[str, LiveVersion]]:
    """List every version that these sets made; one filter on the name of a version finds them."""
    found: dict[Key, dict[str, LiveVersion]] = defaultdict(dict)
    for name in sorted(sets):
        filters = f"contains(version,{name}.)"
        async for entity, version in _list_versions(channel, kind, place, filters=filters):
            made_by = split_version(version.version)
            if made_by is not None and made_by[0] == name:
                key = Key(kind, place.project, place.domain, entity)
                found[key][version.version] = version
    return found


def _joined(found: Found, made: Mapping[Key, Mapping[str, LiveVersion]]) -> Found:
    joined = dict(found)
    for key, versions in made.items():
        known = found.get(key, Versions())
        assert isinstance(known, Versions)
        joined[key] = replace(known, registered={**versions, **known.registered})
    return joined


async def _list_versions(
    channel: Channel, kind: str, place: Place, *, filters: str
) -> AsyncIterator[tuple[str, LiveVersion]]:
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain),
        filters=filters,
    )
    if kind == LAUNCH_PLAN:
        async for plans in listing(channel, methods.LIST_LAUNCH_PLANS, request):
            for plan in plans.launch_plans:
                yield plan.id.name, live_plan(plan)
    elif kind == TASK:
        async for tasks in listing(channel, methods.LIST_TASKS, request):
            for item in tasks.tasks:
                yield item.id.name, live_task(item)
    else:
        async for workflows in listing(channel, methods.LIST_WORKFLOWS, request):
            for workflow in workflows.workflows:
                yield workflow.id.name, live_workflow(workflow)


def live_task(item: task_pb2.Task) -> LiveVersion:
    """Read one task version."""
    return LiveVersion(item.id.version, task.from_wire(item.closure.compiled_task.template))


def live_workflow(item: workflow_pb2.Workflow) -> LiveVersion:
    """Read one workflow version; its list entry has no graph, so only that it exists is known."""
    return LiveVersion(item.id.version, None)


async def get_version(channel: Channel, key: Key, version: str) -> LiveVersion | None:
    """Read one version of one name; None when it does not exist."""
    request = common_pb2.ObjectGetRequest(
        id=identifier_pb2.Identifier(
            resource_type=_RESOURCE_TYPES[key.kind],
            project=key.project,
            domain=key.domain,
            name=key.name,
            version=version,
        )
    )
    readers: dict[str, Callable[[], Awaitable[LiveVersion]]] = {
        LAUNCH_PLAN: lambda: _then(channel.call(methods.GET_LAUNCH_PLAN, request), live_plan),
        TASK: lambda: _then(channel.call(methods.GET_TASK, request), live_task),
        WORKFLOW: lambda: _then(channel.call(methods.GET_WORKFLOW, request), live_workflow),
    }
    try:
        return await readers[key.kind]()
    except BackendError as error:
        if error.code == "NOT_FOUND":
            return None
        raise


async def _then(answer: Awaitable[T], read: Callable[[T], LiveVersion]) -> LiveVersion:
    return read(await answer)


async def _about(channel: Channel, place: Place) -> dict[Key, About]:
    """Read descriptions and archive states of all launch plan names.

    The filter is always true and keeps the server from its own, which ends pages early; names sort
    by name, the only stable order of this list.
    """
    request = common_pb2.NamedEntityListRequest(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project=place.project,
        domain=place.domain,
        filters="gte(state,0)",
        sort_by=BY_NAME,
    )
    found: dict[Key, About] = {}
    async for page in listing(channel, methods.LIST_NAMED_ENTITIES, request):
        for entity in page.entities:
            key = Key(LAUNCH_PLAN, place.project, place.domain, entity.id.name)
            archived = entity.metadata.state == common_pb2.NAMED_ENTITY_ARCHIVED
            found[key] = About(entity.metadata.description, archived)
    return found
