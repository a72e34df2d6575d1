"""Declared backfills on the embedded Flyte 1: what they start, and what they leave alone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from backfill_kit import FIRST, PLAN, Flyte, backfill_document, daily, open_flyte, scheduler_name
from flyteidl.core import execution_pb2 as core
from world import ledger_of, plan_document

from reconciler.apply.outcome import Status
from reconciler.model.key import Key
from reconciler.plan.plan import Block
from reconciler.plan.render import render
from reconciler.schedule.identity import execution_name

KEY = Key("FlyteBackfill", "flytesnacks", "development", "fill")
GAPS = Key("FlyteBackfill", "flytesnacks", "development", "kept:gaps")


async def test_only_missing_ticks_run_in_the_names_of_the_scheduler(tmp_path: Path) -> None:
    ticks = daily(10)
    async with open_flyte(tmp_path, covered=ticks[3:6]) as flyte:
        flyte.world.declare(backfill_document(parallelism=4))
        before = {one.id.name for one in await flyte.executions()}
        for _ in range(4):
            applied = await flyte.world.reconcile()
            assert not applied.report.failures
            await flyte.end_all()
        after = await flyte.executions()
        made = {one.id.name for one in after} - before
        assert made == {scheduler_name(tick) for tick in (*ticks[:3], *ticks[6:])}
        assert flyte.most <= 4
        assert (await flyte.world.plan()).plan.is_empty
        assert (await ledger_of(flyte.world)).runs[KEY].done


async def test_tick_is_the_input_and_the_schedule_s_time(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        flyte.world.declare(backfill_document(to="2025-01-02T00:00:00Z"))
        await flyte.world.reconcile()
        (made,) = await flyte.executions()
        assert made.spec.metadata.scheduled_at.seconds == int(FIRST.timestamp())
        assert made.spec.metadata.mode == made.spec.metadata.SCHEDULED
        assert not made.spec.tags
        assert not made.spec.labels.values
        assert (made.spec.launch_plan.name, made.spec.launch_plan.version) == (PLAN, "v1")


async def test_dry_run_shows_window_ticks_and_what_starts(tmp_path: Path) -> None:
    async with open_flyte(tmp_path, covered=daily(2)) as flyte:
        flyte.world.declare(backfill_document(parallelism=2))
        calls = flyte.world.calls()
        planned = await flyte.world.plan()
        (change,) = planned.plan.changes
        assert "10 ticks: 2 covered, 8 missing" in change.notes
        assert f"starts {scheduler_name(daily(3)[2])} for 2025-01-03T06:00:00Z" in change.notes
        assert [row.is_covered for row in planned.plan.drives[KEY].rows] == [True] * 2 + [False] * 8
        assert not any(name.startswith("Create") for name in flyte.world.calls() - calls)


async def test_failed_tick_stops_the_others_and_is_told(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        flyte.failing.add(FIRST)
        flyte.world.declare(backfill_document())
        await flyte.world.reconcile()
        await flyte.end_all()
        (change,) = (await flyte.world.plan()).plan.changes
        assert change.block is Block.FAILED
        assert change.block_detail == ("1 of 10 ticks failed, first 2025-01-01T06:00:00Z: it broke")


async def test_failed_tick_is_tried_again_under_another_name(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        flyte.failing.add(FIRST)
        flyte.world.declare(
            backfill_document(to="2025-01-03T00:00:00Z", retries=1, onFailure="Continue")
        )
        for _ in range(3):
            await flyte.world.reconcile()
            await flyte.end_all()
        found = await flyte.by_tick()
        assert found == {FIRST: 2, daily(2)[1]: 1}
        plan = (await flyte.world.plan()).plan
        assert plan.changes[0].block_detail.startswith("1 of 2 ticks failed")


async def test_run_of_another_version_covers_its_tick(tmp_path: Path) -> None:
    ticks = daily(3)
    async with open_flyte(tmp_path, covered=ticks[:1]) as flyte:
        world = flyte.world
        await world.register_plan(
            PLAN,
            "v2",
            workflow_version="v1",
            cron="CRON_TZ=UTC 0 6 * * *",
            defaults={"count": 4},
        )
        await world.set_state(PLAN, "v2", active=True)
        world.declare(backfill_document(to="2025-01-04T00:00:00Z", parallelism=3))
        await world.reconcile()
        found = {one.id.name for one in await flyte.executions()}
        assert found == {
            scheduler_name(ticks[0], "v1"),
            scheduler_name(ticks[1], "v2"),
            scheduler_name(ticks[2], "v2"),
        }


async def test_cancelled_backfill_ends_what_it_started_and_nothing_else(tmp_path: Path) -> None:
    ticks = daily(3)
    async with open_flyte(tmp_path) as flyte:
        await flyte.scheduled(ticks[0], None)
        document = backfill_document(to="2025-01-04T00:00:00Z", parallelism=3)
        flyte.world.declare(document)
        await flyte.world.reconcile()
        document["spec"] |= {"state": "Cancelled", "terminate": True}
        flyte.world.declare(document)
        await flyte.world.reconcile()
        phases = Counter({one.id.name: one.closure.phase for one in await flyte.executions()})
        phase = core.WorkflowExecution
        assert phases[scheduler_name(ticks[0])] == phase.UNDEFINED
        assert phases[scheduler_name(ticks[1])] == phase.ABORTING
        assert phases[scheduler_name(ticks[2])] == phase.ABORTING


@pytest.mark.parametrize("policy", ["Orphan", "Terminate"])
async def test_backfill_that_is_no_longer_declared_ends_its_runs_where_it_asked_for_that(
    policy: str, tmp_path: Path
) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        scheduled = await flyte.scheduled(daily(1)[0], None)
        kept = backfill_document(
            "kept", **{"from": "2025-02-01T00:00:00Z"}, to="2025-02-02T00:00:00Z"
        )
        kept["spec"]["deletionPolicy"] = "Terminate"  # else the last one goes, which is guarded
        world.declare(backfill_document(parallelism=3, deletionPolicy=policy), kept)
        await world.reconcile()
        world.declare(kept)
        await world.reconcile()
        stopped = {
            one.id.name
            for one in await flyte.executions()
            if one.closure.phase == core.WorkflowExecution.ABORTING
        }
        own = {scheduler_name(tick) for tick in daily(3)[1:]}
        assert scheduled not in own
        assert stopped == (own if policy == "Terminate" else set())
        assert len(await flyte.executions()) == 4


async def test_cancelled_backfill_ends_what_it_started_before_its_plan_was_edited(
    tmp_path: Path,
) -> None:
    async with open_flyte(tmp_path) as flyte:
        document = backfill_document(to="2025-01-03T00:00:00Z", parallelism=2)
        document["spec"]["inputs"] = {"count": 8}
        flyte.world.declare(document)
        await flyte.world.reconcile()
        await flyte.world.register_workflow(version="v2", has_outputs=True)
        await flyte.world.register_plan(PLAN, "v2", cron="0 8 * * *", defaults={"count": 4})
        await flyte.world.set_state(PLAN, "v2", active=True)
        document["spec"] |= {"state": "Cancelled", "terminate": True}
        flyte.world.declare(document)
        await flyte.world.reconcile()
        made = await flyte.executions()
        assert [one.closure.phase for one in made] == [core.WorkflowExecution.ABORTING] * 2
        assert not (await ledger_of(flyte.world)).runs[KEY].done
        assert (await flyte.world.plan()).plan.is_empty


async def test_calls_are_one_for_each_tick_and_pages(tmp_path: Path) -> None:
    ticks = daily(60)
    async with open_flyte(tmp_path, covered=ticks[:10]) as flyte:
        flyte.world.declare(backfill_document(to="2025-03-02T00:00:00Z", parallelism=60))
        before = flyte.world.calls()
        await flyte.world.reconcile()
        calls = flyte.world.calls() - before
        assert calls["CreateExecution"] == 50
        assert calls["GetExecution"] == 0
        assert calls["ListExecutions"] <= 2


def kept_plan(how: str) -> dict[str, Any]:
    schedule = {"cron": "0 6 * * *", "timezone": "UTC", "kickoffInput": "day", "gaps": how}
    return plan_document("kept", schedule=schedule)


def kept_name(flyte: Flyte, tick: datetime, version: str) -> str:
    del flyte
    return execution_name(
        project="flytesnacks",
        domain="development",
        name="kept",
        version=version,
        scheduled_at=tick,
    )


async def test_gaps_of_a_live_plan_are_told_and_filled(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        world.declare(kept_plan("Report"))
        await world.reconcile()
        assert (await world.plan()).plan.is_empty
        world.now += timedelta(days=3)
        planned = (await world.plan()).plan
        assert planned.is_empty, "a report starts nothing"
        assert planned.waiting[GAPS].startswith("3 ticks since ")
        assert any("kept:gaps  waits: 3 ticks" in line.text for line in render(planned))
        version = (await world.active())["kept"]
        world.declare(kept_plan("Fill"))
        await world.reconcile()
        assert (await world.active())["kept"] == version, "gaps are no part of the plan"
        found = [one for one in await flyte.executions() if one.spec.launch_plan.name == "kept"]
        ticks = {one.spec.metadata.scheduled_at.ToDatetime(tzinfo=UTC) for one in found}
        assert len(found) == len(ticks) == 3
        assert {one.id.name for one in found} == {kept_name(flyte, at, version) for at in ticks}
        await flyte.end_all()
        assert (await world.plan()).plan.waiting == {}


async def test_gaps_of_many_plans_cost_pages(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        schedule = {"cron": "0 6 * * *", "timezone": "UTC", "kickoffInput": "day", "gaps": "Fill"}
        world.declare(*(plan_document(f"p{n:02d}", schedule=schedule) for n in range(20)))
        await world.reconcile()
        before = world.calls()
        assert (await world.plan()).plan.is_empty
        calls = world.calls() - before
        assert calls["ListExecutions"] == 1
        assert calls["GetActiveLaunchPlan"] == 0
        assert calls["ListActiveLaunchPlans"] <= 2


async def test_t9_ticks_that_the_concurrency_policy_refuses_run_later(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        limited = plan_document("limited", concurrency={"max": 1, "onLimit": "Skip"})
        document = backfill_document(launchPlan={"name": "limited"}, to="2025-01-04T00:00:00Z")
        world.declare(limited)
        await world.reconcile()
        world.declare(limited, document)
        await world.reconcile()
        (first,) = await flyte.executions()
        await flyte.play(first.id.name, core.WorkflowExecution.RUNNING)
        document["spec"]["parallelism"] = 3
        world.declare(limited, document)
        applied = await world.reconcile()
        assert [item.status for item in applied.report.deferred] == [Status.DEFERRED] * 2
        assert not applied.report.failures
        assert len(await flyte.executions()) == 1
        await flyte.play(first.id.name, core.WorkflowExecution.SUCCEEDED)
        await world.reconcile()
        assert await flyte.by_tick() == Counter(daily(3))
