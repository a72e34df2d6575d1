"""Our client of Kubernetes on a real API server: what it relies on is what the server does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from kube_kit import Cluster as Server

from reconciler.backends.kubernetes import access
from reconciler.backends.kubernetes.client import Cluster, open_cluster
from reconciler.backends.kubernetes.faults import ExpiredError, NotServedError
from reconciler.errors import BackendError, ConflictError, DeniedError, UnavailableError

MANAGER = "flyte-reconciler"


@pytest.fixture
async def client(cluster: Server) -> AsyncIterator[Cluster]:
    async with open_cluster(access.kubeconfig(cluster.admin.kubeconfig)) as opened:
        yield opened


@pytest.fixture
def maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_an_object_is_applied_read_changed_and_deleted(client: Cluster, maps: str) -> None:
    path = f"{maps}/a"
    assert await client.get(path) is None
    made = await client.apply(path, config_map("a", x="1", y="1"), manager=MANAGER)
    await client.apply(path, config_map("a", z="1"), manager="other")

    applied = await client.apply(path, config_map("a", x="2"), manager=MANAGER)

    assert applied["data"] == {"x": "2", "z": "1"}
    merged = await client.merge(path, {"data": {"z": None}})
    assert merged is not None
    assert merged["data"] == {"x": "2"}
    merged["data"]["w"] = "1"
    replaced = await client.replace(path, merged)
    with pytest.raises(ConflictError, match="the object has been modified"):
        await client.replace(path, merged)
    with pytest.raises(ConflictError, match="already exists"):
        await client.create(maps, config_map("a"))
    with pytest.raises(ConflictError):
        await client.delete(path, precondition_uid="00000000-0000-0000-0000-000000000000")
    with pytest.raises(ConflictError):
        await client.delete(path, precondition_version=made["metadata"]["resourceVersion"])
    assert await client.delete(
        path,
        precondition_uid=replaced["metadata"]["uid"],
        precondition_version=replaced["metadata"]["resourceVersion"],
    )
    assert not await client.delete(path)
    assert await client.merge(path, {"data": {}}) is None


async def test_what_another_manager_has_is_taken_by_force_alone(client: Cluster, maps: str) -> None:
    path = f"{maps}/a"
    await client.apply(path, config_map("a", x="1"), manager="other")
    with pytest.raises(ConflictError, match='conflict with "other"'):
        await client.apply(path, config_map("a", x="2"), manager=MANAGER)

    taken = await client.apply(path, config_map("a", x="2"), manager=MANAGER, force=True)

    assert taken["data"] == {"x": "2"}


async def test_a_list_is_whole_over_many_pages(
    client: Cluster, maps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.backends.kubernetes.client._PAGE", 3)
    for index in range(10):
        body = config_map(f"m{index}")
        body["metadata"]["labels"] = {"odd": str(index % 2)}
        await client.create(maps, body)

    listing = await client.list(maps)
    odd = await client.list(maps, selector="odd=1")
    one = await client.list(maps, fields="metadata.name=m3")

    assert [item["metadata"]["name"] for item in listing.items] == [f"m{i}" for i in range(10)]
    assert len(odd.items) == 5
    assert len(one.items) == 1
    with pytest.raises(NotServedError):
        await client.list("/apis/nobody.dev/v1/things")


async def test_a_watch_goes_on_from_a_list_until_its_version_is_too_old(
    client: Cluster, cluster: Server, maps: str
) -> None:
    start = (await client.list(maps)).resource_version
    await client.create(maps, config_map("a"))
    await client.delete(f"{maps}/a")

    async with aclosing(client.watch(maps, resource_version=start)) as events:
        seen = [(await anext(events)).type for _ in range(2)]

    assert seen == ["ADDED", "DELETED"]
    await asyncio.to_thread(cluster.forget_history)
    with pytest.raises(ExpiredError):
        async for _ in client.watch(maps, resource_version=start):
            pass


async def test_a_restart_of_the_server_is_survived(
    client: Cluster, cluster: Server, maps: str
) -> None:
    await client.create(maps, config_map("a"))
    await asyncio.to_thread(cluster.stop)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await client.create(maps, config_map("b"))
    await asyncio.to_thread(cluster.start)
    assert await client.get(f"{maps}/a") is not None


async def test_a_server_that_hangs_costs_the_deadline_alone(cluster: Server, maps: str) -> None:
    found = access.kubeconfig(cluster.admin.kubeconfig)
    async with open_cluster(found, deadline=1.0) as client:
        await client.list(maps)
        cluster.freeze()
        try:
            with pytest.raises(UnavailableError, match="no answer within 1 s"):
                await client.list(maps)
        finally:
            cluster.thaw()
        assert (await client.list(maps)).items == []


async def test_a_pod_is_its_service_account_and_nobody_else(
    cluster: Server, namespace: str, maps: str
) -> None:
    who = cluster.service_account(namespace, "pod")
    cluster.grant(who, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]})
    folder = cluster.in_cluster_files(who)
    environ = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(cluster.port),
    }
    found = access.in_cluster(environ, folder)
    assert found is not None
    assert found.namespace == namespace
    async with open_cluster(found) as client:
        assert (await client.list(maps)).items == []
        with pytest.raises(DeniedError, match=r"this identity may not do that \(403 Forbidden: "):
            await client.create(maps, config_map("a"))
        (folder / "token").write_text("nobody")
        with pytest.raises(DeniedError, match="does not know who calls"):
            await client.list(maps)
        (folder / "token").write_text(who.token)
        assert (await client.list(maps)).items == []


async def test_refusals_are_told_apart(
    client: Cluster, cluster: Server, namespace: str, maps: str
) -> None:
    with pytest.raises(BackendError, match=r"422 Invalid: .*metadata\.name") as invalid:
        await client.create(maps, config_map("Not A Name"))
    missing = "/api/v1/namespaces/nobodys/configmaps/a"
    with pytest.raises(BackendError, match='namespaces "nobodys" not found') as gone:
        await client.apply(missing, config_map("a"), manager=MANAGER)
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    with pytest.raises(BackendError, match="its namespace is being deleted") as ending:
        await client.create(maps, config_map("a"))
    codes = [item.value.code for item in (invalid, gone, ending)]
    assert codes == ["Invalid", "NotFound", "NamespaceTerminating"]


def test_no_value_of_a_kubeconfig_is_shown(cluster: Server) -> None:
    found = access.kubeconfig(Path(cluster.admin.kubeconfig))
    assert cluster.admin.token not in repr(found)
