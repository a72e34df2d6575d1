"""Lists of runs, the newest first, in pages that miss nothing while runs go on.

Facts from flyteadmin 1.16.8 and the open-source manager 2.0.43: a token counts rows, so that a row
that leaves a filtered list between two pages, since its phase changed, makes the next page skip
one. Each page therefore begins where the one before ended in time, which no run ever changes, and
rows seen before are left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.backends.wire import paging
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.method import Method
from reconciler.backends.wire.times import written
from reconciler.model.run import Run

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Rows:
    """What one call gave; `has_more` says that it did not reach the end."""

    runs: Sequence[Run]
    has_more: bool


Ask = Callable[[int, str, str], Awaitable[Rows]]
"""Asks for at most so many runs after a token that were made until a time, where one is given."""


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows, and where the next page begins: the time of the last row, and how many of that time.

    The number counts only where whole pages are of one moment.
    """

    rows: Sequence[Run]
    token: str


async def listed(
    channel: Channel,
    method: Method[Any, Any],
    ask: Ask,
    *,
    limit: int,
    rounding: timedelta = _AT_ONCE,
) -> AsyncIterator[Run]:
    """Yield the runs of one list once each.

    `rounding` is by how much the server's database may keep a time later than it tells it. A page
    size that had to shrink is kept for the method as long as the channel lives.
    """

    async def fetch(size: int, token: str) -> _Page:
        before, _, offset = token.partition(" ")
        found = await ask(size, offset, before)
        if size < limit:
            channel.page_limits[method.name] = size
        if not found.has_more:
            return _Page(found.runs, "")
        reached = written((found.runs[-1].created_at or _LONG_AGO) + rounding)
        skipped = int(offset or 0) + len(found.runs) if reached == before else 0
        return _Page(found.runs, f"{reached} {skipped or ''}".strip())

    seen: set[str] = set()
    first = min(limit, channel.page_limits.get(method.name, limit))
    async for page in paging.pages(fetch, limit=first):
        for run in page.rows:
            if run.id.name not in seen:
                seen.add(run.id.name)
                yield run
