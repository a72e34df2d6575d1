"""Lists of executions, the newest first; see `wire.by_time` for how their pages are made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import timedelta

from flyteidl.admin import common_pb2

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.reading.projects import places
from reconciler.backends.flyte1.run import rows
from reconciler.backends.flyte1.run.filters import exact_name, filters
from reconciler.backends.wire import by_time
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.merging import newest_first
from reconciler.model.asked import Asked
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import What
from reconciler.model.key import Place
from reconciler.model.run import Run

_PAGE = 500
_NEWEST_FIRST = common_pb2.Sort(key="execution_created_at", direction=common_pb2.Sort.DESCENDING)
_ROUNDING = timedelta(microseconds=1)
"""What the database keeps may be rounded where the message is cut."""


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
    async with aclosing(newest_first(sources, limit=asked.limit)) as merged:
        async for run in merged:
            yield run


async def _matching(
    channel: Channel, place: Place, text: str, asked: AskedRuns
) -> AsyncGenerator[Run]:
    async for run in _listed(channel, place, text, asked):
        if asked.matches(run) and _is_marked(run, asked):
            yield run


def _is_marked(run: Run, asked: AskedRuns) -> bool:
    return asked.labels.items() <= run.labels.items() and asked.tags <= set(run.tags)


def _listed(channel: Channel, place: Place, text: str, asked: AskedRuns) -> AsyncIterator[Run]:
    name = common_pb2.NamedEntityIdentifier(
        project=place.project, domain=place.domain, name=exact_name(asked)
    )

    async def ask(size: int, token: str, until: str) -> by_time.Rows:
        since = f"lte(execution_created_at,{until})" if until else ""
        request = common_pb2.ResourceListRequest(
            id=name,
            filters="+".join(filter(None, (text, since))),
            sort_by=_NEWEST_FIRST,
            limit=size,
            token=token,
        )
        answer = await channel.call(methods.LIST_EXECUTIONS, request)
        found = [rows.run(one) for one in answer.executions]
        return by_time.Rows(found, has_more=len(found) >= size)

    limit = min(_PAGE, asked.limit) if asked.limit else _PAGE
    return by_time.listed(channel, methods.LIST_EXECUTIONS, ask, limit=limit, rounding=_ROUNDING)
