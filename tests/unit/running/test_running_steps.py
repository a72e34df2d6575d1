"""The tree of what runs inside an execution of Flyte 1."""

from __future__ import annotations

from typing import Any

from flyteidl.admin import common_pb2, execution_pb2, workflow_pb2
from flyteidl.core import (
    catalog_pb2,
    compiler_pb2,
    condition_pb2,
    identifier_pb2,
    interface_pb2,
    literals_pb2,
)
from flyteidl.core import execution_pb2 as core
from flyteidl.core import workflow_pb2 as wire
from flyteidl.event import event_pb2
from running_kit import NodePhase, Phase, Played, TaskPhase, broken, cached, register_plan, when

from reconciler.model.entity import What
from reconciler.model.run import Phase as Told
from reconciler.model.run import Step

NOTHING = interface_pb2.TypedInterface(
    inputs=interface_pb2.VariableMap(), outputs=interface_pb2.VariableMap()
)


def task_node(flyte: Played, node: str, task: str = "etl.task") -> wire.Node:
    return wire.Node(
        id=node,
        metadata=wire.NodeMetadata(name=f"name of {node}"),
        task_node=wire.TaskNode(reference_id=flyte.identifier(identifier_pb2.TASK, task)),
    )


async def register(
    flyte: Played, name: str, *nodes: wire.Node, inside: tuple[wire.WorkflowTemplate, ...] = ()
) -> None:
    """Register a workflow of these nodes, and its launch plan."""
    workflow = flyte.identifier(identifier_pb2.WORKFLOW, name)
    await flyte.admin.CreateWorkflow(
        workflow_pb2.WorkflowCreateRequest(
            id=workflow,
            spec=workflow_pb2.WorkflowSpec(
                template=wire.WorkflowTemplate(id=workflow, nodes=nodes, interface=NOTHING),
                sub_workflows=inside,
            ),
        )
    )
    await register_plan(flyte, name, workflow=name, inputs=False)


async def begin(flyte: Played, plan: str = "etl") -> None:
    await flyte.start("run", plan=plan)
    await flyte.tell("run", Phase.RUNNING, 0)
    await flyte.node("run", "start-node", NodePhase.SUCCEEDED, 0)


async def tree(flyte: Played) -> tuple[Step, ...]:
    return await flyte.running.steps(flyte.id("run"))


def parent(node: str, retry: str = "") -> dict[str, Any]:
    return {
        "parent_node_metadata": event_pb2.ParentNodeExecutionMetadata(node_id=node),
        "retry_group": retry,
    }


async def test_task_has_its_attempts_with_causes_and_log_links(flyte: Played) -> None:
    await begin(flyte)
    await flyte.node("run", "n0", NodePhase.QUEUED, 1)
    await flyte.node("run", "n0", NodePhase.RUNNING, 2)
    log = core.TaskLog(name="Kubernetes Logs", uri="https://logs.example.com/1")
    await flyte.task("run", "n0", TaskPhase.RUNNING, 3, logs=[log])
    await flyte.task("run", "n0", TaskPhase.FAILED, 8, error=broken("m" * 200))
    await flyte.task("run", "n0", TaskPhase.RUNNING, 10, attempt=1)
    await flyte.task("run", "n0", TaskPhase.WAITING_FOR_RESOURCES, 11, attempt=1, reason="no GPU")
    await flyte.node("run", "n0", NodePhase.FAILED, 20, error=broken("m" * 200))

    start, step = await tree(flyte)

    assert (start.id, start.does, start.attempts) == ("start-node", "start", ())
    assert (step.id, step.does, step.phase) == ("n0", "task", Told.FAILED)
    assert step.target is not None
    assert step.target.what is What.TASKS
    assert (step.queued_at, step.started_at, step.ended_at) == (when(1), when(2), when(20))
    # A list of nodes cuts the message of an error short, that of the last attempt is another.
    assert step.cause == "m" * 100
    assert step.facts["errorCode"] == "USER:ValueError"
    first, second = step.attempts
    assert (first.number, first.phase, first.cause) == (1, Told.FAILED, "m" * 200)
    assert (first.started_at, first.ended_at) == (when(3), when(8))
    assert [(link.name, link.url) for link in first.links] == [
        ("Kubernetes Logs", "https://logs.example.com/1")
    ]
    assert (second.number, second.phase, second.cause) == (2, Told.WAITING, "no GPU")


async def test_whole_cause_of_a_step_is_that_of_its_last_attempt(flyte: Played) -> None:
    await begin(flyte)
    await flyte.node("run", "n0", NodePhase.RUNNING, 1)
    await flyte.task("run", "n0", TaskPhase.FAILED, 2, error=broken("m" * 200))
    await flyte.node("run", "n0", NodePhase.FAILED, 3, error=broken("m" * 200))

    assert (await tree(flyte))[1].cause == "m" * 200


