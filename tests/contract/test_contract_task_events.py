"""Events of tasks: attempts, phase versions, logs, reasons, data and lists."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import node_execution_pb2, task_execution_pb2
from flyteidl.core import execution_pb2 as core_execution
from flyteidl.event import event_pb2
from google.protobuf.struct_pb2 import Struct

T = run.TaskPhase


@pytest.fixture
async def begun(flyte1: Client, runs: str) -> str:
    """The project with the execution x and its name, whose node n0 runs."""
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    await flyte1.ok("CreateWorkflowEvent", run.event(runs, run.Phase.RUNNING))
    await flyte1.ok("CreateNodeEvent", run.node_event(runs, run.NodePhase.RUNNING))
    return runs


async def play(flyte1: Client, owner: str, *phases: int, **rest: object) -> None:
    for number, phase in enumerate(phases):
        event = run.task_event(owner, phase, seconds=number, **rest)
        await flyte1.ok("CreateTaskEvent", event)


async def read(flyte1: Client, owner: str, **rest: object) -> task_execution_pb2.TaskExecution:
    found: task_execution_pb2.TaskExecution = await flyte1.ok(
        "GetTaskExecution", run.task_get(owner, **rest)
    )
    return found


async def test_task_runs_and_succeeds(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, T.QUEUED, T.INITIALIZING, T.RUNNING, T.SUCCEEDED, task_type="python")
    found = await read(flyte1, begun)
    assert found.id == run.task(begun)
    assert found.closure.phase == T.SUCCEEDED
    assert found.closure.task_type == "python"
    assert found.closure.created_at == run.at(0)
    assert found.closure.started_at == run.at(2)
    assert found.closure.updated_at == run.at(3)
    assert found.closure.duration.seconds == 1


@pytest.mark.parametrize("end", [T.SUCCEEDED, T.FAILED, T.ABORTED], ids=T.Phase.Name)
async def test_nothing_follows_the_end_of_a_task(flyte1: Client, begun: str, end: int) -> None:
    await play(flyte1, begun, T.RUNNING, end)
    refusal = await flyte1.refused("CreateTaskEvent", run.task_event(begun, T.RUNNING, seconds=9))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text.startswith(
        f"invalid phase change from {T.Phase.Name(end)} to RUNNING for task execution "
    )
    assert refusal.detail.endswith("EventFailureReason")
    refusal = await flyte1.refused("CreateTaskEvent", run.task_event(begun, end, seconds=9))
    assert refusal.code == "ALREADY_EXISTS"
    event = run.task_event(begun, end, seconds=9, phase_version=1)
    assert (await flyte1.refused("CreateTaskEvent", event)).code == "FAILED_PRECONDITION"


async def test_higher_phase_version_brings_news(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, T.RUNNING, phase_version=1, reason="first")
    for version in (0, 1):
        event = run.task_event(begun, T.RUNNING, phase_version=version)
        refusal = await flyte1.refused("CreateTaskEvent", event)
        assert refusal.code == "ALREADY_EXISTS"
        assert refusal.text.startswith(
            f"have already recorded task execution phase RUNNING (version: {version}) for "
        )
    await play(flyte1, begun, T.RUNNING, phase_version=2, reason="second")
    found = await read(flyte1, begun)
    assert found.closure.reason == "second"
    assert [one.message for one in found.closure.reasons] == ["first", "second"]
    assert found.closure.started_at == run.at(0)


async def test_reasons_are_a_list_without_repetition(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, T.QUEUED, T.INITIALIZING, reason="waiting")
    several = [
        event_pb2.EventReason(reason=text, occurred_at=run.at(number))
        for number, text in enumerate(("pulling", "starting"))
    ]
    await play(flyte1, begun, T.RUNNING, reasons=several)
    found = await read(flyte1, begun)
    assert [one.message for one in found.closure.reasons] == ["waiting", "pulling", "starting"]
    assert found.closure.reason == "starting"


def log(name: str, uri: str, **rest: object) -> core_execution.TaskLog:
    return core_execution.TaskLog(name=name, uri=uri, **rest)


async def test_log_links_are_merged(flyte1: Client, begun: str) -> None:
    await play(
        flyte1,
        begun,
        T.QUEUED,
        logs=[log("a", "http://a/0", ShowWhilePending=True), log("b", "http://b/0")],
    )
    await play(
        flyte1,
        begun,
        T.INITIALIZING,
        logs=[log("c", "http://c/0", ShowWhilePending=True), log("d", "http://d/0")],
    )
    await play(
        flyte1,
        begun,
        T.RUNNING,
        logs=[log("a", "http://a/1"), log("e", "http://e/0", HideOnceFinished=True)],
    )
    found = await read(flyte1, begun)
    assert [one.uri for one in found.closure.logs] == ["http://a/1", "http://e/0", "http://c/0"]
    await play(flyte1, begun, T.SUCCEEDED)
    found = await read(flyte1, begun)
    assert [one.uri for one in found.closure.logs] == ["http://a/1", "http://c/0"]


async def test_custom_info_is_merged(flyte1: Client, begun: str) -> None:
    first, second = Struct(), Struct()
    first.update({"a": 1, "b": {"c": 1, "d": 2}, "gone": "x"})
    second.update({"a": 2, "b": {"c": 3}, "gone": None, "new": [1]})
    await play(flyte1, begun, T.QUEUED, custom_info=first)
    await play(flyte1, begun, T.RUNNING, custom_info=second)
    await play(flyte1, begun, T.SUCCEEDED)
    found = (await read(flyte1, begun)).closure.custom_info
    assert found["a"] == 2
    assert dict(found["b"]) == {"c": 3, "d": 2}
    assert "gone" not in found
    assert list(found["new"]) == [1]


def part(index: int, attempt: int, phase: int, **rest: object) -> event_pb2.ExternalResourceInfo:
    return event_pb2.ExternalResourceInfo(
        external_id=f"p{index}", index=index, retry_attempt=attempt, phase=phase, **rest
    )


async def test_parts_of_an_array_are_merged(flyte1: Client, begun: str) -> None:
    first = event_pb2.TaskExecutionMetadata(
        generated_name="g",
        plugin_identifier="k8s-array",
        external_resources=[part(2, 0, T.QUEUED), part(0, 0, T.QUEUED)],
    )
    second = event_pb2.TaskExecutionMetadata(
        external_resources=[
            part(0, 0, T.FAILED, logs=[log("l", "http://l")]),
            part(1, 0, T.RUNNING),
            part(0, 1, T.RUNNING),
        ]
    )
    await play(flyte1, begun, T.QUEUED, metadata=first)
    await play(flyte1, begun, T.RUNNING, metadata=second)
    found = (await read(flyte1, begun)).closure.metadata
    places = [(one.index, one.retry_attempt, one.phase) for one in found.external_resources]
    assert places == [(0, 0, T.FAILED), (0, 1, T.RUNNING), (1, 0, T.RUNNING), (2, 0, T.QUEUED)]
    assert found.generated_name == "g"


async def test_inputs_and_outputs_of_an_attempt_are_stored_elsewhere(
    flyte1: Client, begun: str
) -> None:
    inputs, outputs = make.literals(n=make.integer(1)), make.literals(o0=make.integer(2))
    await play(flyte1, begun, T.RUNNING, input_data=inputs)
    event = run.task_event(begun, T.SUCCEEDED, seconds=2, output_data=outputs)
    await flyte1.ok("CreateTaskEvent", event)
    found = await read(flyte1, begun)
    assert found.input_uri.endswith("/t/v1/0/offloaded_inputs")
    assert found.closure.output_uri.endswith("/t/v1/0/offloaded_outputs")
    answer = await flyte1.ok("GetTaskExecutionData", run.task_data(begun))
    assert (answer.full_inputs, answer.full_outputs) == (inputs, outputs)
    assert answer.flyte_urls.inputs.endswith("/n0/0/i")


async def test_outputs_of_an_attempt_by_address(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, T.RUNNING, input_uri="s3://nowhere/i")
    event = run.task_event(begun, T.SUCCEEDED, output_uri="s3://nowhere/o")
    await flyte1.ok("CreateTaskEvent", event)
    found = await read(flyte1, begun)
    assert (found.input_uri, found.closure.output_uri) == ("s3://nowhere/i", "s3://nowhere/o")


@pytest.mark.parametrize("kind", ["USER", "SYSTEM"])
async def test_error_of_an_attempt_is_whole_in_lists(flyte1: Client, begun: str, kind: str) -> None:
    error = run.error(run.Error.ErrorKind.Value(kind), "x" * 200)
    await play(flyte1, begun, T.RUNNING)
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, T.FAILED, error=error))
    answer = await flyte1.ok("ListTaskExecutions", run.task_list(begun))
    assert [one.closure.error for one in answer.task_executions] == [error]


async def test_attempts_are_rows_of_their_own(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, T.RUNNING, T.FAILED, attempt=0)
    await play(flyte1, begun, T.QUEUED, T.RUNNING, attempt=1)
    request = run.task_list(begun, sort_by=make.by("retry_attempt"))
    answer = await flyte1.ok("ListTaskExecutions", request)
    phases = [(one.id.retry_attempt, one.closure.phase) for one in answer.task_executions]
    assert phases == [(0, T.FAILED), (1, T.RUNNING)]
    request = run.task_list(begun, limit=1, sort_by=make.by("retry_attempt"))
    answer = await flyte1.ok("ListTaskExecutions", request)
    assert answer.token == "1"


TASKS = {
    "phase": ("eq(phase,RUNNING)", 1),
    "attempt": ("eq(retry_attempt,1)", 0),
    "version": ("eq(phase_version,0)", 1),
    "task": ("eq(task.name,t)", 1),
    "node": ("eq(node_execution.phase,RUNNING)", 1),
    "execution": ("eq(execution.phase,RUNNING)", 1),
    "started": ("gt(started_at,2030-01-01T00:00:00Z)", 0),
}


@pytest.mark.parametrize("kind", sorted(TASKS))
async def test_attempts_are_filtered(flyte1: Client, begun: str, kind: str) -> None:
    await play(flyte1, begun, T.RUNNING)
    text, count = TASKS[kind]
    answer = await flyte1.ok("ListTaskExecutions", run.task_list(begun, filters=text))
    assert len(answer.task_executions) == count


async def test_unknown_attempt_is_not_found(flyte1: Client, begun: str) -> None:
    for method, request in (
        ("GetTaskExecution", run.task_get(begun, attempt=7)),
        ("GetTaskExecutionData", run.task_data(begun, attempt=7)),
    ):
        refusal = await flyte1.refused(method, request)
        assert refusal.code == "NOT_FOUND"
        assert refusal.text.startswith("missing entity of type task execution with identifier")


@pytest.mark.parametrize("part", ["event", "occurred_at", "task_id", "parent_node_execution_id"])
async def test_event_of_a_task_is_checked(flyte1: Client, begun: str, part: str) -> None:
    request = run.task_event(begun, T.RUNNING)
    (request if part == "event" else request.event).ClearField(part)
    refusal = await flyte1.refused("CreateTaskEvent", request)
    names = {"parent_node_execution_id": "node_execution_id"}
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == f"missing {names.get(part, part)}"


async def test_event_of_a_task_needs_the_node(flyte1: Client, begun: str) -> None:
    event = run.task_event(begun, T.RUNNING, node_id="none")
    refusal = await flyte1.attempt("CreateTaskEvent", event)
    assert not isinstance(refusal, task_execution_pb2.TaskExecution)
    assert refusal.code != "OK"


async def test_event_of_a_task_needs_the_execution(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("CreateTaskEvent", run.task_event(project, T.RUNNING))
    assert refusal.code == "NOT_FOUND"


async def test_task_of_another_cluster_is_refused(flyte1: Client, begun: str) -> None:
    event = run.task_event(begun, T.RUNNING, producer_id="elsewhere")
    refusal = await flyte1.refused("CreateTaskEvent", event)
    assert refusal.code == "FAILED_PRECONDITION"


async def test_nodes_that_a_task_started_are_listed_by_it(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, T.RUNNING)
    parent = event_pb2.ParentTaskExecutionMetadata(id=run.task(begun))
    event = run.node_event(begun, run.NodePhase.RUNNING, node_id="c0", parent_task_metadata=parent)
    await flyte1.ok("CreateNodeEvent", event)
    request = node_execution_pb2.NodeExecutionForTaskListRequest(
        task_execution_id=run.task(begun), limit=10
    )
    answer = await flyte1.ok("ListNodeExecutionsForTask", request)
    assert [one.id.node_id for one in answer.node_executions] == ["c0"]
    assert (await read(flyte1, begun)).is_parent
    listed = await flyte1.ok("ListNodeExecutions", run.node_list(begun))
    assert [one.id.node_id for one in listed.node_executions] == ["n0"]
    request.task_execution_id.retry_attempt = 3
    assert (await flyte1.refused("ListNodeExecutionsForTask", request)).code == "NOT_FOUND"


@pytest.mark.parametrize("part", ["node", "limit", "token", "sort"])
async def test_list_of_attempts_is_checked(flyte1: Client, plan: str, part: str) -> None:
    request = run.task_list(plan)
    match part:
        case "node":
            request.ClearField("node_execution_id")
        case "limit":
            request.limit = 0
        case "token":
            request.token = "x"
        case _:
            request.sort_by.key = "nothing"
    refusal = await flyte1.refused("ListTaskExecutions", request)
    assert refusal.code == "INVALID_ARGUMENT"
