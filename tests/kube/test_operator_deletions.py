"""Deleted objects: what is left on Flyte, and that no finalizer stays."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from kube_kit import Identity
from operator_kit import PROGRAM, Team, custom, message, until, until_passes

from reconciler.backends.kubernetes import access
from reconciler.backends.kubernetes.client import open_cluster
from reconciler.operator import run, trust

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


async def test_flyte_that_never_answers_holds_a_deletion_for_a_time_only(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), *map(team.plan, "abcd"))
    async with team.operator():
        await team.all_ready(4)
    await team.apply(team.connection(endpoint="127.0.0.1:1"))
    way = await asyncio.to_thread(access.kubeconfig, team.cluster.admin.kubeconfig)
    options = run.Options(
        namespaces=(team.namespace,),
        home=team.namespace,
        allowed=trust.Allowed(hosts=("127.0.0.1",)),
        elects=False,
        listen="127.0.0.1:0",
    )
    async with open_cluster(way) as cluster:
        operator = run.Operator(way, cluster, options)
        passes = operator.passes
        passes.departures = replace(passes.departures, limit=timedelta(seconds=6))
        working = asyncio.create_task(operator.work())
        try:
            await team.kubectl("delete", "flytelaunchplan", "a", "--wait=false")
            await asyncio.sleep(2)
            assert await finalizers(team, "flytelaunchplan", "a"), "it waits for Flyte"
            await team.gone("flytelaunchplan", "a")
            await told_orphaned(team, "a")
        finally:
            working.cancel()
            await asyncio.wait({working})


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


def held(team: Team, name: str) -> dict[str, Any]:
    """A launch plan that an operator has put its finalizer on, and then was uninstalled."""
    made = team.plan(name)
    finalizer = ["flyte.reconciler.dev/finalizer", "example.com/another"]
    return {**made, "metadata": {"name": name, "finalizers": finalizer[:1]}}


async def test_uninstalled_in_the_wrong_order_forget_lets_objects_go(team: Team) -> None:
    other = await asyncio.to_thread(team.cluster.namespace, "other")
    second = Team(team.cluster, team.world, other)
    await team.apply(held(team, "a"), held(team, "b"))
    await second.apply(held(second, "c"))
    await team.kubectl("delete", "flytelaunchplan", "a", "--wait=false")
    assert await finalizers(team, "flytelaunchplan", "a"), "nobody is there to let it go"

    code, said = await forget(team, "--namespace", team.namespace, "--yes")

    assert (code, "Released: 2 objects" in said) == (0, True), said
    assert await team.get("flytelaunchplan", "a") is None
    assert await finalizers(team, "flytelaunchplan", "b") == []
    assert await finalizers(second, "flytelaunchplan", "c"), "another namespace was not named"
    code, said = await forget(team, "--namespace", team.namespace, "--yes")
    assert (code, "no object carries the operator's finalizer" in said) == (0, True), said
    code, said = await forget(team, "--yes")
    assert code == 0
    assert await finalizers(second, "flytelaunchplan", "c") == []


async def test_forget_releases_a_thousand_objects(team: Team) -> None:
    items = [held(team, f"p{number:04d}") for number in range(1000)]
    for item in items:
        item["metadata"]["namespace"] = team.namespace
    path = f"/apis/flyte.reconciler.dev/v1alpha1/namespaces/{team.namespace}/flytelaunchplans"
    limit = asyncio.Semaphore(8)

    async def create(item: dict[str, Any]) -> int:
        async with limit:
            code, _ = await asyncio.to_thread(team.cluster.call, "POST", path, item)
            return code

    assert set(await asyncio.gather(*map(create, items))) == {201}

    code, said = await forget(team, "--namespace", team.namespace, "--yes")

    assert (code, "Released: 1000 objects" in said) == (0, True), said
    assert "and 980 more" in said
    code, said = await forget(team, "--namespace", team.namespace, "--yes")
    assert "no object carries the operator's finalizer" in said


async def test_forget_says_what_it_may_not_and_cannot(team: Team, tmp_path: Path) -> None:
    nobody = await asyncio.to_thread(team.cluster.service_account, team.namespace, "nobody")
    await team.apply(held(team, "a"))
    code, said = await forget(team, "--namespace", team.namespace, "--yes", identity=nobody)
    assert code == 4
    assert "forbidden" in said
    assert await finalizers(team, "flytelaunchplan", "a")
    code, said = await forget(team, "--kubeconfig", str(tmp_path / "none"), "--yes")
    assert code == 1
    assert str(tmp_path / "none") in said
    bad = tmp_path / "bad"
    bad.write_text("{", encoding="utf-8")
    code, said = await forget(team, "--kubeconfig", str(bad), "--yes")
    assert code == 1
    away = tmp_path / "away"
    text = team.cluster.admin.kubeconfig.read_text().replace(str(team.cluster.port), "1")
    away.write_text(text, encoding="utf-8")
    code, said = await forget(team, "--kubeconfig", str(away), "--yes")
    assert code == 4
    assert "Traceback" not in said
    await forget(team, "--namespace", team.namespace, "--yes")


async def test_operator_says_in_one_line_what_it_lacks(team: Team) -> None:
    """No right to list, and no definitions: an exit code and one line, no traceback."""
    nobody = await asyncio.to_thread(team.cluster.service_account, team.namespace, "nobody")
    async with team.operator(identity=nobody, restarts=False) as operator:
        await asyncio.sleep(6)
        said = operator.log()
        assert "forbidden" in said
        assert "Traceback" not in said
        lease = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
        await asyncio.to_thread(
            team.cluster.grant, nobody, {**lease, "verbs": ["get", "create", "update"]}
        )
        assert operator.process is not None
        assert await asyncio.wait_for(operator.process.wait(), 60) == 4
        assert "flyte" in operator.log()
        assert "Traceback" not in operator.log()
