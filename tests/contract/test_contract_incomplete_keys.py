"""Identifiers with parts left out, which find some row where nothing checks them, and odd text."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import (
    execution_pb2,
    launch_plan_pb2,
    node_execution_pb2,
    project_attributes_pb2,
    project_pb2,
    signal_pb2,
    task_execution_pb2,
)
from flyteidl.core import identifier_pb2, workflow_pb2
from flyteidl.event import event_pb2

N, T = run.NodePhase, run.TaskPhase
NUL = 'failed database operation with invalid byte sequence for encoding "UTF8": 0x00'


@pytest.fixture
async def begun(flyte1: Client, runs: str) -> str:
    """The project with one execution, named like its project, in which the node n0 runs."""
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    await flyte1.ok("CreateNodeEvent", run.node_event(runs, N.RUNNING))
    return runs


def nameless(owner: str) -> identifier_pb2.WorkflowExecutionIdentifier:
    return identifier_pb2.WorkflowExecutionIdentifier(project=owner)


async def test_data_of_an_execution_without_a_name_is_that_of_some_execution(
    flyte1: Client, begun: str
) -> None:
    request = execution_pb2.WorkflowExecutionGetDataRequest(id=nameless(begun))
    await flyte1.ok("GetExecutionData", request)
    request.id.domain = "production"
    refusal = await flyte1.refused("GetExecutionData", request)
    assert refusal.code == "NOT_FOUND"


async def test_execution_without_a_name_is_told_what_happened_to_another(
    flyte1: Client, begun: str
) -> None:
    event = run.event(begun, run.Phase.RUNNING, seconds=3)
    event.event.execution_id.name = ""
    await flyte1.ok("CreateWorkflowEvent", event)
    found = await flyte1.ok("GetExecution", run.get(begun))
    assert found.closure.phase == run.Phase.RUNNING


async def test_execution_without_a_name_is_recovered_where_the_request_says(
    flyte1: Client, begun: str
) -> None:
    request = execution_pb2.ExecutionRecoverRequest(id=nameless(begun), name=f"r{begun}")
    refusal = await flyte1.refused("RecoverExecution", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing domain")
    request.id.domain = make.DOMAIN
    await flyte1.ok("RecoverExecution", request)
    found = await flyte1.ok("GetExecution", run.get(begun, f"r{begun}"))
    assert found.spec.metadata.reference_execution == run.name(begun)


async def test_node_without_an_id_is_some_node_of_the_execution(flyte1: Client, begun: str) -> None:
    request = node_execution_pb2.NodeExecutionGetRequest(id=run.node(begun, ""))
    found = await flyte1.ok("GetNodeExecution", request)
    assert found.id.node_id == "n0"
    data = await flyte1.ok("GetNodeExecutionData", run.node_data(begun, ""))
    assert data.flyte_urls.inputs.endswith(f"/x{begun}//i")


async def test_parent_without_an_id_is_some_node_of_the_execution(
    flyte1: Client, begun: str
) -> None:
    parent = event_pb2.ParentNodeExecutionMetadata()
    child = run.node_event(begun, N.RUNNING, node_id="c0", parent_node_metadata=parent)
    await flyte1.ok("CreateNodeEvent", child)
    listed = await flyte1.ok("ListNodeExecutions", run.node_list(begun, unique_parent_id="n0"))
    assert [one.id.node_id for one in listed.node_executions] == ["c0"]


async def test_task_that_is_a_parent_needs_a_whole_identifier(flyte1: Client, begun: str) -> None:
    parent = event_pb2.ParentTaskExecutionMetadata()
    child = run.node_event(begun, N.RUNNING, node_id="c0", parent_task_metadata=parent)
    refusal = await flyte1.refused("CreateNodeEvent", child)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing id")


@pytest.mark.parametrize("method", ["GetTaskExecution", "GetTaskExecutionData"])
async def test_type_of_an_attempts_task_is_filled_in(
    flyte1: Client, begun: str, method: str
) -> None:
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, T.RUNNING))
    name = run.task(begun)
    name.task_id.resource_type = identifier_pb2.UNSPECIFIED
    kind = {
        "GetTaskExecution": task_execution_pb2.TaskExecutionGetRequest,
        "GetTaskExecutionData": task_execution_pb2.TaskExecutionGetDataRequest,
    }[method]
    await flyte1.ok(method, kind(id=name))


async def test_type_of_a_parents_task_is_filled_in(flyte1: Client, begun: str) -> None:
    await flyte1.ok("CreateTaskEvent", run.task_event(begun, T.RUNNING))
    name = run.task(begun)
    name.task_id.resource_type = identifier_pb2.UNSPECIFIED
    request = node_execution_pb2.NodeExecutionForTaskListRequest(task_execution_id=name, limit=9)
    assert not (await flyte1.ok("ListNodeExecutionsForTask", request)).node_executions


async def test_lost_node_is_named_by_its_key_alone(flyte1: Client, begun: str) -> None:
    name = run.node(begun, "n'9")
    name.execution_id.org = "o"
    request = node_execution_pb2.NodeExecutionGetRequest(id=name)
    refusal = await flyte1.refused("GetNodeExecution", request)
    assert refusal.code == "NOT_FOUND"
    assert """node_id:"n'9\"""" in refusal.text
    assert "org" not in refusal.text


