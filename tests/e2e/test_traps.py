"""Traps of Flyte 1 that launch plans fall into, by number; each must not catch who uses us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from e2e_ownership_kit import document, foreign, only, shown, state_of, sync
from flyteidl.admin import launch_plan_pb2
from google.protobuf.message import Message
from world import DOMAIN, PROJECT, World, open_world, plan_document

from reconciler.errors import ConflictError, SpecError
from reconciler.plan.plan import Block, Effect


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow()
        yield opened


def firing(world: World) -> set[tuple[str, str]]:
    """Names and versions in the scheduler's table, which no call of Flyte shows."""
    rows = world.server.store.rows("SELECT name, version FROM schedulable_entities WHERE active")
    return {(row["name"], row["version"]) for row in rows}


async def register(world: World, request: launch_plan_pb2.LaunchPlanCreateRequest) -> None:
    await world.stub.CreateLaunchPlan(request)


def raw_plan(name: str, version: str, schedule: Any) -> launch_plan_pb2.LaunchPlanCreateRequest:
    """A plan on the workflow `etl` as somebody else registers it."""
    request = launch_plan_pb2.LaunchPlanCreateRequest()
    for field, value in (("project", PROJECT), ("domain", DOMAIN)):
        setattr(request.id, field, value)
        setattr(request.spec.workflow_id, field, value)
    request.id.name, request.id.version, request.id.resource_type = name, version, 3
    request.spec.workflow_id.name, request.spec.workflow_id.version = "etl", "v1"
    request.spec.workflow_id.resource_type = 2
    parameter = request.spec.default_inputs.parameters["count"]
    parameter.var.type.simple = 1
    parameter.default.scalar.primitive.integer = 3
    request.spec.entity_metadata.schedule.CopyFrom(schedule)
    request.spec.entity_metadata.schedule.kickoff_time_input_arg = "day"
    return request


def cron(expression: str) -> Any:
    schedule = launch_plan_pb2.LaunchPlanSpec().entity_metadata.schedule
    schedule.cron_schedule.schedule = expression
    return schedule


def chosen(name: str, version: str) -> dict[str, Any]:
    made = document(name)
    made["spec"] = {"existing": {"version": version}}
    return made


async def test_t01_failed_activation_leaves_the_former_schedule_running(world: World) -> None:
    good, bad = raw_plan("a", "good", cron("0 6 * * *")), raw_plan("a", "bad", cron(""))
    bad.spec.entity_metadata.schedule.cron_expression = "0 6 * * *"
    await register(world, good)
    await register(world, bad)
    world.declare(chosen("a", "good"))
    await world.reconcile()
    assert firing(world) == {("a", "good")}
    world.declare(chosen("a", "bad"))

    applied = await world.reconcile()

    (failure,) = applied.report.failures
    assert failure.detail.endswith(
        "; version good was activated again, since Flyte had stopped its schedule"
    )
    assert await world.active() == {"a": "good"}
    assert firing(world) == {("a", "good")}


async def test_t03_inputs_that_the_server_adds_are_no_difference(world: World) -> None:
    world.declare(
        plan_document("a"),
        {**plan_document("open"), "spec": {"workflow": {"name": "etl", "version": "v1"}}},
    )
    await world.reconcile()
    writes = world.server.writes

    again = await world.reconcile()

    assert again.plan.is_empty
    assert world.server.writes == writes


async def test_t04_kickoff_input_with_a_fixed_rate_is_refused(world: World) -> None:
    world.declare(plan_document("a", schedule={"every": "6h", "kickoffInput": "day"}))
    with pytest.raises(SpecError, match=r"00000\.json:1:\d+: .*kickoff"):
        await world.reconcile()
    assert world.calls()["CreateLaunchPlan"] == 0


@pytest.mark.parametrize(
    "schedule",
    [
        {"cron": "0 6 * * *", "offset": "PT1H"},
        {"cron": "hourly"},
        {"cron": "0 6 * * ? *"},
        {"cronExpression": "0 6 * * *"},
    ],
)
async def test_t05_schedule_that_the_scheduler_does_not_run_is_refused(
    world: World, schedule: dict[str, str]
) -> None:
    world.declare(plan_document("a", schedule={**schedule, "kickoffInput": "day"}))
    with pytest.raises(SpecError, match=r"00000\.json:1:\d+: spec\.schedule"):
        await world.reconcile()
    assert world.calls()["CreateLaunchPlan"] == 0


async def test_t05_offset_of_a_live_plan_is_a_difference(world: World) -> None:
    schedule = cron("0 6 * * *")
    schedule.cron_schedule.offset = "PT1H"
    await register(world, raw_plan("a", "ci", schedule))
    await world.set_state("a", "ci", active=True)
    world.declare(document("a"))

    made = (await world.plan()).plan

    assert shown(made) == {"a": (Effect.HAND_OVER, Block.ADOPTION)}
    assert [(item.path, item.before, item.after) for item in made.changes[0].fields] == [
        ("schedule.offset", "PT1H", None)
    ]


async def test_t06_archiving_also_stops(world: World) -> None:
    archive = sync(prune="Archive")
    world.declare(document("a"), document("b"), sync=archive)
    await world.reconcile()
    version = (await world.active())["a"]
    world.declare(document("b"), sync=archive)

    await world.reconcile()

    assert await state_of(world, "a", version) == "INACTIVE"
    assert {name for name, _ in firing(world)} == {"b"}


