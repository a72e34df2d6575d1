"""Launch plans by `kubectl apply`: applied, edited, corrected, deleted, and silent when steady."""

from __future__ import annotations

from operator_kit import Team, condition, message, until, until_passes, why
from world import ledger_of


async def test_plan_goes_through_its_life(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("a"), team.plan("b"), team.plan("c"))
    async with team.operator(restarts=False) as operator:
        made = await team.ready("flytelaunchplan", "a")
        live = await team.world.active()
        assert made["status"]["version"] == live["a"]
        assert made["status"]["version"].startswith("default.")
        assert made["status"]["state"] == "Active"
        assert made["status"]["nextRun"].endswith("T06:00:00Z")
        assert made["metadata"]["finalizers"] == ["flyte.reconciler.dev/finalizer"]
        assert not condition(made, "Reconciling")
        assert not condition(made, "Stalled")
        sync = await team.ready("flytesync", "default")
        assert sync["status"]["objects"] == 3

        await team.apply(team.plan("a", inputs={"count": 4}))
        edited = await team.ready("flytelaunchplan", "a")
        assert edited["status"]["version"] != made["status"]["version"]
        assert (await team.world.active())["a"] == edited["status"]["version"]

        await team.kubectl("delete", "flytelaunchplan", "b")
        assert set(await team.world.active()) == {"a", "c"}

        told = await team.reasons()
        assert "Normal LaunchPlanCreated a" in told
        assert "Normal LaunchPlanUpdated a" in told
        assert "Normal LaunchPlanRemoved b" in told
        assert not [line for line in told if line.startswith("Warning")]
        assert await operator.stop() == 0
    assert "Traceback" not in operator.log()


async def test_steady_cluster_is_left_alone(team: Team) -> None:
    await team.apply(team.connection(), team.sync(interval="1s"), team.plan("a"), team.plan("b"))
    async with team.operator("--interval", "1s") as operator:
        await team.ready("flytesync", "default")
        await team.ready("flyteconnection", "prod")
        await until_passes(operator, 2)
        begun = len(team.cluster.requests())
        calls = team.world.calls()
        events = await team.reasons()
        await until_passes(operator, 6)
        writes = [
            item
            for item in team.cluster.requests(begun)
            if item.is_write and team.namespace in item.path and "leases" not in item.path
        ]
        assert writes == []
        assert await team.reasons() == events
        sent = team.world.calls() - calls
        assert not [name for name in sent if "Create" in name or "Update" in name]


async def test_drift_is_corrected_at_the_interval(team: Team) -> None:
    await team.apply(team.connection(), team.sync(interval="1s"), team.plan("a"))
    async with team.operator():
        made = await team.ready("flytelaunchplan", "a")
        version = made["status"]["version"]
        await team.world.set_state("a", version, active=False)

        async def is_back() -> bool:
            return (await team.world.active()).get("a") == version

        await until(is_back, lambda: "the plan stays inactive")

        async def is_told() -> bool:
            return "Normal LaunchPlanDriftCorrected a" in await team.reasons()

        await until(is_told, lambda: "no event tells of it")


async def test_one_bad_object_does_not_hold_back_the_others(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("a"), team.plan("b"), team.plan("c"))
    async with team.operator():
        await team.ready("flytelaunchplan", "c")
        bad = team.plan("c", inputs={"count": "three"})
        await team.apply(bad, team.plan("a", inputs={"count": 9}))
        wrong = await team.because("flytelaunchplan", "c", "InvalidSpec")
        assert "spec.inputs" in message(wrong)
        assert condition(wrong, "Stalled") == "True"
        edited = await team.ready("flytelaunchplan", "a")
        live = await team.world.active()
        assert live["a"] == edited["status"]["version"]
        assert "c" in live, "what a faulty object has on Flyte stays"
        await team.kubectl("delete", "flytelaunchplan", "b")
        assert set(await team.world.active()) == {"a", "c"}
        await team.kubectl("delete", "flytelaunchplan", "c")
        assert set(await team.world.active()) == {"a"}


async def test_plan_waits_for_what_it_refers_to(team: Team) -> None:
    awaiting = team.plan("a", workflow={"name": "later", "version": "v1"})
    await team.apply(team.connection(), team.sync(), awaiting)
    async with team.operator():
        waits = await team.because("flytelaunchplan", "a", "DependencyNotReady")
        assert "later" in message(waits)
        assert condition(waits, "Reconciling") == "True"
        await team.world.register_workflow("later", defaults={"count": 1})
        await team.ready("flytelaunchplan", "a")


async def test_older_of_two_speaks_for_one_flyte_object(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("first", name="same"))
    async with team.operator():
        await team.ready("flytelaunchplan", "first")
        await team.apply(team.plan("second", name="same", inputs={"count": 8}))
        second = await team.because("flytelaunchplan", "second", "Conflict")
        assert "FlyteLaunchPlan/" in message(second)
        assert why(await team.ready("flytelaunchplan", "first")) == "ReconciliationSucceeded"
        await team.kubectl("delete", "flytelaunchplan", "first")
        taken = await team.ready("flytelaunchplan", "second")
        assert (await team.world.active())["same"] == taken["status"]["version"]


async def test_guard_turns_deletions_into_orphans_that_wait_for_approval(team: Team) -> None:
    names = ["a", "b", "c", "d", "e"]
    await team.apply(team.connection(), team.sync(), *(team.plan(name) for name in names))
    async with team.operator():
        await team.ready("flytesync", "default")
        await team.kubectl("delete", "flytelaunchplan", "--all")
        assert set(await team.world.active()) == set(names)
        assert "Warning Orphaned a" in await team.reasons()
        held = await team.because("flytesync", "default", "ApprovalRequired")
        plan = held["status"]["planId"]
        assert plan in message(held)
        await team.kubectl(
            "annotate", "flytesync", "default", f"flyte.reconciler.dev/approve={plan}"
        )

        async def is_done() -> bool:
            return not await team.world.active()

        await until(is_done, lambda: "the approved removals are not done")
        await team.ready("flytesync", "default")


async def test_orphaning_object_has_no_finalizer_and_leaves_its_plan(team: Team) -> None:
    await team.apply(
        team.connection(),
        team.sync(interval="1s"),
        team.plan("a"),
        *(team.plan(name) for name in ("b", "c", "d")),
    )
    async with team.operator() as operator:
        await team.ready("flytelaunchplan", "a")
        await team.apply(team.plan("a", deletionPolicy="Orphan"))
        made = await team.settled(
            "flytelaunchplan", "a", lambda found: not found["metadata"].get("finalizers")
        )
        assert condition(made, "Ready") == "True"
        await team.kubectl("delete", "flytelaunchplan", "a")
        await until_passes(operator, 3)
        assert "a" in await team.world.active()
        assert [str(key) for key in (await ledger_of(team.world, "default")).on_removal] == [
            "FlyteLaunchPlan/flytesnacks/development/a"
        ]
