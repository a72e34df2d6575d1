"""Everything that is registered under a project-domain, for export and status."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from reconciler.backends.flyte1.channel import Channel
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.observe import list_active, live_plan
from reconciler.errors import UnsupportedError
from reconciler.model.key import Key, Place
from reconciler.model.live import LiveVersion, Versions


async def inventory(channel: Channel, place: Place, kind: str) -> Mapping[Key, Versions]:
    """List the active launch plans of a place, in pages.

    Raises UnsupportedError for kinds that have no active versions.
    """
    if kind != LAUNCH_PLAN:
        raise UnsupportedError(f"{kind}: has no active versions to list on Flyte 1")
    found: dict[Key, list[LiveVersion]] = defaultdict(list)
    async for plan in list_active(channel, place):
        key = Key(LAUNCH_PLAN, plan.id.project, plan.id.domain, plan.id.name)
        found[key].append(live_plan(plan))
    return {key: Versions(active=tuple(versions)) for key, versions in found.items()}
