"""What gap keeping needs to know: the active plans of a place, and all executions since then.

Both are read once for all plans of a place, so that a thousand kept plans cost pages and no call
each (flyteadmin 1.16.8 lists executions of all plans by time of creation).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from flyteidl.admin import launch_plan_pb2

from reconciler.backends.flyte1.backfill.read import facts_of, read
from reconciler.backends.flyte1.observe import list_active
from reconciler.backends.pursuing import Read
from reconciler.backends.running import Running
from reconciler.backends.wire.backfill import COUNTED, keeps_gaps
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.times import moment
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import What
from reconciler.model.key import Key, Place
from reconciler.model.live import Query, Runs
from reconciler.model.pursuit import Asking
from reconciler.model.run import Run
from reconciler.schedule.window import show

_EARLY = timedelta(hours=1)


class _Place:
    """The active plans of a place and the executions of all of them, read once."""

    def __init__(self, since: datetime) -> None:
        self.since = since
        self.lock = asyncio.Lock()
        self.plans: dict[str, launch_plan_pb2.LaunchPlan] | None = None
        self.runs: Mapping[str, list[Run]] = {}

    async def read(self, channel: Channel, running: Running, place: Place) -> None:
        async with self.lock:
            if self.plans is not None:
                return
            plans = {plan.id.name: plan async for plan in list_active(channel, place)}
            self.runs = await _by_plan(running, place, self.since)
            self.plans = plans


def reader(channel: Channel, query: Query) -> Read:
    """Return what reads for the backfills of one query, and for the gaps of its plans."""
    now = datetime.now(UTC)
    places: dict[Place, _Place] = {}
    for key, asking in query.runs.items():
        if _is_gaps(asking):
            since = _since(asking, now)
            known = places.setdefault(key.place, _Place(since))
            known.since = min(known.since, since)

    async def read_one(running: Running, key: Key, asking: Asking) -> Runs:
        if not _is_gaps(asking):
            return await read(channel, running, key, asking)
        assert asking.resource is not None
        known = places[key.place]
        await known.read(channel, running, key.place)
        name = str(asking.resource.body["launchPlan"])
        plan = (known.plans or {}).get(name)
        if plan is None:
            return Runs()
        activated = moment(plan.closure, "updated_at")
        facts = facts_of(plan)
        facts["activatedAt"] = show(activated) if activated else None
        return Runs(found=tuple(known.runs.get(name, ())), facts=facts)

    return read_one


def _is_gaps(asking: Asking) -> bool:
    return asking.resource is not None and keeps_gaps(asking.resource)


def _since(asking: Asking, now: datetime) -> datetime:
    assert asking.resource is not None
    back = timedelta(minutes=cast("int", asking.resource.body["lookBack"]))
    return (asking.now or now) - back - _EARLY


async def _by_plan(running: Running, place: Place, since: datetime) -> dict[str, list[Run]]:
    asked = AskedRuns(
        project=place.project,
        domain=place.domain,
        modes=COUNTED,
        created_after=since,
        archived=True,
    )
    found: defaultdict[str, list[Run]] = defaultdict(list)
    async for run in running.runs(asked):
        entity = run.entity
        if entity and entity.what is What.LAUNCH_PLANS and run.scheduled_at is not None:
            found[entity.name].append(run)
    return found
