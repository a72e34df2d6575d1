"""Looks up the tasks that triggers run: interface, defaults and what decides how inputs are passed.

A task's specification is told by one call alone, for one version; lists name versions only. So each
distinct version costs a call, however many triggers run it, and a newest one a page more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from fnmatch import fnmatchcase

from flyteidl2.common import list_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2

from reconciler.backends.flyte2 import methods, paging
from reconciler.backends.flyte2.task.fetch import spec_of
from reconciler.backends.flyte2.task.interface import task_of
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError
from reconciler.model.interface import Catalog, Missing, Task, Unread, Want
from reconciler.model.key import Place

_NEWEST = list_pb2.Sort(key="created_at", direction=list_pb2.Sort.DESCENDING)


async def look_up(channel: Channel, wants: Collection[Want]) -> Catalog:
    """Answer every want; what fails is unread."""
    answers = await asyncio.gather(*(_look_up(channel, want) for want in wants))
    return dict(zip(wants, answers, strict=True))


async def _look_up(channel: Channel, want: Want) -> Task | Missing | Unread:
    place = Place(want.project, want.domain)
    try:
        version = want.version or await _newest(channel, want)
        if not version:
            return want.unmatched("task")
        identifier = task_definition_pb2.TaskIdentifier(
            project=want.project, domain=want.domain, name=want.name, version=version
        )
        spec = await spec_of(channel, identifier)
    except BackendError as error:
        return Unread(str(error))
    if spec is None:
        return Missing(f"task {want.name} version {want.version} is not registered in {place}")
    return task_of(place, want.name, version, spec)


async def _newest(channel: Channel, want: Want) -> str:
    """Find the version that was deployed first last: deploying an old one again moves nothing."""
    request = task_service_pb2.ListVersionsRequest(
        task_name=task_definition_pb2.TaskName(
            project=want.project, domain=want.domain, name=want.name
        ),
        request=list_pb2.ListRequest(sort_by_fields=[_NEWEST]),
    )
    async for page in paging.listing(channel, methods.LIST_VERSIONS, request):
        for item in page.versions:
            if fnmatchcase(item.version, want.matching):
                return item.version
    return ""
