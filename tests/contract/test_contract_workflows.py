"""Workflows: what the compiler makes of a template, and what it refuses."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import workflow_pb2
from flyteidl.core import condition_pb2, literals_pb2, types_pb2
from flyteidl.core import workflow_pb2 as core
from google.protobuf.duration_pb2 import Duration


async def compiled(flyte1: Client, owner: str, name: str = "w") -> object:
    found = await flyte1.ok("GetWorkflow", make.get(make.WORKFLOW, owner, name))
    return found.closure.compiled_workflow


def edges(side: object) -> dict[str, list[str]]:
    return {name: list(others.ids) for name, others in side.items()}


@pytest.fixture
async def tasks(flyte1: Client, project: str) -> str:
    """Tasks: `t` takes and gives nothing, `inc` maps integer `a` to integer `o`."""
    await flyte1.ok("CreateTask", make.task(project))
    wanted = {"inputs": {"a": make.INTEGER}, "outputs": {"o": make.INTEGER}}
    await flyte1.ok("CreateTask", make.task(project, "inc", **wanted))
    return project


def inc(owner: str, node: str, data: literals_pb2.BindingData, **rest: object) -> core.Node:
    return make.task_node(node, make.identifier(make.TASK, owner, "inc"), a=data, **rest)


def chain(owner: str) -> workflow_pb2.WorkflowCreateRequest:
    return make.workflow(
        owner,
        nodes=[
            inc(owner, "n0", make.promise("", "x")),
            inc(owner, "n1", make.promise("n0", "o")),
        ],
        inputs={"x": make.INTEGER},
        outputs={"r": make.INTEGER},
        returns={"r": make.promise("n1", "o")},
    )


async def refused(flyte1: Client, request: workflow_pb2.WorkflowCreateRequest) -> str:
    refusal = await flyte1.refused("CreateWorkflow", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("failed to compile workflow for [")
    return refusal.text


async def test_compiled_workflow_begins_with_start_and_end(flyte1: Client, tasks: str) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    template = (await compiled(flyte1, tasks)).primary.template
    assert [node.id for node in template.nodes] == ["start-node", "end-node", "n0", "n1"]
    assert [binding.var for binding in template.nodes[1].inputs] == ["r"]


async def test_connections_follow_from_bindings(flyte1: Client, tasks: str) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    connections = (await compiled(flyte1, tasks)).primary.connections
    assert edges(connections.upstream) == {
        "n0": ["start-node"],
        "n1": ["n0"],
        "end-node": ["n1"],
    }
    assert edges(connections.downstream) == {
        "start-node": ["n0"],
        "n0": ["n1"],
        "n1": ["end-node"],
    }


async def test_promise_of_the_workflow_is_one_of_the_start_node(flyte1: Client, tasks: str) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    nodes = (await compiled(flyte1, tasks)).primary.template.nodes
    assert nodes[2].inputs[0].binding.promise.node_id == "start-node"


async def test_compiled_workflow_carries_its_tasks(flyte1: Client, tasks: str) -> None:
    request = chain(tasks)
    request.spec.template.nodes.append(make.task_node("n2", make.identifier(make.TASK, tasks, "t")))
    await flyte1.ok("CreateWorkflow", request)
    found = (await compiled(flyte1, tasks)).tasks
    assert [task.template.id.name for task in found] == ["inc", "t"]


async def test_lone_node_is_tied_to_start_and_end(flyte1: Client, workflow: str) -> None:
    connections = (await compiled(flyte1, workflow)).primary.connections
    assert edges(connections.upstream) == {"n0": ["start-node"], "end-node": ["n0"]}


async def test_declared_upstream_nodes_are_sorted_edges(flyte1: Client, tasks: str) -> None:
    reference = make.identifier(make.TASK, tasks, "t")
    nodes = [
        make.task_node("b", reference),
        make.task_node("a", reference),
        make.task_node("c", reference, upstream=("b", "a")),
    ]
    await flyte1.ok("CreateWorkflow", make.workflow(tasks, nodes=nodes))
    found = (await compiled(flyte1, tasks)).primary
    assert edges(found.connections.upstream)["c"] == ["a", "b"]
    assert list(found.template.nodes[4].upstream_node_ids) == ["a", "b"]


async def test_interface_gets_both_sides(flyte1: Client, tasks: str) -> None:
    request = make.simple_workflow(tasks)
    request.spec.template.ClearField("interface")
    await flyte1.ok("CreateWorkflow", request)
    interface = (await compiled(flyte1, tasks)).primary.template.interface
    assert interface.HasField("inputs")
    assert interface.HasField("outputs")


async def test_same_workflow_again_is_already_exists(flyte1: Client, tasks: str) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    refusal = await flyte1.refused("CreateWorkflow", chain(tasks))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text == "workflow with identical structure already exists"
    assert refusal.detail == "flyteidl.admin.CreateWorkflowFailureReason"


async def test_other_workflow_of_the_same_version_is_an_invalid_argument(
    flyte1: Client, tasks: str
) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    refusal = await flyte1.refused("CreateWorkflow", make.simple_workflow(tasks))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("w workflow with different structure already exists.")
    assert refusal.detail == "flyteidl.admin.CreateWorkflowFailureReason"


async def test_order_of_nodes_is_part_of_a_workflow(flyte1: Client, tasks: str) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    other = chain(tasks)
    first, second = (
        core.Node.FromString(node.SerializeToString()) for node in other.spec.template.nodes
    )
    del other.spec.template.nodes[:]
    other.spec.template.nodes.extend([second, first])
    refusal = await flyte1.refused("CreateWorkflow", other)
    assert refusal.code == "INVALID_ARGUMENT"


async def test_order_of_declared_upstream_nodes_is_not(flyte1: Client, tasks: str) -> None:
    reference = make.identifier(make.TASK, tasks, "t")
    for upstream in (("a", "b"), ("b", "a")):
        nodes = [
            make.task_node("a", reference),
            make.task_node("b", reference),
            make.task_node("c", reference, upstream=upstream),
        ]
        answer = await flyte1.attempt("CreateWorkflow", make.workflow(tasks, nodes=nodes))
    assert answer.code == "ALREADY_EXISTS"


async def test_workflow_makes_no_launch_plan(flyte1: Client, workflow: str) -> None:
    answer = await flyte1.ok("ListLaunchPlans", make.listing(workflow))
    assert len(answer.launch_plans) == 0


async def test_workflow_of_an_unknown_task_is_refused(flyte1: Client, project: str) -> None:
    text = await refused(flyte1, make.simple_workflow(project))
    assert "missing entity of type TASK with identifier" in text


async def test_workflow_of_an_unknown_launch_plan_is_refused(flyte1: Client, tasks: str) -> None:
    node = core.Node(id="n0")
    node.workflow_node.launchplan_ref.CopyFrom(make.identifier(make.LAUNCH_PLAN, tasks, "p"))
    text = await refused(flyte1, make.workflow(tasks, nodes=[node]))
    assert "missing entity of type LAUNCH_PLAN with identifier" in text


async def test_launch_plan_can_be_a_node(flyte1: Client, tasks: str) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    given = make.parameters(x=make.default(make.INTEGER, make.integer(1)))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(tasks, default_inputs=given))
    node = core.Node(id="n0")
    node.workflow_node.launchplan_ref.CopyFrom(make.identifier(make.LAUNCH_PLAN, tasks, "p"))
    request = make.workflow(
        tasks,
        "outer",
        nodes=[node],
        outputs={"r": make.INTEGER},
        returns={"r": make.promise("n0", "r")},
    )
    await flyte1.ok("CreateWorkflow", request)


async def test_required_input_of_a_launch_plan_node_must_be_bound(
    flyte1: Client, tasks: str
) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(tasks))
    node = core.Node(id="n0")
    node.workflow_node.launchplan_ref.CopyFrom(make.identifier(make.LAUNCH_PLAN, tasks, "p"))
    text = await refused(flyte1, make.workflow(tasks, "outer", nodes=[node]))
    assert "Code: ParameterNotBound, Node Id: n0, Description: Parameter not bound [x]." in text


def nested(owner: str) -> workflow_pb2.WorkflowCreateRequest:
    """A workflow `outer` whose node runs the sub-workflow `sub`."""
    sub = chain(owner)
    sub.spec.template.id.CopyFrom(make.identifier(make.WORKFLOW, owner, "sub"))
    node = core.Node(id="n0", inputs=make.bindings(x=make.constant(make.integer(1))))
    node.workflow_node.sub_workflow_ref.CopyFrom(sub.spec.template.id)
    request = make.workflow(owner, "outer", nodes=[node])
    request.spec.sub_workflows.append(sub.spec.template)
    return request


async def test_sub_workflow_is_compiled_too(flyte1: Client, tasks: str) -> None:
    await flyte1.ok("CreateWorkflow", nested(tasks))
    found = await compiled(flyte1, tasks, "outer")
    (sub,) = found.sub_workflows
    assert [node.id for node in sub.template.nodes] == ["start-node", "end-node", "n0", "n1"]
    assert edges(sub.connections.upstream)["end-node"] == ["n1"]
    assert [task.template.id.name for task in found.tasks] == ["inc"]


async def test_unknown_sub_workflow_is_refused(flyte1: Client, tasks: str) -> None:
    request = nested(tasks)
    del request.spec.sub_workflows[:]
    assert "WorkflowReferenceNotFound" in await refused(flyte1, request)


async def test_workflow_without_nodes_is_refused(flyte1: Client, project: str) -> None:
    assert "NoNodesFound" in await refused(flyte1, make.workflow(project, nodes=[]))


async def test_unbound_input_of_a_node_is_refused(flyte1: Client, tasks: str) -> None:
    node = make.task_node("n0", make.identifier(make.TASK, tasks, "inc"))
    text = await refused(flyte1, make.workflow(tasks, nodes=[node]))
    assert "Code: ParameterNotBound, Node Id: n0, Description: Parameter not bound [a]." in text


async def test_input_that_a_task_does_not_have_is_refused(flyte1: Client, tasks: str) -> None:
    node = make.task_node(
        "n0", make.identifier(make.TASK, tasks, "t"), zz=make.constant(make.integer(1))
    )
    text = await refused(flyte1, make.workflow(tasks, nodes=[node]))
    assert "Code: VariableNameNotFound, Node Id: n0" in text


async def test_constant_of_another_type_is_refused(flyte1: Client, tasks: str) -> None:
    node = inc(tasks, "n0", make.constant(make.string("x")))
    text = await refused(flyte1, make.workflow(tasks, nodes=[node]))
    assert "Code: MismatchingTypes, Node Id: n0" in text


async def test_promise_of_another_type_is_refused(flyte1: Client, tasks: str) -> None:
    request = make.workflow(
        tasks, nodes=[inc(tasks, "n0", make.promise("", "x"))], inputs={"x": make.STRING}
    )
    assert "Code: MismatchingTypes, Node Id: n0" in await refused(flyte1, request)


async def test_promise_of_an_unknown_node_is_refused(flyte1: Client, tasks: str) -> None:
    node = inc(tasks, "n0", make.promise("zz", "o"))
    text = await refused(flyte1, make.workflow(tasks, nodes=[node]))
    assert "NodeReferenceNotFound" in text


async def test_promise_of_an_unknown_output_is_refused(flyte1: Client, tasks: str) -> None:
    nodes = [
        inc(tasks, "n0", make.constant(make.integer(1))),
        inc(tasks, "n1", make.promise("n0", "zz")),
    ]
    text = await refused(flyte1, make.workflow(tasks, nodes=nodes))
    assert "Code: VariableNameNotFound, Node Id: n0" in text


async def test_input_that_is_bound_twice_is_refused(flyte1: Client, tasks: str) -> None:
    node = inc(tasks, "n0", make.constant(make.integer(1)))
    node.inputs.append(node.inputs[0])
    text = await refused(flyte1, make.workflow(tasks, nodes=[node]))
    assert "Code: ParameterBoundMoreThanOnce, Node Id: n0" in text


async def test_unbound_output_of_a_workflow_is_refused(flyte1: Client, tasks: str) -> None:
    request = chain(tasks)
    del request.spec.template.outputs[:]
    assert "Code: ParameterNotBound, Node Id: end-node" in await refused(flyte1, request)


async def test_cycle_is_refused(flyte1: Client, tasks: str) -> None:
    reference = make.identifier(make.TASK, tasks, "t")
    nodes = [
        make.task_node("entry", reference),
        make.task_node("a", reference, upstream=("entry", "b")),
        make.task_node("b", reference, upstream=("a",)),
    ]
    text = await refused(flyte1, make.workflow(tasks, nodes=nodes))
    assert "CycleDetected" in text


async def test_nodes_out_of_reach_are_refused(flyte1: Client, tasks: str) -> None:
    reference = make.identifier(make.TASK, tasks, "t")
    nodes = [
        make.task_node("entry", reference),
        make.task_node("a", reference, upstream=("b",)),
        make.task_node("b", reference, upstream=("a",)),
    ]
    text = await refused(flyte1, make.workflow(tasks, nodes=nodes))
    assert "UnreachableNodes" in text
    assert all(name in text for name in ("a", "b"))


async def test_node_without_a_target_is_refused(flyte1: Client, project: str) -> None:
    text = await refused(flyte1, make.workflow(project, nodes=[core.Node(id="n0")]))
    assert "Value required [Target]" in text


async def test_list_and_map_bindings_make_edges(flyte1: Client, tasks: str) -> None:
    kinds = {
        "items": types_pb2.LiteralType(collection_type=make.INTEGER),
        "named": types_pb2.LiteralType(map_value_type=make.INTEGER),
    }
    await flyte1.ok("CreateTask", make.task(tasks, "collect", inputs=kinds))
    items = literals_pb2.BindingDataCollection(
        bindings=[make.promise("n0", "o"), make.constant(make.integer(1))]
    )
    named = literals_pb2.BindingDataMap(bindings={"k": make.promise("n1", "o")})
    node = make.task_node(
        "n2",
        make.identifier(make.TASK, tasks, "collect"),
        items=literals_pb2.BindingData(collection=items),
        named=literals_pb2.BindingData(map=named),
    )
    one = make.constant(make.integer(1))
    nodes = [inc(tasks, "n0", one), inc(tasks, "n1", one), node]
    await flyte1.ok("CreateWorkflow", make.workflow(tasks, nodes=nodes))
    connections = (await compiled(flyte1, tasks)).primary.connections
    assert edges(connections.upstream)["n2"] == ["n0", "n1"]


async def test_optional_input_may_stay_unbound(flyte1: Client, project: str) -> None:
    union = types_pb2.LiteralType(
        union_type=types_pb2.UnionType(variants=[make.INTEGER, make.NONE])
    )
    await flyte1.ok("CreateTask", make.task(project, inputs={"a": union}))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project))


def branch(owner: str) -> core.Node:
    """If `x` is above 1 run `inc` on it, else `t`."""
    comparison = condition_pb2.ComparisonExpression(
        operator=condition_pb2.ComparisonExpression.GT,
        left_value=condition_pb2.Operand(var="x"),
        right_value=condition_pb2.Operand(primitive=make.integer(1).scalar.primitive),
    )
    block = core.IfBlock(
        condition=condition_pb2.BooleanExpression(comparison=comparison),
        then_node=inc(owner, "yes", make.promise("", "x")),
    )
    if_else = core.IfElseBlock(
        case=block, else_node=make.task_node("no", make.identifier(make.TASK, owner, "t"))
    )
    return core.Node(
        id="n0",
        inputs=make.bindings(x=make.promise("", "x")),
        branch_node=core.BranchNode(if_else=if_else),
    )


async def test_nodes_of_a_branch_get_its_name_in_front(flyte1: Client, tasks: str) -> None:
    request = make.workflow(tasks, nodes=[branch(tasks)], inputs={"x": make.INTEGER})
    await flyte1.ok("CreateWorkflow", request)
    found = (await compiled(flyte1, tasks)).primary
    if_else = found.template.nodes[2].branch_node.if_else
    assert (if_else.case.then_node.id, if_else.else_node.id) == ("n0-yes", "n0-no")
    assert edges(found.connections.upstream)["n0-yes"] == ["start-node"]


async def test_branch_needs_a_default(flyte1: Client, tasks: str) -> None:
    node = branch(tasks)
    node.branch_node.if_else.ClearField("else_node")
    request = make.workflow(tasks, nodes=[node], inputs={"x": make.INTEGER})
    assert "BranchNodeHasNoDefault" in await refused(flyte1, request)


async def test_condition_on_an_unknown_variable_is_refused(flyte1: Client, tasks: str) -> None:
    node = branch(tasks)
    node.branch_node.if_else.case.condition.comparison.left_value.var = "zz"
    request = make.workflow(tasks, nodes=[node], inputs={"x": make.INTEGER})
    assert "VariableNameNotFound" in await refused(flyte1, request)


async def test_gate_node_gives_its_signal(flyte1: Client, tasks: str) -> None:
    signal = core.SignalCondition(signal_id="s", type=make.INTEGER, output_variable_name="o0")
    gate = core.Node(id="n0", gate_node=core.GateNode(signal=signal))
    nodes = [gate, inc(tasks, "n1", make.promise("n0", "o0"))]
    await flyte1.ok("CreateWorkflow", make.workflow(tasks, nodes=nodes))


async def test_sleeping_gate_node_is_accepted(flyte1: Client, tasks: str) -> None:
    sleep = core.SleepCondition(duration=Duration(seconds=1))
    gate = core.Node(id="n0", gate_node=core.GateNode(sleep=sleep))
    await flyte1.ok("CreateWorkflow", make.workflow(tasks, nodes=[gate]))


async def test_gate_node_without_a_condition_is_refused(flyte1: Client, tasks: str) -> None:
    gate = core.Node(id="n0", gate_node=core.GateNode())
    assert "NoConditionFound" in await refused(flyte1, make.workflow(tasks, nodes=[gate]))


async def test_array_node_has_the_interface_of_its_node(flyte1: Client, tasks: str) -> None:
    kinds = types_pb2.LiteralType(collection_type=make.INTEGER)
    node = core.Node(id="n0", inputs=make.bindings(a=make.constant(make.integer(1))))
    node.array_node.node.CopyFrom(inc(tasks, "inner", make.promise("", "x")))
    request = make.workflow(tasks, nodes=[node], inputs={"x": kinds})
    await flyte1.ok("CreateWorkflow", request)


async def test_failure_node_is_compiled(flyte1: Client, tasks: str) -> None:
    request = chain(tasks)
    failure = make.task_node("fail", make.identifier(make.TASK, tasks, "t"))
    request.spec.template.failure_node.CopyFrom(failure)
    await flyte1.ok("CreateWorkflow", request)
    found = await compiled(flyte1, tasks)
    assert found.primary.template.failure_node.id == "fail"
    assert [task.template.id.name for task in found.tasks] == ["inc", "t"]


@pytest.mark.parametrize(("count", "fine"), [(100, True), (101, False)], ids=["most", "more"])
async def test_workflow_has_at_most_100_nodes(
    flyte1: Client, tasks: str, count: int, fine: bool
) -> None:
    reference = make.identifier(make.TASK, tasks, "t")
    nodes = [make.task_node(f"n{number}", reference) for number in range(count)]
    request = make.workflow(tasks, nodes=nodes)
    if fine:
        await flyte1.ok("CreateWorkflow", request)
    else:
        refusal = await flyte1.refused("CreateWorkflow", request)
        assert refusal.text.startswith("number of nodes in workflow [")
        assert refusal.text.endswith("exceeds limit (101 > 100)")


async def test_workflow_without_a_template_is_refused(flyte1: Client, project: str) -> None:
    request = workflow_pb2.WorkflowCreateRequest(
        id=make.identifier(make.WORKFLOW, project, "w"), spec=workflow_pb2.WorkflowSpec()
    )
    refusal = await flyte1.refused("CreateWorkflow", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing spec")


async def test_unknown_workflow_is_not_found(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("GetWorkflow", make.get(make.WORKFLOW, project, "w"))
    assert refusal.code == "NOT_FOUND"


async def test_workflow_is_read_with_a_whole_identifier(flyte1: Client, workflow: str) -> None:
    refusal = await flyte1.refused("GetWorkflow", make.get(make.WORKFLOW, workflow, "w", ""))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing version")


async def test_list_of_workflows_has_interfaces_only(flyte1: Client, tasks: str) -> None:
    await flyte1.ok("CreateWorkflow", chain(tasks))
    answer = await flyte1.ok("ListWorkflows", make.listing(tasks))
    template = answer.workflows[0].closure.compiled_workflow.primary.template
    assert "x" in template.interface.inputs.variables
    assert len(template.nodes) == 0


async def test_workflow_names_are_listed_once(flyte1: Client, workflow: str) -> None:
    await flyte1.ok("CreateWorkflow", make.simple_workflow(workflow, version="v2"))
    request = make.common_pb2.NamedEntityIdentifierListRequest(
        project=workflow, domain=make.DOMAIN, limit=10, sort_by=make.by("name")
    )
    answer = await flyte1.ok("ListWorkflowIds", request)
    assert [one.name for one in answer.entities] == ["w"]
