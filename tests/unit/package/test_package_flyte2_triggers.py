"""Triggers of tasks that a package registers: after the code, moved by it, and not without it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from flyteidl2.common import identifier_pb2
from flyteidl2.trigger import (
    trigger_definition_pb2,
    trigger_service_pb2,
    trigger_service_pb2_grpc,
)
from google.protobuf.message import Message
from package_files import opened
from package_flyte2 import SHOP, World2, open_world2, rewritten, task
from world2 import trigger_document

from reconciler.model.digest import split_version
from reconciler.server.status import StatusError
from reconciler.sources.archive import Archive

TRIGGER = trigger_document(
    "daily",
    task={"name": "env.work", "package": "code"},
    schedule={"cron": "0 6 * * *"},
    inputs=None,
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as (found, _):
        yield found


def code(image: str = "v1") -> Archive:
    made = task("env.work")
    made.spec.task_template.container.image = f"registry.example.com/app:{image}"
    return rewritten(opened(SHOP), [made])


async def details(world: World2) -> trigger_definition_pb2.TriggerDetails:
    name = identifier_pb2.TriggerName(
        project="flytesnacks", domain="development", task_name="env.work", name="daily"
    )
    async with grpc.aio.insecure_channel(world.endpoint) as channel:
        stub = trigger_service_pb2_grpc.TriggerServiceStub(channel)
        request = trigger_service_pb2.GetTriggerDetailsRequest(name=name)
        return (await stub.GetTriggerDetails(request)).trigger


async def test_trigger_comes_after_its_task_and_runs_the_version_of_the_set(
    world: World2,
) -> None:
    world.package(code(), TRIGGER)

    applied = await world.reconcile()

    assert applied.is_complete, applied.report.failures
    found = await details(world)
    version = split_version(found.spec.task_version)
    assert version is not None
    assert version[0] == "team"
    assert found.spec.active
    assert (await world.plan()).plan.is_empty


async def test_new_code_moves_the_trigger_and_not_its_schedule(world: World2) -> None:
    world.package(code(), TRIGGER)
    await world.reconcile()
    before = await details(world)
    world.package(code("v2"), TRIGGER)

    planned = await world.plan()
    await world.reconcile()

    after = await details(world)
    (change,) = [item for item in planned.plan.changes if item.key.kind == "FlyteTrigger"]
    assert [item.path for item in change.fields] == ["task.digest"]
    assert before.spec.task_version != after.spec.task_version
    assert after.status.updated_at == before.status.updated_at, "it stayed active"
    assert (await world.plan()).plan.is_empty


async def test_trigger_of_code_that_could_not_be_registered_is_not_deployed(
    world: World2,
) -> None:
    async def refuse(method: str, request: Message) -> None:
        if method == "DeployTask":
            raise StatusError(grpc.StatusCode.INTERNAL, "out of order")

    world.package(code(), TRIGGER)
    world.server.on_call = refuse
    applied = await world.reconcile()
    world.server.on_call = None

    assert not applied.is_complete
    with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
        await details(world)
    assert (await world.reconcile()).is_complete
    assert (await details(world)).spec.active


async def test_task_that_the_package_does_not_have_is_named(world: World2) -> None:
    world.package(code(), {**TRIGGER, "spec": {"task": {"name": "env.wrok", "package": "code"}}})

    with pytest.raises(
        Exception, match=r"package code has no task env\.wrok; its tasks are: env\.w"
    ):
        await world.plan()
