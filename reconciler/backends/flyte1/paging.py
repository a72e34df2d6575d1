"""Reading lists of flyteadmin whole, page by page.

Facts from flyteadmin 1.16.8: there is no largest limit, the size of a message is the bound; without
a sort key the order is not stable. Versioned entities only ever append, hence `BY_ID`; lists of
names sort by `name`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, TypeVar, cast

from flyteidl.admin import common_pb2
from google.protobuf.message import Message

from reconciler.backends.wire import paging

if TYPE_CHECKING:
    from reconciler.backends.wire.channel import Channel
    from reconciler.backends.wire.method import Method

LIMIT = 1000
"""Entries asked for at first: one page for most project-domains, and small while it is read."""

BY_ID = common_pb2.Sort(key="id", direction=common_pb2.Sort.ASCENDING)
BY_NAME = common_pb2.Sort(key="name", direction=common_pb2.Sort.ASCENDING)

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)


def listing(
    channel: Channel,
    method: Method[_Request, _Response],
    request: _Request,
    *,
    limit: int = LIMIT,
) -> AsyncIterator[_Response]:
    """Yield all pages of a list call; `request` is not changed, a missing sort becomes `BY_ID`."""
    asked = type(request)()
    asked.CopyFrom(request)
    # Every list request has these three fields; Message does not say so.
    fields = cast("common_pb2.ResourceListRequest", asked)
    if not fields.sort_by.key:
        fields.sort_by.CopyFrom(BY_ID)

    def ask(size: int, token: str) -> _Request:
        fields.limit = size
        fields.token = token
        return asked

    return paging.calls(channel, method, ask, limit=limit)
