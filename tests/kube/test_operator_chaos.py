"""Operators that are killed, stopped and doubled; an API server and a Flyte that go away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import Random

import pytest
from flyteidl.admin import common_pb2, launch_plan_pb2
from operator_kit import Team, condition, message, until, until_passes

ROUNDS = 20
PLANS = 12


@pytest.mark.timeout(900)  # twenty starts of a process, on however busy a machine
async def test_killed_at_random_points_it_converges(team: Team) -> None:
    """Twenty kills while people edit: one active version each, none registered for nothing.

    Each kill comes once the operator works on an edit, not while it starts.
    """
    random = Random(7)
    counts = dict.fromkeys(range(PLANS), 3)

    def plans(numbers: Iterable[int]) -> list[dict[str, object]]:
        return [team.plan(f"p{n:02d}", inputs={"count": counts[n]}) for n in numbers]

    await team.apply(team.connection(), team.sync(), *plans(counts))
    async with team.operator("--no-leader-elect") as operator:
        await team.all_ready(PLANS)
        wanted = set(counts.items())
        for _ in range(ROUNDS):
            await operator.kill()
            edited = random.sample(range(PLANS), 3)
            for number in edited:
                counts[number] += 1
            wanted |= set(counts.items())
            await operator.start()
            await team.apply(*plans(edited))
            await operator.in_charge()
            await asyncio.sleep(random.uniform(0, 1))
        await operator.kill()
        await operator.start()
        found = await team.all_ready(PLANS)
        live = await team.world.active()
        assert {item["metadata"]["name"]: item["status"]["version"] for item in found} == live
        made = await registered(team)
        assert len(made) == len(set(made))
        assert set(live.items()) <= set(made)
        assert len(made) <= len(wanted), "no content is registered twice"
        assert operator.log().count("in charge") >= ROUNDS
    assert "Traceback" not in operator.log()


async def test_api_server_restarts_and_history_is_lost(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("a"), team.plan("b"))
    async with team.operator() as operator:
        await team.all_ready(2)
        await asyncio.to_thread(team.cluster.restart)
        await team.apply(team.plan("a", inputs={"count": 5}))
        await team.ready("flytelaunchplan", "a")
        await asyncio.to_thread(team.cluster.forget_history)
        await team.apply(team.plan("b", inputs={"count": 6}), team.plan("c"))
        await team.all_ready(3)
    assert "Traceback" not in operator.log()


async def test_object_that_went_while_nobody_watched_is_noticed(team: Team) -> None:
    """A finalizer taken away by force: what a watch never told, the list at the interval does."""
    await team.apply(team.connection(), team.sync(interval="1s"), *map(team.plan, "abcde"))
    async with team.operator("--interval", "1s") as operator:
        await team.all_ready(5)
        await asyncio.to_thread(team.cluster.stop)
        await asyncio.to_thread(team.cluster.start)
        strip = '{"metadata":{"finalizers":null}}'
        await team.kubectl("patch", "flytelaunchplan", "a", "--type=merge", "-p", strip)
        await team.kubectl("delete", "flytelaunchplan", "a")

        async def is_pruned() -> bool:
            return "a" not in await team.world.active()

        await until(is_pruned, lambda: "the set still runs what nobody declares")
        await until_passes(operator, 2)
        assert len(await team.world.active()) == 4


async def test_flyte_that_is_away_is_waited_for(team: Team) -> None:
    away = "127.0.0.1:1"
    await team.apply(team.connection(), team.sync(), team.plan("a"), team.plan("b"), team.plan("c"))
    async with team.operator():
        await team.all_ready(3)
        await team.apply(team.connection(endpoint=away))
        await team.apply(team.plan("a", inputs={"count": 5}))
        waits = await team.because("flytelaunchplan", "a", "BackendUnavailable")
        assert condition(waits, "Reconciling") == "True"
        assert "127.0.0.1:1" in message(waits)
        await team.kubectl("delete", "flytelaunchplan", "b", "--wait=false")
        await asyncio.sleep(2)
        kept = await team.get("flytelaunchplan", "b")
        assert kept is not None
        assert kept["metadata"]["finalizers"]
        await team.apply(team.connection())
        await team.ready("flytelaunchplan", "a")
        await team.gone("flytelaunchplan", "b")
        assert set(await team.world.active()) == {"a", "c"}


async def test_stopped_leader_writes_nothing_once_another_has_taken_over(team: Team) -> None:
    plans = [team.plan(f"p{n:02d}") for n in range(40)]
    await team.apply(team.connection(limits={"perSecond": 8}), team.sync(), *plans)
    lease = ("--lease-duration", "6s")
    async with team.operator(*lease, restarts=False) as first:

        async def has_begun() -> bool:
            return bool(await team.world.active())

        await until(has_begun, lambda: "the first operator does nothing")
        first.freeze()
        before = await registered(team)
        assert len(before) < len(plans), "it was stopped in the middle"
        async with team.operator(*lease, "--listen", "127.0.0.1:0"):
            await team.all_ready(len(plans))
            made = await registered(team)
            first.thaw()
            assert first.process is not None
            code = await asyncio.wait_for(first.process.wait(), 30)
            assert code == 3, "whoever lost the lease ends and is started again"
            assert await registered(team) == made
            assert "lease" in first.log()
        assert len(made) == len({name for name, _ in made}) == len(plans)


async def test_second_operator_waits_and_takes_over_in_order(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("a"))
    async with team.operator(restarts=False) as first:
        await team.all_ready(1)
        async with team.operator("--listen", "127.0.0.1:0") as second:
            await asyncio.sleep(1)
            assert second.process is not None
            assert await first.stop() == 0
            await team.apply(team.plan("a", inputs={"count": 5}))
            await team.ready("flytelaunchplan", "a")


async def registered(team: Team) -> list[tuple[str, str]]:
    """List the names and versions of all launch plans that the operator has registered."""
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project="flytesnacks", domain="development"),
        limit=10_000,
    )
    answer: launch_plan_pb2.LaunchPlanList = await team.world.stub.ListLaunchPlans(request)
    return sorted(
        (item.id.name, item.id.version)
        for item in answer.launch_plans
        if item.id.version.startswith("default.")
    )
