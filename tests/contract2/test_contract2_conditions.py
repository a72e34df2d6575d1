"""Conditions: what a running task asks of people, and their answers.

They are enqueued as a running task does it, since an answer is written to an object in Kubernetes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import engine2_kit as engine
import flyte2_messages as make
import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.core import types_pb2
from flyteidl2.workflow import run_service_pb2 as wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from flyte2_client import Client

_PATIENCE = 20.0


def enqueued(owner: str, name: str, parent: str = "a0", **spec: Any) -> Any:
    action = actions_service_pb2.Action(
        action_id=make.action_id(owner, name=name), parent_action_name=parent, **spec
    )
    return actions_service_pb2.EnqueueRequest(action=action)


async def fetch(flyte2: Client, owner: str, name: str = "b1") -> Any:
    request = wire.GetActionDetailsRequest(action_id=make.action_id(owner, name=name))
    return await flyte2.attempt("GetActionDetails", request)


async def until(flyte2: Client, owner: str, found: Callable[[Any], bool]) -> Any:
    """The condition once it is `found` so; only that look is recorded."""
    flyte2.recorded, was = False, flyte2.recorded
    async with asyncio.timeout(_PATIENCE):
        while True:
            if found(getattr(await fetch(flyte2, owner), "details", None)):
                break
            await asyncio.sleep(0.1)
    flyte2.recorded = was
    return (await fetch(flyte2, owner)).details


def is_in(phase: int) -> Callable[[Any], bool]:
    return lambda details: details is not None and details.status.phase == phase


def answer(owner: str, name: str = "b1", **payload: Any) -> wire.SignalEventRequest:
    return wire.SignalEventRequest(
        action_id=make.action_id(owner, name=name),
        parent_action_name="a0",
        payload=wire.EventPayload(**payload),
    )


@pytest.fixture
async def asked(flyte2: Client, task: str, request: Any) -> str:
    """The project, with a run whose condition `b1` waits, for a boolean by default."""
    kind = getattr(request, "param", types_pb2.BOOLEAN)
    await flyte2.ok("CreateRun", make.run(task))
    condition = engine.condition(simple=kind)
    await flyte2.ok("Enqueue", enqueued(task, "b1", condition=condition))
    await until(flyte2, task, is_in(engine.PAUSED))
    return task


async def test_condition_waits_and_its_parent_runs(flyte2: Client, asked: str) -> None:
    found = (await fetch(flyte2, asked)).details
    assert found.condition == engine.condition()
    assert found.metadata.parent == "a0"
    assert not found.attempts
    assert not found.status.HasField("end_time")
    request = wire.GetActionDetailsRequest(action_id=make.action_id(asked))
    root = (await flyte2.ok("GetActionDetails", request)).details
    assert root.status.phase == engine.RUNNING
    request = wire.ListRunsRequest(project_id=make.place(asked), paused_actions_only=True)
    assert len((await flyte2.ok("ListRuns", request)).runs) == 1


@pytest.mark.parametrize(
    ("asked", "payload"),
    [
        pytest.param(types_pb2.BOOLEAN, {"bool_value": True}, id="boolean"),
        pytest.param(types_pb2.BOOLEAN, {"bool_value": False}, id="no"),
        pytest.param(types_pb2.INTEGER, {"int_value": 3}, id="integer"),
        pytest.param(types_pb2.FLOAT, {"float_value": 0.5}, id="float"),
        pytest.param(types_pb2.STRING, {"string_value": "go"}, id="string"),
    ],
    indirect=["asked"],
)
async def test_answer_ends_a_condition(
    flyte2: Client, asked: str, payload: dict[str, object]
) -> None:
    await flyte2.ok("SignalEvent", answer(asked, **payload))
    found = await until(flyte2, asked, is_in(engine.SUCCEEDED))
    (value,) = payload.values()
    primitive = found.signal_info.output.scalar.primitive
    assert getattr(primitive, primitive.WhichOneof("value")) == value
    assert found.status.HasField("end_time")
    assert not found.attempts


async def test_answer_names_who_gave_it(flyte2: Client, asked: str) -> None:
    flyte2.do_not_record()  # recordings have no headers
    request = answer(asked, bool_value=True)
    await flyte2.ok("SignalEvent", request, x_amzn_oidc_identity="somebody")
    found = await until(flyte2, asked, is_in(engine.SUCCEEDED))
    assert found.signal_info.signalled_by.user.id.subject == "somebody"


async def test_same_answer_again_changes_nothing_and_another_is_refused(
    flyte2: Client, asked: str
) -> None:
    await flyte2.ok("SignalEvent", answer(asked, bool_value=True))
    await until(flyte2, asked, is_in(engine.SUCCEEDED))
    await flyte2.ok("SignalEvent", answer(asked, bool_value=True))
    refusal = await flyte2.refused("SignalEvent", answer(asked, bool_value=False))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text == f"condition {asked}a-b1 already signalled with a different value"


async def test_answer_of_another_type_is_refused(flyte2: Client, asked: str) -> None:
    refusal = await flyte2.refused("SignalEvent", answer(asked, int_value=1))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        "signal value type INTEGER does not match declared condition type BOOLEAN"
    )
    refusal = await flyte2.refused("SignalEvent", answer(asked))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == "signal value must be a concrete bool/int/float/str literal"


async def test_answer_to_what_is_no_condition_is_refused(flyte2: Client, asked: str) -> None:
    refusal = await flyte2.refused("SignalEvent", answer(asked, "a0", bool_value=True))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text == f"action {asked}a-a0 is not a condition"
    refusal = await flyte2.refused("SignalEvent", answer(asked, "b2", bool_value=True))
    assert (refusal.code, refusal.text) == (
        "NOT_FOUND",
        f"condition action {asked}a-b2 not found",
    )


async def test_answer_to_an_aborted_condition_is_refused(flyte2: Client, asked: str) -> None:
    flyte2.do_not_record()  # its object goes away some time later
    request = wire.AbortActionRequest(action_id=make.action_id(asked, name="b1"))
    await flyte2.ok("AbortAction", request)
    async with asyncio.timeout(_PATIENCE):
        while True:
            refusal = await flyte2.refused("SignalEvent", answer(asked, int_value=1))
            if refusal.code == "NOT_FOUND":
                break
            await asyncio.sleep(0.1)
    assert refusal.text == f"condition action {asked}a-b1 not found"


async def test_condition_asks_for_simple_values(flyte2: Client, task: str) -> None:
    await flyte2.ok("CreateRun", make.run(task))
    condition = engine.condition(simple=types_pb2.STRUCT)
    refusal = await flyte2.refused("Enqueue", enqueued(task, "b1", condition=condition))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("condition ")


async def test_condition_needs_a_parent_that_is_there(flyte2: Client, task: str) -> None:
    request = enqueued(task, "b1", condition=engine.condition())
    refusal = await flyte2.refused("Enqueue", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith(f"failed to get parent TaskAction {task}a-a0: ")


async def test_condition_that_is_there_is_enqueued_once_more(flyte2: Client, asked: str) -> None:
    again = enqueued(asked, "b1", condition=engine.condition("other"))
    await flyte2.ok("Enqueue", again)
    assert (await fetch(flyte2, asked)).details.condition.name == "approve"


async def test_trace_is_recorded_without_an_object(flyte2: Client, task: str) -> None:
    await flyte2.ok("Enqueue", enqueued(task, "b1", trace=engine.trace()))
    found = (await fetch(flyte2, task)).details
    assert found.status.phase == engine.SUCCEEDED
    assert found.metadata.trace.name == "step"
