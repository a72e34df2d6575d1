"""FlyteSecret on Flyte 1: keys of Kubernetes Secrets on a real API server, compared as they are."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kube_kit import Cluster, Request
from world import DOMAIN, PROJECT, World, open_world

from reconciler.apply.outcome import Report
from reconciler.engine.applying import Applied
from reconciler.errors import UnavailableError
from reconciler.model.digest import digest
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger
from reconciler.model.origin import Origin
from reconciler.model.resource import Resource
from reconciler.plan.encode import encode
from reconciler.plan.plan import Block, Effect, Reason
from reconciler.plan.render import render


@pytest.fixture
async def world(tmp_path: Path, cluster: Cluster, namespace: str) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        opened.secrets = {"kubeconfig": str(cluster.admin.kubeconfig), "namespace": namespace}
        yield opened


def declare(world: World, *documents: dict[str, Any], **policy: Any) -> None:
    """Declare secrets in a set that may read any variable named in them."""
    names = [name for item in documents if (name := item["spec"]["valueFrom"].get("env"))]
    sync = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSync",
        "metadata": {"name": "team"},
        "spec": {
            "defaults": {"project": PROJECT, "domain": DOMAIN},
            "secrets": {"allow": {"env": names, "file": ["value.bin"]}},
            **policy,
        },
    }
    world.declare(*documents, sync=json.dumps(sync))


def secret(path: str, variable: str = "", **spec: Any) -> dict[str, Any]:
    """Declare `group/key` with the value of a variable."""
    group, _, key = path.partition("/")
    spec.setdefault("valueFrom", {"env": variable})
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSecret",
        "metadata": {"name": path.replace("/", "-").lower().replace("_", "-")},
        "spec": {"group": group, "key": key, **spec},
    }


def key_of(path: str) -> Key:
    return Key("FlyteSecret", PROJECT, DOMAIN, path)


def kept(cluster: Cluster, namespace: str, group: str) -> dict[str, str]:
    """The values of a Kubernetes Secret, empty when it is not there."""
    found = cluster.kubectl(
        "get", "secret", group, "-n", namespace, "-o", "json", "--ignore-not-found"
    )
    data = json.loads(found).get("data", {}) if found.strip() else {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def create(cluster: Cluster, namespace: str, group: str, **values: str) -> None:
    """Create a Secret, as somebody else would."""
    pairs = [f"--from-literal={key}={value}" for key, value in values.items()]
    cluster.kubectl("create", "secret", "generic", group, "-n", namespace, *pairs)


def edit(cluster: Cluster, namespace: str, group: str, **values: str) -> None:
    """Change values, as somebody else would."""
    cluster.kubectl(
        "patch", "secret", group, "-n", namespace, "-p", json.dumps({"stringData": values})
    )


class Writes:
    """Counts writes to Secrets of a namespace since it was made."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._since = len(cluster.requests())

    @property
    def requests(self) -> list[Request]:
        at = f"/namespaces/{self._namespace}/secrets"
        return [item for item in self._cluster.requests(self._since) if at in item.path]

    def __call__(self) -> list[str]:
        return [item.verb for item in self.requests if item.is_write]


