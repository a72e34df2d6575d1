"""Which set an object belongs to, and what is somebody else's: adopted, handed over, left alone."""

from __future__ import annotations

import asyncio

from operator_kit import Team, condition, message, until, until_passes
from world import DOMAIN, ledger_of


async def test_object_of_somebody_else_is_taken_over_by_leave_alone(team: Team) -> None:
    await team.world.register_plan("a", "by-hand", workflow_version="v1")
    await team.world.set_state("a", "by-hand", active=True)
    await team.apply(team.connection(), team.sync(interval="1s"), team.plan("a"), team.plan("b"))
    async with team.operator() as operator:
        refused = await team.because("flytelaunchplan", "a", "AdoptionRequired")
        assert "adopt: true" in message(refused)
        await team.ready("flytelaunchplan", "b")
        assert (await team.world.active())["a"] == "by-hand"
        await team.apply(team.plan("a", adopt=True))
        made = await team.ready("flytelaunchplan", "a")
        assert (await team.world.active())["a"] == made["status"]["version"] != "by-hand"
        assert "Normal LaunchPlanHandedOver a" in await team.reasons()
        await until_passes(operator, 2)
        assert (await team.reasons()).count("Normal LaunchPlanHandedOver a") == 1


async def test_drift_is_reported_where_the_set_says_so(team: Team) -> None:
    sync = team.sync(interval="1s", drift="Report")
    await team.apply(team.connection(), sync, team.plan("a"), team.plan("b"))
    async with team.operator():
        made = await team.ready("flytelaunchplan", "a")
        version = made["status"]["version"]
        await team.world.set_state("a", version, active=False)
        told = await team.because("flytelaunchplan", "a", "DriftDetected")
        assert condition(told, "Stalled") == "True"
        summary = await team.because("flytesync", "default", "DriftDetected")
        assert summary["status"]["pending"] == 1
        assert "a" not in await team.world.active()
        await team.world.set_state("a", version, active=True)
        await team.ready("flytelaunchplan", "a")
        await team.ready("flytesync", "default")


async def test_protected_object_outlives_its_resource(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("a", protect=True))
    await team.apply(*map(team.plan, "bcd"))
    async with team.operator():
        await team.all_ready(4)
        await team.kubectl("delete", "flytelaunchplan", "a")
        assert "a" in await team.world.active()
        assert "Warning Orphaned a" in await team.reasons()
        told = await team.because("flytesync", "default", "Protected")
        assert "FlyteLaunchPlan/flytesnacks/development/a" in message(told)


async def test_objects_without_a_set_need_the_operators_connection(team: Team) -> None:
    plan = team.plan("a", project="flytesnacks", domain=DOMAIN)
    await team.apply(team.connection(), plan)
    async with team.operator():
        waits = await team.because("flytelaunchplan", "a", "DependencyNotReady")
        assert "belongs to no FlyteSync" in message(waits)
        assert condition(waits, "Stalled") == "True"
        await team.kubectl("delete", "flytelaunchplan", "a")
    await team.apply(plan)
    async with team.operator("--connection", f"{team.namespace}/prod"):
        made = await team.ready("flytelaunchplan", "a")
        assert made["status"]["version"].startswith("unclaimed.")
        assert not made["metadata"].get("finalizers")
        await team.kubectl("delete", "flytelaunchplan", "a")
        assert set(await team.world.active()) == {"a"}


async def test_default_set_that_comes_and_goes_takes_objects_along(team: Team) -> None:
    await team.apply(team.connection(), *map(team.plan, "abc"))
    async with team.operator() as operator:
        await team.because("flytelaunchplan", "a", "DependencyNotReady")
        await team.apply(team.sync())
        await team.all_ready(3)
        before = await team.world.active()
        held = await team.get("flytelaunchplan", "a")
        assert held is not None
        assert held["metadata"]["finalizers"]
        await team.kubectl("delete", "flytesync", "default")
        await team.because("flytelaunchplan", "a", "DependencyNotReady")
        free = await team.settled(
            "flytelaunchplan", "b", lambda it: not it["metadata"].get("finalizers")
        )
        assert "belongs to no FlyteSync" in message(free)
        await team.kubectl("delete", "flytelaunchplan", "a")
        await until_passes(operator, 1)
        assert await team.world.active() == before