async def test_t06_archived_name_that_still_runs_is_seen_and_stopped(world: World) -> None:
    world.declare(document("a"), document("b"), document("c"))
    await world.reconcile()
    store = world.server.store
    with store.writing():
        store.run(
            "INSERT INTO named_entity_metadata (created_at, updated_at, resource_type, project, "
            "domain, name, description, state) VALUES (0, 0, 3, ?, ?, 'a', '', 1)",
            (PROJECT, DOMAIN),
        )
    world.declare(document("b"), document("c"))

    await world.reconcile()

    assert {name for name, _ in firing(world)} == {"b", "c"}


async def test_t07_plan_that_does_not_change_is_not_touched_by_a_hundred_deploys(
    world: World,
) -> None:
    steady = plan_document(
        "steady", schedule={"every": "6h"}, inputs={"count": 3, "day": "2026-01-01T00:00:00Z"}
    )
    touched: list[str] = []

    async def watch(method: str, request: Message) -> None:
        if method in {"CreateLaunchPlan", "UpdateLaunchPlan"} and request.id.name == "steady":  # type: ignore[attr-defined]
            touched.append(method)

    world.server.on_call = watch
    for number in range(100):
        other = document("other", inputs={"count": number})
        world.declare(steady, other)
        applied = await world.reconcile()
        assert applied.is_complete

    assert touched == ["CreateLaunchPlan", "UpdateLaunchPlan"]


async def test_t07_fixed_rate_that_follows_the_newest_code_must_be_acknowledged(
    world: World,
) -> None:
    spec: dict[str, Any] = {
        "workflow": {"name": "etl", "version": {"latest": True}},
        "inputs": {"count": 3, "day": "2026-01-01T00:00:00Z"},
        "schedule": {"every": "6h"},
    }
    world.declare({**plan_document("a"), "spec": spec})
    with pytest.raises(SpecError, match=r"spec\.schedule\.every: .*starts? anew|restart") as caught:
        await world.reconcile()
    assert "0 */6 * * *" in str(caught.value)

    spec["schedule"]["acknowledgeRestarts"] = True
    world.declare({**plan_document("a"), "spec": spec})
    assert (await world.reconcile()).is_complete


async def test_t17_every_list_is_sorted(world: World) -> None:
    unsorted: list[str] = []

    async def watch(method: str, request: Any) -> None:
        if method.startswith("List") and not request.sort_by.key:
            unsorted.append(method)

    world.server.on_call = watch
    await foreign(world, "b")
    same_as = {**document("c", workflow={"name": "etl", "version": {"latest": True}})}
    world.declare(document("a", description="nightly"), document("b"), same_as)
    await world.reconcile()
    await world.plan()
    assert unsorted == []
    assert {name for name in world.calls() if name.startswith("List")} >= {
        "ListActiveLaunchPlans",
        "ListLaunchPlans",
        "ListNamedEntities",
        "ListTasks",
        "ListWorkflows",
    }


@pytest.mark.parametrize("hour", [6, 9])
async def test_t18_version_that_exists_is_judged_by_its_content_and_no_text_is_read(
    world: World, hour: int
) -> None:
    """Somebody registers our version between our plan and our call, with our content or another."""
    world.declare(document("a"))
    version = next(action.version for action in (await world.plan()).plan.changes[0].actions)

    async def overtake(method: str, request: Message) -> None:
        if method == "CreateLaunchPlan":
            world.server.on_call = None
            await world.register_plan(
                "a", version, workflow_version="v1", cron=f"0 {hour} * * *", defaults={"count": 3}
            )

    world.server.on_call = overtake
    applied = await world.reconcile()

    if hour == 6:
        assert applied.is_complete
        assert await world.active() == {"a": version}
        return
    failure = applied.report.failures[0]
    assert isinstance(failure.error, ConflictError)
    assert await world.active() == {}
    again = await world.reconcile()
    assert only(again.plan, "a").block is Block.CONFLICT


async def test_t19_every_input_is_checked_also_after_a_datetime(world: World) -> None:
    for inputs in (
        {"day": "2026-01-01T00:00:00Z", "count": "many"},
        {"count": "many", "day": "2026-01-01T00:00:00Z"},
    ):
        world.declare(plan_document("a", schedule={"cron": "0 6 * * *"}, inputs=inputs))
        with pytest.raises(SpecError, match=r"spec\.inputs\.count: "):
            await world.reconcile()


async def test_t21_time_zone_goes_with_the_expression(world: World) -> None:
    berlin = {"cron": "0 6 * * *", "timezone": "Europe/Berlin", "kickoffInput": "day"}
    world.declare(plan_document("a", schedule=berlin))
    await world.reconcile()
    rows = world.server.store.rows("SELECT spec FROM launch_plans WHERE name = 'a'")
    stored = launch_plan_pb2.LaunchPlanSpec.FromString(rows[0]["spec"])
    expression = stored.entity_metadata.schedule.cron_schedule.schedule
    assert expression == "CRON_TZ=Europe/Berlin 0 6 * * *"


@pytest.mark.parametrize("prefix", ["TZ", "CRON_TZ"])
async def test_t21_both_prefixes_of_a_time_zone_say_the_same(world: World, prefix: str) -> None:
    await register(world, raw_plan("a", "ci", cron(f"{prefix}=Europe/Berlin 0 6 * * *")))
    await world.set_state("a", "ci", active=True)
    for schedule in (
        {"cron": "0 6 * * *", "timezone": "Europe/Berlin", "kickoffInput": "day"},
        {"cron": "CRON_TZ=Europe/Berlin  0 6 * * *", "kickoffInput": "day"},
    ):
        world.declare(plan_document("a", schedule=schedule))
        assert shown((await world.plan()).plan) == {"a": (Effect.ADOPT, None)}
    world.declare(document("a"))
    assert shown((await world.plan()).plan) == {"a": (Effect.HAND_OVER, Block.ADOPTION)}
