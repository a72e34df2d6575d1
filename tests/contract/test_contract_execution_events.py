"""Events of executions: which phase may follow which, and what an execution keeps of them."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import execution_pb2

P = run.Phase


@pytest.fixture
async def begun(flyte1: Client, runs: str) -> str:
    """The project with the execution x and its name, which no engine has picked up."""
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    return runs


async def play(flyte1: Client, owner: str, *phases: int) -> None:
    for number, phase in enumerate(phases):
        await flyte1.ok("CreateWorkflowEvent", run.event(owner, phase, seconds=number))


async def closure(flyte1: Client, owner: str) -> execution_pb2.ExecutionClosure:
    found: execution_pb2.Execution = await flyte1.ok("GetExecution", run.get(owner))
    return found.closure


async def test_execution_runs_and_succeeds(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, P.QUEUED, P.RUNNING, P.SUCCEEDING, P.SUCCEEDED)
    found = await closure(flyte1, begun)
    assert found.phase == P.SUCCEEDED
    assert found.started_at == run.at(1)
    assert found.updated_at == run.at(3)
    assert found.duration.seconds == 2


async def test_duration_counts_from_a_start_in_microseconds(flyte1: Client, begun: str) -> None:
    started = run.event(begun, P.RUNNING)
    started.event.occurred_at.nanos = 999_999_999
    await flyte1.ok("CreateWorkflowEvent", started)
    ended = run.event(begun, P.SUCCEEDED, seconds=2)
    ended.event.occurred_at.nanos = 1
    await flyte1.ok("CreateWorkflowEvent", ended)
    found = await closure(flyte1, begun)
    # The start is kept in microseconds, cut off.
    assert (found.duration.seconds, found.duration.nanos) == (1, 1001)
    assert found.started_at.nanos == 999_999_999


@pytest.mark.parametrize("end", [P.SUCCEEDED, P.FAILED, P.TIMED_OUT, P.ABORTED], ids=P.Phase.Name)
async def test_nothing_follows_the_end(flyte1: Client, begun: str, end: int) -> None:
    await play(flyte1, begun, P.RUNNING, end)
    for phase in (P.QUEUED, P.RUNNING, end, P.SUCCEEDED, P.FAILED):
        refusal = await flyte1.refused("CreateWorkflowEvent", run.event(begun, phase, seconds=9))
        if phase == end:
            assert refusal.code == "ALREADY_EXISTS"
            assert refusal.text.startswith(f"This phase {P.Phase.Name(end)} was already recorded")
        else:
            assert refusal.code == "FAILED_PRECONDITION"
            assert refusal.detail.endswith("EventFailureReason")
    refusal = await flyte1.refused("TerminateExecution", run.terminate(begun, "late"))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text == "Cannot abort an already terminated workflow execution"
    assert refusal.detail.endswith("EventFailureReason")


async def test_queued_may_be_told_twice(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, P.QUEUED, P.QUEUED, P.RUNNING)
    refusal = await flyte1.refused("CreateWorkflowEvent", run.event(begun, P.QUEUED))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text.startswith("Cannot go from RUNNING to QUEUED for workflow execution")
    refusal = await flyte1.refused("CreateWorkflowEvent", run.event(begun, P.RUNNING))
    assert refusal.code == "ALREADY_EXISTS"


async def test_execution_that_never_ran_has_no_duration(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, P.QUEUED, P.FAILED)
    assert not (await closure(flyte1, begun)).HasField("duration")


@pytest.mark.parametrize("kind", ["USER", "SYSTEM", "UNKNOWN"])
async def test_error_is_kept_with_its_kind(flyte1: Client, begun: str, kind: str) -> None:
    error = run.error(run.Error.ErrorKind.Value(kind))
    await play(flyte1, begun, P.RUNNING)
    event = run.event(begun, P.FAILED, seconds=5, error=error)
    await flyte1.ok("CreateWorkflowEvent", event)
    assert (await closure(flyte1, begun)).error == error
    request = make.listing(begun, filters=f"eq(error_kind,{kind})")
    assert len((await flyte1.ok("ListExecutions", request)).executions) == 1


async def test_outputs_of_an_event_are_stored_elsewhere(flyte1: Client, begun: str) -> None:
    outputs = make.literals(o0=make.integer(3))
    await play(flyte1, begun, P.RUNNING)
    event = run.event(begun, P.SUCCEEDED, seconds=5, output_data=outputs)
    await flyte1.ok("CreateWorkflowEvent", event)
    found = await closure(flyte1, begun)
    assert found.outputs.uri.endswith(f"/{begun}/{make.DOMAIN}/x{begun}/offloaded_outputs")
    answer = await flyte1.ok("GetExecutionData", run.data(begun))
    assert answer.full_outputs == outputs
    assert answer.HasField("outputs")


async def test_outputs_by_an_address_that_leads_nowhere_are_empty(
    flyte1: Client, begun: str
) -> None:
    await play(flyte1, begun, P.RUNNING)
    event = run.event(begun, P.SUCCEEDED, seconds=5, output_uri="s3://nowhere/outputs.pb")
    await flyte1.ok("CreateWorkflowEvent", event)
    assert (await closure(flyte1, begun)).outputs.uri == "s3://nowhere/outputs.pb"
    answer = await flyte1.ok("GetExecutionData", run.data(begun))
    assert answer.HasField("full_outputs")
    assert not answer.full_outputs.literals


async def test_too_long_outputs_of_an_event_are_refused(flyte1: Client, begun: str) -> None:
    flyte1.do_not_record()  # two megabytes
    outputs = make.literals(o0=make.string("x" * (2 * 1024 * 1024)))
    event = run.event(begun, P.SUCCEEDED, output_data=outputs)
    refusal = await flyte1.refused("CreateWorkflowEvent", event)
    assert refusal.code == "RESOURCE_EXHAUSTED"
    assert refusal.text.startswith("Output data size exceeds platform configured threshold (")


async def test_terminated_execution_waits_for_its_end(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, P.RUNNING)
    await flyte1.ok("TerminateExecution", run.terminate(begun, "first"))
    await flyte1.ok("TerminateExecution", run.terminate(begun, "second"))
    found = await closure(flyte1, begun)
    assert (found.phase, found.abort_metadata.cause) == (P.ABORTING, "second")
    refusal = await flyte1.refused("CreateWorkflowEvent", run.event(begun, P.FAILING, seconds=4))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text.startswith("Invalid phase change from aborting to FAILING for workflow")
    await flyte1.ok("CreateWorkflowEvent", run.event(begun, P.ABORTED, seconds=5))
    found = await closure(flyte1, begun)
    assert (found.phase, found.abort_metadata.cause) == (P.ABORTED, "second")
    request = make.listing(begun, filters="eq(abort_cause,second)")
    assert len((await flyte1.ok("ListExecutions", request)).executions) == 1


async def test_execution_is_terminated_before_it_runs(flyte1: Client, begun: str) -> None:
    await flyte1.ok("TerminateExecution", run.terminate(begun))
    found = await closure(flyte1, begun)
    assert found.phase == P.ABORTING
    assert found.HasField("abort_metadata")


async def test_aborted_execution_tells_its_cause_and_no_error(flyte1: Client, begun: str) -> None:
    await flyte1.ok("TerminateExecution", run.terminate(begun, "enough"))
    event = run.event(begun, P.ABORTED, seconds=5, error=run.error())
    await flyte1.ok("CreateWorkflowEvent", event)
    found = await closure(flyte1, begun)
    assert found.abort_metadata.cause == "enough"
    assert not found.HasField("error")


async def test_execution_may_succeed_although_it_was_terminated(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, P.RUNNING)
    await flyte1.ok("TerminateExecution", run.terminate(begun, "late"))
    outputs = make.literals(o0=make.integer(3))
    event = run.event(begun, P.SUCCEEDED, seconds=5, output_data=outputs)
    await flyte1.ok("CreateWorkflowEvent", event)
    assert (await closure(flyte1, begun)).phase == P.SUCCEEDED


async def test_unknown_execution_cannot_be_terminated(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("TerminateExecution", run.terminate(project))
    assert refusal.code == "NOT_FOUND"


async def test_event_of_an_unknown_execution_is_not_found(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("CreateWorkflowEvent", run.event(project, P.RUNNING))
    assert refusal.code == "NOT_FOUND"


@pytest.mark.parametrize("part", ["event", "execution_id"])
async def test_event_needs_its_execution(flyte1: Client, project: str, part: str) -> None:
    request = run.event(project, P.RUNNING)
    (request if part == "event" else request.event).ClearField(part)
    refusal = await flyte1.refused("CreateWorkflowEvent", request)
    assert refusal.code == "INVALID_ARGUMENT"


async def test_event_needs_a_time(flyte1: Client, begun: str) -> None:
    request = run.event(begun, P.RUNNING)
    request.event.ClearField("occurred_at")
    refusal = await flyte1.refused("CreateWorkflowEvent", request)
    assert refusal.code == "INTERNAL"


async def test_cluster_is_chosen_while_the_execution_waits(flyte1: Client, begun: str) -> None:
    queued = run.event(begun, P.QUEUED, producer_id="c1")
    await flyte1.ok("CreateWorkflowEvent", queued)
    await flyte1.ok("CreateWorkflowEvent", run.event(begun, P.QUEUED, producer_id="c2"))
    found = await flyte1.ok("GetExecution", run.get(begun))
    assert found.spec.metadata.system_metadata.execution_cluster == "c2"
    other = run.event(begun, P.RUNNING, producer_id="c1")
    refusal = await flyte1.refused("CreateWorkflowEvent", other)
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.detail.endswith("EventFailureReason")
    for producer in ("c2", "propeller"):
        phase = P.RUNNING if producer == "c2" else P.SUCCEEDED
        event = run.event(begun, phase, producer_id=producer)
        await flyte1.ok("CreateWorkflowEvent", event)


@pytest.mark.parametrize("end", [P.SUCCEEDED, P.FAILED, P.RUNNING], ids=P.Phase.Name)
async def test_relaunch_repeats_the_request(flyte1: Client, runs: str, end: int) -> None:
    labels = make.common_pb2.Labels(values={"k": "v"})
    metadata = execution_pb2.ExecutionMetadata(mode=execution_pb2.ExecutionMetadata.SCHEDULED)
    metadata.scheduled_at.seconds = 1_700_000_000
    request = make.execution(runs, f"x{runs}", labels=labels, tags=["t"], metadata=metadata)
    request.spec.overwrite_cache = True
    await flyte1.ok("CreateExecution", request)
    await play(flyte1, runs, P.RUNNING, *([] if end == P.RUNNING else [end]))
    again = execution_pb2.ExecutionRelaunchRequest(id=run.name(runs), name=f"y{runs}")
    answer = await flyte1.ok("RelaunchExecution", again)
    found = await flyte1.ok("GetExecution", run.get(runs, answer.id.name))
    assert found.spec.metadata.mode == execution_pb2.ExecutionMetadata.RELAUNCH
    assert found.spec.metadata.reference_execution == run.name(runs)
    assert found.spec.metadata.scheduled_at.seconds == 1_700_000_000
    assert found.spec.labels == labels
    assert not found.spec.overwrite_cache
    assert found.closure.phase == P.UNDEFINED
    request = make.listing(runs, filters="gt(source_execution_id,0)")
    listed = await flyte1.ok("ListExecutions", request)
    assert [one.id.name for one in listed.executions] == [f"y{runs}"]


@pytest.mark.parametrize("method", ["RelaunchExecution", "RecoverExecution"])
async def test_what_repeats_an_execution_is_checked(
    flyte1: Client, begun: str, method: str
) -> None:
    kind = {
        "RelaunchExecution": execution_pb2.ExecutionRelaunchRequest,
        "RecoverExecution": execution_pb2.ExecutionRecoverRequest,
    }[method]
    taken = await flyte1.refused(method, kind(id=run.name(begun), name=f"x{begun}"))
    assert taken.code == "ALREADY_EXISTS"
    wrong = await flyte1.refused(method, kind(id=run.name(begun), name="Not_A_Name"))
    assert wrong.code == "INVALID_ARGUMENT"
    unknown = await flyte1.refused(method, kind(id=run.name(begun, "none"), name="n"))
    assert unknown.code == "NOT_FOUND"


async def test_relaunch_takes_the_inputs_that_were_given(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    inputs = {"n": make.INTEGER, "m": make.INTEGER}
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs=inputs))
    defaults = make.parameters(m=make.default(make.INTEGER, make.integer(1)))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(project, default_inputs=defaults))
    request = make.execution(project, f"x{project}")
    request.inputs.CopyFrom(make.literals(n=make.integer(5)))
    await flyte1.ok("CreateExecution", request)
    again = execution_pb2.ExecutionRelaunchRequest(id=run.name(project), name=f"y{project}")
    await flyte1.ok("RelaunchExecution", again)
    answer = await flyte1.ok("GetExecutionData", run.data(project, f"y{project}"))
    assert answer.full_inputs == make.literals(n=make.integer(5), m=make.integer(1))


async def test_recovery_refers_to_what_failed(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, P.RUNNING, P.FAILED)
    request = execution_pb2.ExecutionRecoverRequest(id=run.name(begun), name=f"y{begun}")
    answer = await flyte1.ok("RecoverExecution", request)
    found = await flyte1.ok("GetExecution", run.get(begun, answer.id.name))
    assert found.spec.metadata.mode == execution_pb2.ExecutionMetadata.RECOVERED
    assert found.spec.metadata.reference_execution == run.name(begun)