async def test_keys_of_a_group_are_one_apply_and_a_second_run_is_silent(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(12):
        monkeypatch.setenv(f"V{index}", f"value {index}")
    declare(world, *(secret(f"db/KEY_{index}", f"V{index}") for index in range(12)))
    writes = Writes(cluster, namespace)

    assert (await world.reconcile()).is_complete

    assert writes() == ["patch"]
    assert kept(cluster, namespace, "db") == {f"KEY_{i}": f"value {i}" for i in range(12)}
    labels = cluster.json("get", "secret", "db", "-n", namespace)["metadata"]["labels"]
    assert labels == {
        "app.kubernetes.io/managed-by": "flyte-reconciler",
        "flyte.reconciler.dev/set": "team",
    }
    planned = await world.plan()
    assert planned.plan.is_empty
    assert not planned.plan.bookkeeping
    await world.reconcile()
    assert writes() == ["patch"]


async def test_changed_values_are_one_apply_and_no_drift(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "one")
    monkeypatch.setenv("PASSWORD", "first")
    declare(world, secret("db/name", "NAME"), secret("db/password", "PASSWORD"))
    await world.reconcile()
    monkeypatch.setenv("NAME", "two")
    monkeypatch.setenv("PASSWORD", "second")
    writes = Writes(cluster, namespace)

    changes = (await world.plan()).plan.changes

    assert {(item.effect, item.reason) for item in changes} == {(Effect.UPDATE, Reason.SPEC)}
    (field,) = changes[0].fields
    assert (field.path, field.before, field.after) == ("value", "(another one)", "(as declared)")
    await world.reconcile()
    assert writes() == ["patch"]
    assert kept(cluster, namespace, "db") == {"name": "two", "password": "second"}
    assert (await world.plan()).plan.is_empty


async def test_key_that_joins_a_group_keeps_the_others(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "a")
    declare(world, secret("db/a", "A"))
    await world.reconcile()
    declare(world, secret("db/a", "A"), secret("db/b", "A"))

    await world.reconcile()

    assert kept(cluster, namespace, "db") == {"a": "a", "b": "a"}
    planned = await world.plan()
    assert planned.plan.is_empty
    assert not planned.plan.bookkeeping


async def test_file_is_kept_byte_for_byte(world: World, cluster: Cluster, namespace: str) -> None:
    declare(world, secret("key/bin", valueFrom={"file": "value.bin"}))
    (world.root / "value.bin").write_bytes(b"\x00\xff\n")

    await world.reconcile()

    data = cluster.json("get", "secret", "key", "-n", namespace)["data"]
    assert base64.b64decode(data["bin"]) == b"\x00\xff\n"
    assert (await world.plan()).plan.is_empty


async def test_somebody_elses_edit_is_a_drift_and_their_keys_stay(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "ours")
    declare(world, secret("db/a", "A"))
    await world.reconcile()
    edit(cluster, namespace, "db", b="theirs")
    assert (await world.plan()).plan.is_empty
    edit(cluster, namespace, "db", a="edited")

    (change,) = (await world.plan()).plan.changes

    assert (change.effect, change.reason) == (Effect.UPDATE, Reason.DRIFT)
    assert any("last written by somebody else: kubectl" in note for note in change.notes)
    await world.reconcile()
    assert kept(cluster, namespace, "db") == {"a": "ours", "b": "theirs"}
    assert (await world.plan()).plan.is_empty


async def test_secret_that_went_or_was_made_anew_is_a_drift(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "ours")
    declare(world, secret("db/a", "A"))
    await world.reconcile()
    cluster.kubectl("delete", "secret", "db", "-n", namespace)
    (change,) = (await world.plan()).plan.changes
    assert (change.effect, change.reason) == (Effect.CREATE, Reason.DRIFT)
    create(cluster, namespace, "db", a="theirs", b="more")
    (change,) = (await world.plan()).plan.changes
    assert (change.effect, change.reason) == (Effect.UPDATE, Reason.DRIFT)

    await world.reconcile()

    assert kept(cluster, namespace, "db") == {"a": "ours", "b": "more"}
    assert (await world.plan()).plan.is_empty


async def test_somebody_elses_key_is_left_alone_until_leave_is_given(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "ours")
    create(cluster, namespace, "db", a="theirs", b="more")
    declare(world, secret("db/a", "A"))
    writes = Writes(cluster, namespace)

    applied = await world.reconcile()

    (change,) = applied.plan.changes
    assert (change.effect, change.block) == (Effect.HAND_OVER, Block.ADOPTION)
    assert writes() == []
    declare(world, secret("db/a", "A", adopt=True))
    assert (await world.reconcile()).is_complete
    assert kept(cluster, namespace, "db") == {"a": "ours", "b": "more"}
    assert (await world.plan()).plan.is_empty


async def test_equal_key_is_adopted_without_a_write(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "same")
    create(cluster, namespace, "db", a="same")
    declare(world, secret("db/a", "A"))
    writes = Writes(cluster, namespace)

    applied = await world.reconcile()

    assert [change.effect for change in applied.plan.changes] == [Effect.ADOPT]
    assert writes() == []
    assert (await world.plan()).plan.is_empty
    monkeypatch.setenv("A", "new")
    assert (await world.reconcile()).is_complete
    assert kept(cluster, namespace, "db") == {"a": "new"}


async def test_removed_key_is_deleted_only_where_it_is_said(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "a")
    every = [secret("db/a", "A"), secret("db/b", "A", deletionPolicy="Delete")]
    declare(world, *every, secret("other/c", "A", deletionPolicy="Delete"))
    await world.reconcile()
    declare(world, secret("other/c", "A", deletionPolicy="Delete"))

    planned = await world.plan()

    (change,) = planned.plan.changes
    assert (change.effect, change.key) == (Effect.REMOVE, key_of("db/b"))
    await world.reconcile()
    assert kept(cluster, namespace, "db") == {"a": "a"}
    declare(world, secret("other/c", "A", deletionPolicy="Delete"), prune="Delete")
    await world.reconcile()
    assert "NotFound" in cluster.kubectl("get", "secret", "db", "-n", namespace, code=1)
    assert kept(cluster, namespace, "other") == {"c": "a"}


async def test_secret_with_keys_of_others_outlives_ours(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "a")
    create(cluster, namespace, "theirs", b="b")
    both = [secret(f"{name}/a", "A", deletionPolicy="Delete") for name in ("ours", "theirs")]
    declare(world, *both, secret("other/c", "A", deletionPolicy="Delete"))
    await world.reconcile()
    edit(cluster, namespace, "ours", b="b")
    declare(world, secret("other/c", "A", deletionPolicy="Delete"))

    assert (await world.reconcile()).is_complete

    assert kept(cluster, namespace, "ours") == {"b": "b"}
    assert kept(cluster, namespace, "theirs") == {"b": "b"}


async def test_removed_key_that_somebody_changed_is_left(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "a")
    other = secret("other/c", "A", deletionPolicy="Delete")
    declare(world, secret("db/a", "A", deletionPolicy="Delete"), other)
    await world.reconcile()
    edit(cluster, namespace, "db", a="theirs")
    declare(world, secret("other/c", "A", deletionPolicy="Delete"))

    (change,) = (await world.reconcile()).plan.changes

    assert change.block is Block.REPORT
    assert "not as this set left it" in change.block_detail
    assert kept(cluster, namespace, "db") == {"a": "theirs"}


async def test_namespace_that_is_not_there_fails_its_secrets_and_says_so(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "a")
    late = f"{namespace}-late"
    world.secrets["namespace"] = late
    declare(world, secret("db/a", "A"), secret("db/b", "A"))

    applied = await world.reconcile()

    failures = applied.report.failures
    assert {item.action.key for item in failures} == {key_of("db/a"), key_of("db/b")}
    assert all(f"namespace {late} is not there" in item.detail for item in failures)
    cluster.kubectl("create", "namespace", late)
    assert (await world.reconcile()).is_complete
    assert kept(cluster, late, "db") == {"a": "a", "b": "a"}


async def test_write_over_somebody_elses_change_is_refused(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "one")
    declare(world, secret("db/a", "A"), secret("new/b", "A"))
    await world.reconcile(str(world.root / "reconcile.yaml"), str(world.root / "00000.json"))
    monkeypatch.setenv("A", "two")
    async with world.session() as session:
        planned = await session.plan(now=world.now)
        edit(cluster, namespace, "db", a="theirs")
        create(cluster, namespace, "new", b="theirs")
        applied = await session.apply(planned)

    assert len(applied.report.failures) == 2
    assert all("somebody else" in item.detail for item in applied.report.failures)
    assert kept(cluster, namespace, "db") == {"a": "theirs"}
    assert kept(cluster, namespace, "new") == {"b": "theirs"}


async def test_rotation_is_as_declared(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "one")
    every = [
        secret("always/k", "A", rotate="Always"),
        secret("never/k", "A", rotate="Never"),
        secret("change/k", "A"),
    ]
    declare(world, *every)
    await world.reconcile()
    writes = Writes(cluster, namespace)
    await world.reconcile()
    written = [item.path.split("?")[0] for item in writes.requests if item.is_write]
    assert [path.rpartition("/")[2] for path in written] == ["always"]

    monkeypatch.setenv("A", "two")
    await world.reconcile()

    found = {name: kept(cluster, namespace, name)["k"] for name in ("always", "never", "change")}
    assert found == {"always": "two", "never": "one", "change": "two"}


async def test_value_that_is_not_to_be_had_is_an_error_with_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("A", raising=False)
    declare(world, secret("db/a", "A"))
    with pytest.raises(Exception, match=r"00000\.json.*spec\.valueFrom: environment variable A"):
        await world.plan()


async def test_rights_of_a_service_account_are_enough(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten groups are a list for who may list, and ten reads for who may not."""
    who = cluster.service_account(namespace, "writer")
    rights = ["get", "create", "patch", "delete"]
    cluster.grant(who, {"apiGroups": [""], "resources": ["secrets"], "verbs": rights})
    world.secrets["kubeconfig"] = str(who.kubeconfig)
    monkeypatch.setenv("A", "a")
    declare(world, *(secret(f"group-{index}/k", "A") for index in range(10)))

    assert (await world.reconcile()).is_complete
    assert (await world.plan()).plan.is_empty

    cluster.grant(who, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]})
    reads = Writes(cluster, namespace)
    assert (await world.plan()).plan.is_empty
    assert [item.verb for item in reads.requests] == ["list"]


async def test_secrets_that_cannot_be_read_are_neither_made_nor_removed(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "a")
    declare(world, secret("db/a", "A", deletionPolicy="Delete"), secret("db/b", "A"))
    await world.reconcile()
    who = cluster.service_account(namespace, "nobody")
    world.secrets["kubeconfig"] = str(who.kubeconfig)
    declare(world, secret("db/b", "A"), secret("db/c", "A"))
    writes = Writes(cluster, namespace)

    planned = await world.plan()

    assert all(change.block is Block.UNREADABLE for change in planned.plan.changes)
    assert "forbidden" in json.dumps(encode(planned.plan)).lower()
    await world.reconcile()
    assert writes() == []


async def test_what_was_written_before_a_crash_is_ours(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger announces a secret; what became of it is found by looking."""
    monkeypatch.setenv("A", "a")
    declare(world, secret("db/a", "A", deletionPolicy="Delete"), secret("db/b", "A"))
    async with world.session() as session:
        planned = await session.plan(now=world.now)
        write = session.backend.write_ledger
        written: list[Ledger] = []

        async def crash(ledger: Ledger, home: Place) -> Ledger:
            if written:
                raise UnavailableError("gone")
            written.append(ledger)
            return await write(ledger, home)

        monkeypatch.setattr(session.backend, "write_ledger", crash)
        applied = await session.apply(planned)
    assert applied.ledger_error is not None
    assert kept(cluster, namespace, "db") == {"a": "a", "b": "a"}
    writes = Writes(cluster, namespace)

    again = await world.reconcile()

    assert again.plan.is_empty
    assert writes() == []
    monkeypatch.setenv("A", "b")
    assert (await world.reconcile()).is_complete
    assert kept(cluster, namespace, "db") == {"a": "b", "b": "b"}


async def test_two_sets_share_a_group_and_keep_to_their_keys(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "a")
    declare(world, secret("db/a", "A"))
    await world.reconcile()
    declare(world, secret("db/b", "A"))
    text = (world.root / "reconcile.yaml").read_text()
    (world.root / "reconcile.yaml").write_text(text.replace('"team"', '"other"'))

    assert (await world.reconcile()).is_complete

    assert kept(cluster, namespace, "db") == {"a": "a", "b": "a"}
    labels = cluster.json("get", "secret", "db", "-n", namespace)["metadata"]["labels"]
    assert labels["flyte.reconciler.dev/set"] == "team"


async def test_canaries_are_found_in_the_cluster_and_nowhere_else(
    world: World,
    cluster: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Looks for ten thousand random values in plan, report, ledger, log and files."""
    caplog.set_level("DEBUG")
    count = 1_000
    values = ["\n".join(f"canary{secrets.token_hex(12)}" for _ in range(10)) for _ in range(count)]
    for index, value in enumerate(values):
        monkeypatch.setenv(f"CANARY_{index}", value)
    paths = [f"g{index // 10}/k{index % 10}" for index in range(count)]
    declare(world, *(secret(path, f"CANARY_{index}") for index, path in enumerate(paths)))
    writes = Writes(cluster, namespace)
    planned = await world.plan()
    applied = await world.reconcile()
    assert applied.is_complete
    assert writes() == ["patch"] * (count // 10)
    found = [kept(cluster, namespace, f"g{index}") for index in range(3)]
    assert [value for group in found for _, value in sorted(group.items())] == values[:30]
    monkeypatch.setenv("CANARY_0", f"canary{secrets.token_hex(12)}")
    changed = await world.plan()
    assert [change.key for change in changed.plan.changes] == [key_of("g0/k0")]
    shown = [
        json.dumps(encode(planned.plan)),
        json.dumps(encode(changed.plan)),
        "\n".join(line.text for line in render(planned.plan)),
        "\n".join(line.text for line in render(changed.plan)),
        repr(planned),
        repr(changed),
        _told(applied),
        repr(applied),
        caplog.text,
        (cluster.folder / "audit.log").read_text(),
        (cluster.folder / "kube-apiserver.log").read_text(),
    ]
    stored = [path.read_bytes() for path in world.root.parent.rglob("*") if path.is_file()]
    for text in shown:
        assert not _leaks(text.encode())
    for data in stored:
        assert not _leaks(data)


async def test_failures_do_not_show_the_value(
    world: World,
    cluster: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("A", f"canary{secrets.token_hex(12)}")
    declare(world, secret("db/a", "A"))
    await world.reconcile()
    cluster.kubectl("patch", "secret", "db", "-n", namespace, "-p", '{"immutable": true}')
    monkeypatch.setenv("A", f"canary{secrets.token_hex(12)}")

    applied = await world.reconcile()

    (failure,) = applied.report.failures
    assert "immutable" in failure.detail
    told = f"{_told(applied)} {applied!r} {applied.report!r} {caplog.text}"
    assert not _leaks(told.encode())


def _task(name: str, *asked: dict[str, str]) -> Resource:
    body: dict[str, Any] = {"securityContext": {"secrets": list(asked)}}
    key = Key("FlyteTask", PROJECT, DOMAIN, name)
    return Resource(key=key, body=body, origin=Origin("package.yaml", 3, 1), digest=digest(body))


async def test_secrets_that_tasks_ask_for_and_nobody_has_are_warned_of(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(cluster, namespace, "there", key="value")
    declared = Resource(
        key=key_of("declared/key"), body={"token": ""}, origin=Origin("s.yaml", 1, 1), digest="x"
    )
    tasks = [
        _task("etl.one", {"group": "there", "key": "key", "mountRequirement": "ENV_VAR"}),
        _task("etl.two", {"group": "declared", "key": "key", "mountRequirement": "FILE"}),
        _task("etl.three", {"group": "gone", "key": "key", "mountRequirement": "ENV_VAR"}),
        _task("etl.four", {"group": "gone", "key": "key", "mountRequirement": "ENV_VAR"}),
        _task("etl.five", {"group": "there", "key": "other", "mountRequirement": "FILE"}),
        _task("etl.six", {"group": "there"}),
    ]
    resources = {item.key: item for item in (*tasks, declared)}
    async with world.backend(read_only=True) as backend:
        found = [str(item) for item in await backend.unmet(resources)]

    where = f"in namespace {namespace}"
    expected = [
        f"etl.five asks for a secret there/other: Secret there {where} has no such key (as a file)",
        "etl.six asks for a secret without group or key, and so gets none of its secrets",
        f"etl.three and 1 more ask for a secret gone/key: no Secret gone {where} (as a variable)",
    ]
    start = "package.yaml:3:1: warning: task "
    end = "; declare it as a FlyteSecret, or create it, before the task runs"
    assert sorted(found) == [f"{start}{text}{end}" for text in expected]


async def test_many_requests_cost_one_list_and_what_cannot_be_read_is_said(
    world: World, cluster: Cluster, namespace: str
) -> None:
    tasks = [_task(f"etl.t{i}", {"group": f"g{i}", "key": "k"}) for i in range(20)]
    resources = {item.key: item for item in tasks}
    reads = Writes(cluster, namespace)
    async with world.backend(read_only=True) as backend:
        assert len(await backend.unmet(resources)) == 20
    assert [item.verb for item in reads.requests] == ["list"]

    who = cluster.service_account(namespace, "nobody")
    world.secrets["kubeconfig"] = str(who.kubeconfig)
    async with world.backend(read_only=True) as backend:
        (warning,) = await backend.unmet(resources)
    assert "whether the secrets of its tasks exist is not known" in str(warning)
    world.secrets = {}
    async with world.backend(read_only=True) as backend:
        assert await backend.unmet(resources) == ()


async def test_neighbours_that_change_meanwhile_do_not_matter(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our writes and somebody else's go on at the same time, and nothing of either is lost."""
    monkeypatch.setenv("A", "start")
    declare(world, secret("db/a", "A"))
    await world.reconcile()

    async def others() -> None:
        for index in range(8):
            await asyncio.to_thread(edit, cluster, namespace, "db", **{f"b{index}": "theirs"})

    async def ours() -> None:
        for index in range(5):
            monkeypatch.setenv("A", f"value {index}")
            assert (await world.reconcile()).is_complete

    await asyncio.gather(others(), ours())
    expected = {f"b{index}": "theirs" for index in range(8)}
    assert kept(cluster, namespace, "db") == {"a": "value 4", **expected}


def _told(applied: Applied) -> str:
    report: Report = applied.report
    return "\n".join(f"{item.action} {item.status} {item.detail}" for item in report.outcomes)


def _leaks(data: bytes) -> bool:
    """Look for any canary, in clear or as base64 at any of its three alignments."""
    parts = [b"canary"]
    for pad in range(3):
        encoded = base64.b64encode(bytes(pad) + b"canary")
        parts.append(encoded[-(-pad * 8 // 6) : (pad + 6) * 8 // 6])
    return any(part in data for part in parts)
