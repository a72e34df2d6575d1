"""FlyteSecret of a Flyte 1 by `kubectl apply`: values of one Secret become keys of another."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from operator_kit import Team, custom, message, until

CANARY = "canary-51fe-value"


async def keep(team: Team, name: str, **values: str) -> None:
    """Write a Secret in the team's namespace, as its people do."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}
    await team.apply(body)


async def kept(team: Team, namespace: str, name: str) -> dict[str, str]:
    found = await asyncio.to_thread(
        team.cluster.kubectl,
        *("get", "secret", name, "-n", namespace, "-o", "json", "--ignore-not-found"),
    )
    data = json.loads(found).get("data", {}) if found.strip() else {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def secret(name: str, group: str, source: str, **spec: Any) -> dict[str, Any]:
    reference = {"secretKeyRef": {"name": source, "key": "value"}}
    return custom("FlyteSecret", name, group=group, key="token", valueFrom=reference, **spec)


async def test_value_of_a_secret_is_kept_where_tasks_find_it(team: Team) -> None:
    target = f"{team.namespace}-tasks"
    await keep(team, "source", value=CANARY)
    await team.apply(
        team.connection(secrets={"namespace": target}),
        team.sync(interval="1s"),
        secret("api", "api", "source", deletionPolicy="Delete"),
        secret("other", "other", "source", deletionPolicy="Delete"),
    )
    async with team.operator("--interval", "1s") as operator:
        waiting = await team.because("flytesecret", "api", "DependencyNotReady")
        assert f"namespace {target} is not there" in message(waiting)

        await asyncio.to_thread(team.cluster.kubectl, "create", "namespace", target)
        ready = await team.ready("flytesecret", "api")
        assert await kept(team, target, "api") == {"token": CANARY}

        await keep(team, "source", value=f"{CANARY}-2")

        async def follows() -> bool:
            return await kept(team, target, "api") == {"token": f"{CANARY}-2"}

        await until(follows, lambda: "the value does not follow its source")
        edit = ("patch", "secret", "api", "-n", target, "-p", '{"stringData": {"token": "theirs"}}')
        await asyncio.to_thread(team.cluster.kubectl, *edit)
        await until(follows, lambda: "the edit is not corrected")
        await team.kubectl("delete", "flytesecret", "api")
        assert await kept(team, target, "api") == {}
        told = json.dumps([ready, waiting, await team.events()]) + operator.log()
        assert CANARY not in told
        assert base64.b64encode(CANARY.encode()).decode()[:-4] not in told
    assert "Traceback" not in operator.log()


async def test_kubeconfig_of_a_secret_leads_to_another_cluster_and_runs_nothing(
    team: Team,
) -> None:
    target = await asyncio.to_thread(team.cluster.namespace, "tasks")
    await keep(team, "source", value=CANARY)
    text = team.cluster.admin.kubeconfig.read_text()
    config = json.loads(text)
    cluster = config["clusters"][0]["cluster"]
    authority = team.cluster.ca.read_bytes()
    del cluster["certificate-authority"]
    cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    await keep(team, "good", value=json.dumps(config))
    config["users"][0]["user"] = {"exec": {"command": "touch", "args": ["/tmp/never"]}}
    await keep(team, "bad", value=json.dumps(config))

    def by(name: str) -> dict[str, Any]:
        reference = {"name": name, "key": "value"}
        return team.connection(secrets={"namespace": target, "kubeconfigSecretKeyRef": reference})

    await team.apply(by("bad"), team.sync(), secret("api", "api", "source"))
    async with team.operator("--interval", "1s"):
        refused = await team.because("flyteconnection", "prod", "InvalidSpec")
        assert "exec may not be used in a kubeconfig from a Secret" in message(refused)
        await team.apply(by("good"))
        await team.ready("flytesecret", "api")
    assert await kept(team, target, "api") == {"token": CANARY}


async def test_rights_of_the_operator_are_lent_in_its_own_namespace_alone(team: Team) -> None:
    """Whoever may write a FlyteConnection could otherwise write Secrets anywhere."""
    home = await asyncio.to_thread(team.cluster.namespace, "home")
    await keep(team, "source", value=CANARY)
    await team.apply(
        team.connection(secrets={"namespace": home}), team.sync(), secret("api", "api", "source")
    )
    async with team.operator("--lease-namespace", home):
        refused = await team.because("flytesecret", "api", "InvalidSpec")
    assert "no cluster is known for the secrets of this Flyte 1" in message(refused)
    assert await kept(team, home, "api") == {}
