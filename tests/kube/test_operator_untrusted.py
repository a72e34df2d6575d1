"""Custom resources that try to reach what is the operator's own, or somebody else's."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from operator_kit import Operator, Team, condition, custom, message, until, why
from world import PROJECT, ledger_of

from reconciler.model.ledger import Ledger

CANARY = "canary-7d1f-of-the-operator"
ALL = {"projects": ["*"], "domains": ["*"]}


@pytest.fixture
def bait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A variable and a file of the operator."""
    monkeypatch.setenv("OPERATOR_CANARY", CANARY)
    path = tmp_path / "canary.txt"
    path.write_text(CANARY, encoding="utf-8")
    return path


async def said_anywhere(team: Team, operator: Operator) -> str:
    """All that somebody could read of what the operator has written."""
    kinds = "flyteconnections,flytesyncs,flytelaunchplans,flytesecrets,flytepackages"
    objects = await team.kubectl("get", kinds, "-o", "json")
    ledgers = [item async for item in _ledgers(team)]
    url = f"http://127.0.0.1:{team.listen}/metrics"
    metrics = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read())
    told = [json.loads(objects), await team.events(), ledgers, metrics.decode()]
    return json.dumps(told) + operator.log()


async def _ledgers(team: Team) -> Any:
    async with team.world.backend() as backend:
        found = await backend.ledgers(await backend.places())
        for name, ledger in found.items():
            yield f"{name}: {ledger}"


async def test_connection_reads_nothing_of_the_operator(team: Team, bait: Path) -> None:
    served = [{"namespaces": [team.namespace], **ALL}]

    def bare(name: str, /, **spec: Any) -> dict[str, Any]:
        return custom("FlyteConnection", name, serves=served, **spec)

    credentials = {"mode": "ClientCredentials", "clientId": "a"}
    file, variable = {"file": str(bait)}, {"env": "OPERATOR_CANARY"}
    tries = {
        "started": bare("started", embedded={"path": "data"}),
        "configured": bare("configured", config=str(bait)),
        "token": team.connection("token", auth={"mode": "Token", "token": variable}),
        "token-file": team.connection("token-file", auth={"mode": "Token", "token": file}),
        "client": team.connection("client", auth={**credentials, "clientSecret": variable}),
        "key": team.connection("key", auth={"mode": "ApiKey", "apiKey": variable}),
        "hash": team.connection("hash", secrets={"hmacKey": file}),
        "kubeconfig": team.connection("kubeconfig", secrets={"kubeconfig": str(bait)}),
        "authority": team.connection("authority", tls={"caFile": str(bait)}),
        "near": team.connection("near", endpoint="localhost.:80"),
        "number": team.connection("number", endpoint="2130706433:80"),
        "short": team.connection("short", endpoint="127.1:80"),
        "mapped": team.connection("mapped", endpoint="[::ffff:7f00:1]:80"),
        "cloud": team.connection("cloud", endpoint="169.254.169.254:80"),
        "scheme": team.connection("scheme", endpoint="unix:80"),
    }
    await team.apply(*tries.values())
    async with team.operator() as operator:
        for name in tries:
            refused = await team.because("flyteconnection", name, "SourceNotAllowed")
            assert condition(refused, "Stalled") == "True"
            assert message(refused).startswith(f"FlyteConnection {team.namespace}/{name}: spec.")
        assert CANARY not in await said_anywhere(team, operator)
    assert "Traceback" not in operator.log()


async def test_connection_uses_secrets_of_its_own_namespace_alone(team: Team) -> None:
    other = await asyncio.to_thread(team.cluster.namespace, "other")
    encoded = base64.b64encode(CANARY.encode()).decode()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token", "namespace": other},
    }
    await asyncio.to_thread(team.cluster.apply, {**secret, "data": {"value": encoded}})
    reference = {"secretKeyRef": {"name": "token", "key": "value"}}
    elsewhere = {"secretKeyRef": {"name": "token", "key": "value", "namespace": other}}
    await team.apply(team.connection("prod", auth={"mode": "Token", "token": reference}))
    wrong = json.dumps(team.connection("other", auth={"mode": "Token", "token": elsewhere}))
    refused = await team.kubectl("apply", "-f", "-", stdin=wrong, code=1)
    assert "namespace" in refused
    async with team.operator() as operator:
        waits = await team.because("flyteconnection", "prod", "DependencyNotReady")
        assert f"Secret {team.namespace}/token, key value: there is no such Secret" in message(
            waits
        )
        assert CANARY not in await said_anywhere(team, operator)


async def test_object_reads_nothing_of_the_operator(team: Team, bait: Path) -> None:
    digest = "0" * 64
    secrets = {
        "env": {"env": "OPERATOR_CANARY"},
        "file": {"file": str(bait)},
        "sops": {"sops": {"file": str(bait), "key": "a"}},
        "age": {"age": {"file": str(bait), "identity": {"file": str(bait)}}},
    }
    packages = {
        "path": {"archive": str(bait)},
        "file-url": {"archive": f"file://{bait}", "sha256": digest},
        "foreign": {"archive": "https://169.254.169.254/latest", "sha256": digest},
        "hidden": {"archive": "https://a.example.com@127.0.0.1/a.tgz", "sha256": digest},
        "chained": {"archive": f"https://a.example.com/a::file://{bait}", "sha256": digest},
    }
    allowing = {"allow": {"env": ["OPERATOR_CANARY"], "file": [str(bait)]}}
    await team.apply(
        team.connection(),
        team.sync(secrets=allowing),
        *(
            custom("FlyteSecret", name, group="g", key=name, valueFrom=source)
            for name, source in secrets.items()
        ),
    )
    for name, spec in packages.items():
        made = json.dumps(custom("FlytePackage", name, domain="development", **spec))
        await team.kubectl("apply", "-f", "-", stdin=made)
    async with team.operator("--allow-url", "https://a.example.com") as operator:
        for name in secrets:
            refused = await team.settled("flytesecret", name, lambda it: bool(why(it)))
            assert why(refused) in {"InvalidSpec", "SourceNotAllowed"}
            assert "the operator reads neither its environment nor files" in message(refused)
        for name in packages:
            refused = await team.settled("flytepackage", name, lambda it: bool(why(it)))
            assert why(refused) in {"InvalidSpec", "SourceNotAllowed"}
            assert condition(refused, "Stalled") == "True"
        assert CANARY not in await said_anywhere(team, operator)
    assert "Traceback" not in operator.log()


