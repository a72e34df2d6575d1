"""Every kind, on each Flyte where it is: applied, edited, deleted, and shown by kubectl."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import https_kit
import pytest
from flyteidl.admin import project_pb2
from flyteidl2.secret import payload_pb2, secret_pb2_grpc
from kube_kit import Cluster
from operator_kit import Team, condition, custom, message, until
from world import PROJECT
from world2 import TASK, World2, open_world2

ROOT = Path(__file__).parents[2]
FLYTE1_PACKAGE = ROOT / "examples" / "quickstart" / "dist" / "package.tgz"
FLYTE2_PACKAGE = ROOT / "examples" / "flyte2" / "dist" / "package.tgz"


@pytest.fixture
async def team2(definitions: Cluster, namespace: str, tmp_path: Path) -> AsyncIterator[Team]:
    """A namespace with the CRDs, and an embedded Flyte 2 with a task."""
    async with open_world2(tmp_path) as world:
        await world.deploy_task()
        yield Team(definitions, world, namespace)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def columns(team: Team, kind: str, name: str, *options: str) -> dict[str, str]:
    """What `kubectl get` prints of an object, by the heads of its columns."""
    head, line = (await team.kubectl("get", kind, name, *options)).splitlines()[:2]
    starts = [found.start() for found in re.finditer(r"\S+(?: \S+)*", head)]
    ends = [*starts[1:], max(len(head), len(line))]
    return {
        head[start:end].strip(): line[start:end].strip()
        for start, end in zip(starts, ends, strict=True)
    }


async def test_package_comes_from_an_allowed_server_and_plans_wait_for_it(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / https_kit.AUTHORITY))
    workflow = {"name": "quickstart.report.weekly", "package": "quickstart"}
    plan = custom("FlyteLaunchPlan", "report", workflow=workflow, inputs={"factor": 1.5})
    with https_kit.serving(tmp_path, {"/a.tgz": FLYTE1_PACKAGE.read_bytes()}) as (base, asked):
        package: dict[str, Any] = {"archive": f"{base}/a.tgz"}
        good, bad = {"sha256": digest(FLYTE1_PACKAGE)}, {"sha256": "0" * 64}
        await team.apply(team.connection(), team.sync(), plan)
        async with team.operator("--allow-url", base) as operator:
            waits = await team.because("flytelaunchplan", "report", "DependencyNotReady")
            assert "quickstart" in message(waits)
            await team.apply(custom("FlytePackage", "quickstart", **package, **bad))
            wrong = await team.because("flytepackage", "quickstart", "InvalidSpec")
            assert "has SHA-256" in message(wrong)
            await team.apply(custom("FlytePackage", "quickstart", **package, **good))
            made = await team.ready("flytepackage", "quickstart")
            await team.ready("flytelaunchplan", "report")
            assert made["status"]["tasks"] > 0
            assert made["status"]["workflows"] > 0
            shown = await columns(team, "fpkg", "quickstart")
            assert shown["TASKS"] == str(made["status"]["tasks"])
            assert shown["READY"] == "True"
            fetched = len(asked)
            await team.apply(team.plan("another"))
            await team.ready("flytelaunchplan", "another")
            assert len(asked) == fetched, "what was fetched is kept"
            before = await team.world.active()
            await team.kubectl("delete", "flytepackage", "quickstart")
            waits = await team.because("flytelaunchplan", "report", "DependencyNotReady")
            assert await team.world.active() == before, "a package is never removed by itself"
    assert "Traceback" not in operator.log()


async def test_project_is_kept_as_declared_and_left_as_it_is(team: Team) -> None:
    spec = {"displayName": "Ranking", "labels": {"team": "a"}, "description": "one"}
    await team.apply(
        team.connection(), team.sync(scopes=[{"project": "ranking", "domains": ["*"]}])
    )
    await team.apply(custom("FlyteProject", "ranking", **spec))

    async def found() -> Any:
        listed = await team.world.stub.ListProjects(project_pb2.ProjectListRequest(limit=100))
        return next((item for item in listed.projects if item.id == "ranking"), None)

    async with team.operator() as operator:
        made = await team.ready("flyteproject", "ranking")
        assert made["status"]["key"] == "FlyteProject/ranking"
        live = await found()
        assert (live.name, live.description) == ("Ranking", "one")
        await team.apply(custom("FlyteProject", "ranking", **{**spec, "description": "two"}))
        await team.ready("flyteproject", "ranking")
        assert (await found()).description == "two"
        assert not made["metadata"].get("finalizers"), "nothing is to be done when it goes"
        await team.kubectl("delete", "flyteproject", "ranking")
        assert (await found()).description == "two"
    assert "Traceback" not in operator.log()


async def test_columns_of_a_launch_plan(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), team.plan("daily", name="etl.daily"))
    async with team.operator():
        made = await team.ready("flytelaunchplan", "daily")
        shown = await columns(team, "flp", "daily")
        assert list(shown) == ["NAME", "PLAN", "VERSION", "STATE", "NEXT RUN", "READY", "AGE"]
        assert shown["PLAN"] == "etl.daily"
        assert shown["VERSION"] == made["status"]["version"]
        assert (shown["STATE"], shown["READY"]) == ("Active", "True")
        assert shown["NEXT RUN"] == made["status"]["nextRun"]
        assert "as declared" in (await columns(team, "flp", "daily", "-o", "wide"))["STATUS"]
        await team.apply(team.plan("daily", name="etl.daily", state="Inactive"))
        await team.settled(
            "flytelaunchplan", "daily", lambda it: it["status"].get("state") == "Inactive"
        )
        shown = await columns(team, "flp", "daily")
        assert (shown["STATE"], shown["NEXT RUN"], shown["READY"]) == ("Inactive", "", "True")
        sync = await columns(team, "fsync", "default")
        assert (sync["CONNECTION"], sync["OBJECTS"], sync["PENDING"]) == ("prod", "1", "0")
        connection = await columns(team, "fconn", "prod")
        assert (connection["ENDPOINT"], connection["FLYTE"]) == (team.world.endpoint, "Flyte1")


async def test_trigger_goes_through_its_life(team2: Team) -> None:
    team, world = team2, team2.world
    assert isinstance(world, World2)

    def trigger(name: str = "daily", **spec: Any) -> dict[str, Any]:
        task = {"name": TASK, "version": "v1"}
        schedule = {"cron": "0 6 * * *", "kickoffInput": "day"}
        return custom(
            "FlyteTrigger",
            name,
            **{"task": task, "schedule": schedule, "inputs": {"count": 3}, **spec},
        )

    await team.apply(team.connection(flyte="Flyte2"), team.sync())
    await team.apply(trigger(), trigger("other"), trigger("third"))
    async with team.operator() as operator:
        made = await team.ready("flytetrigger", "daily")
        revision, is_active = (await world.standing())["daily"]
        assert is_active
        assert made["status"]["revision"] == revision
        assert made["status"]["state"] == "Active"
        assert made["status"]["nextRun"].endswith("T06:00:00Z")
        assert made["status"]["key"] == f"FlyteTrigger/{PROJECT}/development/{TASK}/daily"
        shown = await columns(team, "ftr", "daily")
        assert (shown["REVISION"], shown["STATE"], shown["READY"]) == (
            str(revision),
            "Active",
            "True",
        )
        await team.apply(trigger(inputs={"count": 4}))
        edited = await team.ready("flytetrigger", "daily")
        assert edited["status"]["revision"] > revision
        await team.apply(trigger(state="Inactive"))
        await team.settled(
            "flytetrigger", "daily", lambda it: it["status"].get("state") == "Inactive"
        )
        assert not (await world.standing())["daily"][1]
        await team.apply(trigger())
        await team.settled(
            "flytetrigger", "daily", lambda it: it["status"].get("state") == "Active"
        )
        await team.kubectl("delete", "flytetrigger", "daily")
        assert not (await world.standing())["daily"][1]
        assert (await world.standing())["other"][1]
        plan = await _refused(team)
        assert "FlyteTrigger" in message(plan)
        connection = await team.ready("flyteconnection", "prod")
        assert connection["status"]["flyte"] == "Flyte2"
    assert "Traceback" not in operator.log()


async def test_trigger_is_deleted_on_flyte_where_its_policy_says_so(team2: Team) -> None:
    team, world = team2, team2.world
    assert isinstance(world, World2)
    task = {"name": TASK, "version": "v1"}
    spec = {
        "task": task,
        "schedule": {"cron": "0 6 * * *", "kickoffInput": "day"},
        "inputs": {"count": 3},
    }
    await team.apply(team.connection(flyte="Flyte2"), team.sync())
    await team.apply(
        custom("FlyteTrigger", "goes", **spec, deletionPolicy="Delete"),
        custom("FlyteTrigger", "stays", **spec, deletionPolicy="Orphan"),
        custom("FlyteTrigger", "stops", **spec),
    )
    async with team.operator() as operator:
        for name in ("goes", "stays", "stops"):
            await team.ready("flytetrigger", name)
        for name in ("goes", "stays", "stops"):
            await team.kubectl("delete", "flytetrigger", name)
            await team.gone("flytetrigger", name)
        standing = await world.standing()
        assert {name: active for name, (_, active) in standing.items()} == {
            "stays": True,
            "stops": False,
        }
    assert "Traceback" not in operator.log()


async def _refused(team: Team) -> dict[str, Any]:
    """A launch plan on a Flyte 2 says what to write instead."""
    await team.apply(team.plan("one"))
    return await team.because("flytelaunchplan", "one", "InvalidSpec")


async def test_settings_secrets_and_package_of_flyte2(
    team2: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, world = team2, team2.world
    assert isinstance(world, World2)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / https_kit.AUTHORITY))
    canary = "canary-b2c3-of-flyte2"
    kept = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
    hmac = {"secretKeyRef": {"name": "keys", "key": "hmac"}}
    source = {"secretKeyRef": {"name": "keys", "key": "value"}}

    def values(value: str) -> dict[str, Any]:
        return {**kept, "stringData": {"hmac": "k" * 32, "value": value}}

    async def written() -> list[str]:
        stub = secret_pb2_grpc.SecretServiceStub(world.channel)
        answer = await stub.ListSecrets(
            payload_pb2.ListSecretsRequest(project=PROJECT, domain="development", limit=100)
        )
        return [item.id.name for item in answer.secrets]

    with https_kit.serving(tmp_path, {"/a.tgz": FLYTE2_PACKAGE.read_bytes()}) as (base, _):
        archive = {"archive": f"{base}/a.tgz", "sha256": digest(FLYTE2_PACKAGE)}
        await team.apply(
            values(canary),
            team.connection(flyte="Flyte2", secrets={"hmacKey": hmac}),
            team.sync(scopes=[{"project": "*"}, {"project": PROJECT}]),
            *(
                custom(
                    "FlyteSecret",
                    name,
                    name=f"{name}_key",
                    valueFrom=source,
                    deletionPolicy="Delete",
                )
                for name in ("api", "b", "c")
            ),
            custom("FlytePackage", "ranking", **archive),
            custom("FlyteSettings", "development", domain="development", labels={"team": "a"}),
        )
        async with team.operator("--allow-url", base) as operator:
            await team.ready("flytesecret", "api")
            package = await team.ready("flytepackage", "ranking")
            assert package["status"]["tasks"] > 0
            await team.ready("flytesettings", "development")
            assert sorted(await written()) == ["api_key", "b_key", "c_key"]
            calls = world.calls()
            await team.apply(values(f"{canary}-2"))

            async def is_rotated() -> bool:
                now = world.calls()
                names = [name for name in now if "Secret" in name and "Update" in name]
                return any(now[name] > calls[name] for name in names)

            await until(
                is_rotated, lambda: f"the source's new value is not written: {world.calls()}"
            )
            await team.ready("flytesecret", "api")
            await team.kubectl("delete", "flytesecret", "api")
            assert sorted(await written()) == ["b_key", "c_key"]
            kinds = "flytesecrets,flytesyncs,flyteconnections,flytepackages,flytesettings"
            objects = await team.kubectl("get", kinds, "-o", "json")
            told = json.dumps([json.loads(objects), await team.events()]) + operator.log()
            assert canary not in told
            assert condition(package, "Ready") == "True"
    assert "Traceback" not in operator.log()