async def test_object_moves_between_sets(team: Team) -> None:
    await team.apply(team.connection(), team.sync("one-set"), team.sync("two-set"))
    await team.apply(*(team.plan(name, sync="one-set") for name in "abcd"))
    async with team.operator():
        await team.all_ready(4)
        await team.apply(team.plan("a", sync="two-set"))
        # It runs as the first set's: whoever moves it says that the second may take it.
        await team.because("flytelaunchplan", "a", "AdoptionRequired")
        await team.apply(team.plan("a", sync="two-set", adopt=True))
        await team.ready("flytelaunchplan", "a")
        await team.ready("flytesync", "one-set")
        await team.ready("flytesync", "two-set")
        assert set(await team.world.active()) == {"a", "b", "c", "d"}
        moved = await team.get("flytelaunchplan", "a")
        assert moved is not None
        assert moved["status"]["set"] == "two-set"
        await team.kubectl("delete", "flytesync", "one-set")
        assert set(await team.world.active()) == {"a", "b", "c", "d"}


async def test_object_that_is_renamed_or_moved_on_flyte_leaves_nothing_behind(team: Team) -> None:
    await team.world.register_workflow(domain="staging", defaults={"count": 1})
    await team.apply(team.connection(), team.sync(), *map(team.plan, "abcdef"))
    async with team.operator():
        await team.all_ready(6)
        await team.apply(team.plan("a", name="etl.renamed"))
        renamed = await team.settled(
            "flytelaunchplan", "a", lambda it: it["status"].get("name") == "etl.renamed"
        )
        assert condition(renamed, "Ready") == "True"

        async def is_renamed() -> bool:
            return set(await team.world.active()) == {"etl.renamed", "b", "c", "d", "e", "f"}

        await until(is_renamed, lambda: "the plan of the former name runs still")
        await team.apply(team.plan("b", domain="staging"))
        await team.settled(
            "flytelaunchplan", "b", lambda it: "/staging/" in it["status"].get("key", "")
        )
        await team.ready("flytelaunchplan", "b")

        async def is_moved() -> bool:
            there = await team.world.active(domain="staging")
            return "b" in there and "b" not in await team.world.active()

        await until(is_moved, lambda: "the plan of the former domain runs still")


async def test_set_with_an_error_holds_its_objects_as_they_are(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("a"), team.plan("b"))
    async with team.operator():
        await team.all_ready(2)
        before = await team.world.active()
        await team.apply(team.sync(prune="Delete"), team.plan("a", inputs={"count": 9}))
        told = await team.because("flytesync", "default", "InvalidSpec")
        assert "Delete needs a Flyte 2" in message(told)
        await team.because("flytelaunchplan", "a", "InvalidSpec")
        assert await team.world.active() == before
        await team.apply(team.sync())
        await team.ready("flytelaunchplan", "a")


async def test_what_the_api_server_cannot_refuse_the_object_says(team: Team) -> None:
    both = team.plan("both", inputs={"count": 3}, fixedInputs={"count": 4})
    kickoff = team.plan("kickoff", fixedInputs={"day": "2026-01-01T00:00:00Z"})
    unknown = team.plan("unknown", inputs={"nope": 3})
    never = team.plan("never", schedule={"cron": "0 0 30 2 *"})
    await team.apply(team.connection(), team.sync(), both, kickoff, unknown, team.plan("good"))
    refused = await team.kubectl("apply", "-f", "-", stdin=_text(never), code=None)
    async with team.operator():
        await team.ready("flytelaunchplan", "good")
        for name, words in (("both", "count"), ("kickoff", "day"), ("unknown", "nope")):
            wrong = await team.because("flytelaunchplan", name, "InvalidSpec")
            assert words in message(wrong)
            assert "spec." in message(wrong)
        if "created" in refused:
            wrong = await team.because("flytelaunchplan", "never", "InvalidSpec")
            assert "cron" in message(wrong)
        summary = await team.get("flytesync", "default")
        assert summary is not None
        assert len(summary["status"]["problems"]) >= 3
    await asyncio.sleep(0)
    assert set(await team.world.active()) == {"good"}
    assert (await ledger_of(team.world, "default")).claim.source.startswith("kubernetes:")


def _text(value: object) -> str:
    import json

    return json.dumps(value)