async def test_task_without_a_domain_is_found_and_not_the_one_that_was_meant(
    flyte1: Client, workflow: str
) -> None:
    reference = make.identifier(make.TASK, workflow, "t", domain="")
    request = make.workflow(workflow, "w2", nodes=[make.task_node("n0", reference)])
    refusal = await flyte1.refused("CreateWorkflow", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert "Code: TaskReferenceNotFound, Node Id: start-node, " in refusal.text


async def test_faults_of_a_workflow_are_sorted(flyte1: Client, workflow: str) -> None:
    task = make.task(workflow, "t2", inputs={"a": make.INTEGER})
    await flyte1.ok("CreateTask", task)
    node = make.task_node("n0", task.id, z=make.constant(make.integer(1)))
    other = workflow_pb2.Node(id="n1", metadata=node.metadata)
    request = make.workflow(workflow, "w2", nodes=[other, node])
    refusal = await flyte1.refused("CreateWorkflow", request)
    codes = [line.split(",")[0] for line in refusal.text.split("Code: ")[1:]]
    assert codes == sorted(codes)
    assert len(codes) > 1


async def test_project_attributes_of_no_project_cannot_be_read(
    flyte1: Client, project: str
) -> None:
    request = project_attributes_pb2.ProjectAttributesGetRequest()
    refusal = await flyte1.refused("GetProjectAttributes", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text == (
        "unexpected error type for: missing and/or invalid parameters: {    TASK_RESOURCE}"
    )


async def test_update_of_no_project_is_told_what_is_missing(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("UpdateProject", project_pb2.Project(name="n"))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing project_id")


async def test_metrics_of_no_execution_are_told_what_is_missing(flyte1: Client) -> None:
    request = execution_pb2.WorkflowExecutionGetMetricsRequest(depth=1)
    refusal = await flyte1.refused("GetExecutionMetrics", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing id")


def _signal(owner: str, name: str) -> signal_pb2.SignalSetRequest:
    key = identifier_pb2.SignalIdentifier(signal_id=name, execution_id=run.name(owner))
    return signal_pb2.SignalSetRequest(id=key, value=make.string("s"))


async def test_lost_signal_is_named_by_its_key(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("SetSignal", _signal(project, "s"))
    key = f"{{{{{project} development x{project}}} s}}"
    problem = f"failed to validate that signal [{key}] exists, err: [signal does not exist]"
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", problem)


NULS = {
    "task": lambda owner: ("GetTask", make.get(make.TASK, owner, "\0")),
    "execution": lambda owner: ("GetExecution", run.get(owner, "\0")),
    "list": lambda owner: ("ListTasks", make.listing(f"{owner}\0")),
    "filter": lambda owner: ("ListTasks", make.listing(owner, filters="value_in(name,\0;a)")),
    "active": lambda owner: (
        "GetActiveLaunchPlan",
        launch_plan_pb2.ActiveLaunchPlanRequest(id=make.named(owner, "\0")),
    ),
    "node": lambda owner: ("GetNodeExecution", run.node_get(owner, "\0")),
}


@pytest.mark.parametrize("case", list(NULS))
async def test_text_that_the_database_cannot_hold_is_unknown(
    flyte1: Client, project: str, case: str
) -> None:
    refusal = await flyte1.refused(*NULS[case](project))
    assert (refusal.code, refusal.text) == ("UNKNOWN", NUL)


async def test_version_that_the_database_cannot_hold_is_unknown(
    flyte1: Client, project: str
) -> None:
    refusal = await flyte1.refused("CreateTask", make.task(project, version="v\0"))
    assert (refusal.code, refusal.text) == ("UNKNOWN", NUL)


async def test_project_that_the_database_cannot_hold_is_an_invalid_argument(
    flyte1: Client, project: str
) -> None:
    request = make.task(f"{project}\0")
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.endswith(f"are registered, err: [{NUL}]")


async def test_sub_workflow_needs_an_identifier(flyte1: Client, workflow: str) -> None:
    request = make.simple_workflow(workflow, "w2")
    request.spec.sub_workflows.add()
    refusal = await flyte1.refused("CreateWorkflow", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.endswith(
        "with err: failed to get workflow requirements with err Collected Errors: 0\n"
    )


async def test_task_of_an_organisation_is_not_the_one_that_was_found(
    flyte1: Client, workflow: str
) -> None:
    reference = make.identifier(make.TASK, workflow, "t")
    reference.org = "o"
    request = make.workflow(workflow, "w2", nodes=[make.task_node("n0", reference)])
    refusal = await flyte1.refused("CreateWorkflow", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert "Code: TaskReferenceNotFound, Node Id: start-node, " in refusal.text
