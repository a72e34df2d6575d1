"""Lists of executions, the newest first, in pages that miss nothing while executions go on.

Facts from flyteadmin 1.16.8: a token counts rows, so that a row that leaves a filtered list between
two pages, since its phase changed, makes the next page skip one. Each page therefore begins where
the one before ended in time, which no execution ever changes, and rows seen before are left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, timedelta

from flyteidl.admin import common_pb2, execution_pb2

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.reading.projects import places
from reconciler.backends.flyte1.run import rows
from reconciler.backends.flyte1.run.filters import exact_name, filters
from reconciler.backends.wire import paging
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.merging import newest_first
from reconciler.backends.wire.times import written
from reconciler.model.asked import Asked
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import What
from reconciler.model.key import Place
from reconciler.model.run import Run

_PAGE = 500
_NEWEST_FIRST = common_pb2.Sort(key="execution_created_at", direction=common_pb2.Sort.DESCENDING)
# What the database keeps may be rounded where the message is cut.
_STEP = timedelta(microseconds=1)


async def runs(channel: Channel, asked: AskedRuns) -> AsyncIterator[Run]:
    """Yield the runs that match, the newest first."""
    lists = filters(asked)
    if not lists:
        return
    meant = Asked(what=What.WORKFLOWS, project=asked.project, domain=asked.domain)
    sources = [
        _matching(channel, place, one, asked)
        for place in await places(channel, meant)
        for one in lists
    ]
    count = 0
    last: Run | None = None
    async with aclosing(newest_first(sources)) as merged:
        async for run in merged:
            # Two lists of one place may both hold it, one right after the other.
            if last is not None and run.id == last.id:
                continue
            last = run
            yield run
            count += 1
            if count == asked.limit:
                return


async def _matching(
    channel: Channel, place: Place, text: str, asked: AskedRuns
) -> AsyncGenerator[Run]:
    async for execution in _listed(channel, place, text, asked):
        run = rows.run(execution)
        if asked.matches(run) and _is_marked(run, asked):
            yield run


def _is_marked(run: Run, asked: AskedRuns) -> bool:
    return asked.labels.items() <= run.labels.items() and asked.tags <= set(run.tags)


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows, and where the next page begins: the time of the last row, and how many of that time.

    The number counts only where whole pages are of one moment.
    """

    rows: Sequence[execution_pb2.Execution]
    token: str


async def _listed(
    channel: Channel, place: Place, text: str, asked: AskedRuns
) -> AsyncIterator[execution_pb2.Execution]:
    name = common_pb2.NamedEntityIdentifier(
        project=place.project, domain=place.domain, name=exact_name(asked)
    )
    method = methods.LIST_EXECUTIONS
    first = min(_PAGE, asked.limit) if asked.limit else _PAGE

    async def fetch(size: int, token: str) -> _Page:
        before, _, offset = token.partition(" ")
        since = f"lte(execution_created_at,{before})" if before else ""
        request = common_pb2.ResourceListRequest(
            id=name,
            filters="+".join(filter(None, (text, since))),
            sort_by=_NEWEST_FIRST,
            limit=size,
            token=offset,
        )
        answer = await channel.call(method, request)
        if size < first:
            channel.page_limits[method.name] = size
        found = answer.executions
        if len(found) < size:
            return _Page(found, "")
        last = found[-1].closure.created_at.ToDatetime(tzinfo=UTC)
        reached = written(last + _STEP)
        skipped = int(offset or 0) + len(found) if reached == before else 0
        return _Page(found, f"{reached} {skipped or ''}".strip())

    seen: set[str] = set()
    limit = min(first, channel.page_limits.get(method.name, first))
    async for page in paging.pages(fetch, limit=limit):
        for execution in page.rows:
            if execution.id.name not in seen:
                seen.add(execution.id.name)
                yield execution
