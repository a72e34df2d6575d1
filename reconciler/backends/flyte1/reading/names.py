"""Lists with a row for each name: the active version of a launch plan, else the newest version.

Facts from flyteadmin 1.16.8: a list of names applies its limit before its filters and ends early
where a page holds a name that is filtered out, so that the one filter that is sent is always true
and everything else is looked at here. Archiving a name only hides it: its active plan still fires.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from flyteidl.admin import common_pb2

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.newest import newest
from reconciler.backends.flyte1.observe import list_active
from reconciler.backends.flyte1.paging import BY_NAME, listing
from reconciler.backends.flyte1.reading import rows
from reconciler.backends.flyte1.reading.projects import places
from reconciler.backends.wire.channel import Channel
from reconciler.model.asked import Asked
from reconciler.model.entity import ACTIVE, ARCHIVED, HIDDEN, Entity, What
from reconciler.model.key import Place

_AT_ONCE = 8
_NAMES = 200
"""Names whose newest versions are looked for together; a short list costs no more than it shows."""


async def names(channel: Channel, asked: Asked) -> AsyncIterator[Entity]:
    """Yield a row for each name, by place and name; many places are read side by side."""
    found = await places(channel, asked)
    if len(found) == 1:
        async for row in _in_place(channel, found[0], asked):
            yield row
        return
    for start in range(0, len(found), _AT_ONCE):
        part = found[start : start + _AT_ONCE]
        for answer in await asyncio.gather(*(_all(channel, place, asked) for place in part)):
            for row in answer:
                yield row


async def _all(channel: Channel, place: Place, asked: Asked) -> list[Entity]:
    return [row async for row in _in_place(channel, place, asked)]


async def _in_place(channel: Channel, place: Place, asked: Asked) -> AsyncIterator[Entity]:
    active: Mapping[str, Entity] = {}
    if asked.what is What.LAUNCH_PLANS:
        active = {plan.id.name: rows.row(plan) async for plan in list_active(channel, place)}
        if asked.state == ACTIVE:
            for name in sorted(active):
                yield active[name]
            return
    states = await _states(channel, place, asked)
    wanted = sorted(
        name for name, state in states.items() if _is_wanted(name, state, active, asked)
    )
    for start in range(0, len(wanted), _NAMES):
        part = wanted[start : start + _NAMES]
        others = [name for name in part if name not in active]
        listed = await newest(channel, place, rows.TYPES[asked.what], others)
        for name in part:
            if name in active:
                yield _with_state(active[name], states[name])
            elif name in listed:
                yield _with_state(rows.row(listed[name]), states[name])


def _is_wanted(name: str, state: str, active: Mapping[str, Entity], asked: Asked) -> bool:
    """Say whether a name is worth a look at its version: only its state may still decide."""
    if not asked.is_named(name):
        return False
    return name in active or asked.what is What.LAUNCH_PLANS or asked.is_in_state(state, name)


def _with_state(row: Entity, state: str) -> Entity:
    """Put the state of a name on a row; an active plan stays active, and says that it is hidden."""
    if row.what is not What.LAUNCH_PLANS:
        return replace(row, state=state)
    if state not in HIDDEN:
        return row
    if row.state == ACTIVE:
        return replace(row, facts={**row.facts, "nameState": state})
    return replace(row, state=ARCHIVED)


async def _states(channel: Channel, place: Place, asked: Asked) -> dict[str, str]:
    """Map the names of a place to their states."""
    request = common_pb2.NamedEntityListRequest(
        resource_type=rows.TYPES[asked.what],
        project=place.project,
        domain=place.domain,
        filters="gte(state,0)",
        sort_by=BY_NAME,
    )
    return {
        entity.id.name: state_of(entity.metadata)
        async for page in listing(channel, methods.LIST_NAMED_ENTITIES, request)
        for entity in page.entities
        if rows.is_for_people(entity.id.name) or entity.id.name in asked.exact_names
    }


def state_of(metadata: common_pb2.NamedEntityMetadata) -> str:
    """Name the state of a name."""
    state = common_pb2.NamedEntityState.Name(metadata.state)
    return state.removeprefix("NAMED_ENTITY_").lower().replace("_", "-")
