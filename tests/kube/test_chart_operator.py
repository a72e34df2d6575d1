"""The chart and the operator fit: arguments, rights, probes, metrics, verdicts."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import chart_kit
import health_kit
import pytest
from chart_kit import EVERYTHING, METRICS
from operator_kit import Operator, Team, custom, message, until

from reconciler.backends.kubernetes import access
from reconciler.cli.operator import operator
from reconciler.cli.serve import serve
from reconciler.operator import run, trust
from reconciler.operator.conditions import Verdict, status_of
from reconciler.operator.metrics import Metrics
from reconciler.operator.resources import read
from reconciler.operator.words import WAITING, Reason

if TYPE_CHECKING:
    import click
    from kube_kit import Cluster, Identity

NAMESPACED = {"scope": "namespaced"}
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("command", [operator, serve], ids=lambda command: command.name)
@pytest.mark.parametrize("scope", ["cluster", "namespaced"])
def test_program_takes_the_arguments_of_the_chart(
    cluster: Cluster, scope: str, command: click.Command
) -> None:
    off = {} if command is serve else {"git": {}, "page": {}}
    objects = chart_kit.render(cluster, EVERYTHING | off | {"scope": scope})
    pod = chart_kit.one(objects, "Deployment")["spec"]["template"]["spec"]
    name, *arguments = pod["containers"][0]["args"]
    context = command.make_context(name, arguments)

    assert name == command.name
    assert context.params["namespace"] == (("flyte",) if scope == "namespaced" else ())
    assert context.params["connection"] == "flyte/prod"
    assert context.params["allow_url"] == ("https://artifacts.example.com",)
    assert context.params["allow_host"] == ("*.example.com",)
    assert context.params["interval"] == 600
    assert context.params["leader_elect"] is True
    assert context.params["lease_duration"] == 30
    assert context.params["listen"] == "0.0.0.0:8080"
    if command is serve:
        assert context.params["allow_scheme"] == ("http",)
        assert context.params["page_listen"] == "0.0.0.0:8081"
        assert context.params["page_token_file"] == Path("/etc/reconcile/page/token")
        assert context.params["page_header"] == "X-Forwarded-User"
        assert context.params["page_proxy"] == ("10.0.3.0/24",)
        assert context.params["service"] == f"{chart_kit.RELEASE}-serve"
        fields = {
            one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"]
            for one in pod["containers"][0]["env"]
            if "valueFrom" in one
        }
        assert fields == {
            "POD_IP": "status.podIP",
            "POD_NAME": "metadata.name",
            "POD_UID": "metadata.uid",
        }


def test_metrics_of_the_chart_are_those_of_the_operator() -> None:
    registry = Metrics().registry
    known = {
        name: set(collector._labelnames)
        for collector, names in registry._collector_to_names.items()
        for name in names
    }

    assert {name: known.get(name) for name in METRICS} == METRICS


async def test_rights_of_a_namespaced_release_are_enough(team: Team) -> None:
    """A plan is made, edited, corrected and deleted; nothing that is asked for is forbidden."""
    who = await asyncio.to_thread(
        lambda: chart_kit.operator(team.cluster, NAMESPACED, namespace=team.namespace)
    )
    begun = len(team.cluster.requests())
    await team.apply(team.connection(), team.sync(interval="1s"), team.plan("a"), team.plan("b"))
    async with team.operator(identity=who, restarts=False) as operator:
        await team.all_ready(2)
        await team.apply(team.plan("a", inputs={"count": 4}))
        await team.ready("flytelaunchplan", "a")
        await team.kubectl("delete", "flytelaunchplan", "b")
        assert set(await team.world.active()) == {"a"}
        for path in ("healthz", "readyz"):
            url = f"http://127.0.0.1:{team.listen}/{path}"
            await asyncio.to_thread(lambda url=url: urllib.request.urlopen(url, timeout=10).read())
        assert await operator.metric("reconcile_leader") == 1
        assert await operator.stop() == 0
    theirs = [item for item in team.cluster.requests(begun) if item.user.endswith(f":{who.name}")]
    # Whether a definition is being deleted nobody can see without a right of the whole cluster.
    forbidden = {
        item.path for item in theirs if item.code == 403 and "customresourcedef" not in item.path
    }
    assert forbidden == set()
    assert {"update", "create", "patch", "watch"} <= {item.verb for item in theirs}
    assert [line for line in await team.reasons() if line.startswith("Normal")]


async def test_rights_of_a_release_for_the_cluster_are_enough(team: Team) -> None:
    who = await asyncio.to_thread(
        lambda: chart_kit.operator(team.cluster, {}, namespace=team.namespace)
    )
    begun = len(team.cluster.requests())
    options = run.Options(
        home=team.namespace,
        listen=f"127.0.0.1:{team.listen}",
        allowed=trust.Allowed(hosts=("127.0.0.1",)),
    )
    stop = asyncio.Event()
    working = asyncio.create_task(run.operate(access.kubeconfig(who.kubeconfig), options, stop))
    try:
        await team.apply(team.connection(), team.sync(), team.plan("a"), team.plan("b"))
        await team.all_ready(2)
        await team.kubectl("delete", "flytelaunchplan", "b")
        assert set(await team.world.active()) == {"a"}
    finally:
        stop.set()
        await working
    theirs = [item for item in team.cluster.requests(begun) if item.user.endswith(f":{who.name}")]

    assert [item for item in theirs if item.code == 403] == []
    assert [item for item in theirs if item.path.startswith("/apis/flyte.reconciler.dev/")]


async def test_secrets_need_the_roles_of_their_own(team: Team) -> None:
    """Without them a FlyteSecret says what is forbidden; with them it is kept."""
    tasks = await asyncio.to_thread(team.cluster.namespace, "tasks")
    source = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "source"}}
    reference = {"secretKeyRef": {"name": "source", "key": "value"}}
    secret = custom("FlyteSecret", "api", group="api", key="token", valueFrom=reference)
    await team.apply(source | {"stringData": {"value": "some"}})
    await team.apply(team.connection(secrets={"namespace": tasks}), team.sync(), secret)
    granted = NAMESPACED | {"secrets": {"read": True, "write": True, "writeNamespaces": [tasks]}}

    def grant(values: dict[str, Any]) -> Identity:
        return chart_kit.operator(team.cluster, values, namespace=team.namespace)

    who = await asyncio.to_thread(grant, NAMESPACED)
    async with team.operator("--interval", "1s", identity=who):
        refused = await team.settled("flytesecret", "api", lambda found: "forbid" in message(found))
        assert "secrets" in message(refused)
        await asyncio.to_thread(grant, granted)
        await team.ready("flytesecret", "api")
    found = await asyncio.to_thread(
        team.cluster.kubectl, "get", "secret", "api", "-n", tasks, "-o", "jsonpath={.data.token}"
    )
    assert base64.b64decode(found) == b"some"


@pytest.mark.parametrize("reason", Reason)
def test_every_verdict_of_the_operator_is_read_rightly(reason: Reason) -> None:
    raw: dict[str, Any] = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteLaunchPlan",
        "metadata": {"name": "daily", "namespace": "sales", "uid": "u", "generation": 3},
        "spec": {},
    }
    status = status_of(read(raw), Verdict(reason=reason, message="so it is"), now=NOON)
    expected = "Failed"
    if reason is Reason.SUCCEEDED:
        expected = "Current"
    elif reason in WAITING:
        expected = "InProgress"
    found = raw | {"status": status}

    assert health_kit.kstatus(found) == expected
    assert health_kit.argo(found)[0] == health_kit.AS_ARGO_SAYS[expected]


async def test_standby_is_alive_for_as_long_as_it_waits(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet would restart it for ever, and nobody would take over at once."""
    monkeypatch.setattr(run, "_PULSE_SECONDS", 0.05)
    monkeypatch.setattr(run, "_STANDSTILL_SECONDS", 2.0)
    waiting = Team(team.cluster, team.world, team.namespace)
    options = run.Options(
        namespaces=(team.namespace,), home=team.namespace, listen=f"127.0.0.1:{waiting.listen}"
    )
    stop = asyncio.Event()
    async with team.operator() as leader:

        async def leads() -> bool:
            with contextlib.suppress(URLError):
                return await leader.metric("reconcile_leader") == 1
            return False

        await until(leads, leader.log)
        found = access.kubeconfig(team.cluster.admin.kubeconfig)
        standby = asyncio.create_task(run.operate(found, options, stop))
        try:
            await asyncio.sleep(3)
            url = f"http://127.0.0.1:{waiting.listen}/healthz"
            said = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read())
            assert said == b"ok"
            assert await Operator(waiting, (), team.cluster.admin).metric("reconcile_leader") == 0
        finally:
            stop.set()
            await standby
