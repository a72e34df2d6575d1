"""What a running task asks of the manager: actions of its own, and how they go on."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import engine2_kit as engine
import flyte2_messages as make
import pytest
from flyteidl2.actions import actions_service_pb2 as wire
from flyteidl2.common import identifier_pb2
from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import run_pb2
from flyteidl2.workflow import internal_run_service_pb2 as internal
from flyteidl2.workflow import run_definition_pb2
from flyteidl2.workflow import run_service_pb2 as runs
from google.protobuf import descriptor_pool, message_factory
from test_contract2_watching import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from flyte2_client import Client

BASE = "s3://elsewhere/base"


def enqueued(owner: str, name: str = "b1", parent: str | None = "a0", **rest: Any) -> Any:
    body = make.spec()
    body.task_template.id.name, body.task_template.id.version = "env.child", "v7"
    if not {"trace", "condition", "task"} & rest.keys():
        rest["task"] = run_definition_pb2.TaskAction(id=make.task_id(owner), spec=body)
    rest.setdefault("action_id", make.action_id(owner, name=name))
    rest.setdefault("input_uri", "s3://elsewhere/inputs.pb")
    rest.setdefault("run_output_base", BASE)
    return wire.EnqueueRequest(action=wire.Action(parent_action_name=parent, **rest))


@pytest.fixture
async def started(flyte2: Client, task: str) -> str:
    """The project, with a run."""
    await flyte2.ok("CreateRun", make.run(task))
    return task


@asynccontextmanager
async def watching(flyte2: Client, owner: str, parent: str = "a0") -> AsyncIterator[Watch]:
    request = wire.WatchForUpdatesRequest(
        parent_action_id=make.action_id(owner, name=parent),
    )
    stream = flyte2.open("WatchForUpdates", request)
    try:
        yield Watch(stream)
    finally:
        stream.cancel()


async def until(watch: Watch, name: str, phase: int) -> Any:
    """The update that tells this phase of an action; others are passed over."""
    while True:
        update = (await watch.next()).action_update
        if (update.action_id.name, update.phase) == (name, phase):
            return update


async def test_parent_is_told_of_its_children(flyte2: Client, started: str) -> None:
    flyte2.do_not_record()  # recordings have no streams
    await flyte2.ok("Enqueue", enqueued(started))
    async with watching(flyte2, started) as watch:
        root = (await watch.next()).action_update
        assert root.action_id == make.action_id(started)
        assert root.output_uri.endswith(f"/{started}/development/{started}a/a0/1")
        child = (await watch.next()).action_update
        assert child.action_id.name == "b1"
        shard = child.output_uri.removeprefix("s3://elsewhere/").partition("/")[0]
        assert len(shard) == 2
        assert child.output_uri == f"s3://elsewhere/{shard}/base/b1/1"
        assert (await watch.next()).control_message.sentinel
        await flyte2.ok("Enqueue", enqueued(started, "t1", trace=engine.trace()))
        trace = await until(watch, "t1", engine.SUCCEEDED)
        assert trace.output_uri == "s3://elsewhere/trace/outputs.pb"
        await flyte2.ok("Enqueue", enqueued(started, "c1", condition=engine.condition()))
        await until(watch, "c1", engine.PAUSED)
        yes = literals_pb2.Literal()
        yes.scalar.primitive.boolean = True
        request = wire.SignalRequest(action_id=make.action_id(started, name="c1"), value=yes)
        await flyte2.ok("ActionsService.Signal", request)
        assert (await until(watch, "c1", engine.SUCCEEDED)).value == yes
        gone = wire.AbortRequest(action_id=make.action_id(started, name="b1"))
        await flyte2.ok("ActionsService.Abort", gone)
        aborted = await until(watch, "b1", engine.ABORTED)
        assert aborted.output_uri == child.output_uri


async def test_attempt_that_was_told_has_a_place_of_its_own(flyte2: Client, started: str) -> None:
    flyte2.do_not_record()
    await flyte2.ok("Enqueue", enqueued(started))
    async with watching(flyte2, started) as watch:
        await until(watch, "b1", engine.QUEUED)
        # What executes it writes to the object too, and may come in between.
        request = wire.UpdateRequest(
            action_id=make.action_id(started, name="b1"),
            attempt=2,
            status=run_definition_pb2.ActionStatus(attempts=2),
        )
        while getattr(await flyte2.attempt("ActionsService.Update", request), "code", ""):
            pass
        while not (update := (await watch.next()).action_update).output_uri.endswith("/b1/2"):
            pass
        assert update.action_id.name == "b1"


async def test_nobody_is_below_an_action_that_is_not_there(flyte2: Client, task: str) -> None:
    flyte2.do_not_record()
    async with watching(flyte2, task, "nobody") as watch:
        assert (await watch.next()).control_message.sentinel
        assert await watch.is_silent()


async def test_who_watches_names_a_parent(flyte2: Client, task: str) -> None:
    flyte2.do_not_record()  # the end of the stream is worded by whoever reads it
    refusal = await flyte2.refused("WatchForUpdates", wire.WatchForUpdatesRequest())
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "filter is required")
    nowhere = wire.WatchForUpdatesRequest(
        parent_action_id=identifier_pb2.ActionIdentifier(name="a0")
    )
    assert (await flyte2.refused("WatchForUpdates", nowhere)).code == "INTERNAL"
    assert task


@pytest.mark.parametrize("method", ["ActionsService.Update", "ActionsService.Abort"])
async def test_action_without_an_object_cannot_be_told_of(
    flyte2: Client, task: str, method: str
) -> None:
    action = make.action_id(task, name="b1")
    request = (
        wire.UpdateRequest(action_id=action, attempt=1)
        if method.endswith("Update")
        else wire.AbortRequest(action_id=action)
    )
    refusal = await flyte2.refused(method, request)
    name = f"{task}a-b1"
    assert refusal.code == "INTERNAL"
    assert refusal.text == (
        f'failed to get TaskAction {name}: taskactions.flyte.org "{name}" not found'
    )


async def test_action_that_is_called_as_its_run_is_the_root(flyte2: Client, started: str) -> None:
    request = wire.SignalRequest(action_id=make.action_id(started, name=f"{started}a"))
    request.value.scalar.primitive.boolean = True
    refusal = await flyte2.refused("ActionsService.Signal", request)
    assert refusal.text == f"action {started}a-a0 is not a condition"


async def test_task_is_kept_as_its_object_has_it(flyte2: Client, started: str) -> None:
    flyte2.do_not_record()  # it is told of some time later
    await flyte2.ok("Enqueue", enqueued(started, group="g"))
    request = runs.GetActionDetailsRequest(action_id=make.action_id(started, name="b1"))
    for _ in range(100):
        found = await flyte2.attempt("GetActionDetails", request)
        if hasattr(found, "details"):
            break
    task = found.details.metadata.task
    assert (task.id.name, task.id.version) == ("env.child", "v7")
    assert found.details.metadata.environment_name == ""
    assert (found.details.metadata.parent, found.details.metadata.group) == ("a0", "g")


async def test_object_is_known_by_the_run_alone(flyte2: Client, started: str) -> None:
    other = f"{started}b"
    await flyte2.ok("CreateProject", make.project(other))
    action = make.action_id(other)
    action.run.name, action.name = f"{started}a", "a0"
    refusal = await flyte2.refused("Enqueue", enqueued(other, parent=None, action_id=action))
    assert refusal.code == "INTERNAL"
    assert refusal.text.endswith(f'taskactions.flyte.org "{started}a-a0" already exists')


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"name": "B_1"}, "metadata.name: Invalid value: ", id="no_name_of_an_object"),
        pytest.param(
            {"name": "b" * 31},
            "spec.actionName: Too long: may not be more than 30 bytes",
            id="long",
        ),
        pytest.param(
            {"group": "g" * 257}, "spec.group: Too long: may not be more than 256 bytes", id="group"
        ),
        pytest.param(
            {"condition": engine.condition(), "group": "g" * 257},
            "spec.group: Too long: may not be more than 256 bytes",
            id="condition",
        ),
        pytest.param(
            {"parent": ""},
            'spec.parentActionName: Invalid value: "": spec.parentActionName in body should be at '
            "least 1 chars long",
            id="no_parent",
        ),
    ],
)
async def test_action_that_can_have_no_object_is_refused(
    flyte2: Client, started: str, change: dict[str, Any], text: str
) -> None:
    refusal = await flyte2.refused("Enqueue", enqueued(started, **change))
    assert refusal.code == "INTERNAL"
    kind = "condition " * ("condition" in change)
    assert refusal.text.startswith(f"failed to create {kind}TaskAction CR {started}a-")
    assert f" is invalid: {text}" in refusal.text


async def test_label_that_can_be_none_leaves_a_run_without_an_object(
    flyte2: Client, task: str
) -> None:
    spec = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "no/label"}))
    await flyte2.ok("CreateRun", make.run(task, run_spec=spec))
    refusal = await flyte2.refused("Enqueue", enqueued(task))
    assert refusal.text.startswith(f"failed to get parent TaskAction {task}a-a0: ")


async def test_condition_of_no_simple_type_says_which_it_is(flyte2: Client, started: str) -> None:
    for kind, shown in (
        (None, "<nil>"),
        (types_pb2.LiteralType(enum_type=types_pb2.EnumType(values=["a"])), "enum_type:{"),
    ):
        condition = run_definition_pb2.ConditionAction(name="ask", type=kind)
        refusal = await flyte2.refused("Enqueue", enqueued(started, condition=condition))
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.text.startswith(f'condition "ask" declares unsupported type {shown}')


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("Enqueue", "INTERNAL"),
        ("ActionsService.Update", "INTERNAL"),
        ("ActionsService.Abort", "INTERNAL"),
        ("UpdateActionStatus", "INTERNAL"),
        ("AbortRun", "INTERNAL"),
        ("AbortAction", "INTERNAL"),
        ("GetRunDetails", "INTERNAL"),
        ("GetActionDetails", "INTERNAL"),
        ("GetActionDataURIs", "INTERNAL"),
        ("GetActionLogContext", "INTERNAL"),
        ("WatchRunDetails", "INTERNAL"),
        ("WatchActionDetails", "INTERNAL"),
        ("WatchActions", "INTERNAL"),
        ("WatchClusterEvents", "INTERNAL"),
        ("DataProxyService.GetActionData", "UNAVAILABLE"),
        ("TailLogs", "UNAVAILABLE"),
    ],
)
async def test_request_that_names_nothing_ends_as_a_panic_does(
    flyte2: Client, method: str, code: str
) -> None:
    flyte2.do_not_record()  # the text is that of whoever reads the end of the stream
    assert (await flyte2.refused(method, flyte2.request(method))).code == code


async def test_logs_of_nothing_name_what_was_asked_for(flyte2: Client, task: str) -> None:
    action = make.action_id(task)
    action.run.domain = ""
    request = runs.GetActionLogContextRequest(action_id=action, attempt=3)
    refusal = await flyte2.refused("GetActionLogContext", request)
    assert refusal.code == "NOT_FOUND"
    text = " ".join(refusal.text.split())
    assert text == (
        f'no event found for action run:{{project:"{task}" name:"{task}a"}} name:"a0" attempt 3'
    )


async def test_engine_may_tell_by_streams(told: Client) -> None:
    told.do_not_record()
    action = make.action_id(told.project)
    record = internal.RecordActionStreamRequest(request=engine.record(action))
    (answer,) = await _exchanged(told, "RecordActionStream", record)
    assert (answer.response.action_id, answer.response.status.code) == (action, 0)
    status = internal.UpdateActionStatusStreamRequest(
        request=engine.status(action, engine.RUNNING), nonce=7
    )
    first, second = await _exchanged(told, "UpdateActionStatusStream", status, status)
    assert (first.nonce, first.response.action_id) == (7, action)
    assert second == first
    event = internal.RecordActionEventStreamRequest(
        request=internal.RecordActionEventRequest(event=engine.event(action, engine.RUNNING)),
        nonce=8,
    )
    (answer,) = await _exchanged(told, "RecordActionEventStream", event)
    assert (answer.nonce, answer.response.action_id) == (8, action)
    details = runs.GetActionDetailsRequest(action_id=action)
    found = (await told.ok("GetActionDetails", details)).details
    assert found.status.phase == engine.RUNNING
    assert len(found.attempts) == 1


async def _exchanged(told: Client, method: str, *requests: Any) -> list[Any]:
    service = descriptor_pool.Default().FindServiceByName("flyteidl2.workflow.InternalRunService")
    answer_type = message_factory.GetMessageClass(service.methods_by_name[method].output_type)
    call = told.channel.stream_stream(
        f"/{service.full_name}/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer_type.FromString,
    )
    return [answer async for answer in call(iter(requests), timeout=10)]


async def test_what_names_no_action_is_told_of_none(told: Client) -> None:
    answer = await told.ok("RecordAction", internal.RecordActionRequest())
    assert not answer.HasField("action_id")
    assert answer.status.message == "unsupported action spec type: <nil>"


@pytest.mark.parametrize("method", ["Create", "Get", "Update", "Delete", "List"])
async def test_app_is_found_nowhere(flyte2: Client, method: str) -> None:
    refusal = await flyte2.refused(f"AppService.{method}", flyte2.request(f"AppService.{method}"))
    assert (refusal.code, refusal.text) == ("UNIMPLEMENTED", "404 Not Found")


@pytest.mark.parametrize("method", ["UpdateStatus", "Lease"])
async def test_app_cannot_be_told_of(flyte2: Client, method: str) -> None:
    refusal = await flyte2.refused(f"AppService.{method}", flyte2.request(f"AppService.{method}"))
    assert refusal.code == "UNIMPLEMENTED"
    assert refusal.text == f"flyteidl2.app.AppService.{method} is not implemented"
