"""Runs of ticks that are over: what they receive, and what starting them leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flyte2_messages as make
from contract_kit import settle
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from test_contract2_runs import create, data, fetch

if TYPE_CHECKING:
    from flyte2_client import Client

SLOT = Timestamp(seconds=1_700_000_000)
LATER = Timestamp(seconds=1_700_086_400)


async def stored(flyte2: Client, owner: str, **values: int) -> Any:
    upload = dataproxy_service_pb2.UploadInputsRequest(
        project_id=make.place(owner), task_id=make.task_id(owner), inputs=make.inputs(**values)
    )
    return (await flyte2.ok("UploadInputs", upload)).offloaded_input_data


async def fire(flyte2: Client, owner: str, suffix: str = "a", **rest: Any) -> Any:
    """A run of the trigger's tick, as the scheduler starts it."""
    rest.setdefault("run_start_time", SLOT)
    return await create(
        flyte2,
        owner,
        suffix,
        trigger_name=make.trigger_name(owner),
        source=run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER,
        **rest,
    )


async def times(flyte2: Client, owner: str) -> tuple[int, int]:
    """When the trigger was switched, and when it was last triggered."""
    answer = await flyte2.ok("GetTriggerDetails", make.trigger_details(owner))
    status = answer.trigger.status
    return status.updated_at.ToNanoseconds(), status.triggered_at.ToNanoseconds()


async def test_run_of_a_tick_gets_offloaded_inputs_settings_and_time(
    flyte2: Client, task: str
) -> None:
    settings = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "a"}))
    inputs = await stored(flyte2, task, x=1)
    await flyte2.ok(
        "DeployTrigger",
        make.trigger(task, active=False, run_spec=settings, offloaded_input_data=inputs),
    )
    await fire(flyte2, task)
    details = await fetch(flyte2, task)
    assert details.run_spec.run_start_time == SLOT
    assert details.run_spec.labels == settings.labels
    assert await data(flyte2, task) == make.inputs(x=1)


async def test_settings_that_are_sent_take_the_place_of_all_of_the_triggers(
    flyte2: Client, task: str
) -> None:
    settings = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "a"}), interruptible=None)
    await flyte2.ok("DeployTrigger", make.trigger(task, run_spec=settings))
    await fire(flyte2, task, run_spec=run_pb2.RunSpec(overwrite_cache=True))
    details = await fetch(flyte2, task)
    assert details.run_spec.overwrite_cache
    assert not details.run_spec.labels.values
    assert details.run_spec.run_start_time == SLOT


async def test_inputs_that_are_sent_take_the_place_of_the_triggers(
    flyte2: Client, task: str
) -> None:
    inputs = await stored(flyte2, task, x=1)
    await flyte2.ok("DeployTrigger", make.trigger(task, offloaded_input_data=inputs))
    await fire(flyte2, task, inputs=make.inputs(y=2))
    assert await data(flyte2, task) == make.inputs(y=2)
    other = await stored(flyte2, task, z=3)
    await fire(flyte2, task, "b", offloaded_input_data=other)
    assert await data(flyte2, task, "b") == make.inputs(z=3)


async def test_known_name_keeps_its_time_and_not_its_inputs(flyte2: Client, trigger: str) -> None:
    await fire(flyte2, trigger, inputs=make.inputs(x=1))
    await fire(flyte2, trigger, inputs=make.inputs(x=2), run_start_time=LATER)
    assert (await fetch(flyte2, trigger)).run_spec.run_start_time == SLOT
    assert await data(flyte2, trigger) == make.inputs(x=2)


async def test_name_is_free_in_another_project_and_domain(flyte2: Client, task: str) -> None:
    first = await create(flyte2, task)
    request = make.run(task, task_spec=make.spec())
    request.run_id.domain = "staging"
    second = (await flyte2.ok("CreateRun", request)).run.action
    assert first.id.name == second.id.name
    run = identifier_pb2.RunIdentifier(project=task, domain="staging", name=f"{task}a")
    assert second.id.run == run


async def test_t28_run_of_a_past_tick_moves_when_the_trigger_was_triggered(
    flyte2: Client, trigger: str
) -> None:
    switched, triggered = await times(flyte2, trigger)
    assert triggered == 0
    await fire(flyte2, trigger)
    still, first = await times(flyte2, trigger)
    assert (still, first > SLOT.ToNanoseconds()) == (switched, True)
    await settle()
    await create(flyte2, trigger, "b", trigger_name=make.trigger_name(trigger))
    assert (await times(flyte2, trigger))[1] > first


async def test_t28_only_a_switch_moves_when_the_trigger_was_switched(
    flyte2: Client, trigger: str
) -> None:
    deployed, _never = await times(flyte2, trigger)
    await settle()
    await flyte2.ok("DeployTrigger", make.trigger(trigger, automation=make.cron("0 4 * * *")))
    assert (await times(flyte2, trigger))[0] == deployed
    await settle()
    await flyte2.ok("UpdateTriggers", make.switch(trigger, "nightly", active=False))
    off, _never = await times(flyte2, trigger)
    await settle()
    await flyte2.ok("UpdateTriggers", make.switch(trigger, "nightly", active=True))
    on, _never = await times(flyte2, trigger)
    assert deployed < off < on
