"""GetExecutionMetrics: where the time of an execution went, between the events that were sent."""

from __future__ import annotations

from typing import Any

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import execution_pb2
from flyteidl.core import compiler_pb2, condition_pb2, literals_pb2, metrics_pb2
from flyteidl.core import workflow_pb2 as core_workflow
from flyteidl.event import event_pb2

N, T = run.NodePhase, run.TaskPhase


@pytest.fixture
async def begun(flyte1: Client, runs: str) -> str:
    """The project with the execution x and its name, which runs the workflow `w` from second 0."""
    await begin(flyte1, runs)
    return runs


async def begin(flyte1: Client, owner: str, plan: str = "p") -> None:
    await flyte1.ok("CreateExecution", make.execution(owner, f"x{owner}", plan=plan))
    await flyte1.ok("CreateWorkflowEvent", run.event(owner, run.Phase.RUNNING))


async def node(flyte1: Client, owner: str, node_id: str, *at: tuple[int, int], **rest: Any) -> None:
    """Play the phases of a node, each with its second."""
    for phase, seconds in at:
        event = run.node_event(owner, phase, node_id=node_id, seconds=seconds, **rest)
        await flyte1.ok("CreateNodeEvent", event)


async def attempt(flyte1: Client, owner: str, *at: tuple[int, int], **rest: Any) -> None:
    for phase, seconds in at:
        await flyte1.ok("CreateTaskEvent", run.task_event(owner, phase, seconds=seconds, **rest))


async def start(flyte1: Client, owner: str, **rest: Any) -> None:
    """Play the node with which every graph begins."""
    await node(flyte1, owner, rest.pop("node_id", "start-node"), (N.SUCCEEDED, 1), **rest)


def metrics(owner: str, depth: int = 10) -> execution_pb2.WorkflowExecutionGetMetricsRequest:
    return execution_pb2.WorkflowExecutionGetMetricsRequest(id=run.name(owner), depth=depth)


async def spans(flyte1: Client, owner: str, depth: int = 10) -> list[Any]:
    """The spans of the execution as `word, from, to, [inside]`; seconds count from the first."""
    answer = await flyte1.ok("GetExecutionMetrics", metrics(owner, depth))
    assert answer.span.workflow_id == run.name(owner)
    return [shown(one) for one in answer.span.spans]


def shown(span: metrics_pb2.Span) -> Any:
    """A span; what the clock of the server says is `now`, what is not told is `-`."""
    word = span.operation_id or span.node_id.node_id
    if span.HasField("task_id"):
        word = f"attempt {span.task_id.retry_attempt}"
    if span.HasField("workflow_id"):
        word = "execution"
    inside = [shown(one) for one in span.spans]
    times = (second(span, "start_time"), second(span, "end_time"))
    return (word, *times, inside) if inside else (word, *times)


def second(span: metrics_pb2.Span, field: str) -> int | str:
    if not span.HasField(field):
        return "-"
    seconds: int = getattr(span, field).seconds - run.START
    return seconds if seconds < 10_000 else "now"


async def test_metrics_of_depth_zero_are_the_execution_alone(flyte1: Client, begun: str) -> None:
    await start(flyte1, begun)
    answer = await flyte1.ok("GetExecutionMetrics", metrics(begun, 0))
    assert not answer.span.spans
    assert answer.span.HasField("start_time")


async def test_metrics_of_an_execution_without_nodes_are_its_setup(
    flyte1: Client, begun: str
) -> None:
    assert await spans(flyte1, begun) == [("WORKFLOW_SETUP", "now", 0)]


async def test_metrics_of_a_task_tell_attempts_and_what_lies_between(
    flyte1: Client, begun: str
) -> None:
    await start(flyte1, begun)
    await node(flyte1, begun, "n0", (N.QUEUED, 2), (N.RUNNING, 3))
    await attempt(flyte1, begun, (T.QUEUED, 4), (T.RUNNING, 5), (T.FAILED, 8))
    await attempt(flyte1, begun, (T.QUEUED, 9), (T.RUNNING, 10), (T.SUCCEEDED, 15), attempt=1)
    await node(flyte1, begun, "n0", (N.SUCCEEDED, 16))
    await flyte1.ok("CreateWorkflowEvent", run.event(begun, run.Phase.SUCCEEDED, seconds=20))
    first = [("TASK_SETUP", 4, 5), ("TASK_RUNTIME", 5, 8), ("TASK_TEARDOWN", 8, 8)]
    second = [("TASK_SETUP", 9, 10), ("TASK_RUNTIME", 10, 15), ("TASK_TEARDOWN", 15, 15)]
    assert await spans(flyte1, begun) == [
        ("WORKFLOW_SETUP", "now", 1),
        (
            "n0",
            2,
            16,
            [
                ("NODE_TRANSITION", 1, 2),
                ("NODE_SETUP", 2, 4),
                ("attempt 0", 4, 8, first),
                ("NODE_RESET", 8, 9),
                ("attempt 1", 9, 15, second),
                ("NODE_TEARDOWN", 15, 16),
            ],
        ),
        ("WORKFLOW_TEARDOWN", 16, 20),
    ]


