"""Starting runs of Flyte 2 once, once more, ending them, and answering what they ask."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import engine2_kit as engine
import flyte2_messages as make
import grpc
import pytest
from flyteidl2.core import interface_pb2, types_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2, dataproxy_service_pb2_grpc
from flyteidl2.task import common_pb2, run_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import json_format
from running2_kit import ENDPOINT, Played2

from reconciler.backends.flyte2.run.normal import body_of, options_of
from reconciler.errors import (
    BackendError,
    ConflictError,
    ReconcilerError,
    UnavailableError,
    UnsupportedError,
    UsageError,
)
from reconciler.model.run import Gate, Launch, Mode, Phase, Stopping
from reconciler.server.status import StatusError

TICK = datetime(2026, 5, 1, 6, tzinfo=UTC)
LATER = datetime(2026, 5, 2, 6, tzinfo=UTC)
THREE: Any = {"scalar": {"primitive": {"integer": "3"}}}
TRUE: Any = {"scalar": {"primitive": {"boolean": True}}}


def launch(flyte2: Played2, name: str, **rest: Any) -> Launch:
    entity = rest.pop("entity", flyte2.task)
    return Launch(id=flyte2.id(name), body=body_of(entity, **rest))


async def inputs(flyte2: Played2, name: str) -> common_pb2.Inputs:
    stub = dataproxy_service_pb2_grpc.DataProxyServiceStub(flyte2.wire)
    request = dataproxy_service_pb2.GetActionDataRequest(action_id=flyte2.action(name))
    return (await stub.GetActionData(request)).inputs


async def test_run_is_started_once_and_then_handed_back(flyte2: Played2) -> None:
    wanted = launch(flyte2, "a", inputs={"x": THREE}, options={"labels": {"team": "ads"}})

    first = await flyte2.running.start(wanted)
    sent = flyte2.channel.calls["RunService.CreateRun"]
    second = await flyte2.running.start(wanted)

    assert (first.was_there, second.was_there) == (False, True)
    assert first.run.id == second.run.id == flyte2.id("a")
    assert (sent, flyte2.channel.calls["RunService.CreateRun"]) == (1, 1)
    assert await inputs(flyte2, "a") == make.inputs(x=3)
    found = await flyte2.details("a")
    assert dict(found.run_spec.labels.values) == {"team": "ads"}


async def test_many_writers_start_one_run_and_all_have_it(flyte2: Played2) -> None:
    wanted = launch(flyte2, "a", inputs={"x": THREE})

    found = await asyncio.gather(*(flyte2.running.start(wanted) for _ in range(8)))

    assert {started.run.id for started in found} == {flyte2.id("a")}
    assert await flyte2.names() == ["a"]
    assert await inputs(flyte2, "a") == make.inputs(x=3)


async def test_name_that_is_there_keeps_its_inputs(flyte2: Played2) -> None:
    await flyte2.start("a", inputs=make.inputs(x=7))

    with pytest.raises(ConflictError, match="its input x has another value; use another name"):
        await flyte2.running.start(launch(flyte2, "a", inputs={"x": THREE}))
    assert await inputs(flyte2, "a") == make.inputs(x=7)
    await flyte2.start("b", inputs=make.inputs(x=3))
    started = await flyte2.running.start(launch(flyte2, "b", inputs={"x": THREE}))
    assert started.was_there


async def test_name_of_another_run_is_a_conflict(flyte2: Played2) -> None:
    await flyte2.deploy()
    await flyte2.start("a")
    await flyte2.running.start(launch(flyte2, "b", entity=flyte2.trigger, scheduled_at=TICK))
    with pytest.raises(ConflictError, match=r"is there and another one: it runs task .*env\.t"):
        await flyte2.running.start(launch(flyte2, "a", entity=flyte2.trigger))
    with pytest.raises(ConflictError, match="it is that of 2026-05-01T06:00:00Z; use another"):
        await flyte2.running.start(launch(flyte2, "b", entity=flyte2.trigger, scheduled_at=LATER))


async def test_tick_of_a_trigger_is_what_the_scheduler_starts(flyte2: Played2) -> None:
    settings = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "a"}))
    await flyte2.deploy(run_spec=settings, active=False)

    started = await flyte2.running.start(
        launch(flyte2, "a", entity=flyte2.trigger, scheduled_at=TICK)
    )
    found = await flyte2.running.run(flyte2.id("a"))

    assert started.run.mode is Mode.SCHEDULED
    assert found is not None
    assert (found.scheduled_at, found.entity) == (TICK, flyte2.trigger)
    assert dict(found.labels) == {"team": "a"}


async def test_settings_and_inputs_take_the_place_of_the_triggers(flyte2: Played2) -> None:
    settings = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "a"}))
    await flyte2.deploy(run_spec=settings)
    options = {**options_of({"labels": {"team": "a"}, "inputs": {}}), "overwriteCache": True}

    await flyte2.running.start(
        launch(flyte2, "a", entity=flyte2.trigger, inputs={"x": THREE}, options=options)
    )

    found = await flyte2.details("a")
    assert found.run_spec.overwrite_cache
    assert found.run_spec.cache_config.overwrite_cache
    assert dict(found.run_spec.labels.values) == {"team": "a"}
    assert await inputs(flyte2, "a") == make.inputs(x=3)


async def test_task_of_a_run_can_be_overridden(flyte2: Played2) -> None:
    spec: Any = json_format.MessageToDict(make.spec("img:9"))
    await flyte2.running.start(launch(flyte2, "a", spec=spec))

    found = await flyte2.details("a")
    assert found.action.task.task_template.container.image == "img:9"
    assert found.action.metadata.task.id == make.task_id(flyte2.project)


async def test_every_setting_arrives(flyte2: Played2) -> None:
    options: Any = {
        "annotations": {"a": "1"},
        "envs": {"E": "2"},
        "interruptible": False,
        "maxActionConcurrency": 4,
        "notifications": [{"onPhases": ["ACTION_PHASE_FAILED"], "deliveryConfigName": "oncall"}],
        "queue": "gpu",
        "rawOutputPrefix": "s3://bucket/raw",
        "serviceAccount": "robot",
    }
    await flyte2.running.start(launch(flyte2, "a", options=options))

    spec = (await flyte2.details("a")).run_spec
    assert dict(spec.annotations.values) == {"a": "1"}
    assert [(one.key, one.value) for one in spec.envs.values] == [("E", "2")]
    assert (spec.HasField("interruptible"), spec.interruptible.value) == (True, False)
    assert (spec.max_action_concurrency, spec.queue) == (4, "gpu")
    assert spec.raw_data_storage.raw_data_prefix == "s3://bucket/raw"
    assert spec.security_context.run_as.k8s_service_account == "robot"
    assert spec.notification_rules.rules[0].delivery_config_name == "oncall"


async def test_name_that_flyte_2_takes_for_none_is_never_sent(flyte2: Played2) -> None:
    for name in ("Upper", "x" * 30):
        with pytest.raises(ReconcilerError, match="run_id is empty or of another kind"):
            await flyte2.running.start(launch(flyte2, name))


@pytest.mark.skipif(bool(ENDPOINT), reason="only the embedded server can be made to fail")
async def test_start_that_got_no_answer_is_read_and_never_sent_again(flyte2: Played2) -> None:
    assert flyte2.server is not None

    async def lose(method: str, _answer: object) -> None:
        if method == "CreateRun":
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "gone")

    flyte2.server.after_call = lose
    started = await flyte2.running.start(launch(flyte2, "a"))
    assert (started.was_there, started.run.id) == (False, flyte2.id("a"))

    async def refuse(method: str, _request: object) -> None:
        if method == "CreateRun":
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "gone")

    flyte2.server.after_call, flyte2.server.on_call = None, refuse
    with pytest.raises(UnavailableError, match="gone"):
        await flyte2.running.start(launch(flyte2, "b"))
    assert flyte2.channel.calls["RunService.CreateRun"] == 2


async def test_run_that_has_ended_is_not_aborted(flyte2: Played2) -> None:
    await flyte2.record("a")
    await flyte2.tell("a", engine.SUCCEEDED)

    assert await flyte2.running.terminate(flyte2.id("a"), "late") is Stopping.OVER
    found = await flyte2.running.run(flyte2.id("a"))
    assert found is not None
    assert found.phase is Phase.SUCCEEDED
    assert flyte2.channel.calls["RunService.AbortRun"] == 0


async def test_one_action_is_aborted_with_its_cause(flyte2: Played2) -> None:
    await flyte2.record("a")
    for step in ("b1", "b2"):
        await flyte2.record("a", step, "a0")
    await flyte2.tell("a", engine.SUCCEEDED, "b2")

    assert await flyte2.running.terminate(flyte2.id("a"), "stuck", "b1") is Stopping.ASKED
    assert await flyte2.running.terminate(flyte2.id("a"), "stuck", "b2") is Stopping.OVER
    (root,) = await flyte2.running.steps(flyte2.id("a"))
    assert [(one.id, one.phase, one.cause) for one in root.inside] == [
        ("b1", Phase.ABORTED, "stuck"),
        ("b2", Phase.SUCCEEDED, ""),
    ]


async def test_ending_what_is_not_there_is_an_error(flyte2: Played2) -> None:
    with pytest.raises(BackendError, match="is not there; list those that are"):
        await flyte2.running.terminate(flyte2.id("z"), "x")
    await flyte2.record("a")
    with pytest.raises(BackendError, match="step b9: is not there; describe the run"):
        await flyte2.running.terminate(flyte2.id("a"), "x", "b9")


async def test_run_is_started_once_more_with_its_inputs_task_and_settings(
    flyte2: Played2,
) -> None:
    labels = run_pb2.Labels(values={"team": "a"})
    await flyte2.start("a", inputs=make.inputs(x=7, y=8), run_spec=run_pb2.RunSpec(labels=labels))

    again = await flyte2.running.relaunch(flyte2.id("a"), flyte2.id("b").name)

    found = await flyte2.details("b")
    assert again.id == flyte2.id("b")
    assert await inputs(flyte2, "b") == make.inputs(x=7, y=8)
    assert found.action.metadata.task.id == make.task_id(flyte2.project)
    assert found.run_spec.labels == labels
    first = await flyte2.details("a")
    assert found.run_spec.run_start_time.ToNanoseconds() > (
        first.run_spec.run_start_time.ToNanoseconds()
    )
    read = await flyte2.running.run(flyte2.id("b"))
    assert read is not None
    assert (read.mode, read.facts["madeFrom"]) == (Mode.RELAUNCHED, str(flyte2.id("a")))


async def test_run_is_started_once_more_with_other_inputs_and_a_name_of_the_servers(
    flyte2: Played2,
) -> None:
    await flyte2.start("a", inputs=make.inputs(x=7, y=8))

    again = await flyte2.running.relaunch(flyte2.id("a"), inputs={"x": THREE})

    stub = dataproxy_service_pb2_grpc.DataProxyServiceStub(flyte2.wire)
    action = engine.action_id(flyte2.run_id("a"))
    action.run.name = again.id.name
    stored = await stub.GetActionData(dataproxy_service_pb2.GetActionDataRequest(action_id=action))
    assert {one.name: one.value for one in stored.inputs.literals} == {
        "x": make.integer(3),
        "y": make.integer(8),
    }
    assert len(again.id.name) == 20


async def test_tick_that_is_started_once_more_stays_that_tick(flyte2: Played2) -> None:
    await flyte2.deploy()
    await flyte2.running.start(launch(flyte2, "a", entity=flyte2.trigger, scheduled_at=TICK))

    await flyte2.running.relaunch(flyte2.id("a"), flyte2.id("b").name)

    again = await flyte2.running.run(flyte2.id("b"))
    assert again is not None
    assert again.facts["runStartTime"] == "2026-05-01T06:00:00Z"


async def test_name_for_once_more_must_be_free_and_one(flyte2: Played2) -> None:
    await flyte2.start("a")
    with pytest.raises(ConflictError, match="is there already; use another name"):
        await flyte2.running.relaunch(flyte2.id("a"), flyte2.id("a").name)
    with pytest.raises(UsageError, match='run name "Big": is none on Flyte 2; use at most 30'):
        await flyte2.running.relaunch(flyte2.id("a"), "Big")
    with pytest.raises(UnsupportedError, match="Flyte 2 does not recover runs; relaunch it"):
        await flyte2.running.recover(flyte2.id("a"))


async def until(flyte2: Played2, *, waiting: int) -> None:
    """Wait for so many open gates; a real server gets there by and by."""
    async with asyncio.timeout(20):
        while True:
            if len(await flyte2.running.waiting(flyte2.place)) == waiting:
                return
            await asyncio.sleep(0.1)


@pytest.fixture
async def asking(flyte2: Played2) -> Played2:
    """A run whose conditions `go` (boolean) and `count` (integer) wait."""
    await flyte2.start("a")
    await flyte2.ask("a", "b1", engine.condition("go"))
    await flyte2.ask("a", "b2", engine.condition("count", types_pb2.INTEGER))
    await until(flyte2, waiting=2)
    return flyte2


async def test_gates_tell_their_types_and_whether_they_were_answered(asking: Played2) -> None:
    go, count = await asking.running.gates(asking.id("a"))
    assert (go.signal, go.type, count.signal, count.type) == ("go", "bool", "count", "int")
    assert (go.is_answered, count.is_answered) == (False, False)

    await asking.running.answer(go, TRUE)
    await asking.running.answer(count, THREE)

    await until(asking, waiting=0)
    answered = await asking.running.gates(asking.id("a"))
    assert [(one.is_answered, one.value) for one in answered] == [(True, True), (True, 3)]
    data = await asking.running.data(asking.id("a"), "b2")
    assert data.outputs is not None
    assert data.outputs.literals == {"o0": THREE}


async def test_same_answer_again_is_no_error_and_another_is(asking: Played2) -> None:
    go, count = await asking.running.gates(asking.id("a"))
    await asking.running.answer(go, TRUE)
    await asking.running.answer(go, TRUE)
    with pytest.raises(BackendError, match="already signalled with a different value"):
        await asking.running.answer(go, {"scalar": {"primitive": {"boolean": False}}})
    with pytest.raises(BackendError, match="does not match declared condition type INTEGER"):
        await asking.running.answer(count, TRUE)
    with pytest.raises(BackendError, match="gate count: takes booleans, integers, floats and"):
        await asking.running.answer(count, {"scalar": {"noneType": {}}})


async def test_gate_that_was_not_reached_is_not_open_yet(asking: Played2) -> None:
    gate = Gate(run=asking.id("a"), signal="later", type="bool")
    with pytest.raises(BackendError, match="gate later: is not open yet; answer it once the run"):
        await asking.running.answer(gate, TRUE)


async def test_gates_that_share_a_name_are_told_apart_by_their_actions(flyte2: Played2) -> None:
    await flyte2.record("a")
    for step in ("b1", "b2"):
        await flyte2.record("a", step, "a0", condition=engine.condition("go"))
    found = await flyte2.running.gates(flyte2.id("a"))
    assert [one.signal for one in found] == ["b1", "b2"]
    with pytest.raises(BackendError, match="is not there; list those that are"):
        await flyte2.running.gates(flyte2.id("z"))


def default(name: str, value: int) -> common_pb2.NamedParameter:
    parameter = interface_pb2.Parameter(default=make.integer(value))
    return common_pb2.NamedParameter(name=name, parameter=parameter)


async def test_defaults_of_a_task_fill_up_what_is_sent(flyte2: Played2) -> None:
    spec: Any = json_format.MessageToDict(make.spec(default_inputs=[default("y", 8)]))
    await flyte2.running.start(launch(flyte2, "a", spec=spec, inputs={"x": THREE}))
    assert await inputs(flyte2, "a") == make.inputs(x=3, y=8)
    assert ((await flyte2.details("a")).action.metadata.source) == run_definition_pb2.RUN_SOURCE_CLI
