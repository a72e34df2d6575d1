"""Events of nodes: what a node execution keeps, its parents and children, lists and data."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import node_execution_pb2
from flyteidl.core import catalog_pb2, compiler_pb2
from flyteidl.event import event_pb2

N = run.NodePhase


@pytest.fixture
async def begun(flyte1: Client, runs: str) -> str:
    """The project with the execution x and its name, which runs."""
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    await flyte1.ok("CreateWorkflowEvent", run.event(runs, run.Phase.RUNNING))
    return runs


async def play(flyte1: Client, owner: str, *phases: int, **rest: object) -> None:
    for number, phase in enumerate(phases):
        event = run.node_event(owner, phase, seconds=number, **rest)
        await flyte1.ok("CreateNodeEvent", event)


async def read(flyte1: Client, owner: str, node_id: str = "n0") -> node_execution_pb2.NodeExecution:
    found: node_execution_pb2.NodeExecution = await flyte1.ok(
        "GetNodeExecution", run.node_get(owner, node_id)
    )
    return found


async def test_node_runs_and_succeeds(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, N.QUEUED, N.RUNNING, N.FAILING, N.SUCCEEDED)
    found = await read(flyte1, begun)
    assert found.id == run.node(begun)
    assert found.metadata.spec_node_id == "n0"
    assert found.closure.phase == N.SUCCEEDED
    assert found.closure.created_at == run.at(0)
    assert found.closure.started_at == run.at(1)
    assert found.closure.updated_at == run.at(3)
    assert found.closure.duration.seconds == 2


ENDS = [N.SUCCEEDED, N.FAILED, N.ABORTED, N.SKIPPED, N.TIMED_OUT, N.RECOVERED]


@pytest.mark.parametrize("end", ENDS, ids=N.Phase.Name)
async def test_nothing_follows_the_end_of_a_node(flyte1: Client, begun: str, end: int) -> None:
    await play(flyte1, begun, N.RUNNING, end)
    refusal = await flyte1.refused("CreateNodeEvent", run.node_event(begun, N.RUNNING, seconds=9))
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text.startswith(
        f"Invalid phase change from {N.Phase.Name(end)} to RUNNING for node execution "
    )
    assert refusal.detail.endswith("EventFailureReason")
    refusal = await flyte1.refused("CreateNodeEvent", run.node_event(begun, end, seconds=9))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text.startswith(f"This phase was already recorded {N.Phase.Name(end)} for ")


async def test_node_may_go_back_before_its_end(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, N.RUNNING, N.QUEUED, N.FAILING, N.RUNNING)
    found = await read(flyte1, begun)
    assert found.closure.started_at == run.at(3)


async def test_first_event_of_a_node_may_be_its_last(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, N.SKIPPED)
    found = await read(flyte1, begun)
    assert not found.closure.HasField("duration")


async def test_report_time_is_the_update_time(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, N.RUNNING, reported_at=run.at(77))
    assert (await read(flyte1, begun)).closure.updated_at == run.at(77)


async def test_error_of_a_node_is_kept(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, N.RUNNING)
    error = run.error(run.Error.SYSTEM, "x" * 200)
    event = run.node_event(begun, N.FAILED, seconds=5, error=error)
    await flyte1.ok("CreateNodeEvent", event)
    assert (await read(flyte1, begun)).closure.error == error
    listed = await flyte1.ok("ListNodeExecutions", run.node_list(begun))
    assert listed.node_executions[0].closure.error.message == "x" * 100


async def test_inputs_and_outputs_of_a_node_are_stored_elsewhere(
    flyte1: Client, begun: str
) -> None:
    inputs, outputs = make.literals(n=make.integer(1)), make.literals(o0=make.integer(2))
    await play(flyte1, begun, N.RUNNING, input_data=inputs)
    event = run.node_event(begun, N.SUCCEEDED, seconds=2, output_data=outputs, deck_uri="s3://d/d")
    await flyte1.ok("CreateNodeEvent", event)
    found = await read(flyte1, begun)
    assert found.input_uri.endswith(f"/x{begun}/n0/offloaded_inputs")
    assert found.closure.output_uri.endswith(f"/x{begun}/n0/offloaded_outputs")
    answer = await flyte1.ok("GetNodeExecutionData", run.node_data(begun))
    assert (answer.full_inputs, answer.full_outputs) == (inputs, outputs)
    base = f"flyte://v1/{begun}/{make.DOMAIN}/x{begun}/n0"
    assert answer.flyte_urls.outputs == f"{base}/o"
    assert answer.flyte_urls.deck == f"{base}/d"


async def test_inputs_of_a_node_stay_as_they_were_first(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, N.QUEUED)
    assert (await read(flyte1, begun)).input_uri == ""
    for number, phase in enumerate((N.RUNNING, N.SUCCEEDED)):
        event = run.node_event(begun, phase, input_uri=f"s3://nowhere/{number}")
        await flyte1.ok("CreateNodeEvent", event)
    assert (await read(flyte1, begun)).input_uri == "s3://nowhere/0"
    answer = await flyte1.ok("GetNodeExecutionData", run.node_data(begun))
    assert not answer.full_inputs.literals


async def test_event_of_a_node_needs_the_execution(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("CreateNodeEvent", run.node_event(project, N.RUNNING))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("Failed to get existing execution id: [")


async def test_unknown_node_is_not_found(flyte1: Client, begun: str) -> None:
    for method, request in (
        ("GetNodeExecution", run.node_get(begun)),
        ("GetNodeExecutionData", run.node_data(begun)),
    ):
        refusal = await flyte1.refused(method, request)
        assert refusal.code == "NOT_FOUND"
        assert refusal.text.startswith("missing entity of type node execution with identifier")


async def test_node_of_another_cluster_is_refused(flyte1: Client, begun: str) -> None:
    event = run.node_event(begun, N.RUNNING, producer_id="elsewhere")
    refusal = await flyte1.refused("CreateNodeEvent", event)
    assert refusal.code == "FAILED_PRECONDITION"
    assert refusal.text.startswith("Cluster/producer from event ")


async def family(flyte1: Client, owner: str, **rest: object) -> None:
    """The node n0 with the children n0-0-a and n0-0-b, and n1 without."""
    await play(flyte1, owner, N.RUNNING, **rest)
    await play(flyte1, owner, N.RUNNING, node_id="n1")
    parent = event_pb2.ParentNodeExecutionMetadata(node_id="n0")
    for child in ("n0-0-a", "n0-0-b"):
        await play(
            flyte1,
            owner,
            N.QUEUED,
            N.RUNNING,
            node_id=child,
            parent_node_metadata=parent,
            retry_group="0",
            spec_node_id=child[-1],
        )


async def nodes(flyte1: Client, owner: str, **rest: object) -> list[str]:
    answer = await flyte1.ok("ListNodeExecutions", run.node_list(owner, **rest))
    return [one.id.node_id for one in answer.node_executions]


async def test_children_are_listed_by_their_parent(flyte1: Client, begun: str) -> None:
    await family(flyte1, begun, is_parent=True)
    by_id = {"sort_by": make.by("id")}
    assert await nodes(flyte1, begun, **by_id) == ["n0", "n1"]
    assert await nodes(flyte1, begun, unique_parent_id="n0", **by_id) == ["n0-0-a", "n0-0-b"]
    assert await nodes(flyte1, begun, unique_parent_id="n1", **by_id) == []
    assert (await read(flyte1, begun)).metadata.is_parent_node
    found = await read(flyte1, begun, "n0-0-a")
    assert (found.metadata.retry_group, found.metadata.spec_node_id) == ("0", "a")
    refusal = await flyte1.refused(
        "ListNodeExecutions", run.node_list(begun, unique_parent_id="none")
    )
    assert refusal.code == "NOT_FOUND"


@pytest.mark.parametrize("version", [0, 2])
async def test_parents_of_engines_of_old_are_known_by_their_children(
    flyte1: Client, begun: str, version: int
) -> None:
    await family(flyte1, begun, event_version=version)
    assert (await read(flyte1, begun)).metadata.is_parent_node is (version == 0)
    request = run.node_list(begun, sort_by=make.by("id"))
    answer = await flyte1.ok("ListNodeExecutions", request)
    assert [one.metadata.is_parent_node for one in answer.node_executions] == [True, False]


async def test_child_needs_its_parent(flyte1: Client, begun: str) -> None:
    parent = event_pb2.ParentNodeExecutionMetadata(node_id="none")
    event = run.node_event(begun, N.RUNNING, parent_node_metadata=parent)
    assert (await flyte1.refused("CreateNodeEvent", event)).code == "NOT_FOUND"


NODES = {
    "phase": ("eq(phase,RUNNING)", ["n0", "n1"]),
    "node_id": ("eq(node_id,n1)", ["n1"]),
    "prefix": ("eq(node_execution.node_id,n1)", ["n1"]),
    "execution": ("eq(execution.phase,RUNNING)", ["n0", "n1"]),
    "other": ("eq(execution.phase,FAILED)", []),
    "started": ("gte(started_at,2023-11-14T22:13:20Z)", ["n0", "n1"]),
    "duration": ("gt(duration,0)", []),
    "error": ("eq(error_kind,USER)", []),
}


@pytest.mark.parametrize("kind", sorted(NODES))
async def test_nodes_are_filtered(flyte1: Client, begun: str, kind: str) -> None:
    await family(flyte1, begun)
    text, expected = NODES[kind]
    assert await nodes(flyte1, begun, filters=text, sort_by=make.by("id")) == expected


@pytest.mark.parametrize(
    "text", ["eq(name,x)", "eq(task.name,x)", "eq(state,1)"], ids=["name", "task", "state"]
)
async def test_filter_of_nodes_that_means_nothing_is_refused(
    flyte1: Client, plan: str, text: str
) -> None:
    refusal = await flyte1.refused("ListNodeExecutions", run.node_list(plan, filters=text))
    assert refusal.code == "INVALID_ARGUMENT"


async def test_nodes_come_in_pages(flyte1: Client, begun: str) -> None:
    await family(flyte1, begun)
    request = run.node_list(begun, limit=1, sort_by=make.by("id"))
    answer = await flyte1.ok("ListNodeExecutions", request)
    assert [one.id.node_id for one in answer.node_executions] == ["n0"]
    assert await nodes(flyte1, begun, token=answer.token, sort_by=make.by("id")) == ["n1"]


@pytest.mark.parametrize("part", ["execution", "limit", "token", "sort"])
async def test_list_of_nodes_is_checked(flyte1: Client, plan: str, part: str) -> None:
    request = run.node_list(plan)
    match part:
        case "execution":
            request.workflow_execution_id.name = ""
        case "limit":
            request.limit = 0
        case "token":
            request.token = "x"
        case _:
            request.sort_by.key = "nothing"
    refusal = await flyte1.refused("ListNodeExecutions", request)
    assert refusal.code == "INVALID_ARGUMENT"


async def test_nodes_of_an_unknown_execution_are_none(flyte1: Client, plan: str) -> None:
    assert await nodes(flyte1, plan) == []


async def test_node_names_the_execution_that_it_started(flyte1: Client, begun: str) -> None:
    child = make.execution(begun, f"y{begun}")
    await play(flyte1, begun, N.QUEUED)
    child.spec.metadata.parent_node_execution.CopyFrom(run.node(begun))
    await flyte1.ok("CreateExecution", child)
    found = await flyte1.ok("GetExecution", run.get(begun, f"y{begun}"))
    assert found.spec.metadata.nesting == 1
    started = event_pb2.WorkflowNodeMetadata(execution_id=run.name(begun, f"y{begun}"))
    event = run.node_event(begun, N.RUNNING, workflow_node_metadata=started)
    await flyte1.ok("CreateNodeEvent", event)
    found = await read(flyte1, begun)
    assert found.closure.workflow_node_metadata.executionId == run.name(begun, f"y{begun}")
    listed = await flyte1.ok(
        "ListExecutions", make.listing(begun, filters="gt(parent_node_execution_id,0)")
    )
    assert [one.id.name for one in listed.executions] == [f"y{begun}"]


async def test_execution_that_a_node_started_must_exist(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, N.QUEUED)
    started = event_pb2.WorkflowNodeMetadata(execution_id=run.name(begun, "none"))
    event = run.node_event(begun, N.RUNNING, workflow_node_metadata=started)
    assert (await flyte1.refused("CreateNodeEvent", event)).code == "NOT_FOUND"


async def test_execution_needs_the_node_that_started_it(flyte1: Client, begun: str) -> None:
    child = make.execution(begun, f"y{begun}")
    child.spec.metadata.parent_node_execution.CopyFrom(run.node(begun, "none"))
    assert (await flyte1.refused("CreateExecution", child)).code == "NOT_FOUND"


async def test_cache_status_of_a_node_is_kept(flyte1: Client, begun: str) -> None:
    await play(flyte1, begun, N.RUNNING)
    about = event_pb2.TaskNodeMetadata(
        cache_status=catalog_pb2.CACHE_HIT,
        catalog_key=catalog_pb2.CatalogMetadata(
            dataset_id=make.identifier(make.identifier_pb2.DATASET, begun, "d")
        ),
        checkpoint_uri="s3://c/c",
    )
    event = run.node_event(begun, N.SUCCEEDED, seconds=2, task_node_metadata=about)
    await flyte1.ok("CreateNodeEvent", event)
    found = (await read(flyte1, begun)).closure.task_node_metadata
    assert found.cache_status == catalog_pb2.CACHE_HIT
    assert found.checkpoint_uri == "s3://c/c"
    assert await nodes(flyte1, begun, filters="eq(cache_status,CACHE_HIT)") == ["n0"]


async def test_dynamic_node_keeps_the_workflow_that_it_made(flyte1: Client, begun: str) -> None:
    request = node_execution_pb2.GetDynamicNodeWorkflowRequest(id=run.node(begun))
    await play(flyte1, begun, N.RUNNING)
    refusal = await flyte1.refused("GetDynamicNodeWorkflow", request)
    assert (refusal.code, refusal.text) == ("NOT_FOUND", "node does not contain dynamic workflow")
    made = compiler_pb2.CompiledWorkflowClosure()
    made.primary.template.id.CopyFrom(make.identifier(make.WORKFLOW, begun, "made"))
    made.primary.template.nodes.append(make.task_node("m0", make.identifier(make.TASK, begun, "t")))
    about = event_pb2.TaskNodeMetadata(
        dynamic_workflow=event_pb2.DynamicWorkflowNodeMetadata(
            id=made.primary.template.id, compiled_workflow=made, dynamic_job_spec_uri="s3://f/f"
        )
    )
    event = run.node_event(
        begun,
        N.DYNAMIC_RUNNING,
        seconds=1,
        task_node_metadata=about,
        is_dynamic=True,
        is_parent=True,
    )
    await flyte1.ok("CreateNodeEvent", event)
    found = await read(flyte1, begun)
    assert found.metadata.is_dynamic
    assert found.metadata.is_parent_node
    assert found.closure.dynamic_job_spec_uri == "s3://f/f"
    await play(flyte1, begun, N.SUCCEEDED)
    answer = await flyte1.ok("GetDynamicNodeWorkflow", request)
    assert answer.compiled_workflow == made
    answer = await flyte1.ok("GetNodeExecutionData", run.node_data(begun))
    assert answer.dynamic_workflow.compiled_workflow == made
