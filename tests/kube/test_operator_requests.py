"""What people ask beside specs: to wait, to look now, to leave alone, to take over."""

from __future__ import annotations

import asyncio
from typing import Any

from operator_kit import Operator, Team, condition, message, until, until_passes, why
from world import ledger_of

GROUP = "flyte.reconciler.dev"


async def annotate(team: Team, kind: str, name: str, **values: str | None) -> None:
    """Write annotations of ours, by their short names; None takes one away."""
    words = {key.replace("_", "-"): value for key, value in values.items()}
    pairs = [
        f"{GROUP}/{key}-" if value is None else f"{GROUP}/{key}={value}"
        for key, value in words.items()
    ]
    await team.kubectl("annotate", "--overwrite", kind, name, *pairs)


async def echoed(team: Team, kind: str, name: str, value: str) -> dict[str, Any]:
    return await team.settled(
        kind, name, lambda it: it["status"].get("lastHandledReconcileAt") == value
    )


async def passes(operator: Operator) -> float:
    return await operator.metric("reconcile_pass_seconds_count")


async def test_suspended_set_is_left_alone_until_it_is_resumed(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), *map(team.plan, "abcd"))
    async with team.operator():
        await team.all_ready(4)
        before = await team.world.active()
        await team.apply(team.sync(suspend=True))
        held = await team.settled(
            "flytesync", "default", lambda it: condition(it, "Suspended") == "True"
        )
        assert condition(held, "Ready") == "True", "it is as it was when it was suspended"
        await team.apply(team.plan("a", inputs={"count": 9}), team.plan("new"))
        await team.kubectl("delete", "flytelaunchplan", "b")
        assert await team.world.active() == before
        assert "Warning Orphaned b" in await team.reasons()
        waits = await team.because("flytelaunchplan", "new", "Suspended")
        assert condition(waits, "Ready") == "False"
        await team.apply(team.sync(suspend=False))
        await team.ready("flytelaunchplan", "a")
        await team.ready("flytelaunchplan", "new")
        resumed = await team.settled(
            "flytesync", "default", lambda it: condition(it, "Suspended") == ""
        )
        assert why(resumed) == "ReconciliationSucceeded"
        live = await team.world.active()
        assert set(live) == {"a", "c", "d", "new"}, "b is removed: nobody declares it"
        assert live["a"] != before["a"]


async def test_request_is_looked_at_and_echoed(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("a"))
    async with team.operator() as operator:
        made = await team.ready("flytelaunchplan", "a")
        version = made["status"]["version"]
        await team.world.set_state("a", version, active=False)
        await annotate(team, "flytelaunchplan", "a", requestedAt="one")
        await echoed(team, "flytelaunchplan", "a", "one")
        assert (await team.world.active()) == {"a": version}, "drift is seen by the request"
        for kind, name in (("flytesync", "default"), ("flyteconnection", "prod")):
            await annotate(team, kind, name, requestedAt="two")
            await echoed(team, kind, name, "two")
            flux = "reconcile.fluxcd.io/requestedAt=three"
            await annotate(team, kind, name, requestedAt=None)
            await team.kubectl("annotate", "--overwrite", kind, name, flux)
            await echoed(team, kind, name, "three")
        begun = await passes(operator)
        await asyncio.sleep(2)
        assert await passes(operator) == begun, "an echo is no reason for another pass"