@pytest.mark.parametrize(
    ("depth", "inside"),
    [
        (1, [("NODE_TRANSITION", 1, 2)]),
        (2, [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 4), ("NODE_TEARDOWN", 5, 6)]),
    ],
    ids=["nodes", "operations"],
)
async def test_metrics_go_no_deeper_than_asked(
    flyte1: Client, begun: str, depth: int, inside: list[Any]
) -> None:
    await start(flyte1, begun)
    await node(flyte1, begun, "n0", (N.RUNNING, 2))
    await attempt(flyte1, begun, (T.QUEUED, 4), (T.RUNNING, 5))
    await node(flyte1, begun, "n0", (N.SUCCEEDED, 6))
    assert (await spans(flyte1, begun, depth))[1] == ("n0", 2, 6, inside)


async def test_metrics_of_what_has_not_ended_reach_to_its_last_change(
    flyte1: Client, begun: str
) -> None:
    await start(flyte1, begun)
    await node(flyte1, begun, "n0", (N.RUNNING, 2))
    assert (await spans(flyte1, begun))[1] == (
        "n0",
        2,
        2,
        [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 2)],
    )
    await attempt(flyte1, begun, (T.QUEUED, 4))
    tries = (await spans(flyte1, begun))[1][3]
    assert tries[2] == ("attempt 0", 4, 4, [("TASK_SETUP", 4, 4)])
    await attempt(flyte1, begun, (T.RUNNING, 6))
    tries = (await spans(flyte1, begun))[1][3]
    assert tries[2] == ("attempt 0", 4, 6, [("TASK_SETUP", 4, 6), ("TASK_RUNTIME", 6, 6)])


async def test_metrics_take_an_attempt_without_length_for_one_that_runs(
    flyte1: Client, begun: str
) -> None:
    await start(flyte1, begun)
    await node(flyte1, begun, "n0", (N.RUNNING, 2))
    await attempt(flyte1, begun, (T.RUNNING, 4), (T.SUCCEEDED, 4))
    tries = (await spans(flyte1, begun))[1][3]
    assert tries[2][3] == [("TASK_SETUP", 4, 4), ("TASK_RUNTIME", 4, 4)]


async def test_metrics_of_a_node_that_the_workflow_lacks_are_refused(
    flyte1: Client, begun: str
) -> None:
    await start(flyte1, begun)
    await node(flyte1, begun, "n9", (N.RUNNING, 2))
    refusal = await flyte1.refused("GetExecutionMetrics", metrics(begun))
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("failed to discover workflow node 'n9' in workflow '")


async def test_metrics_of_an_unknown_execution_are_refused(flyte1: Client, plan: str) -> None:
    refusal = await flyte1.refused("GetExecutionMetrics", metrics(plan))
    assert refusal.code == "NOT_FOUND"


async def planned(flyte1: Client, owner: str, *nodes: core_workflow.Node) -> None:
    """Register a workflow of these nodes with a plan of its own, and begin to run it."""
    await flyte1.ok("CreateWorkflow", make.workflow(owner, "v", nodes=list(nodes)))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(owner, "q", workflow="v"))
    await begin(flyte1, owner, "q")
    await start(flyte1, owner)


@pytest.mark.parametrize("answered", [False, True], ids=["waiting", "answered"])
async def test_metrics_of_a_gate_are_idle_time(flyte1: Client, runs: str, answered: bool) -> None:
    gate = core_workflow.GateNode(approve=core_workflow.ApproveCondition(signal_id="go"))
    await planned(flyte1, runs, core_workflow.Node(id="g", gate_node=gate))
    await node(flyte1, runs, "g", (N.QUEUED, 2))
    found = (await spans(flyte1, runs))[1]
    assert found == ("g", 2, 2, [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 2)])
    await node(flyte1, runs, "g", (N.RUNNING, 3))
    inside = [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 3), ("NODE_IDLE", 3, 3)]
    if answered:
        await node(flyte1, runs, "g", (N.SUCCEEDED, 9))
        inside[2:] = [("NODE_IDLE", 3, 9), ("NODE_TEARDOWN", 9, 9)]
    assert (await spans(flyte1, runs))[1][3] == inside