async def test_cache_deck_and_parts_of_a_mapped_task_are_told(flyte: Played) -> None:
    await begin(flyte)
    await flyte.node("run", "n0", NodePhase.RUNNING, 1)
    parts = [
        event_pb2.ExternalResourceInfo(
            external_id=f"part{index}",
            index=index,
            logs=[core.TaskLog(name="log", uri=f"https://logs.example.com/{index}")],
        )
        for index in range(2)
    ]
    metadata = event_pb2.TaskExecutionMetadata(external_resources=parts)
    await flyte.task("run", "n0", TaskPhase.SUCCEEDED, 2, metadata=metadata)
    hit = cached(catalog_pb2.CACHE_HIT)
    deck = f"s3://bucket/{flyte.project}/deck.html"
    await flyte.node("run", "n0", NodePhase.SUCCEEDED, 3, task_node_metadata=hit, deck_uri=deck)

    step = (await tree(flyte))[1]

    assert (step.cache, step.has_report, step.phase) == ("hit", True, Told.SUCCEEDED)
    assert [link.name for link in step.attempts[0].links] == ["log [0]", "log [1]"]


async def test_workflow_within_has_its_nodes_by_their_ids_there(flyte: Played) -> None:
    inner = flyte.identifier(identifier_pb2.WORKFLOW, "inner")
    template = wire.WorkflowTemplate(id=inner, nodes=[task_node(flyte, "n0")], interface=NOTHING)
    node = wire.Node(id="n0", workflow_node=wire.WorkflowNode(sub_workflow_ref=inner))
    await register(flyte, "outer", node, inside=(template,))
    await begin(flyte, "outer")
    await flyte.node("run", "n0", NodePhase.RUNNING, 1, is_parent=True)
    await flyte.node("run", "n0-0-n0", NodePhase.RUNNING, 2, spec_node_id="n0", **parent("n0", "0"))

    _, outer = await tree(flyte)

    assert (outer.does, outer.attempts) == ("workflow", ())
    (step,) = outer.inside
    assert (step.id, step.does, step.name) == ("n0-0-n0", "task", "name of n0")
    assert step.facts["node"] == "n0"


async def test_branch_shows_the_condition_of_what_it_chose(flyte: Played) -> None:
    comparison = condition_pb2.ComparisonExpression(
        operator=condition_pb2.ComparisonExpression.EQ,
        left_value=condition_pb2.Operand(primitive=literals_pb2.Primitive(integer=1)),
        right_value=condition_pb2.Operand(primitive=literals_pb2.Primitive(integer=1)),
    )
    block = wire.IfElseBlock(
        case=wire.IfBlock(
            condition=condition_pb2.BooleanExpression(comparison=comparison),
            then_node=task_node(flyte, "a"),
        ),
        else_node=task_node(flyte, "b"),
    )
    node = wire.Node(id="n0", branch_node=wire.BranchNode(if_else=block))
    await register(flyte, "branching", node)
    await begin(flyte, "branching")
    await flyte.node("run", "n0", NodePhase.RUNNING, 1, is_parent=True)
    below = parent("n0", "0")
    await flyte.node("run", "n0-0-n0-a", NodePhase.RUNNING, 2, spec_node_id="n0-a", **below)
    await flyte.node("run", "n0-0-n0-b", NodePhase.SKIPPED, 3, spec_node_id="n0-b", **below)

    _, branch = await tree(flyte)

    assert branch.does == "branch"
    assert [(step.phase, step.facts["when"]) for step in branch.inside] == [
        (Told.RUNNING, "if 1 == 1"),
        (Told.SKIPPED, "else"),
    ]


async def test_gate_that_waits_is_paused_and_names_its_signal(flyte: Played) -> None:
    approve = wire.ApproveCondition(signal_id="go")
    gate = wire.Node(id="n0", gate_node=wire.GateNode(approve=approve))
    await register(flyte, "gated", gate, task_node(flyte, "n1"))
    await begin(flyte, "gated")
    await flyte.node("run", "n0", NodePhase.RUNNING, 1)
    before = flyte.channel.calls["AdminService.ListTaskExecutions"]

    _, step = await tree(flyte)

    assert (step.does, step.phase, step.facts["gate"]) == ("gate", Told.PAUSED, "approve go")
    assert flyte.channel.calls["AdminService.ListTaskExecutions"] == before