async def test_connection_serves_nobody_by_default_and_only_whom_it_names(team: Team) -> None:
    theirs = {"namespaces": [team.namespace]}
    serves: dict[str, list[dict[str, Any]]] = {
        "none": [],
        "others": [{"namespaces": ["another"], **ALL}],
        "project": [{**theirs, "projects": ["another"], "domains": ["*"]}],
        "domain": [{**theirs, "projects": [PROJECT], "domains": ["production"]}],
        "good": [{**theirs, "projects": [PROJECT], "domains": ["development"]}],
    }
    for name, served in serves.items():
        sync = f"{name}-set"
        await team.apply(
            team.connection(name, serves=served),
            team.sync(sync, connection=name),
            team.plan(name, sync=sync),
            custom("FlyteProject", f"{name}-project", name=PROJECT, sync=sync, labels={"a": name}),
        )
    async with team.operator():
        for name in ("none", "others", "project", "domain"):
            refused = await team.because("flytelaunchplan", name, "AccessDenied")
            assert f"FlyteConnection {team.namespace}/{name} does not let" in message(refused)
        await team.ready("flytelaunchplan", "good")
        for name in serves:
            # A project is in all of its domains.
            await team.because("flyteproject", f"{name}-project", "AccessDenied")
    assert set(await team.world.active()) == {"good"}


async def test_connection_of_another_namespace_is_not_found(team: Team) -> None:
    namespace = await asyncio.to_thread(team.cluster.namespace, "other")
    other = Team(team.cluster, team.world, namespace)
    wide = [{"namespaces": ["*"], **ALL}]
    await other.apply(team.connection(serves=wide))
    await team.apply(team.sync(), team.plan("a"))
    async with team.operator("--namespace", namespace):
        waits = await team.because("flytelaunchplan", "a", "DependencyNotReady")
        assert f"FlyteConnection {team.namespace}/prod does not exist" in message(waits)
    assert await team.world.active() == {}


async def test_set_that_is_taken_over_gives_no_way_to_what_is_not_served(team: Team) -> None:
    """By its name, by a former name: neither the ledger nor what it lists is touched."""
    namespace = await asyncio.to_thread(team.cluster.namespace, "thief")
    thief = Team(team.cluster, team.world, namespace)
    one = {"projects": [PROJECT], "domains": ["development"]}
    two = {"projects": [PROJECT], "domains": ["staging"]}
    serves = [{"namespaces": [team.namespace], **one}, {"namespaces": [namespace], **two}]
    await team.world.register_workflow(domain="staging", defaults={"count": 1})
    await team.apply(team.connection(serves=serves), team.sync("ranking"), team.sync("other"))
    await team.apply(*(team.plan(name, sync="ranking") for name in "abc"))
    async with team.operator("--namespace", namespace) as operator:
        await team.all_ready(3)
        before = await ledger_of(team.world, "ranking")
        there = {"project": PROJECT, "domain": "staging"}
        source = before.claim.source
        steals = [
            thief.sync("ranking", defaults=there),
            thief.sync("renamed", defaults=there, previousNames=["ranking"]),
        ]
        for steal in steals:
            steal["metadata"]["annotations"] = {"flyte.reconciler.dev/take-over": source}
        await thief.apply(*steals, thief.plan("mine", sync="ranking"))
        for name in ("ranking", "renamed"):
            refused = await thief.because("flytesync", name, "AccessDenied")
            assert "the ledger of the set is there" in message(refused)
        await team.apply(team.plan("a", sync="ranking", inputs={"count": 9}))
        await team.ready("flytelaunchplan", "a")
        after = await ledger_of(team.world, "ranking")
        assert after.claim == before.claim
        assert not after.renamed_to
    assert set(await team.world.active()) == {"a", "b", "c"}
    assert "Traceback" not in operator.log()
    assert isinstance(after, Ledger)


async def test_rotated_secret_of_a_connection_is_seen(team: Team) -> None:
    """The first token is refused, the second is not, and neither is in anything that is read."""
    good, bad = f"{CANARY}-good", f"{CANARY}-bad"

    def kept(value: str) -> dict[str, Any]:
        metadata = {"name": "token"}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "stringData": {"v": value},
        }

    reference = {"secretKeyRef": {"name": "token", "key": "v"}}
    await team.apply(
        kept(f"{bad}\n\x00"),
        team.connection(auth={"mode": "Token", "token": reference}),
        team.sync(),
        team.plan("a"),
    )
    async with team.operator() as operator:

        async def is_told() -> bool:
            found = await team.get("flyteconnection", "prod")
            return found is not None and why(found) not in {"", "ReconciliationSucceeded"}

        await until(is_told, lambda: "a value that no header can carry is accepted")
        await team.apply(kept(good))
        await team.ready("flyteconnection", "prod")
        await team.ready("flytelaunchplan", "a")
        told = await said_anywhere(team, operator)
        for value in (good, bad, base64.b64encode(good.encode()).decode()):
            assert value not in told
    assert "Traceback" not in operator.log()
