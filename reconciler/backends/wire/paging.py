"""Reading lists whole, page by page.

A token of either Flyte is a decimal offset into the list, so that the page size may change between
pages; a full last page is followed by an empty one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from google.protobuf.message import Message

from reconciler import errors
from reconciler.backends.wire import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from reconciler.backends.wire.channel import Channel
    from reconciler.backends.wire.method import Method


class Page(Protocol):
    """What every list answer has; `token` is empty after the last page."""

    @property
    def token(self) -> str: ...


_Page = TypeVar("_Page", bound=Page)
_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)


async def pages(
    fetch: Callable[[int, str], Awaitable[_Page]], *, limit: int
) -> AsyncIterator[_Page]:
    """Yield the answers of `fetch(limit, token)` until no token is left; the last may be empty.

    Halves the limit where an answer is too large, and stays there. Raises BackendError where a
    single entry is too large, or where a server keeps giving the same token.
    """
    token = ""
    while True:
        try:
            page = await fetch(limit, token)
        except errors.BackendError as error:
            if error.code != "RESOURCE_EXHAUSTED":
                raise
            if limit == 1:
                raise _single(error, token) from error
            limit = max(1, limit // 2)
            continue
        yield page
        if page.token == token and token:
            raise errors.BackendError(
                f'list: the server answered token "{token}" with itself; '
                "look for a proxy that changes answers"
            )
        token = page.token
        if not token:
            return


async def calls(
    channel: Channel,
    method: Method[_Request, _Response],
    ask: Callable[[int, str], _Request],
    *,
    limit: int,
) -> AsyncIterator[_Response]:
    """Yield all pages of a list call, whose requests `ask(limit, token)` makes.

    A smaller page size, once needed, is kept for this method as long as the channel lives.
    """

    async def fetch(size: int, token: str) -> _Response:
        answer = await channel.call(method, ask(size, token))
        if size < limit:
            channel.page_limits[method.name] = size
        return answer

    first = min(limit, channel.page_limits.get(method.name, limit))
    async for page in pages(cast("Callable[[int, str], Awaitable[Page]]", fetch), limit=first):
        yield cast("_Response", page)


def _single(error: errors.BackendError, token: str) -> errors.BackendError:
    if not faults.is_too_large(error):
        return error
    position = int(token) + 1 if token.isdecimal() else 1
    return errors.BackendError(
        f"{error} (entry {position} of the list is too large by itself)",
        method=error.method,
        code=error.code,
    )
