"""Times, phases and numbers of events that are out of the ordinary; JSON has no words for some."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.core import compiler_pb2
from flyteidl.event import event_pb2
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

N, T, W = run.NodePhase, run.TaskPhase, run.Phase

WRONG = {
    "early": (Timestamp(seconds=-(2**62)), f"timestamp: seconds:{-(2**62)} before 0001-01-01"),
    "late": (Timestamp(seconds=2**62), f"timestamp: seconds:{2**62} after 10000-01-01"),
    "nanos": (
        Timestamp(seconds=1, nanos=-1),
        "timestamp: seconds:1 nanos:-1: nanos not in range [0, 1e9)",
    ),
}
FIRST, LAST = Timestamp(seconds=-62135596800), Timestamp(seconds=253402300799, nanos=999999999)


@pytest.fixture
async def begun(flyte1: Client, runs: str) -> str:
    """The project with the execution x and its name, in which nothing has happened."""
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    return runs


@pytest.mark.parametrize("case", WRONG)
async def test_time_of_an_execution_must_be_one(flyte1: Client, begun: str, case: str) -> None:
    flyte1.do_not_record()
    moment, problem = WRONG[case]
    event = run.event(begun, W.RUNNING)
    event.event.occurred_at.CopyFrom(moment)
    refusal = await flyte1.refused("CreateWorkflowEvent", event)
    assert refusal.code == "INTERNAL"
    assert refusal.text.replace("  ", " ") == f"Failed to parse OccurredAt: {problem}"


@pytest.mark.parametrize("case", WRONG)
async def test_time_of_a_node_that_runs_must_be_one(flyte1: Client, begun: str, case: str) -> None:
    flyte1.do_not_record()
    moment, problem = WRONG[case]
    event = run.node_event(begun, N.RUNNING)
    event.event.occurred_at.CopyFrom(moment)
    refusal = await flyte1.refused("CreateNodeEvent", event)
    assert refusal.code == "INTERNAL"
    text = f"failed to unmarshal occurredAt with error: {problem}"
    assert refusal.text.replace("  ", " ") == text


@pytest.mark.parametrize("case", WRONG)
async def test_time_of_an_attempt_that_runs_must_be_one(
    flyte1: Client, begun: str, case: str
) -> None:
    flyte1.do_not_record()
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.RUNNING))
    moment, problem = WRONG[case]
    event = run.task_event(begun, T.RUNNING)
    event.event.occurred_at.CopyFrom(moment)
    refusal = await flyte1.refused("CreateTaskEvent", event)
    assert refusal.code == "INTERNAL"
    text = f"failed to unmarshal occurredAt with error: {problem}"
    assert refusal.text.replace("  ", " ") == text


async def test_time_of_a_node_that_waits_must_be_one(flyte1: Client, begun: str) -> None:
    event = run.node_event(begun, N.QUEUED)
    event.event.ClearField("occurred_at")
    refusal = await flyte1.refused("CreateNodeEvent", event)
    assert (refusal.code, refusal.text) == ("INTERNAL", "failed to read event timestamp")


async def test_report_time_of_a_node_must_be_one(flyte1: Client, begun: str) -> None:
    flyte1.do_not_record()
    wrong = Timestamp(seconds=1, nanos=-1)
    event = run.node_event(begun, N.QUEUED, reported_at=wrong)
    refusal = await flyte1.refused("CreateNodeEvent", event)
    problem = "failed to read event reported_at timestamp"
    assert (refusal.code, refusal.text) == ("INTERNAL", problem)
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.QUEUED))
    event = run.node_event(begun, N.SUCCEEDED, reported_at=wrong)
    refusal = await flyte1.refused("CreateNodeEvent", event)
    assert (refusal.code, refusal.text) == ("INTERNAL", "failed to parse updated at timestamp")


async def test_end_of_a_node_that_ran_must_have_a_time(flyte1: Client, begun: str) -> None:
    flyte1.do_not_record()
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.RUNNING))
    event = run.node_event(begun, N.SUCCEEDED)
    event.event.occurred_at.nanos = -1
    refusal = await flyte1.refused("CreateNodeEvent", event)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("Failed to parse node execution occurred at timestamp: ")


async def test_end_of_an_attempt_that_ran_must_have_a_time(flyte1: Client, begun: str) -> None:
    flyte1.do_not_record()
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.RUNNING))
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, T.RUNNING))
    event = run.task_event(begun, T.SUCCEEDED)
    event.event.occurred_at.nanos = -1
    refusal = await flyte1.refused("CreateTaskEvent", event)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("Failed to parse task execution occurredAt timestamp: ")


async def test_duration_is_as_long_as_can_be_counted(flyte1: Client, begun: str) -> None:
    for phase, moment in ((W.RUNNING, FIRST), (W.SUCCEEDED, LAST)):
        event = run.event(begun, phase)
        event.event.occurred_at.CopyFrom(moment)
        await flyte1.ok("CreateWorkflowEvent", event)
    found = await flyte1.ok("GetExecution", run.get(begun))
    assert found.closure.duration.seconds == 9223372036
    assert found.closure.duration.nanos == 854775807


async def test_unknown_phase_of_an_execution_is_kept(flyte1: Client, begun: str) -> None:
    await flyte1.ok("CreateWorkflowEvent", run.event(begun, 99))
    assert (await flyte1.ok("GetExecution", run.get(begun))).closure.phase == 99
    refusal = await flyte1.refused("CreateWorkflowEvent", run.event(begun, W.UNDEFINED))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text.startswith("This phase UNDEFINED was already recorded for ")


async def test_unknown_phase_of_a_node_is_kept(flyte1: Client, begun: str) -> None:
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, 99))
    assert (await flyte1.ok("GetNodeExecution", run.node_get(begun))).closure.phase == 99
    refusal = await flyte1.refused("CreateNodeEvent", run.node_event(begun, N.UNDEFINED))
    assert refusal.code == "ALREADY_EXISTS"
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, 99))


async def test_unknown_phase_of_an_attempt_is_kept(flyte1: Client, begun: str) -> None:
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.RUNNING))
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, 99))
    assert (await flyte1.ok("GetTaskExecution", run.task_get(begun))).closure.phase == 99
    refusal = await flyte1.refused("CreateTaskEvent", run.task_event(begun, 99))
    assert refusal.text.startswith("have already recorded task execution phase 99 (version: 0)")


async def test_phase_version_never_becomes_zero_again(flyte1: Client, begun: str) -> None:
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.RUNNING))
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, T.RUNNING, phase_version=5))
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, T.QUEUED, seconds=1))
    event = run.task_event(begun, T.QUEUED, seconds=2, phase_version=3)
    refusal = await flyte1.refused("CreateTaskEvent", event)
    assert refusal.code == "ALREADY_EXISTS"
    event = run.task_event(begun, T.QUEUED, seconds=2, phase_version=6)
    await flyte1.ok("CreateTaskEvent", event)


async def test_reason_keeps_no_time_when_it_has_none(flyte1: Client, begun: str) -> None:
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.RUNNING))
    reasons = [event_pb2.EventReason(reason="a"), event_pb2.EventReason(occurred_at=run.at(1))]
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, T.RUNNING, reasons=reasons))
    found = await flyte1.ok("GetTaskExecution", run.task_get(begun))
    first, second = found.closure.reasons
    assert not first.HasField("occurred_at")
    assert second.occurred_at == run.at(1)


async def test_event_of_a_lost_node_says_which(flyte1: Client, begun: str) -> None:
    refusal = await flyte1.refused("CreateTaskEvent", run.task_event(begun, T.RUNNING))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.endswith("with err: entry not found")


async def test_aborted_execution_has_no_outputs(flyte1: Client, begun: str) -> None:
    event = run.event(begun, W.ABORTED, output_data=make.literals(o=make.integer(1)))
    await flyte1.ok("CreateWorkflowEvent", event)
    data = await flyte1.ok("GetExecutionData", run.data(begun))
    assert not data.full_outputs.literals


PARTS = [(2, 0, "a"), (0, 0, "b"), (1, 0, "c"), (2, 1, "d"), (0, 0, "e")]


async def test_parts_of_an_attempt_are_looked_for_as_if_in_order(
    flyte1: Client, begun: str
) -> None:
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.RUNNING))
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, T.QUEUED))
    parts = [
        event_pb2.ExternalResourceInfo(index=index, retry_attempt=attempt, external_id=name)
        for index, attempt, name in PARTS
    ]
    for number, some in enumerate((parts, parts[:3], parts[2:])):
        metadata = event_pb2.TaskExecutionMetadata(external_resources=some)
        event = run.task_event(begun, T.RUNNING, phase_version=number, metadata=metadata)
        await flyte1.ok("CreateTaskEvent", event)
    found = await flyte1.ok("GetTaskExecution", run.task_get(begun))
    names = [one.external_id for one in found.closure.metadata.external_resources]
    assert "".join(names) == "ecabcdead"


async def test_nulls_of_custom_info_are_left_out(flyte1: Client, begun: str) -> None:
    await flyte1.ok("CreateNodeEvent", run.node_event(begun, N.RUNNING))
    for number, content in enumerate(
        (
            {"a": None, "b": {"c": 1}, "l": 1},
            {"a": {"d": None, "e": 1}, "b": [{"f": None}], "l": [None, {"g": None}]},
        )
    ):
        info = json_format.ParseDict(content, Struct())
        event = run.task_event(begun, T.RUNNING, phase_version=number, custom_info=info)
        await flyte1.ok("CreateTaskEvent", event)
    found = await flyte1.ok("GetTaskExecution", run.task_get(begun))
    assert json_format.MessageToDict(found.closure.custom_info) == {
        "a": {"e": 1},
        "b": [{"f": None}],
        "l": [None, {}],
    }


def _dynamic(owner: str, **made: object) -> object:
    name = make.identifier(make.WORKFLOW, owner, "dyn")
    workflow = event_pb2.DynamicWorkflowNodeMetadata(id=name, **made)
    about = event_pb2.TaskNodeMetadata(dynamic_workflow=workflow)
    return run.node_event(owner, N.RUNNING, task_node_metadata=about)


async def test_dynamic_node_without_a_workflow_is_refused(flyte1: Client, begun: str) -> None:
    refusal = await flyte1.refused("CreateNodeEvent", _dynamic(begun))
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("Failed to upload dynamic workflow closure for node id [")
    assert refusal.text.endswith("] with err: proto: Marshal called with nil")


@pytest.mark.parametrize("part", ["definition", "template"])
async def test_dynamic_workflow_must_be_whole_to_be_read(
    flyte1: Client, begun: str, part: str
) -> None:
    closure = compiler_pb2.CompiledWorkflowClosure()
    if part == "template":
        closure.primary.SetInParent()
    await flyte1.ok("CreateNodeEvent", _dynamic(begun, compiled_workflow=closure))
    refusal = await flyte1.refused("GetNodeExecutionData", run.node_data(begun))
    problem = f"Empty primary workflow {part} in loaded dynamic workflow model."
    assert (refusal.code, refusal.text) == ("INTERNAL", problem)