def branch(owner: str) -> core_workflow.Node:
    one = condition_pb2.Operand(primitive=literals_pb2.Primitive(integer=1))
    equal = condition_pb2.ComparisonExpression(
        operator=condition_pb2.ComparisonExpression.EQ, left_value=one, right_value=one
    )
    block = core_workflow.IfElseBlock(
        case=core_workflow.IfBlock(
            condition=condition_pb2.BooleanExpression(comparison=equal),
            then_node=make.task_node("a", make.identifier(make.TASK, owner, "t")),
        ),
        else_node=make.task_node("b", make.identifier(make.TASK, owner, "t")),
    )
    return core_workflow.Node(id="n0", branch_node=core_workflow.BranchNode(if_else=block))


def below(node_id: str = "n0") -> dict[str, Any]:
    parent = event_pb2.ParentNodeExecutionMetadata(node_id=node_id)
    return {"parent_node_metadata": parent, "retry_group": "0"}


@pytest.mark.parametrize("case", ["a", "b"], ids=["then", "else"])
async def test_metrics_of_a_branch_are_those_of_the_case_it_chose(
    flyte1: Client, runs: str, case: str
) -> None:
    await planned(flyte1, runs, branch(runs))
    await node(flyte1, runs, "n0", (N.RUNNING, 2), is_parent=True)
    found = (await spans(flyte1, runs))[1]
    assert found[3] == [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 2)]
    spec = f"n0-{case}"
    await node(flyte1, runs, f"n0-0-{spec}", (N.RUNNING, 3), spec_node_id=spec, **below())
    await node(flyte1, runs, "n0", (N.SUCCEEDED, 7), is_parent=True)
    assert (await spans(flyte1, runs))[1] == (
        "n0",
        2,
        7,
        [
            ("NODE_TRANSITION", 1, 2),
            ("NODE_SETUP", 2, 3),
            (f"n0-0-{spec}", 3, 3, [("NODE_SETUP", 3, 3)]),
            ("NODE_TEARDOWN", 3, 7),
        ],
    )


async def test_metrics_of_a_branch_that_shows_what_it_skipped_are_refused(
    flyte1: Client, runs: str
) -> None:
    await planned(flyte1, runs, branch(runs))
    await node(flyte1, runs, "n0", (N.RUNNING, 2), is_parent=True)
    for case, phase in (("a", N.RUNNING), ("b", N.SKIPPED)):
        spec = f"n0-{case}"
        await node(flyte1, runs, f"n0-0-{spec}", (phase, 3), spec_node_id=spec, **below())
    refusal = await flyte1.refused("GetExecutionMetrics", metrics(runs))
    assert (refusal.code, refusal.text) == (
        "INTERNAL",
        "invalid branch node execution: expected 1 but found 2 node execution(s)",
    )


async def test_metrics_of_a_workflow_within_are_those_of_its_nodes(
    flyte1: Client, runs: str
) -> None:
    inner = make.identifier(make.WORKFLOW, runs, "w")
    within = core_workflow.Node(
        id="s", workflow_node=core_workflow.WorkflowNode(sub_workflow_ref=inner)
    )
    request = make.workflow(runs, "v", nodes=[within])
    part = make.simple_workflow(runs).spec.template
    part.id.CopyFrom(inner)
    request.spec.sub_workflows.append(part)
    await flyte1.ok("CreateWorkflow", request)
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(runs, "q", workflow="v"))
    await begin(flyte1, runs, "q")
    await start(flyte1, runs)
    await node(flyte1, runs, "s", (N.RUNNING, 2), is_parent=True)
    assert (await spans(flyte1, runs))[1][3] == [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 2)]
    await start(flyte1, runs, node_id="s-0-start", spec_node_id="start-node", **below("s"))
    await node(flyte1, runs, "s-0-n0", (N.RUNNING, 4), spec_node_id="n0", **below("s"))
    await node(flyte1, runs, "s", (N.SUCCEEDED, 9), is_parent=True)
    assert (await spans(flyte1, runs))[1] == (
        "s",
        2,
        9,
        [
            ("NODE_TRANSITION", 1, 2),
            ("NODE_SETUP", 2, 1),
            ("s-0-n0", 4, 4, [("NODE_TRANSITION", 1, 4), ("NODE_SETUP", 4, 4)]),
            ("NODE_TEARDOWN", 4, 9),
        ],
    )


