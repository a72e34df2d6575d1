"""Everything that is registered under a project-domain, for export and status.

Active plans are one list. The newest version of every other name is found without a call per name
and without reading the history: the newest registrations of all names that are still open come
first, so that each page settles at least one name, and after a release of all names all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.lists import is_filterable, value_in
from reconciler.backends.flyte1.observe import list_active, live_plan
from reconciler.backends.flyte1.paging import BY_NAME, listing
from reconciler.backends.wire.channel import Channel
from reconciler.errors import UnsupportedError
from reconciler.model.key import Key, Place
from reconciler.model.live import LiveVersion, Versions

_NEWEST = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)
_PAGE = 1000


async def inventory(channel: Channel, place: Place, kind: str) -> Mapping[Key, Versions]:
    """List all launch plan names of a place: active versions, or the newest one as registered.

    Raises UnsupportedError for kinds that have no active versions.
    """
    if kind != LAUNCH_PLAN:
        raise UnsupportedError(f"{kind}: has no active versions to list on Flyte 1")
    active: dict[str, list[LiveVersion]] = defaultdict(list)
    async for plan in list_active(channel, place):
        active[plan.id.name].append(live_plan(plan))
    found = {name: Versions(active=tuple(versions)) for name, versions in active.items()}
    names = await _names(channel, place)
    for name, version in (await _newest(channel, place, names - active.keys())).items():
        found[name] = Versions(registered={version.version: version})
    return {
        Key(LAUNCH_PLAN, place.project, place.domain, name): versions
        for name, versions in found.items()
    }


async def _names(channel: Channel, place: Place) -> set[str]:
    """List the names; the filter is always true, see `observe`."""
    request = common_pb2.NamedEntityListRequest(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project=place.project,
        domain=place.domain,
        filters="gte(state,0)",
        sort_by=BY_NAME,
    )
    return {
        entity.id.name
        async for page in listing(channel, methods.LIST_NAMED_ENTITIES, request)
        for entity in page.entities
    }


async def _newest(
    channel: Channel, place: Place, names: Collection[str]
) -> Mapping[str, LiveVersion]:
    found: dict[str, LiveVersion] = {}
    plain = {name for name in names if is_filterable(name)}
    while plain:
        before = len(found)
        for text in value_in("name", plain):
            request = common_pb2.ResourceListRequest(
                id=common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain),
                filters=text,
                sort_by=_NEWEST,
            )
            async for page in listing(channel, methods.LIST_LAUNCH_PLANS, request, limit=_PAGE):
                for plan in page.launch_plans:
                    found.setdefault(plan.id.name, live_plan(plan))
                break  # what this page left open is asked for by itself
        plain -= found.keys()
        if len(found) == before:
            break
    for name in sorted(set(names) - found.keys() - plain):
        request = common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(
                project=place.project, domain=place.domain, name=name
            ),
            sort_by=_NEWEST,
        )
        async for page in listing(channel, methods.LIST_LAUNCH_PLANS, request, limit=1):
            found.update((plan.id.name, live_plan(plan)) for plan in page.launch_plans)
            break
    return found