async def test_launch_plan_node_names_the_run_that_it_started(flyte: Played) -> None:
    node = wire.Node(
        id="n0",
        workflow_node=wire.WorkflowNode(
            launchplan_ref=flyte.identifier(identifier_pb2.LAUNCH_PLAN, "called")
        ),
    )
    await register(flyte, "called", task_node(flyte, "n0"))
    await register(flyte, "calling", node)
    await begin(flyte, "calling")
    await flyte.start("child")
    await flyte.node("run", "n0", NodePhase.QUEUED, 0)
    metadata = event_pb2.WorkflowNodeMetadata(execution_id=flyte.execution("child"))
    await flyte.node("run", "n0", NodePhase.RUNNING, 1, workflow_node_metadata=metadata)

    _, step = await tree(flyte)

    assert (step.does, step.child) == ("launch plan", flyte.id("child"))


async def test_array_has_the_attempts_of_its_task(flyte: Played) -> None:
    array = wire.Node(id="n0", array_node=wire.ArrayNode(node=task_node(flyte, "inner")))
    await register(flyte, "mapping", array)
    await begin(flyte, "mapping")
    await flyte.node("run", "n0", NodePhase.RUNNING, 1, is_array=True)
    await flyte.task("run", "n0", TaskPhase.RUNNING, 2)
    await flyte.node("run", "n0-n0", NodePhase.RUNNING, 3, spec_node_id="n0", **parent("n0"))

    _, step = await tree(flyte)

    assert (step.does, len(step.attempts)) == ("array", 1)
    assert [(part.id, part.does) for part in step.inside] == [("n0-n0", "task")]


async def test_nodes_that_a_dynamic_task_made_do_what_its_workflow_says(flyte: Played) -> None:
    await begin(flyte)
    made = flyte.identifier(identifier_pb2.WORKFLOW, "made")
    template = wire.WorkflowTemplate(id=made, nodes=[task_node(flyte, "dn0")])
    compiled = compiler_pb2.CompiledWorkflowClosure(
        primary=compiler_pb2.CompiledWorkflow(template=template)
    )
    metadata = event_pb2.TaskNodeMetadata(
        dynamic_workflow=event_pb2.DynamicWorkflowNodeMetadata(id=made, compiled_workflow=compiled)
    )
    await flyte.node(
        "run", "n0", NodePhase.DYNAMIC_RUNNING, 1,
        is_parent=True, is_dynamic=True, task_node_metadata=metadata,
    )  # fmt: skip
    await flyte.task("run", "n0", TaskPhase.SUCCEEDED, 2)
    await flyte.node(
        "run", "n0-0-dn0", NodePhase.RUNNING, 3, spec_node_id="dn0", **parent("n0", "0")
    )

    _, step = await tree(flyte)

    assert (step.does, step.phase, step.facts["dynamic"]) == ("task", Told.RUNNING, True)
    assert len(step.attempts) == 1
    assert [(one.id, one.does, one.name) for one in step.inside] == [
        ("n0-0-dn0", "task", "name of dn0")
    ]


async def test_single_task_has_its_node(flyte: Played) -> None:
    await flyte.start("run", kind=identifier_pb2.TASK, plan="etl.task")
    await flyte.tell("run", Phase.RUNNING, 0)
    (spec_node,) = (
        node.id
        for node in (await _workflow_of(flyte)).closure.compiled_workflow.primary.template.nodes
        if node.HasField("task_node")
    )
    await flyte.node("run", spec_node, NodePhase.RUNNING, 1)

    (step,) = await tree(flyte)

    assert (step.does, step.target and step.target.name) == ("task", "etl.task")


async def _workflow_of(flyte: Played) -> workflow_pb2.Workflow:
    found = await flyte.admin.GetExecution(
        execution_pb2.WorkflowExecutionGetRequest(id=flyte.execution("run"))
    )
    identifier = found.closure.workflow_id
    identifier.resource_type = identifier_pb2.WORKFLOW
    return await flyte.admin.GetWorkflow(common_pb2.ObjectGetRequest(id=identifier))


async def test_steps_come_in_pages(flyte: Played, monkeypatch: Any) -> None:
    monkeypatch.setattr("reconciler.backends.flyte1.run.steps._PAGE", 2)
    await begin(flyte)
    for index in range(5):
        await flyte.node("run", f"x{index}", NodePhase.RUNNING, 10 - index)
    before = flyte.channel.calls["AdminService.ListNodeExecutions"]

    steps = await tree(flyte)

    assert [step.id for step in steps] == ["start-node", "x4", "x3", "x2", "x1", "x0"]
    assert flyte.channel.calls["AdminService.ListNodeExecutions"] - before == 4
