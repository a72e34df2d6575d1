"""The actions of a run as a tree by parent; the run itself is its root.

Facts from the open-source manager 2.0.43: a list tells of an action where it belongs and how far it
is, and neither what it runs nor why it failed. Details cost a call each, so that of a run with
very many actions those are read that did not succeed, and the rest is told as the list has it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

from flyteidl2.common import list_pb2
from flyteidl2.workflow import run_definition_pb2 as wire
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2 import methods, paging
from reconciler.backends.flyte2.run import details, rows, words
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.times import moment
from reconciler.model.document import Json, filled
from reconciler.model.run import Attempt, Link, Phase, RunId, Step

_READ = 500
"""Of how many actions the details are read."""

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


async def steps(channel: Channel, run_id: RunId) -> tuple[Step, ...]:
    """Read what runs inside; a run that is not there has no steps."""
    listed = [one async for one in actions(channel, run_id)]
    wanted = sorted(listed, key=_has_succeeded)[:_READ]
    found = await asyncio.gather(*(details.action(channel, one.id) for one in wanted))
    return tree(listed, {one.id.name: one for one in found})


def actions(
    channel: Channel, run_id: RunId, filters: Sequence[list_pb2.Filter] = ()
) -> AsyncIterator[wire.Action]:
    """Yield the actions of a run, those that began first before the others."""
    request = run_service_pb2.ListActionsRequest(
        run_id=rows.identifier(run_id), request=list_pb2.ListRequest(filters=filters)
    )
    return _actions(channel, request)


async def _actions(
    channel: Channel, request: run_service_pb2.ListActionsRequest
) -> AsyncIterator[wire.Action]:
    seen: set[str] = set()
    async for page in paging.listing(channel, methods.LIST_ACTIONS, request, "created_at"):
        for one in page.actions:
            if one.id.name not in seen:
                seen.add(one.id.name)
                yield one


def tree(listed: Sequence[wire.Action], read: Mapping[str, wire.ActionDetails]) -> tuple[Step, ...]:
    """Put actions below their parents; those whose parent is not among them stand beside them."""
    names = {one.id.name for one in listed}
    below: defaultdict[str, list[wire.Action]] = defaultdict(list)
    for one in listed:
        parent = one.metadata.parent
        below[parent if parent in names else ""].append(one)
    made: dict[str, Step] = {}
    # Parents need not come first, since a trace is told of after it has ended.
    for name in _leaves_first(below):
        one = next(action for action in listed if action.id.name == name)
        inside = sorted((made[child.id.name] for child in below[name]), key=_began)
        made[name] = _step(one, read.get(name), tuple(inside))
    return tuple(sorted((made[one.id.name] for one in below[""]), key=_began))


def _leaves_first(below: Mapping[str, Sequence[wire.Action]]) -> list[str]:
    ordered = [one.id.name for one in below.get("", ())]
    for name in ordered:
        ordered.extend(one.id.name for one in below.get(name, ()))
    return ordered[::-1]


def _step(action: wire.Action, read: wire.ActionDetails | None, inside: tuple[Step, ...]) -> Step:
    status = action.status if read is None else read.status
    phase = words.PHASES.get(status.phase, Phase.UNDEFINED)
    began, ended = moment(status, "start_time"), moment(status, "end_time")
    facts: dict[str, Json] = {"group": action.metadata.group}
    if read is None:
        return Step(
            id=action.id.name,
            phase=phase,
            queued_at=began,
            started_at=began,
            ended_at=ended,
            cache=words.cache(status.cache_status),
            inside=inside,
            facts=filled(facts),
        )
    tried = tuple(_attempt(one) for one in read.attempts)
    facts["environment"] = read.metadata.environment_name
    facts["signalledBy"] = rows.who(read.signal_info.signalled_by)
    return Step(
        id=action.id.name,
        phase=phase,
        does=words.DOES.get(read.metadata.action_type, ""),
        name=_name(read),
        target=rows.task_of(read.metadata.task.id),
        queued_at=began,
        started_at=_ran_since(read) or began,
        ended_at=ended,
        attempts=tried,
        cache=words.cache(status.cache_status),
        cause=rows.cause(read),
        has_report=any(one.outputs.report_uri for one in read.attempts),
        inside=inside,
        facts=filled(facts),
    )


def _name(read: wire.ActionDetails) -> str:
    metadata = read.metadata
    match metadata.WhichOneof("spec"):
        case "task":
            return metadata.task.short_name or metadata.funtion_name
        case "condition":
            return metadata.condition.name
        case _:
            return metadata.funtion_name


def _ran_since(read: wire.ActionDetails) -> datetime | None:
    """Tell when its first attempt ran, which is after it was made."""
    for attempt in read.attempts:
        for one in attempt.phase_transitions:
            if words.PHASES.get(one.phase) is Phase.RUNNING:
                return moment(one, "start_time")
    return None


def _attempt(tried: wire.ActionAttempt) -> Attempt:
    return Attempt(
        number=tried.attempt,
        phase=words.PHASES.get(tried.phase, Phase.UNDEFINED),
        started_at=moment(tried, "start_time"),
        ended_at=moment(tried, "end_time"),
        cause=tried.error_info.message,
        links=tuple(Link(name=one.name, url=one.uri) for one in tried.log_info if one.uri),
    )


def _has_succeeded(action: wire.Action) -> bool:
    return words.PHASES.get(action.status.phase, Phase.UNDEFINED).is_success


def _began(step: Step) -> tuple[datetime, str]:
    return step.queued_at or _LONG_AGO, step.id
