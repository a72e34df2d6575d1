"""What a backfill of a trigger needs to know: the trigger, and its runs since the window began.

Facts from the open-source manager 2.0.43: a list tells no tick of a run, but the scheduler's names
hold no version, so that a run of a tick is known by its name. One that was started once more is of
the task and not of the trigger, and is not seen. Runs can be listed by trigger and by time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from flyteidl2.trigger import trigger_definition_pb2

from reconciler.backends.flyte2 import catalog, locks
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.run.normal import options_of
from reconciler.backends.flyte2.trigger import normal
from reconciler.backends.running import Running
from reconciler.backends.wire.backfill import COUNTED, earliest, known_runs
from reconciler.errors import BackendError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.document import Json
from reconciler.model.entity import What
from reconciler.model.interface import Missing, Task, Unread, Want
from reconciler.model.key import Key, Place
from reconciler.model.live import Runs
from reconciler.model.pursuit import Asking
from reconciler.model.run import Mode
from reconciler.schedule import grid
from reconciler.schedule.window import show


async def read(link: Link, running: Running, key: Key, asking: Asking) -> Runs:
    """Read the trigger of a backfill and the runs that may be of its ticks."""
    assert asking.resource is not None
    body = asking.resource.body
    frozen = asking.held.frozen if asking.held else {}
    named = cast("dict[str, str]", body["trigger"])
    trigger = normal.key_of(key.place, named["task"], named["name"])
    details = await locks.details_of(link.channel, normal.name_of(trigger))
    if details is None:
        return Runs(found=await known_runs(running, key.place, asking))
    facts = _facts(details)
    if body.get("inputs"):
        facts["inputs"] = await _interface(link, key.place, named["task"], details)
    since = earliest(body, frozen, asking.now or datetime.now(UTC))
    asked = AskedRuns(
        project=key.project,
        domain=key.domain,
        modes=COUNTED,
        entity=(What.TRIGGERS, trigger.name),
        created_after=since,
    )
    found = tuple([run async for run in running.runs(asked)])
    if _needs_anchor(facts) and not (body.get("anchor") or frozen.get("anchor")):
        facts["last"] = await _last(running, key.place, trigger.name)
    return Runs(found=found, facts=facts)


def _facts(details: trigger_definition_pb2.TriggerDetails) -> dict[str, Json]:
    body = normal.from_wire(details)
    return {
        "revision": int(details.id.revision),
        "taskVersion": details.spec.task_version,
        "isActive": details.spec.active,
        "schedule": body.get("schedule") or {},
        "options": options_of(body),
    }


async def _interface(
    link: Link, place: Place, task: str, details: trigger_definition_pb2.TriggerDetails
) -> dict[str, Json]:
    want = Want(place.project, place.domain, task, version=details.spec.task_version)
    match (await catalog.look_up(link.channel, [want]))[want]:
        case Task(inputs=inputs):
            return dict(inputs)
        case Unread(cause=cause):
            raise BackendError(cause)
        case Missing(reason=reason):
            raise BackendError(reason)
        case _:
            return {}


def _needs_anchor(facts: dict[str, Json]) -> bool:
    try:
        found = grid.read(cast("dict[str, Json]", facts["schedule"]))
    except ValueError:
        return False
    return found.is_timer and found.anchor is None


async def _last(running: Running, place: Place, trigger: str) -> Json:
    """Tell the last tick that the scheduler ran, which only a run by itself tells."""
    asked = AskedRuns(
        project=place.project,
        domain=place.domain,
        modes=frozenset({Mode.SCHEDULED}),
        entity=(What.TRIGGERS, trigger),
        limit=1,
    )
    async for newest in running.runs(asked):
        run = await running.run(newest.id)
        return show(run.scheduled_at) if run and run.scheduled_at else None
    return None
