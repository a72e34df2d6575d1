"""Declared backfills of triggers on the embedded Flyte 2."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import engine2_kit as engine
import flyte2_messages as make
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.trigger import trigger_service_pb2, trigger_service_pb2_grpc
from flyteidl2.workflow import (
    internal_run_service_pb2_grpc,
    run_service_pb2,
    run_service_pb2_grpc,
)
from world import DOMAIN, PROJECT, SYNC
from world2 import COUNT, TASK, World2, open_world2

from reconciler.model.key import Key, Place
from reconciler.model.run import RunId
from reconciler.plan.plan import Block
from reconciler.schedule.identity import run_name
from reconciler.server import clock
from reconciler.server.flyte2.scheduler import Scheduler

FIRST = datetime(2026, 1, 1, 6, tzinfo=UTC)
KEY = Key("FlyteBackfill", PROJECT, DOMAIN, "fill")


def tick(day: int) -> datetime:
    return FIRST + timedelta(days=day)


def scheduler_name(at: datetime) -> str:
    return run_name(project=PROJECT, domain=DOMAIN, task=TASK, trigger="daily", scheduled_at=at)


def document(**spec: Any) -> dict[str, Any]:
    spec.setdefault("trigger", {"task": TASK, "name": "daily"})
    spec.setdefault("from", "2026-01-01T00:00:00Z")
    spec.setdefault("to", "2026-01-06T00:00:00Z")
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteBackfill",
        "metadata": {"name": "fill"},
        "spec": spec,
    }


async def runs(world: World2) -> list[Any]:
    place = identifier_pb2.ProjectIdentifier(name=PROJECT, domain=DOMAIN)
    answer = await run_service_pb2_grpc.RunServiceStub(world.channel).ListRuns(
        run_service_pb2.ListRunsRequest(project_id=place, request=list_pb2.ListRequest(limit=200))
    )
    return list(answer.runs)


async def names(world: World2) -> set[str]:
    return {one.action.id.run.name for one in await runs(world)}


async def end_all(world: World2, phase: int = engine.SUCCEEDED) -> None:
    stub = internal_run_service_pb2_grpc.InternalRunServiceStub(world.channel)
    for one in await runs(world):
        if one.action.status.phase in {engine.QUEUED, engine.RUNNING}:
            await stub.UpdateActionStatus(engine.status(one.action.id, phase, ended=60))


async def prepare(world: World2, **trigger: Any) -> None:
    await world.deploy_task()
    await world.deploy("daily", inputs={"literals": [{"name": "count", "value": COUNT}]}, **trigger)
    world.now = datetime.now(UTC)


async def test_only_missing_ticks_run_in_the_names_of_the_scheduler(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        await prepare(world)
        await world.fire("daily", tick(1), run=scheduler_name(tick(1)))
        await end_all(world)
        world.declare(document(parallelism=2))
        for _ in range(3):
            applied = await world.reconcile()
            assert not applied.report.failures
            await end_all(world)
        assert await names(world) == {scheduler_name(tick(day)) for day in range(5)}
        assert (await world.plan()).plan.is_empty


async def test_run_of_a_tick_has_the_trigger_s_inputs_and_its_time(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        await prepare(world)
        world.declare(document(to="2026-01-02T00:00:00Z"))
        await world.reconcile()
        async with world.backend() as backend:
            (one,) = await runs(world)
            name = one.action.id.run.name
            run = await backend.running.run(RunId(Place(PROJECT, DOMAIN), name))
            assert run is not None
            assert run.scheduled_at == FIRST
            data = await backend.running.data(run.id)
        assert data.inputs is not None
        assert data.inputs.literals["count"] == COUNT


async def test_failed_tick_is_tried_again_and_then_told(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        await prepare(world)
        world.declare(document(to="2026-01-02T00:00:00Z", retries=1))
        for _ in range(3):
            await world.reconcile()
            await end_all(world, engine.FAILED)
        found = await names(world)
        assert len(found) == 2
        assert scheduler_name(FIRST) in found
        (change,) = (await world.plan()).plan.changes
        assert change.block is Block.FAILED


async def test_calls_are_two_for_each_tick_and_pages(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        await prepare(world)
        world.declare(document(to="2026-02-20T00:00:00Z", parallelism=50))
        before = world.calls()
        await world.reconcile()
        calls = world.calls() - before
        assert calls["CreateRun"] == 50
        assert calls["GetRunDetails"] <= 50
        assert calls["ListRuns"] <= 2


async def test_t27_hole_that_the_catch_up_left_is_filled(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        await prepare(world)
        # It starts a hundred runs at most and forgets the rest, here the last three.
        for day in range(100):
            await world.fire("daily", tick(day), run=scheduler_name(tick(day)))
        await end_all(world)
        before = await names(world)
        world.declare(document(to="2026-04-14T00:00:00Z", parallelism=10))
        await world.reconcile()
        made = await names(world) - before
        assert made == {scheduler_name(tick(day)) for day in (100, 101, 102)}


async def test_t28_toggled_trigger_is_filled_all_the_same(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        await prepare(world)
        await world.switch("daily", active=False)
        await world.switch("daily", active=True)
        world.declare(document(to="2026-01-03T00:00:00Z", parallelism=2))
        await world.reconcile()
        assert await names(world) == {scheduler_name(tick(day)) for day in (0, 1)}


async def test_cancelled_backfill_of_a_trigger_that_is_gone_ends_what_it_started(
    tmp_path: Path,
) -> None:
    async with open_world2(tmp_path) as world:
        await prepare(world)
        world.declare(document(parallelism=2))
        await world.reconcile()
        stub = trigger_service_pb2_grpc.TriggerServiceStub(world.channel)
        named = make.trigger_name(PROJECT, "daily", task=TASK, domain=DOMAIN)
        await stub.DeleteTriggers(trigger_service_pb2.DeleteTriggersRequest(names=[named]))
        world.declare(document(parallelism=2, state="Cancelled", terminate=True))
        await world.reconcile()
        assert [one.action.status.phase for one in await runs(world)] == [engine.ABORTED] * 2
        await world.reconcile()
        assert (await world.plan()).plan.is_empty


async def test_kickoff_input_is_the_tick(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        schedule = {
            "cron": {"expression": "0 6 * * *"},
            "kickoffTimeInputArg": "day",
        }
        await prepare(world, automation={"type": "TYPE_SCHEDULE", "schedule": schedule})
        world.declare(document(to="2026-01-02T00:00:00Z"))
        planned = await world.plan()
        (action,) = planned.plan.changes[0].actions
        assert action.body is not None
        assert action.body["inputs"] == {
            "day": {"scalar": {"primitive": {"datetime": "2026-01-01T06:00:00Z"}}}
        }
        assert planned.plan.drives[KEY].rows[0].phase is None


async def test_no_tick_runs_twice_while_the_scheduler_catches_up(tmp_path: Path) -> None:
    ticks = [tick(day) for day in range(60)]
    end = ticks[-1] + timedelta(hours=1)
    now = round(end.timestamp()) * 1_000_000
    told = list[str]()
    with clock.replaced(lambda: now):
        async with open_world2(tmp_path) as world:
            await prepare(world)
            world.now = end
            since = round((FIRST - timedelta(days=1)).timestamp()) * 1_000_000
            world.server.store.run("UPDATE v2_triggers SET updated_at = ?", (since,))
            starts = Counter[str]()

            async def on_call(method: str, _request: Any) -> None:
                """Let the scheduler come back before the first of ours moves its baseline (T28)."""
                starts[method] += 1
                if method == "GetRunDetails" and starts[method] == 5:
                    assert not starts["CreateRun"]
                    Scheduler(world.server.store, told.append).start()

            world.server.on_call = on_call
            world.declare(document(to=f"{end:%Y-%m-%dT%H:%M:%SZ}", parallelism=60))
            for _ in range(2):
                applied = await world.reconcile()
                assert not applied.report.failures
                await end_all(world)

            assert await names(world) == {scheduler_name(at) for at in ticks}
            assert len(await runs(world)) == 60
            # Four had been looked for when the scheduler came, and were sent again, unchanged.
            assert starts["CreateRun"] == 4
            assert told == []
            assert (await world.plan()).plan.is_empty


async def test_a_name_is_looked_for_just_before_it_is_sent(tmp_path: Path) -> None:
    """However many ticks there are: in between, the scheduler may start the run."""
    async with open_world2(tmp_path) as world:
        await prepare(world)
        calls, ahead = Counter[str](), list[int]()

        async def on_call(method: str, _request: Any) -> None:
            calls[method] += 1
            ahead.append(calls["GetRunDetails"] - calls["CreateRun"])

        world.server.on_call = on_call
        world.declare(document(to="2026-03-02T00:00:00Z", parallelism=60))
        await world.reconcile()

        assert calls["CreateRun"] == 60
        assert max(ahead) <= 8


async def test_runs_of_another_set_count_until_they_end(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        await prepare(world)
        world.declare(document(to="2026-01-04T00:00:00Z", parallelism=3))
        await world.reconcile()
        assert await names(world) == {scheduler_name(tick(day)) for day in range(3)}
        late = {"from": "2026-01-11T00:00:00Z", "to": "2026-01-21T00:00:00Z", "parallelism": 10}
        other = SYNC.replace("team", "other")
        world.declare(document(**late, budget={"maxInFlight": 4}), sync=other)
        await world.reconcile()
        assert len(await names(world)) == 4
        assert (await world.plan()).plan.drives[KEY].waits == (
            "at most 4 runs of all backfills may be in flight, 3 elsewhere among them"
        )
        await end_all(world)
        await world.reconcile()
        assert len(await names(world)) == 8
