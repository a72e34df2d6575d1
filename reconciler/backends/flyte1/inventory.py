"""Everything that is registered under a project-domain, for export and status.

Active plans are one list; the newest version of every other name is found by `newest`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.newest import list_names, newest
from reconciler.backends.flyte1.observe import list_active, live_plan
from reconciler.backends.wire.channel import Channel
from reconciler.errors import UnsupportedError
from reconciler.model.key import Key, Place
from reconciler.model.live import LiveVersion, Versions


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
    names = await list_names(channel, place, identifier_pb2.LAUNCH_PLAN)
    others = names.keys() - active.keys()
    for name, plan in (await newest(channel, place, identifier_pb2.LAUNCH_PLAN, others)).items():
        version = live_plan(plan)
        found[name] = Versions(registered={version.version: version})
    return {
        Key(LAUNCH_PLAN, place.project, place.domain, name): versions
        for name, versions in found.items()
    }
