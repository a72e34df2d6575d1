"""Reads which versions of tasks exist, in pages.

A list of tasks has one row per name: of the versions that its filters keep, the one that was first
deployed last (manager 2.0.43). So a name without a row has none of the versions that were asked,
and one with a row may have more of them than the row says, where more than one was asked.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2

from reconciler.backends.flyte2 import methods, paging
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.task.normal import KIND
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError
from reconciler.model.key import Key, Place
from reconciler.model.live import Live, LiveVersion, Query, Versions

_PER_FILTER = 500
"""Versions that one request asks for, so that it stays far below what a server takes."""

Asked = Mapping[Key, frozenset[str]]


async def observe_tasks(link: Link, query: Query) -> Live:
    """Read which of the asked versions exist; what fails in a place is unreadable there."""
    asked: dict[Place, dict[Key, frozenset[str]]] = defaultdict(dict)
    for key, versions in query.versions.items():
        if key.kind == KIND:
            asked[key.place][key] = versions
    found: dict[Key, Versions] = {}
    failed: dict[tuple[str, Place], str] = {}

    async def read(place: Place, keys: Asked) -> None:
        try:
            found.update(await _registered(link.channel, place, keys))
        except BackendError as error:
            failed[KIND, place] = str(error)

    async with asyncio.TaskGroup() as group:
        for place, keys in sorted(asked.items()):
            group.create_task(read(place, keys))
    return Live(found, failed)


async def _registered(channel: Channel, place: Place, keys: Asked) -> dict[Key, Versions]:
    exist: dict[Key, set[str]] = defaultdict(set)
    for versions in _parts(sorted({version for asked in keys.values() for version in asked})):
        for identifier in await _list(channel, place, versions):
            key = Key(KIND, place.project, place.domain, identifier.name)
            exist[key].add(identifier.version)
            for other in (keys.get(key, frozenset()) & set(versions)) - {identifier.version}:
                if await _exists(channel, key, other):
                    exist[key].add(other)
    return {
        key: Versions(registered={one: LiveVersion(one, None) for one in both})
        for key, asked in keys.items()
        if (both := exist[key] & asked)
    }


def _parts(versions: list[str]) -> Iterable[list[str]]:
    return (versions[start : start + _PER_FILTER] for start in range(0, len(versions), _PER_FILTER))


async def _list(
    channel: Channel, place: Place, versions: list[str]
) -> list[task_definition_pb2.TaskIdentifier]:
    request = task_service_pb2.ListTasksRequest(
        project_id=identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain),
        request=list_pb2.ListRequest(filters=[paging.one_of("version", versions)]),
    )
    return [
        task.task_id
        async for page in paging.listing(channel, methods.LIST_TASKS, request, "name")
        for task in page.tasks
    ]


async def _exists(channel: Channel, key: Key, version: str) -> bool:
    """Look for one version among those of a name."""
    request = task_service_pb2.ListVersionsRequest(
        task_name=task_definition_pb2.TaskName(
            project=key.project, domain=key.domain, name=key.name
        ),
        request=list_pb2.ListRequest(filters=[paging.one_of("version", [version])], limit=1),
    )
    answer = await channel.call(methods.LIST_VERSIONS, request)
    return bool(answer.versions)
