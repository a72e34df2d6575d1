"""Lists of runs, the newest first; see `wire.by_time` for how their pages are made.

Facts from the open-source manager 2.0.43: labels can neither be asked for nor are they told, so
that a list by label costs a call for each run besides. There are no tags, and nothing is archived.
Of a time of change only the server knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.paging import LIMIT, one_of
from reconciler.backends.flyte2.reading.projects import places
from reconciler.backends.flyte2.run import details, rows
from reconciler.backends.flyte2.run.words import MODES, PHASES
from reconciler.backends.flyte2.trigger import normal as trigger
from reconciler.backends.wire import by_time
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.merging import newest_first
from reconciler.backends.wire.times import written
from reconciler.model.asked import Asked, is_glob
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import What
from reconciler.model.key import Key, Place
from reconciler.model.run import Run

_NEWEST_FIRST = list_pb2.Sort(key="created_at", direction=list_pb2.Sort.DESCENDING)
_Filter = list_pb2.Filter


async def runs(channel: Channel, asked: AskedRuns, *, waiting: bool = False) -> AsyncIterator[Run]:
    """Yield the runs that match, the newest first; with `waiting` those that wait for somebody."""
    if not _is_possible(asked):
        return
    meant = Asked(what=What.TASKS, project=asked.project, domain=asked.domain)
    sources = [
        _matching(channel, _request(place, asked, waiting=waiting), asked)
        for place in await places(channel, meant)
    ]
    async with aclosing(newest_first(sources, limit=asked.limit)) as merged:
        async for run in merged:
            yield run


def _is_possible(asked: AskedRuns) -> bool:
    """Say whether Flyte 2 has such runs at all."""
    known_phases, known_modes = frozenset(PHASES.values()), frozenset(MODES.values())
    return (
        not asked.tags
        and (not asked.phases or bool(asked.phases & known_phases))
        and (not asked.modes or bool(asked.modes & known_modes))
        and (asked.entity is None or asked.entity[0] in {What.TASKS, What.TRIGGERS})
    )


def _request(place: Place, asked: AskedRuns, *, waiting: bool) -> run_service_pb2.ListRunsRequest:
    request = run_service_pb2.ListRunsRequest(
        request=list_pb2.ListRequest(sort_by_fields=[_NEWEST_FIRST], filters=_filters(asked)),
        paused_actions_only=waiting,
    )
    if asked.entity is None:
        request.project_id.CopyFrom(
            identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain)
        )
        return request
    what, name = asked.entity
    if what is What.TRIGGERS:
        key = Key(trigger.KIND, place.project, place.domain, name)
        request.trigger_name.CopyFrom(trigger.name_of(key))
        return request
    task = task_definition_pb2.TaskName(project=place.project, domain=place.domain, name=name)
    request.task_name.CopyFrom(task)
    # The scope is where the task is, and a run of it may be elsewhere.
    request.request.filters.append(one_of("project", [place.project]))
    request.request.filters.append(one_of("domain", [place.domain]))
    return request


def _filters(asked: AskedRuns) -> Iterator[list_pb2.Filter]:
    names = sorted(set(asked.names))
    if names and not any(map(is_glob, names)):
        yield one_of("run_name", names)
    phases = [str(number) for number, phase in PHASES.items() if phase in asked.phases]
    if phases:
        yield one_of("phase", phases)
    if asked.version and asked.entity is not None and asked.entity[0] is What.TASKS:
        yield one_of("task_version", [asked.version])
    for function, field, when in (
        (_Filter.GREATER_THAN_OR_EQUAL, "created_at", asked.created_after),
        (_Filter.LESS_THAN, "created_at", asked.created_before),
        (_Filter.GREATER_THAN_OR_EQUAL, "updated_at", asked.updated_after),
        (_Filter.LESS_THAN, "updated_at", asked.updated_before),
    ):
        if when is not None:
            yield _Filter(function=function, field=field, values=[written(when)])


async def _matching(
    channel: Channel, request: run_service_pb2.ListRunsRequest, asked: AskedRuns
) -> AsyncGenerator[Run]:
    """Yield what matches of one place; labels are read run by run, some at once."""
    listed = _listed(channel, request, asked)
    if not asked.labels:
        async for run in listed:
            if asked.matches(run):
                yield run
        return
    candidates = [run async for run in listed if asked.matches(run)]
    at_once = channel.settings.in_flight
    for start in range(0, len(candidates), at_once):
        some = candidates[start : start + at_once]
        found = await asyncio.gather(*(details.run(channel, run.id) for run in some))
        for whole in found:
            if whole is not None and asked.labels.items() <= whole.labels.items():
                yield whole


def _listed(
    channel: Channel, request: run_service_pb2.ListRunsRequest, asked: AskedRuns
) -> AsyncIterator[Run]:
    async def ask(size: int, token: str, until: str) -> by_time.Rows:
        sent = run_service_pb2.ListRunsRequest()
        sent.CopyFrom(request)
        sent.request.limit = size
        sent.request.token = token
        if until:
            sent.request.filters.append(
                _Filter(function=_Filter.LESS_THAN_OR_EQUAL, field="created_at", values=[until])
            )
        answer = await channel.call(methods.LIST_RUNS, sent)
        return by_time.Rows([rows.listed(one) for one in answer.runs], has_more=bool(answer.token))

    limit = min(LIMIT, asked.limit) if asked.limit else LIMIT
    return by_time.listed(channel, methods.LIST_RUNS, ask, limit=limit)
