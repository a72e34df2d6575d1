"""Lists of versions: one call of pages for a project-domain, whatever the filters.

Facts from flyteadmin 1.16.8: `id` is the only order in which pages neither miss nor repeat rows
while others register; newest first, a row may be seen twice, when something was registered between
two pages. What cannot stand in a filter (globs, commas) is left to the caller.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from flyteidl.admin import common_pb2, launch_plan_pb2

from reconciler.backends.flyte1.lists import is_filterable
from reconciler.backends.flyte1.paging import BY_ID, listing
from reconciler.backends.flyte1.reading import rows
from reconciler.backends.flyte1.reading.projects import places
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.times import written
from reconciler.model.asked import NEWEST, Asked, is_glob
from reconciler.model.entity import ACTIVE, INACTIVE, Entity, What
from reconciler.model.key import Place

BY_ID_DOWN = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)
_PAGE = 500
_STATES = {ACTIVE: launch_plan_pb2.ACTIVE, INACTIVE: launch_plan_pb2.INACTIVE}


async def versions(channel: Channel, asked: Asked) -> AsyncIterator[Entity]:
    """Yield versions, the newest first in a place unless the oldest are asked for first."""
    for place in await places(channel, asked):
        seen: set[tuple[str, str]] = set()
        async for row in _listed(channel, place, asked):
            key = row.name, row.version
            is_meant = rows.is_for_people(row.name) or row.name in asked.exact_names
            if is_meant and key not in seen:
                seen.add(key)
                yield row


async def _listed(channel: Channel, place: Place, asked: Asked) -> AsyncIterator[Entity]:
    method, field = rows.LISTS[asked.what]
    (name,) = asked.names if len(asked.exact_names) == 1 else ("",)
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain, name=name),
        filters="+".join(filters(asked)),
        sort_by=BY_ID if asked.order == NEWEST.removeprefix("-") else BY_ID_DOWN,
    )
    size = min(_PAGE, asked.limit) if asked.limit else _PAGE
    async for page in listing(channel, method, request, limit=size):
        for item in getattr(page, field):
            yield rows.row(item)


def filters(asked: Asked) -> Iterator[str]:
    """Write what flyteadmin can filter by; what is left over is the caller's."""
    names = sorted(set(asked.exact_names))
    if len(names) > 1 and all(map(is_filterable, names)):
        yield f"value_in(name,{';'.join(names)})"
    if asked.version and not is_glob(asked.version) and is_filterable(asked.version):
        yield f"eq(version,{asked.version})"
    if asked.created_after is not None:
        yield f"gte(created_at,{written(asked.created_after)})"
    if asked.created_before is not None:
        yield f"lt(created_at,{written(asked.created_before)})"
    if asked.what is What.LAUNCH_PLANS:
        if asked.updated_after is not None:
            yield f"gte(updated_at,{written(asked.updated_after)})"
        if asked.updated_before is not None:
            yield f"lt(updated_at,{written(asked.updated_before)})"
        if asked.state in _STATES:
            yield f"eq(state,{_STATES[asked.state]})"
