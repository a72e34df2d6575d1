"""Traps of Flyte 2 that triggers fall into, by number; each must not catch who uses us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.task import task_definition_pb2, task_service_pb2, task_service_pb2_grpc
from google.protobuf import json_format
from world import DOMAIN, PROJECT
from world2 import COUNT, TASK, World2, key, open_world2, trigger_document

from reconciler.errors import ConflictError, SpecError
from reconciler.plan.plan import Block, Effect, Reason

SLOT = datetime(2026, 5, 2, 6, tzinfo=UTC)
DATETIME = {"scalar": {"primitive": {"datetime": "2026-05-02T06:00:00Z"}}}
RATIO = {"scalar": {"primitive": {"floatValue": 0.5}}}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as opened:
        await opened.deploy_task()
        yield opened


async def deploy_with_triggers(world: World2, version: str, *names: str) -> None:
    """Deploy a version of the task with triggers inside, as the SDK does."""
    stub = task_service_pb2_grpc.TaskServiceStub(world.channel)
    identifier = task_definition_pb2.TaskIdentifier(
        project=PROJECT, domain=DOMAIN, name=TASK, version="v1"
    )
    known = await stub.GetTaskDetails(task_service_pb2.GetTaskDetailsRequest(task_id=identifier))
    identifier.version = version
    request = task_service_pb2.DeployTaskRequest(task_id=identifier, spec=known.details.spec)
    for name in names:
        json_format.ParseDict(
            {
                "name": name,
                "spec": {"active": True},
                "automationSpec": {
                    "type": "TYPE_SCHEDULE",
                    "schedule": {"cron": {"expression": "0 1 * * *"}},
                },
            },
            request.triggers.add(),
        )
    await stub.DeployTask(request)


def inputs_of(received: dict[str, Any]) -> dict[str, Any]:
    return {item["name"]: item["value"] for item in received.get("literals", [])}


async def test_t22_trigger_that_a_deploy_of_the_task_removed_is_put_back(world: World2) -> None:
    world.declare(trigger_document("ours"))
    await world.reconcile()
    await deploy_with_triggers(world, "v2", "theirs")
    assert set(await world.standing()) == {"theirs"}

    planned = await world.plan()
    applied = await world.reconcile()

    (change,) = planned.plan.changes
    assert (change.effect, change.reason) == (Effect.CREATE, Reason.DRIFT)
    assert applied.is_complete, applied.report.failures
    assert set(await world.standing()) == {"ours", "theirs"}
    assert (await world.plan()).plan.is_empty


async def test_t22_last_trigger_of_code_stays_and_is_reported_as_foreign(world: World2) -> None:
    await deploy_with_triggers(world, "v2", "orphan")
    await deploy_with_triggers(world, "v3")
    world.declare(trigger_document("ours"))

    planned = await world.plan()

    assert planned.plan.foreign == (key("orphan"),)


async def test_t22_last_trigger_of_a_set_is_removed(world: World2) -> None:
    world.declare(trigger_document("ours"))
    await world.reconcile()
    world.declare()
    planned = await world.plan()

    await world.reconcile(approved=planned.plan.id)

    assert await world.standing() == {"ours": (2, False)}


async def test_t23_no_op_keeps_the_revision_and_the_switch_of_unmanaged_ones(
    world: World2,
) -> None:
    world.declare(trigger_document("ours"), trigger_document("free", state="Unmanaged"))
    await world.reconcile()
    await world.switch("free", active=True)
    await world.reconcile()
    before, deploys = await world.standing(), world.calls()["DeployTrigger"]

    for _ in range(3):
        await world.reconcile()

    assert await world.standing() == before == {"ours": (1, True), "free": (2, True)}
    assert world.calls()["DeployTrigger"] == deploys


async def test_t24_stale_revision_is_a_conflict_and_is_not_sent_again(world: World2) -> None:
    world.declare(trigger_document("ours"))
    await world.reconcile()
    world.declare(trigger_document("ours", inputs={"count": 4}))

    sent: list[int] = []

    async def meddle(method: str, request: Any) -> None:
        if method == "UploadInputs":
            await world.switch("ours", active=False)
        if method == "DeployTrigger" and request.name.name == "ours":
            sent.append(request.revision)

    world.server.on_call = meddle
    applied = await world.reconcile()
    world.server.on_call = None

    (failure,) = applied.report.failures
    assert isinstance(failure.error, ConflictError)
    assert sent == [1]
    assert (await world.standing())["ours"] == (2, False)


async def test_t25_artifact_trigger_is_no_plain_one_and_differs_only_once(world: World2) -> None:
    artifact = {"type": "TYPE_ARTIFACT", "artifact": {"artifactName": "model"}}
    await world.deploy("ours", automation=artifact)
    world.declare(trigger_document("ours", schedule=None, adopt=True))

    planned = await world.plan()
    await world.reconcile()

    (change,) = planned.plan.changes
    assert change.effect is Effect.HAND_OVER
    assert "other" in {item.path.partition(".")[0] for item in change.fields}
    assert not (await world.details("ours")).automation_spec.HasField("artifact")
    assert (await world.plan()).plan.is_empty


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"schedule": {"every": "0m"}}, 'rate "0m" is zero'),
        ({"schedule": {"every": "30s"}}, "is not a whole number of minutes"),
        ({"schedule": {"cron": "0 6 * * ? *"}}, "S001"),
        ({"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Nowhere"}}, "S007"),
        ({"schedule": {"cron": "0 0 30 2 *"}}, "S006"),
        ({"description": "x" * 256}, "must have at most 255 characters"),
        ({"name": "x" * 256}, "must have at most 255 characters"),
        ({"task": {"name": TASK, "version": "x" * 64}}, "a trigger holds at most 63"),
        ({"task": {"name": TASK, "version": "none"}}, "is not registered"),
        ({"inputs": {"cuont": 3}}, "the task has no input"),
    ],
)
async def test_t26_what_the_server_would_take_is_refused_before_it(
    world: World2, spec: dict[str, Any], message: str
) -> None:
    writes = world.server.writes
    world.declare(trigger_document("ours", **spec))

    with pytest.raises(SpecError) as caught:
        await world.reconcile()

    assert message in str(caught.value)
    assert world.server.writes == writes


async def test_t29_lists_lose_nothing_while_others_write(world: World2) -> None:
    names = [f"t{index:03d}" for index in range(230)]
    world.declare(*(trigger_document(name) for name in names))
    await world.reconcile()
    meddled = 0

    async def meddle(method: str, request: Any) -> None:
        nonlocal meddled
        if method == "ListTriggers" and request.request.token and meddled < 3:
            meddled += 1
            await world.deploy(f"a{meddled}", task="aaa.first")

    world.server.on_call = meddle
    planned = await world.plan()
    world.server.on_call = None

    assert meddled
    assert planned.plan.changes == ()
    assert planned.plan.unchanged == len(names)


# --- what a run receives (flyte2-semantics: inputs are lost in several ways)


async def test_all_inputs_and_the_scheduled_time_reach_the_run(world: World2) -> None:
    world.declare(
        trigger_document("plain", schedule={"cron": "0 6 * * *"}, inputs=_all()),
        trigger_document("kickoff", inputs={"count": 3}, context={"team": "a"}),
    )
    await world.reconcile()

    plain = await world.fire("plain", SLOT, run="r1")
    kickoff = await world.fire("kickoff", SLOT, run="r2")

    assert inputs_of(plain) == {"count": COUNT, "day": DATETIME, "ratio": RATIO}
    assert inputs_of(kickoff) == {"count": COUNT, "ratio": RATIO}
    assert kickoff["context"] == [
        {"key": "team", "value": "a"},
        {"key": "_u_kickoff_time_input_arg", "value": "day"},
    ]


def _all() -> dict[str, Any]:
    return {"count": 3, "day": "2026-05-02T06:00:00Z"}


async def test_time_alone_reaches_the_run_as_the_argument(world: World2) -> None:
    parameter = {"var": {"type": {"simple": "INTEGER"}}, "default": COUNT}
    await world.deploy_task("etl.dated", defaults=[{"name": "count", "parameter": parameter}])
    task = {"name": "etl.dated", "version": "v1"}
    world.declare(trigger_document("dated", task=task, inputs=None))
    await world.reconcile()

    received = await world.fire("dated", SLOT, run="r1", task="etl.dated")

    assert inputs_of(received) == {"day": DATETIME, "count": COUNT, "ratio": RATIO}


async def test_triggers_that_differ_in_ignored_inputs_keep_their_own(world: World2) -> None:
    await world.deploy_task(
        "etl.cached", discoverable=True, cacheIgnoreInputVars=["count"], discoveryVersion="1"
    )
    task = {"name": "etl.cached", "version": "v1"}
    world.declare(
        *(
            trigger_document(
                f"t{count}",
                task=task,
                schedule={"cron": "0 6 * * *"},
                inputs={"count": count, "day": "2026-05-02T06:00:00Z"},
            )
            for count in (3, 4)
        )
    )
    await world.reconcile()

    first = await world.fire("t3", SLOT, run="r1", task="etl.cached")
    second = await world.fire("t4", SLOT, run="r2", task="etl.cached")

    assert inputs_of(first)["count"] == COUNT
    assert inputs_of(second)["count"] == {"scalar": {"primitive": {"integer": "4"}}}
    assert (await world.plan()).plan.is_empty


async def test_trigger_of_the_sdk_with_time_and_other_inputs_is_told_apart(world: World2) -> None:
    """The open-source scheduler drops the other inputs of such a trigger; ours keeps them."""
    await world.deploy(
        "ours",
        inputs={
            "literals": [{"name": "count", "value": COUNT}, {"name": "ratio", "value": RATIO}],
            "context": [{"key": "_u_kickoff_time_input_arg", "value": "day"}],
        },
        automation={
            "type": "TYPE_SCHEDULE",
            "schedule": {"cron": {"expression": "0 6 * * *"}, "kickoffTimeInputArg": "day"},
        },
    )
    assert set(inputs_of(await world.fire("ours", SLOT, run="r1"))) == {"day", "ratio"}
    world.declare(trigger_document("ours"))
    held = await world.plan()
    assert [change.block for change in held.plan.changes] == [Block.ADOPTION]

    world.declare(trigger_document("ours", adopt=True))
    await world.reconcile()

    assert set(inputs_of(await world.fire("ours", SLOT, run="r2"))) == {"count", "ratio"}
