"""Names of a project-domain, and the newest version of each without a call per name.

The newest registrations of all names that are still open come first, so that each page settles at
least one name, and after a release of all names all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import Any, Protocol, cast

from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.lists import is_filterable, value_in
from reconciler.backends.flyte1.paging import BY_NAME, listing
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.method import Method
from reconciler.model.key import Place

_NEWEST = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)
_PAGE = 1000

ResourceType = Any
"""A number of flyteidl's enum of kinds, which its stubs do not name."""

_LISTS: Mapping[ResourceType, tuple[Method[Any, Any], str]] = {
    identifier_pb2.TASK: (methods.LIST_TASKS, "tasks"),
    identifier_pb2.WORKFLOW: (methods.LIST_WORKFLOWS, "workflows"),
    identifier_pb2.LAUNCH_PLAN: (methods.LIST_LAUNCH_PLANS, "launch_plans"),
}


class Entity(Protocol):
    """What every entry of a list has."""

    @property
    def id(self) -> identifier_pb2.Identifier: ...


async def list_names(channel: Channel, place: Place, kind: ResourceType) -> Mapping[str, bool]:
    """List the names of a kind, and whether each is archived.

    The filter is always true, see `observe`.
    """
    request = common_pb2.NamedEntityListRequest(
        resource_type=kind,
        project=place.project,
        domain=place.domain,
        filters="gte(state,0)",
        sort_by=BY_NAME,
    )
    return {
        entity.id.name: entity.metadata.state == common_pb2.NAMED_ENTITY_ARCHIVED
        async for page in listing(channel, methods.LIST_NAMED_ENTITIES, request)
        for entity in page.entities
    }


async def newest(
    channel: Channel, place: Place, kind: ResourceType, names: Collection[str]
) -> Mapping[str, Any]:
    """Read the newest version of every name, as it is listed."""
    found: dict[str, Entity] = {}
    plain = {name for name in names if is_filterable(name)}
    while plain:
        before = len(found)
        for text in value_in("name", plain):
            # What the first page leaves open is asked for by itself.
            for entity in await _first(channel, place, kind, filters=text, limit=_PAGE):
                found.setdefault(entity.id.name, entity)
        plain -= found.keys()
        if len(found) == before:
            break
    for name in sorted(set(names) - found.keys() - plain):
        for entity in await _first(channel, place, kind, name=name, limit=1):
            found[entity.id.name] = entity
    return found


async def of_version(
    channel: Channel, place: Place, kind: ResourceType, version: str
) -> AsyncIterator[Any]:
    """Read everything of a kind that has this version; raises ValueError when none can be named."""
    if not is_filterable(version):
        raise ValueError(f"{version}: has characters that Flyte's lists cannot look for")
    method, field = _LISTS[kind]
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain),
        filters=f"eq(version,{version})",
    )
    async for page in listing(channel, method, request):
        for entity in getattr(page, field):
            yield entity


async def _first(
    channel: Channel,
    place: Place,
    kind: ResourceType,
    *,
    limit: int,
    name: str = "",
    filters: str = "",
) -> Iterable[Entity]:
    method, field = _LISTS[kind]
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain, name=name),
        filters=filters,
        sort_by=_NEWEST,
    )
    async for page in listing(channel, method, request, limit=limit):
        return cast("Iterable[Entity]", getattr(page, field))
    return ()
