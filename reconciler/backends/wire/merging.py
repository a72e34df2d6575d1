"""Lists of runs of several places, or of several filters, as one."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta

from reconciler.model.run import Run

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


async def newest_first(
    sources: Sequence[AsyncGenerator[Run]], *, limit: int = 0
) -> AsyncGenerator[Run]:
    """Merge lists that each come the newest first, and end at `limit` runs unless it is 0.

    Their first pages are read at once. A run that stands in several lists comes once. A list that
    fails is an error of the whole, and the others are given up.
    """
    count = 0
    last: Run | None = None
    try:
        heads = await _heads(sources)
        waiting = [(_age(run), index, run) for index, run in enumerate(heads) if run is not None]
        heapq.heapify(waiting)
        while waiting:
            _, index, run = heapq.heappop(waiting)
            # Equal runs come one right after the other.
            if last is None or run.id != last.id:
                last = run
                yield run
                count += 1
                if count == limit:
                    return
            following = await anext(sources[index], None)
            if following is not None:
                heapq.heappush(waiting, (_age(following), index, following))
    finally:
        for source in sources:
            await source.aclose()


async def _heads(sources: Sequence[AsyncGenerator[Run]]) -> list[Run | None]:
    """Read the first row of each list; none is still being read afterwards."""
    reading = [asyncio.ensure_future(anext(source, None)) for source in sources]
    try:
        return await asyncio.gather(*reading)
    finally:
        for one in reading:
            one.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


def _age(run: Run) -> tuple[timedelta, str]:
    created = run.created_at or _LONG_AGO
    return datetime.max.replace(tzinfo=UTC) - created, str(run.id)
