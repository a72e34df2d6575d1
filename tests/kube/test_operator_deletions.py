"""Deleted objects: what is left on Flyte, and that no finalizer stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kube_kit import Identity
from operator_kit import PROGRAM, Team, custom, message, until, until_passes

CRDS = Path(__file__).parents[2] / "crds"
PLAN_CRD = "flytelaunchplans.flyte.reconciler.dev"


async def finalizers(team: Team, kind: str, name: str) -> list[str]:
    found = await team.get(kind, name)
    return [] if found is None else found["metadata"].get("finalizers", [])


async def told_orphaned(team: Team, name: str) -> None:
    """Wait until a warning says that what an object declares stays."""

    async def is_so() -> bool:
        return f"Warning Orphaned {name}" in await team.reasons()

    await until(is_so, lambda: f"no event tells of {name}")


async def test_policy_of_an_object_says_what_becomes_of_its_plan(team: Team) -> None:
    """Deactivate by itself, what the set prunes by otherwise, and the object's own word first."""
    await team.apply(team.connection(), team.sync(), team.sync("keeping", prune="Keep"))
    await team.apply(
        *map(team.plan, "abcd"),
        team.plan("orphan", deletionPolicy="Orphan"),
        team.plan("archive", deletionPolicy="Archive"),
        team.plan("kept", sync="keeping"),
        team.plan("still-removed", sync="keeping", deletionPolicy="Deactivate"),
        *(team.plan(f"k{n}", sync="keeping") for n in range(3)),
    )
    async with team.operator():
        await team.all_ready(11)
        assert await finalizers(team, "flytelaunchplan", "orphan") == []
        assert await finalizers(team, "flytelaunchplan", "kept") == []
        gone = ["a", "orphan", "archive", "kept", "still-removed"]
        await team.kubectl("delete", "flytelaunchplan", *gone)
        live = set(await team.world.active())
        assert live == {"b", "c", "d", "orphan", "kept", "k0", "k1", "k2"}
        assert not [line for line in await team.reasons() if line.startswith("Warning")]


async def test_everything_is_deleted_at_once(team: Team) -> None:
    """In whatever order it goes, nothing hangs; what the guards hold back stays and is told."""
    project = custom("FlyteProject", "flytesnacks", labels={"a": "b"})
    await team.apply(team.connection(), team.sync(), project, *map(team.plan, "abcdef"))
    async with team.operator() as operator:
        await team.all_ready(6)
        kinds = "flytesyncs,flyteconnections,flyteprojects,flytelaunchplans"
        await team.kubectl("delete", kinds, "--all", "--timeout=50s")
        left = await team.kubectl("get", kinds, "-o", "name")
        assert left.strip() in {"", f"No resources found in {team.namespace} namespace."}
        assert set(await team.world.active()) == set("abcdef")
    assert "Traceback" not in operator.log()


async def test_connection_that_is_gone_for_good_holds_nothing(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), *map(team.plan, "abcd"))
    async with team.operator():
        await team.all_ready(4)
        await team.kubectl("delete", "flyteconnection", "prod")
        waits = await team.because("flytesync", "default", "DependencyNotReady")
        assert "does not exist; create it" in message(waits)
        await team.kubectl("delete", "flytelaunchplan", "a", "--timeout=30s")
        await told_orphaned(team, "a")
        assert set(await team.world.active()) == set("abcd")
        await team.apply(team.connection())
        await team.ready("flytesync", "default")

        async def is_pruned() -> bool:
            return set(await team.world.active()) == set("bcd")

        await until(is_pruned, lambda: "what nobody declares runs still")


async def test_set_that_is_gone_leaves_its_plans(team: Team) -> None:
    await team.apply(team.connection(), team.sync("ranking"))
    await team.apply(*(team.plan(name, sync="ranking") for name in "abcd"))
    async with team.operator():
        await team.all_ready(4)
        await team.kubectl("delete", "flytesync", "ranking")
        waits = await team.because("flytelaunchplan", "a", "DependencyNotReady")
        assert "does not exist; create it, or correct spec.sync" in message(waits)
        await team.kubectl("delete", "flytelaunchplan", "a", "--timeout=30s")
        await told_orphaned(team, "a")
        assert set(await team.world.active()) == set("abcd")


async def test_namespace_that_is_deleted_takes_nothing_on_flyte_along(team: Team) -> None:
    """The kit has no controller that empties a namespace, so that the test deletes the objects."""
    await team.apply(team.connection(), team.sync(), *map(team.plan, "abcd"))
    async with team.operator() as operator:
        await team.all_ready(4)
        await team.kubectl("delete", "namespace", team.namespace, "--wait=false")
        await team.kubectl("delete", "flytelaunchplans", "a", "--timeout=30s")
        await team.kubectl("delete", "flytelaunchplans,flytesyncs", "--all", "--timeout=30s")
        assert set(await team.world.active()) == set("abcd")
    assert "Traceback" not in operator.log()


async def test_definition_that_is_deleted_takes_nothing_on_flyte_along(team: Team) -> None:
    # Objects of other tests, whose operators have ended, would hold the definition.
    await forget(team, "--yes")
    await team.apply(team.connection(), team.sync(interval="1s"), *map(team.plan, "abcd"))
    async with team.operator("--interval", "2s") as operator:
        await team.all_ready(4)
        try:
            await team.kubectl("delete", "crd", PLAN_CRD, "--timeout=50s")
            await until_passes(operator, 3)
            assert set(await team.world.active()) == set("abcd")
            alone = ("--no-leader-elect", "--listen", "127.0.0.1:0")
            async with team.operator(*alone, restarts=False) as second:
                assert second.process is not None
                assert await asyncio.wait_for(second.process.wait(), 60) == 1
                assert "check the version of the cluster and that its CRDs are" in second.log()
        finally:
            await team.kubectl("apply", "--server-side", "-f", str(CRDS))
            wait = ("--for=condition=Established", "--timeout=30s")
            await team.kubectl("wait", *wait, f"crd/{PLAN_CRD}")
        assert set(await team.world.active()) == set("abcd")
        await team.apply(*map(team.plan, "abcd"))
        await team.all_ready(4)
    assert "Traceback" not in operator.log()


# Without an operator.


async def forget(team: Team, *options: str, identity: Identity | None = None) -> tuple[int, str]:
    """Run `reconcile forget --cluster`; its exit code and all that it says."""
    who = identity or team.cluster.admin
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, "forget", "--cluster", "--kubeconfig", str(who.kubeconfig), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, said.decode()