async def test_disabled_object_is_as_if_it_were_not_there(team: Team) -> None:
    await team.apply(team.connection(), team.sync(interval="1s"), *map(team.plan, "abcd"))
    async with team.operator() as operator:
        made = await team.ready("flytelaunchplan", "a")
        await team.all_ready(4)
        await annotate(team, "flytelaunchplan", "a", reconcile="disabled")
        await annotate(team, "flytelaunchplan", "b", reconcile="disabled")
        await team.apply(team.plan("a", inputs={"count": 9}))
        version = made["status"]["version"]
        await team.world.set_state("a", version, active=False)
        await until_passes(operator, 3)
        assert "a" not in await team.world.active()
        left = await team.get("flytelaunchplan", "a")
        assert left is not None
        assert left["status"]["observedGeneration"] < left["metadata"]["generation"]
        await team.kubectl("delete", "flytelaunchplan", "b")
        assert "b" not in await team.world.active(), "who deletes it does not leave it as it is"
        await annotate(team, "flytelaunchplan", "a", reconcile=None)
        await team.ready("flytelaunchplan", "a")
        assert (await team.world.active())["a"] != version
        await annotate(team, "flytesync", "default", reconcile="disabled")
        await team.settled("flytesync", "default", lambda it: condition(it, "Suspended") == "True")
        before = await team.world.active()
        await team.apply(team.plan("c", inputs={"count": 9}))
        await asyncio.sleep(2)
        assert await team.world.active() == before
        await annotate(team, "flytesync", "default", reconcile=None)
        await team.ready("flytelaunchplan", "c")


async def test_set_of_a_checkout_is_taken_over_by_an_annotation_alone(team: Team) -> None:
    from world import plan_document

    team.world.declare(plan_document("a"), plan_document("b"))
    await team.world.reconcile()
    before = await team.world.active()
    source = (await ledger_of(team.world)).claim.source
    await team.apply(team.connection(), team.sync("team"), team.plan("a", sync="team"))
    async with team.operator():
        refused = await team.because("flytesync", "team", "ClaimRefused")
        assert source in message(refused)
        await team.because("flytelaunchplan", "a", "ClaimRefused")
        assert await team.world.active() == before
        await annotate(team, "flytesync", "team", take_over="another")
        await asyncio.sleep(1)
        await team.because("flytesync", "team", "ClaimRefused")
        await annotate(team, "flytesync", "team", take_over=source)
        made = await team.ready("flytelaunchplan", "a")
        assert made["status"]["version"] == before["a"], "the same content has the same version"


async def test_one_set_name_of_two_namespaces_is_refused_to_the_second(team: Team) -> None:
    namespace = await asyncio.to_thread(team.cluster.namespace, "second")
    second = Team(team.cluster, team.world, namespace)
    served = {"namespaces": ["*"], "projects": ["*"], "domains": ["*"]}
    await team.apply(team.connection(serves=[served]), team.sync(), team.plan("a"))
    async with team.operator("--namespace", namespace):
        await team.ready("flytelaunchplan", "a")
        await second.apply(second.sync(), second.plan("b"))
        refused = await second.because("flytesync", "default", "ClaimRefused")
        assert condition(refused, "Stalled") == "True"
        assert team.namespace in message(refused)
        assert set(await team.world.active()) == {"a"}


async def test_set_goes_on_under_another_name(team: Team) -> None:
    await team.apply(team.connection(), team.sync("old-name"))
    await team.apply(*(team.plan(name, sync="old-name") for name in "abcd"))
    async with team.operator():
        await team.all_ready(4)
        before = await team.world.active()
        await team.apply(team.sync("new-name", previousNames=["old-name"]))
        await team.apply(*(team.plan(name, sync="new-name") for name in "abcd"))
        await team.kubectl("delete", "flytesync", "old-name")
        await team.all_ready(4)
        assert await team.world.active() == before, "what is as declared is not registered anew"
        await team.kubectl("delete", "flytelaunchplan", "d")
        assert set(await team.world.active()) == {"a", "b", "c"}


async def test_object_that_flips_is_left_alone_loudly(team: Team) -> None:
    await team.apply(team.connection(), team.sync(interval="1s"), team.plan("a"), team.plan("b"))
    async with team.operator():
        made = await team.ready("flytelaunchplan", "a")
        version = made["status"]["version"]

        async def is_back() -> bool:
            return (await team.world.active()).get("a") == version

        for _ in range(3):
            await team.world.set_state("a", version, active=False)
            await until(is_back, lambda: "it is not put back")
        await team.world.set_state("a", version, active=False)
        told = await team.because("flytelaunchplan", "a", "Contested")
        assert condition(told, "Stalled") == "True"
        assert not await is_back()
        assert "Warning Contested a" in await team.reasons()
        await team.ready("flytelaunchplan", "b")
