"""What a backfill of a launch plan needs to know: the plan, and its executions since the window.

Facts from flyteadmin 1.16.8: executions cannot be listed by their tick, only by launch plan name,
mode and time of creation; lists tell `scheduled_at` of each. So a backfill costs one call for the
plan and the pages of its executions since the window began, whatever number of ticks there is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from flyteidl.admin import common_pb2, launch_plan_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.launch_plan import wire
from reconciler.backends.flyte1.launch_plan.normal import schedule_from_wire
from reconciler.backends.running import Running
from reconciler.backends.wire.backfill import COUNTED, earliest, known_runs
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.document import Json
from reconciler.model.entity import What
from reconciler.model.key import Key, Place
from reconciler.model.live import Runs
from reconciler.model.pursuit import Asking
from reconciler.model.run import Mode, Run
from reconciler.schedule import grid
from reconciler.schedule.window import show

_NEWEST = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)


async def read(channel: Channel, running: Running, key: Key, asking: Asking) -> Runs:
    """Read the plan of a backfill and the executions that may carry its ticks."""
    assert asking.resource is not None
    body = asking.resource.body
    frozen = asking.held.frozen if asking.held else {}
    name = str(body["launchPlan"])
    plan = await read_plan(channel, key.place, name, str(body.get("version", "")))
    if plan is None:
        return Runs(found=await known_runs(running, key.place, asking))
    facts = facts_of(plan)
    since = earliest(body, frozen, asking.now or datetime.now(UTC))
    found = await executions(running, key.place, name, since)
    if is_timer(facts) and not (body.get("anchor") or frozen.get("anchor")):
        facts["last"] = await _last(running, key.place, name, found)
    return Runs(found=found, facts=facts)


async def read_plan(
    channel: Channel, place: Place, name: str, version: str
) -> launch_plan_pb2.LaunchPlan | None:
    """Read a version of a plan: the named one, else the active one, else the newest."""
    if version:
        identifier = wire.identifier(
            project=place.project, domain=place.domain, name=name, version=version
        )
        return await _found(
            channel, methods.GET_LAUNCH_PLAN, common_pb2.ObjectGetRequest(id=identifier)
        )
    named = common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain, name=name)
    asked = launch_plan_pb2.ActiveLaunchPlanRequest(id=named)
    active = await _found(channel, methods.GET_ACTIVE_LAUNCH_PLAN, asked)
    if active is not None:
        return active
    newest = common_pb2.ResourceListRequest(id=named, sort_by=_NEWEST, limit=1)
    answer = await channel.call(methods.LIST_LAUNCH_PLANS, newest)
    return answer.launch_plans[0] if answer.launch_plans else None


async def _found(channel: Channel, method: Any, request: Any) -> launch_plan_pb2.LaunchPlan | None:
    try:
        return cast("launch_plan_pb2.LaunchPlan", await channel.call(method, request))
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise


def facts_of(plan: launch_plan_pb2.LaunchPlan) -> dict[str, Json]:
    """Tell what a backfill must know of a plan."""
    parameters = plan.closure.expected_inputs.parameters
    return {
        "version": plan.id.version,
        "isActive": plan.closure.state == launch_plan_pb2.ACTIVE,
        "schedule": schedule_from_wire(plan.spec.entity_metadata.schedule),
        "inputs": {name: to_json(parameter.var) for name, parameter in parameters.items()},
        "fixed": list[Json](sorted(plan.spec.fixed_inputs.literals)),
    }


def is_timer(facts: dict[str, Json]) -> bool:
    """Say whether a schedule has no ticks of its own."""
    try:
        return grid.read(cast("dict[str, Json]", facts["schedule"])).is_timer
    except ValueError:
        return False


async def executions(running: Running, place: Place, name: str, since: datetime) -> tuple[Run, ...]:
    """Read the executions of a plan, of any version and archived ones too, since a moment."""
    asked = AskedRuns(
        project=place.project,
        domain=place.domain,
        modes=COUNTED,
        entity=(What.LAUNCH_PLANS, name),
        created_after=since,
        archived=True,
    )
    return tuple([run async for run in running.runs(asked) if _is_of(run, place)])


async def _last(running: Running, place: Place, name: str, found: tuple[Run, ...]) -> Json:
    """Tell the last tick that the scheduler ran, by one more call where the window has none."""
    ticks = [run.scheduled_at for run in found if run.scheduled_at and run.mode is Mode.SCHEDULED]
    if not ticks:
        asked = AskedRuns(
            project=place.project,
            domain=place.domain,
            modes=frozenset({Mode.SCHEDULED}),
            entity=(What.LAUNCH_PLANS, name),
            archived=True,
            limit=1,
        )
        ticks = [run.scheduled_at async for run in running.runs(asked) if run.scheduled_at]
    return show(max(ticks)) if ticks else None


def _is_of(run: Run, place: Place) -> bool:
    """Leave out executions of a plan of the same name that another project-domain has."""
    entity = run.entity
    return entity is None or (entity.project, entity.domain) in {
        ("", ""),
        (place.project, place.domain),
    }
