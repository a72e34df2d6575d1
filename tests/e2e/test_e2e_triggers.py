"""Triggers from the document to the server and back: every way in which they change hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from world import SYNC, ledger_of, write_ledger
from world2 import COUNT, LEDGER, World2, at, key, open_world2, trigger_document

from reconciler.engine import status
from reconciler.engine.applying import Run
from reconciler.engine.planning import NO_OPTIONS
from reconciler.model.ledger import Hold
from reconciler.plan.plan import Block, Change, Effect, Plan, Reason
from reconciler.server.status import StatusError

DELETE = SYNC + "  prune: Delete\n"
GONE = grpc.StatusCode.NOT_FOUND


@pytest.fixture(params=[False, True], ids=["loose", "strict"])
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World2]:
    async with open_world2(tmp_path, strict=request.param) as opened:
        await opened.deploy_task()
        await opened.deploy_task(version="v2")
        yield opened


def only(made: Plan) -> Change:
    (change,) = made.changes
    return change


def what(made: Plan) -> dict[str, tuple[Effect, Reason, Block | None]]:
    return {
        change.key.name.partition("/")[2]: (change.effect, change.reason, change.block)
        for change in made.changes
    }


async def plan_of(world: World2) -> Plan:
    return (await world.plan()).plan


async def is_silent(world: World2) -> None:
    """A second plan is empty, and an apply of it sends nothing."""
    writes = world.server.writes
    assert (await plan_of(world)).is_empty
    await world.reconcile()
    assert world.server.writes == writes


# --- apply


async def test_trigger_is_created_as_declared_and_the_second_run_is_silent(world: World2) -> None:
    world.declare(
        trigger_document("daily", description="every morning", run={"labels": {"team": "a"}}),
        trigger_document("off", state="Inactive"),
        trigger_document("manual", schedule=None),
    )

    applied = await world.reconcile()

    assert applied.is_complete, applied.report.failures
    assert await world.standing() == {"daily": (1, True), "off": (1, False), "manual": (1, False)}
    details = await world.details("daily")
    assert details.spec.task_version == "v1"
    assert details.spec.description == "every morning"
    assert dict(details.spec.run_spec.labels.values) == {"team": "a"}
    assert details.automation_spec.schedule.cron.expression == "0 6 * * *"
    await is_silent(world)


async def test_steady_sync_reads_pages_and_no_details(world: World2) -> None:
    world.declare(*(trigger_document(f"t{index:03d}") for index in range(250)))
    applied = await world.reconcile()
    assert applied.is_complete
    before = world.calls()

    assert (await plan_of(world)).is_empty

    asked = world.calls() - before
    assert asked["ListTriggers"] == 2
    assert asked["GetTriggerDetails"] == 1, "the ledger alone"
    assert asked["GetTaskDetails"] == 1, "one version of one task"
    assert set(asked) == {"ListTriggers", "GetTriggerDetails", "GetTaskDetails"} | (
        set(asked) & {"ListProjects", "UserInfo"}
    )


async def test_edit_is_one_deploy_that_keeps_the_trigger_active(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()
    before = await content(world)
    world.declare(trigger_document("daily", inputs={"count": 4}, run={"labels": {"team": "b"}}))

    change = only(await plan_of(world))
    await world.reconcile()

    assert [(item.path, item.before, item.after) for item in change.fields] == [
        ("inputs", f"(uploaded by a set of ours: {before})", {"count": 4, "ratio": 0.5}),
        ("run", None, {"labels": {"team": "b"}}),
    ]
    assert await world.history("daily") == ["DEPLOY", "DEPLOY"]
    assert await world.standing() == {"daily": (2, True)}
    await is_silent(world)


async def content(world: World2) -> str:
    uri = (await world.details("daily")).spec.offloaded_input_data.uri
    folder = uri.partition("/flyte-reconciler.inputs/")[2].partition("/")[0]
    content, _, kickoff = folder.partition(".")
    assert kickoff == "day"
    return content


async def test_new_schedule_is_deployed_inactive_and_then_activated(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()
    before = (await world.details("daily")).status.updated_at.ToDatetime()
    world.declare(trigger_document("daily", schedule=at(7)))

    change = only(await plan_of(world))
    await world.reconcile()

    assert [action.verb.value for action in change.actions] == ["deploy", "activate"]
    assert "it is replaced while inactive and then activated again" in change.notes
    assert await world.history("daily") == ["DEPLOY", "DEPLOY", "ACTIVATE"]
    after = await world.details("daily")
    assert after.spec.active
    assert after.status.updated_at.ToDatetime() > before, "catch-up starts anew"
    await is_silent(world)


async def test_state_alone_is_switched_and_never_deployed(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()
    for state, active in (("Inactive", False), ("Active", True)):
        world.declare(trigger_document("daily", state=state))
        await world.reconcile()
        assert (await world.standing())["daily"][1] is active
        await is_silent(world)

    assert await world.history("daily") == ["DEPLOY", "DEACTIVATE", "ACTIVATE"]


@pytest.mark.parametrize("active", [True, False])
async def test_unmanaged_trigger_keeps_the_switch_that_it_has(world: World2, active: bool) -> None:
    world.declare(trigger_document("daily", state="Unmanaged"))
    await world.reconcile()
    assert await world.standing() == {"daily": (1, False)}
    await world.switch("daily", active=active)
    world.declare(trigger_document("daily", state="Unmanaged", schedule=at(9)))

    await world.reconcile()

    assert (await world.history("daily"))[-1] == "DEPLOY"
    assert (await world.standing())["daily"][1] is active
    await is_silent(world)


async def test_task_of_a_newer_version_moves_the_trigger(world: World2) -> None:
    newest = {"name": "etl.load", "version": {"latest": True, "matching": "v*"}}
    world.declare(trigger_document("daily", task=newest))
    await world.reconcile()
    assert (await world.details("daily")).spec.task_version == "v2"
    await world.deploy_task(version="v3")

    change = only(await plan_of(world))
    await world.reconcile()

    assert [(item.path, item.before, item.after) for item in change.fields] == [
        ("task.version", "v2", "v3")
    ]
    assert (await world.details("daily")).spec.task_version == "v3"
    assert await world.history("daily") == ["DEPLOY", "DEPLOY"]


# --- prune


async def test_undeclared_trigger_is_deactivated_and_stays(world: World2) -> None:
    world.declare(trigger_document("a"), trigger_document("b"))
    await world.reconcile()
    world.declare(trigger_document("a"))

    change = only(await plan_of(world))
    await world.reconcile()

    assert (change.effect, change.reason) == (Effect.REMOVE, Reason.UNDECLARED)
    assert await world.standing() == {"a": (1, True), "b": (2, False)}
    await is_silent(world)
    world.declare(trigger_document("a"), trigger_document("b"))
    await world.reconcile()
    assert await world.history("b") == ["DEPLOY", "DEACTIVATE", "ACTIVATE"]


async def test_undeclared_trigger_is_deleted_where_the_set_says_so(world: World2) -> None:
    world.declare(trigger_document("a"), trigger_document("b"), sync=DELETE)
    await world.reconcile()
    world.declare(trigger_document("a"), sync=DELETE)

    await world.reconcile()

    assert set(await world.standing()) == {"a"}
    assert await world.history("b") == ["DEPLOY", "DEACTIVATE", "DELETE"]
    await is_silent(world)
    world.declare(trigger_document("a"), trigger_document("b"), sync=DELETE)
    again = await world.reconcile()
    assert again.is_complete, again.report.failures
    assert await world.standing() == {"a": (1, True), "b": (4, True)}
    await is_silent(world)


async def test_trigger_that_somebody_changed_since_is_not_deleted(world: World2) -> None:
    world.declare(trigger_document("a"), trigger_document("b"), sync=DELETE)
    await world.reconcile()
    await world.deploy("b", runSpec={"labels": {"values": {"team": "other"}}})
    world.declare(trigger_document("a"), sync=DELETE)

    made = await plan_of(world)
    await world.reconcile()

    assert what(made) == {"b": (Effect.REMOVE, Reason.UNDECLARED, Block.REPORT)}
    assert (await world.standing())["b"] == (2, True)


# --- others


async def test_identical_trigger_of_the_sdk_is_adopted_without_a_write(world: World2) -> None:
    inputs = {
        "literals": [
            {"name": "count", "value": COUNT},
            {
                "name": "day",
                "value": {"scalar": {"primitive": {"datetime": "2027-01-01T00:00:00Z"}}},
            },
            {"name": "ratio", "value": {"scalar": {"primitive": {"floatValue": 0.5}}}},
        ]
    }
    await world.deploy("daily", inputs=inputs)
    world.declare(
        trigger_document(
            "daily",
            schedule={"cron": "0 6 * * *"},
            inputs={"count": 3, "day": "2027-01-01T00:00:00Z"},
        )
    )

    made = await plan_of(world)
    await world.reconcile()

    assert what(made) == {"daily": (Effect.ADOPT, Reason.IDENTICAL, None)}
    assert await world.standing() == {"daily": (1, True)}
    ledger = await ledger_of(world)
    assert ledger.objects[key("daily")].adopted
    await is_silent(world)


async def test_other_trigger_is_taken_over_only_with_leave(world: World2) -> None:
    await world.deploy("daily", runSpec={"labels": {"values": {"team": "other"}}})
    world.declare(trigger_document("daily"))
    held = await plan_of(world)
    await world.reconcile()
    assert what(held) == {"daily": (Effect.HAND_OVER, Reason.SPEC, Block.ADOPTION)}
    assert await world.standing() == {"daily": (1, True)}

    world.declare(trigger_document("daily", adopt=True))
    await world.reconcile()

    assert not (await world.details("daily")).spec.run_spec.labels.values
    await is_silent(world)


async def test_trigger_that_nobody_declares_is_foreign_and_left_alone(world: World2) -> None:
    await world.deploy("theirs")
    world.declare(trigger_document("ours"))

    made = await plan_of(world)
    await world.reconcile()

    assert set(what(made)) == {"ours"}
    assert made.foreign == (key("theirs"),)
    assert (await world.standing())["theirs"] == (1, True)


async def test_change_of_somebody_else_is_put_back_and_told(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()
    await world.deploy("daily", runSpec={"labels": {"values": {"team": "other"}}})

    change = only(await plan_of(world))
    await world.reconcile()

    assert (change.effect, change.reason) == (Effect.UPDATE, Reason.DRIFT)
    assert ("run", {"labels": {"team": "other"}}, None) in [
        (item.path, item.before, item.after) for item in change.fields
    ]
    told = [note for note in change.notes if note.startswith("last written by somebody else: ")]
    assert len(told) == 1
    assert told[0].startswith("last written by somebody else: deployed at ")
    assert told[0].endswith(", revision 2")
    await is_silent(world)


async def test_history_is_read_only_for_what_differs(world: World2) -> None:
    world.declare(*(trigger_document(f"t{index}") for index in range(5)))
    await world.reconcile()
    await world.switch("t3", active=False)
    before = world.calls()

    made = await plan_of(world)

    assert what(made) == {"t3": (Effect.UPDATE, Reason.FOREIGN, None)}
    asked = world.calls() - before
    assert asked["GetTriggerRevisionHistory"] == 1
    assert asked["GetTriggerDetails"] == 2, "the ledger and what moved"


async def test_pause_by_hand_is_ended_and_after_three_rounds_contested(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()
    for _ in range(3):
        await world.switch("daily", active=False)
        await world.reconcile()
        assert (await world.standing())["daily"][1]
    await world.switch("daily", active=False)

    made = await plan_of(world)

    assert only(made).block is Block.CONTESTED


async def test_deploy_of_the_same_content_by_somebody_else_is_bookkeeping(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()
    details = await world.details("daily")
    await world.triggers.DeployTrigger(
        _again(details.id.name, details.spec, details.automation_spec)
    )

    made = await plan_of(world)
    await world.reconcile()

    assert made.is_empty
    assert made.bookkeeping
    assert await world.standing() == {"daily": (2, True)}
    await is_silent(world)


def _again(name: Any, spec: Any, automation: Any) -> Any:
    from flyteidl2.trigger import trigger_service_pb2

    return trigger_service_pb2.DeployTriggerRequest(
        name=name, spec=spec, automation_spec=automation
    )


async def test_hold_keeps_a_trigger_off_until_it_ends(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()
    ledger = await ledger_of(world)
    hold = Hold("FlyteTrigger/*/*/daily", "maintenance", world.now + timedelta(hours=1))
    await write_ledger(world, replace(ledger, holds=(hold,)))

    await world.reconcile()
    assert (await world.standing())["daily"] == (2, False)
    await is_silent(world)
    world.now += timedelta(hours=2)
    await world.reconcile()

    assert (await world.standing())["daily"] == (3, True)


async def test_two_writers_never_overwrite_each_other(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()
    world.declare(trigger_document("daily", inputs={"count": 9}))
    meddled = False

    async def meddle(method: str, request: Message) -> None:
        nonlocal meddled
        if method == "UploadInputs" and not meddled:
            meddled = True
            await world.deploy("daily", runSpec={"labels": {"values": {"team": "other"}}})

    world.server.on_call = meddle
    applied = await world.reconcile()
    world.server.on_call = None

    (failure,) = applied.report.failures
    assert "somebody else changed it since revision 1 was read" in str(failure)
    details = await world.details("daily")
    assert details.id.revision == 2
    assert dict(details.spec.run_spec.labels.values) == {"team": "other"}
    await world.reconcile()
    assert not (await world.details("daily")).spec.run_spec.labels.values
    await is_silent(world)


async def test_creation_that_somebody_else_came_before_is_a_conflict(world: World2) -> None:
    world.declare(trigger_document("daily"))

    async def meddle(method: str, request: Message) -> None:
        if method == "UploadInputs" and "daily" not in await world.standing():
            await world.deploy("daily")

    world.server.on_call = meddle
    applied = await world.reconcile()
    world.server.on_call = None

    (failure,) = applied.report.failures
    assert "somebody else changed it since it was read as absent" in str(failure)
    assert await world.standing() == {"daily": (1, True)}
    held = await plan_of(world)
    assert what(held) == {"daily": (Effect.HAND_OVER, Reason.SPEC, Block.ADOPTION)}


# --- crashes


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stop_at", range(1, 12))
async def test_killed_at_any_write_the_next_run_converges(
    world: World2, stop_at: int, is_after: bool
) -> None:
    world.declare(
        trigger_document("kept"), trigger_document("moved"), trigger_document("gone"), sync=DELETE
    )
    await world.reconcile()
    world.declare(
        trigger_document("kept"),
        trigger_document("moved", schedule=at(9)),
        trigger_document("new"),
        sync=DELETE,
    )
    await _die(world, stop_at, is_after=is_after)

    final = await world.reconcile()

    assert final.is_complete, final.report.failures
    assert {name: active for name, (_, active) in (await world.standing()).items()} == {
        "kept": True,
        "moved": True,
        "new": True,
    }
    assert (await world.standing())["kept"] == (1, True)
    await is_silent(world)


async def _die(world: World2, at_write: int, *, is_after: bool) -> None:
    """Reconcile, and be gone at a write, before or after it takes effect."""
    from reconciler.server.serving import WRITES

    left = at_write
    task: asyncio.Task[Any] | None = None

    def die() -> None:
        assert task is not None
        task.cancel()
        raise StatusError(grpc.StatusCode.UNAVAILABLE, "nobody is there any more")

    async def before(method: str, request: Message) -> None:
        nonlocal left
        if method in WRITES:
            left -= 1
            if left < 0 or (left == 0 and not is_after):
                die()

    async def after(method: str, answer: Message) -> None:
        if method in WRITES and left <= 0:
            die()

    world.server.on_call, world.server.after_call = before, after
    task = asyncio.ensure_future(world.reconcile())
    try:
        await task
    except asyncio.CancelledError:
        pass
    finally:
        world.server.on_call = world.server.after_call = None


# --- reading commands


async def test_status_tells_whose_each_trigger_is(world: World2) -> None:
    await world.deploy("theirs")
    world.declare(trigger_document("daily"), trigger_document("off", state="Inactive"))
    await world.reconcile()

    async with world.session(read_only=True) as session:
        found = await status.of_set(session.declaration, session.backend, now=world.now)

    assert {item.key.name: (item.owner, item.active) for item in found.objects} == {
        "etl.load/daily": ("team", ("revision 1",)),
        "etl.load/off": ("team", ()),
    }
    assert [(item.key.name, item.owner) for item in found.others] == [
        ("etl.load/theirs", "foreign")
    ]
    assert all(item.firing is None or item.firing.times for item in found.objects)


async def test_ledger_is_no_object_of_anybody(world: World2) -> None:
    world.declare(trigger_document("daily"))
    await world.reconcile()

    planned = await world.plan()

    assert not [one for one in planned.live.objects if LEDGER in one.name]
    assert planned.plan.foreign == ()


async def test_plan_sends_no_write(world: World2) -> None:
    world.declare(trigger_document("daily"))
    writes = world.server.writes

    await plan_of(world)
    async with world.session() as session:
        await session.plan(NO_OPTIONS, now=world.now)

    assert world.server.writes == writes


async def test_saved_plan_is_refused_where_the_trigger_moved(world: World2) -> None:
    world.declare(trigger_document("a"), trigger_document("b"))
    await world.reconcile()
    world.declare(trigger_document("a", schedule=at(8)), trigger_document("b", schedule=at(8)))
    saved = await plan_of(world)
    await world.switch("b", active=False)

    async with world.session() as session:
        applied = await session.apply_saved(saved, Run(now=world.now, by="tester"))

    assert not applied.is_complete
    assert (await world.details("a")).automation_spec.schedule.cron.expression == "0 8 * * *"
    assert (await world.details("b")).automation_spec.schedule.cron.expression == "0 6 * * *"