async def test_metrics_of_a_dynamic_node_are_its_task_and_what_that_made(
    flyte1: Client, begun: str
) -> None:
    await start(flyte1, begun)
    made = make.identifier(make.WORKFLOW, begun, "made")
    template = make.simple_workflow(begun).spec.template
    template.id.CopyFrom(made)
    compiled = compiler_pb2.CompiledWorkflow(template=template)
    compiled.connections.upstream["n0"].ids.append("start-node")
    compiled.connections.upstream["end-node"].ids.append("n0")
    dynamic = event_pb2.TaskNodeMetadata(
        dynamic_workflow=event_pb2.DynamicWorkflowNodeMetadata(
            id=made, compiled_workflow=compiler_pb2.CompiledWorkflowClosure(primary=compiled)
        )
    )
    how = {"is_parent": True, "is_dynamic": True}
    await node(flyte1, begun, "n0", (N.RUNNING, 2), **how)
    assert (await spans(flyte1, begun))[1][3] == [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 2)]
    await attempt(flyte1, begun, (T.RUNNING, 3), (T.SUCCEEDED, 5))
    await node(flyte1, begun, "n0", (N.DYNAMIC_RUNNING, 6), task_node_metadata=dynamic, **how)
    task = [("TASK_SETUP", 3, 3), ("TASK_RUNTIME", 3, 5), ("TASK_TEARDOWN", 5, 5)]
    common = [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 3), ("attempt 0", 3, 5, task)]
    assert (await spans(flyte1, begun))[1][3] == [*common, ("NODE_RESET", 5, 6)]
    await start(flyte1, begun, node_id="n0-0-start", spec_node_id="start-node", **below())
    await node(flyte1, begun, "n0-0-n0", (N.RUNNING, 7), spec_node_id="n0", **below())
    await node(flyte1, begun, "n0", (N.SUCCEEDED, 9), **how)
    assert (await spans(flyte1, begun))[1][3] == [
        *common,
        ("NODE_RESET", 5, 1),
        ("n0-0-n0", 7, 7, [("NODE_TRANSITION", 1, 7), ("NODE_SETUP", 7, 7)]),
        ("NODE_TEARDOWN", 7, 9),
    ]


async def test_metrics_of_a_launch_plan_node_are_those_of_its_execution(
    flyte1: Client, runs: str
) -> None:
    reference = make.identifier(make.LAUNCH_PLAN, runs, "p")
    calling = core_workflow.WorkflowNode(launchplan_ref=reference)
    await planned(flyte1, runs, core_workflow.Node(id="l", workflow_node=calling))
    await node(flyte1, runs, "l", (N.QUEUED, 2))
    assert (await spans(flyte1, runs))[1][3] == [("NODE_TRANSITION", 1, 2), ("NODE_SETUP", 2, 2)]
    await flyte1.ok("CreateExecution", make.execution(runs, f"y{runs}"))
    child = event_pb2.WorkflowNodeMetadata(execution_id=run.name(runs, f"y{runs}"))
    await node(flyte1, runs, "l", (N.RUNNING, 3), workflow_node_metadata=child)
    await flyte1.ok("CreateWorkflowEvent", run.event(runs, run.Phase.RUNNING, run=f"y{runs}"))
    assert (await spans(flyte1, runs))[1] == (
        "l",
        2,
        3,
        [
            ("NODE_TRANSITION", 1, 2),
            ("NODE_SETUP", 2, "now"),
            ("execution", "now", 0, [("WORKFLOW_SETUP", "now", 0)]),
            ("NODE_TEARDOWN", 0, 3),
        ],
    )


async def test_metrics_of_an_array_are_its_span_alone(flyte1: Client, runs: str) -> None:
    array = core_workflow.ArrayNode(
        node=make.task_node("inner", make.identifier(make.TASK, runs, "t"))
    )
    await planned(flyte1, runs, core_workflow.Node(id="m", array_node=array))
    await node(flyte1, runs, "m", (N.RUNNING, 2), is_array=True)
    assert (await spans(flyte1, runs))[1] == ("m", 2, 2, [("NODE_TRANSITION", 1, 2)])
