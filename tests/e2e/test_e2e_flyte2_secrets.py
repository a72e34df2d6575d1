"""Secrets on the embedded Flyte 2: written when they change, and never shown."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from flyteidl2.secret import definition_pb2, payload_pb2, secret_pb2_grpc
from google.protobuf.message import Message
from world import DOMAIN, PROJECT, World, open_world

from reconciler.apply.outcome import Report
from reconciler.engine.applying import Applied
from reconciler.model.key import Key
from reconciler.plan.encode import encode
from reconciler.plan.plan import Block, Effect, Reason
from reconciler.plan.render import render

KEY_VARIABLE = "RECONCILE_TEST_HMAC_KEY"
WRITES = {"CreateSecret", "UpdateSecret", "DeleteSecret", "DeployTrigger"}


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv(KEY_VARIABLE, "0123456789abcdef")
    async with open_world(tmp_path, flyte="Flyte2") as opened:
        opened.hmac_key = KEY_VARIABLE
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
            "scopes": [{"project": PROJECT}, {"project": "*"}],
            "secrets": {"allow": {"env": names, "file": ["value.txt"]}},
            **policy,
        },
    }
    world.declare(*documents, sync=json.dumps(sync))


def secret(name: str, variable: str = "", **spec: Any) -> dict[str, Any]:
    spec.setdefault("valueFrom", {"env": variable})
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSecret",
        "metadata": {"name": name},
        "spec": spec,
    }


def key_of(name: str) -> Key:
    return Key("FlyteSecret", PROJECT, DOMAIN, name)


def writes(world: World) -> dict[str, int]:
    return {name: count for name, count in world.calls().items() if name in WRITES}


@asynccontextmanager
async def service(world: World) -> AsyncIterator[secret_pb2_grpc.SecretServiceStub]:
    async with grpc.aio.insecure_channel(world.endpoint) as channel:
        yield secret_pb2_grpc.SecretServiceStub(channel)


def identifier(name: str) -> definition_pb2.SecretIdentifier:
    return definition_pb2.SecretIdentifier(name=name, project=PROJECT, domain=DOMAIN)


async def create(world: World, name: str, value: str = "theirs") -> None:
    """Create a secret, as somebody else would."""
    spec = definition_pb2.SecretSpec(string_value=value)
    async with service(world) as stub:
        await stub.CreateSecret(
            payload_pb2.CreateSecretRequest(id=identifier(name), secret_spec=spec)
        )


async def delete(world: World, name: str) -> None:
    async with service(world) as stub:
        await stub.DeleteSecret(payload_pb2.DeleteSecretRequest(id=identifier(name)))


async def names(world: World) -> set[str]:
    async with service(world) as stub:
        answer = await stub.ListSecrets(payload_pb2.ListSecretsRequest())
    return {item.id.name for item in answer.secrets}


def received(world: World) -> list[tuple[str, Message]]:
    """Collect the requests that write secrets."""
    found: list[tuple[str, Message]] = []

    async def on_call(method: str, request: Message) -> None:
        found.append((method, request))

    world.server.on_call = on_call
    return found


async def test_secret_is_created_and_a_second_run_is_silent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "s3cret")
    declare(world, secret("db-password", "DB_PASSWORD"))
    requests = received(world)
    applied = await world.reconcile()
    assert applied.is_complete
    values = [item.secret_spec.string_value for name, item in requests if name == "CreateSecret"]
    assert values == ["s3cret"]
    before = writes(world)
    planned = await world.plan()
    assert planned.plan.is_empty
    assert not planned.plan.bookkeeping
    await world.reconcile()
    assert writes(world) == before


async def test_changed_value_is_an_update_and_no_recreation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "one")
    declare(world, secret("db-password", "DB_PASSWORD"))
    await world.reconcile()
    monkeypatch.setenv("DB_PASSWORD", "two")
    requests = received(world)
    planned = await world.plan()
    (change,) = planned.plan.changes
    assert (change.effect, change.reason) == (Effect.UPDATE, Reason.SPEC)
    await world.reconcile()
    assert [name for name, _ in requests if name in WRITES] == [
        "DeployTrigger",
        "UpdateSecret",
        "DeployTrigger",
    ]
    assert (await world.plan()).plan.is_empty


async def test_file_is_sent_byte_for_byte(world: World) -> None:
    declare(world, secret("key", valueFrom={"file": "value.txt"}))
    (world.root / "value.txt").write_bytes(b"\x00\xff\n")
    requests = received(world)
    await world.reconcile()
    (request,) = [item for name, item in requests if name == "CreateSecret"]
    assert request.secret_spec.binary_value == b"\x00\xff\n"


async def test_somebody_elses_secret_is_left_alone_until_leave_is_given(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "ours")
    await create(world, "db-password")
    declare(world, secret("db-password", "DB_PASSWORD"))
    before = writes(world).get("UpdateSecret", 0)
    applied = await world.reconcile()
    (change,) = applied.plan.changes
    assert (change.effect, change.block) == (Effect.HAND_OVER, Block.ADOPTION)
    assert "its content cannot be read back" in change.block_detail
    assert writes(world).get("UpdateSecret", 0) == before
    declare(world, secret("db-password", "DB_PASSWORD", adopt=True))
    assert (await world.reconcile()).is_complete
    assert (await world.plan()).plan.is_empty


async def test_secret_that_somebody_made_anew_is_a_drift(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "ours")
    declare(world, secret("db-password", "DB_PASSWORD"))
    await world.reconcile()
    await delete(world, "db-password")
    await asyncio.sleep(1.1)  # the time of creation is kept in whole seconds
    await create(world, "db-password")
    (change,) = (await world.plan()).plan.changes
    assert change.reason is Reason.DRIFT
    await world.reconcile()
    assert (await world.plan()).plan.is_empty


async def test_secret_that_went_is_made_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "ours")
    declare(world, secret("db-password", "DB_PASSWORD"))
    await world.reconcile()
    await delete(world, "db-password")
    (change,) = (await world.plan()).plan.changes
    assert (change.effect, change.reason) == (Effect.CREATE, Reason.DRIFT)
    await world.reconcile()
    assert await names(world) == {"db-password"}


async def test_undeclared_secret_is_deleted_only_where_the_set_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(5):
        monkeypatch.setenv(f"VALUE_{index}", str(index))
    every = [secret(f"value-{index}", f"VALUE_{index}") for index in range(5)]
    declare(world, *every)
    await world.reconcile()
    declare(world, *every[1:])
    assert (await world.plan()).plan.is_empty
    declare(world, *every[1:], prune="Delete")
    (change,) = (await world.plan()).plan.changes
    assert (change.effect, change.key) == (Effect.REMOVE, key_of("value-0"))
    await world.reconcile()
    assert await names(world) == {f"value-{index}" for index in range(1, 5)}
    await create(world, "foreign")
    declare(world, prune="Delete")
    guarded = (await world.plan()).plan
    assert {change.block for change in guarded.changes} == {Block.GUARD}
    await world.reconcile(approved=guarded.id)
    assert await names(world) == {"foreign"}


@pytest.mark.parametrize(
    ("scope", "key"),
    [
        ({}, "FlyteSecret/*/*/a"),
        ({"domain": "production"}, "FlyteSecret/*/production/a"),
        ({"project": PROJECT, "domain": "staging"}, f"FlyteSecret/{PROJECT}/staging/a"),
    ],
)
async def test_scope_is_exactly_what_is_declared(
    world: World, monkeypatch: pytest.MonkeyPatch, scope: dict[str, str], key: str
) -> None:
    monkeypatch.setenv("A", "value")
    await create(world, "a")
    declare(world, secret("a", "A", scope=scope))
    requests = received(world)
    applied = await world.reconcile()
    assert [str(change.key) for change in applied.plan.changes] == [key]
    (request,) = [item for name, item in requests if name == "CreateSecret"]
    sent = {"project": request.id.project, "domain": request.id.domain}
    assert {name: value for name, value in sent.items() if value} == scope
    assert (await world.plan()).plan.is_empty


async def test_value_whose_change_nobody_sees_is_written_once_and_said_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hmac_key = ""
    monkeypatch.setenv("A", "one")
    declare(world, secret("a", "A"))
    await world.reconcile()
    monkeypatch.setenv("A", "two")
    planned = await world.plan()
    assert planned.plan.is_empty
    (warning,) = planned.plan.warnings
    assert "a later change of its value is not seen" in warning


async def test_rotation_is_as_declared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "one")
    declare(
        world,
        secret("always", "A", rotate="Always"),
        secret("never", "A", rotate="Never"),
        secret("revision", "A", revision="1"),
    )
    await world.reconcile()
    monkeypatch.setenv("A", "two")
    requests = received(world)
    await world.reconcile()
    updated = [item.id.name for name, item in requests if name == "UpdateSecret"]
    assert updated == ["always"]
    declare(world, secret("revision", "A", revision="2"))
    await world.reconcile()
    updated = [item.id.name for name, item in requests if name == "UpdateSecret"]
    assert updated == ["always", "revision"]


async def test_secret_that_is_never_rotated_keeps_its_value_when_that_is_declared_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "one")
    declare(world, secret("a", "A"))
    await world.reconcile()
    monkeypatch.setenv("A", "two")
    declare(world, secret("a", "A", rotate="Never"))
    requests = received(world)
    await world.reconcile()
    assert not any(name == "UpdateSecret" for name, _ in requests)
    assert (await world.plan()).plan.is_empty
    declare(world, secret("a", "A"))
    await world.reconcile()
    assert [name for name, _ in requests if name == "UpdateSecret"] == ["UpdateSecret"]


async def test_write_of_ours_that_failed_is_no_change_by_somebody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "one")
    declare(world, secret("a", "A", rotate="Always"))
    await world.reconcile()
    monkeypatch.delenv("A")
    applied = await world.reconcile()
    (failure,) = applied.report.failures
    assert "environment variable A is not set" in failure.detail
    monkeypatch.setenv("A", "one")
    (change,) = (await world.plan()).plan.changes
    assert change.reason is Reason.SPEC


async def test_creation_by_two_at_once_never_overwrites(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "ours")
    declare(world, secret("a", "A"))

    async def on_call(method: str, _request: Message) -> None:
        if method == "CreateSecret" and world.server.on_call is on_call:
            world.server.on_call = None
            await create(world, "a")

    world.server.on_call = on_call
    applied = await world.reconcile()
    (failure,) = applied.report.failures
    assert "somebody else made or removed it in between" in failure.detail
    assert world.calls()["UpdateSecret"] == 0


async def test_value_that_is_gone_at_the_write_stops_that_secret_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hmac_key = ""
    monkeypatch.setenv("B", "value")
    monkeypatch.delenv("A", raising=False)
    declare(world, secret("a", "A"), secret("b", "B"))
    applied = await world.reconcile()
    (failure,) = applied.report.failures
    assert failure.action.key == key_of("a")
    assert "environment variable A is not set" in failure.detail
    assert await names(world) == {"b"}


async def test_canaries_are_found_in_the_one_write_and_nowhere_else(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Looks for ten thousand random values in plan, report, ledger, log and files."""
    caplog.set_level("DEBUG")
    count = 1_000
    values = ["\n".join(f"canary{secrets.token_hex(12)}" for _ in range(10)) for _ in range(count)]
    for index, value in enumerate(values):
        monkeypatch.setenv(f"CANARY_{index}", value)
    declare(world, *(secret(f"c{index}", f"CANARY_{index}") for index in range(count)))
    requests = received(world)
    planned = await world.plan()
    applied = await world.reconcile()
    assert applied.is_complete
    sent = [item for name, item in requests if name == "CreateSecret"]
    assert sorted(item.secret_spec.string_value for item in sent) == sorted(values)
    shown = [
        json.dumps(encode(planned.plan)),
        "\n".join(line.text for line in render(planned.plan)),
        repr(planned),
        _told(applied),
        repr(applied.report),
        caplog.text,
    ]
    others = [str(item) for name, item in requests if name != "CreateSecret"]
    stored = [path.read_bytes() for path in world.root.parent.rglob("*") if path.is_file()]
    for text in (*shown, *others):
        assert not _leaks(text.encode())
    for data in stored:
        assert not _leaks(data)


async def test_failures_do_not_show_the_value(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("A", f"canary{secrets.token_hex(12)}")
    declare(world, secret("a", "A"))

    async def on_call(method: str, _request: Message) -> None:
        if method == "CreateSecret":
            raise RuntimeError("out of order")

    world.server.on_call = on_call
    applied = await world.reconcile()
    assert applied.report.failures
    assert not _leaks(f"{_told(applied)} {applied!r} {applied.report!r}".encode())


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
