"""Reading lists of Flyte 2 whole, page by page, and the filters of its lists.

Facts from the open-source manager 2.0.43: more than 200 entries at once are refused; without a sort
the order moves while it is read, so that the caller names a key that is unique within the scope; a
filter on one of many values needs at least two, and a single one is INTERNAL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from flyteidl2.common import list_pb2
from flyteidl2.project import project_service_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte2 import methods
from reconciler.backends.wire import paging

if TYPE_CHECKING:
    from reconciler.backends.wire.channel import Channel
    from reconciler.backends.wire.method import Method

LIMIT = 200
"""The most entries that a page may have."""

_Response = TypeVar("_Response", bound=Message)

_EVERY_STATE = "ne(state,99)"
"""Always true; any filter keeps archived projects in the list."""


class _Listed(Protocol):
    """What list requests have in common."""

    @property
    def request(self) -> list_pb2.ListRequest: ...


def ascending(key: str) -> list_pb2.Sort:
    """Sort by a column, the smallest first."""
    return list_pb2.Sort(key=key, direction=list_pb2.Sort.ASCENDING)


def one_of(field: str, values: Collection[str]) -> list_pb2.Filter:
    """Match a column against values, of which there must be one."""
    function = list_pb2.Filter.EQUAL if len(values) == 1 else list_pb2.Filter.VALUE_IN
    return list_pb2.Filter(function=function, field=field, values=sorted(values))


def listing(
    channel: Channel,
    method: Method[Any, _Response],
    request: _Listed,
    *sort: str,
    limit: int = LIMIT,
) -> AsyncIterator[_Response]:
    """Yield all pages of a list call, sorted by columns that together are unique in its scope.

    `request` is not changed.
    """
    asked: Any = type(request)()
    asked.CopyFrom(request)
    asked.request.sort_by_fields.extend(ascending(key) for key in sort)

    def ask(size: int, token: str) -> Any:
        asked.request.limit = size
        asked.request.token = token
        return asked

    return paging.calls(channel, method, ask, limit=limit)


async def projects(channel: Channel) -> AsyncIterator[project_service_pb2.Project]:
    """Yield all projects by id, archived ones too; their list has a dialect of its own."""

    async def fetch(size: int, token: str) -> project_service_pb2.Projects:
        request = project_service_pb2.ListProjectsRequest(
            limit=size, token=token, filters=_EVERY_STATE, sort_by=ascending("identifier")
        )
        return (await channel.call(methods.LIST_PROJECTS, request)).projects

    async for page in paging.pages(fetch, limit=LIMIT):
        for project in page.projects:
            yield project
