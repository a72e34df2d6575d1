"""The interface of each sort of node, and the faults of a node by itself.

Sorts: task, launch plan, sub-workflow, branch, gate, array (flytepropeller 1.16.8,
pkg/compiler/validators/node.go, interface.go, branch.go and condition.go). Nodes inside a branch
get the branch's id in front of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.core import interface_pb2, types_pb2, workflow_pb2

from reconciler.server.flyte1.bindings import bind, effective_outputs
from reconciler.server.flyte1.castable import primitive_type
from reconciler.server.flyte1.graph import Direction, key
from reconciler.server.flyte1.refusals import compact

if TYPE_CHECKING:
    from flyteidl.core import condition_pb2, identifier_pb2

    from reconciler.server.flyte1.graph import Graph

_Interface = interface_pb2.TypedInterface


def required(graph: Graph, node: str, what: str) -> None:
    """Note that something must be set."""
    graph.errors.add("ValueRequired", node, f"Value required [{what}].")


def _lost(graph: Graph, node: str, sort: str, identifier: identifier_pb2.Identifier) -> None:
    graph.errors.add(
        f"{sort}ReferenceNotFound",
        node,
        f"Referenced {sort} [{compact(identifier)}] not found.",
    )


def complete_interface(graph: Graph, node: str, interface: _Interface) -> bool:
    """Both sides become present, every variable must have a type."""
    fine = True
    for side in (interface.inputs, interface.outputs):
        side.SetInParent()
        for name, variable in side.variables.items():
            if not name:
                required(graph, node, "paramName")
                fine = False
            if not variable.HasField("type"):
                required(graph, node, "param.Type")
                fine = False
    return fine


def resolve_interface(graph: Graph, node: workflow_pb2.Node) -> _Interface | None:
    """Work out a node's interface once; None, with the fault noted, when it has none."""
    known = graph.interface(node)
    if known is not None:
        return known
    before = len(graph.errors)
    interface = _interface(graph, node)
    if interface is not None:
        complete_interface(graph, node.id, interface)
    if interface is None or len(graph.errors) > before:
        return None
    graph.set_interface(node, interface)
    return interface


def _interface(graph: Graph, node: workflow_pb2.Node) -> _Interface | None:
    match node.WhichOneof("target"):
        case "task_node":
            return _task(graph, node)
        case "workflow_node":
            return _workflow(graph, node)
        case "branch_node":
            return _branch(graph, node)
        case "gate_node":
            return _gate(graph, node)
        case "array_node":
            return resolve_interface(graph, node.array_node.node)
        case _:
            required(graph, node.id, "Target")
            return None


def _task(graph: Graph, node: workflow_pb2.Node) -> _Interface | None:
    if not node.task_node.HasField("reference_id"):
        required(graph, node.id, "TaskNode.ReferenceId")
        return None
    template = graph.references.tasks.get(key(node.task_node.reference_id))
    if template is None:
        _lost(graph, node.id, "Task", node.task_node.reference_id)
        return None
    return template.interface


def _workflow(graph: Graph, node: workflow_pb2.Node) -> _Interface | None:
    target = node.workflow_node
    match target.WhichOneof("reference"):
        case "launchplan_ref":
            plan = graph.references.launch_plans.get(key(target.launchplan_ref))
            if plan is None:
                _lost(graph, node.id, "Workflow", target.launchplan_ref)
                return None
            if plan.outputs is None:
                required(graph, node.id, "WorkflowNode.ExpectedOutputs")
                return None
            interface = _Interface(outputs=plan.outputs)
            interface.inputs.SetInParent()
            given = {binding.var for binding in node.inputs}
            for name, parameter in plan.inputs.parameters.items():
                if parameter.required or name in given:
                    interface.inputs.variables[name].CopyFrom(parameter.var)
            return interface
        case "sub_workflow_ref":
            workflow = graph.references.workflows.get(key(target.sub_workflow_ref))
            if workflow is None:
                _lost(graph, node.id, "Workflow", target.sub_workflow_ref)
                return None
            if not workflow.template.HasField("interface"):
                required(graph, node.id, "WorkflowNode.Template.Interface")
                return None
            return workflow.template.interface
        case _:
            graph.errors.add(
                "WorkflowReferenceNotFound",
                node.id,
                "Referenced Workflow [<nil>/<nil>] not found.",
            )
            return None


def _gate(graph: Graph, node: workflow_pb2.Node) -> _Interface | None:
    match node.gate_node.WhichOneof("condition"):
        case "approve":
            passed = bind(graph, node, None, Direction.Upstream)
            return _Interface(inputs=passed, outputs=passed)
        case "signal":
            signal = node.gate_node.signal
            if not signal.HasField("type"):
                required(graph, node.id, "GateNode.Signal.Type")
                return None
            if not signal.output_variable_name:
                required(graph, node.id, "GateNode.Signal.OutputVariableName")
                return None
            interface = _Interface()
            variable = interface.outputs.variables[signal.output_variable_name]
            variable.type.CopyFrom(signal.type)
            return interface
        case "sleep":
            return _Interface()
        case _:
            graph.errors.add(
                "NoConditionFound",
                node.id,
                f"Can't find any condition in gate node [{node.id}].",
            )
            return None


def _blocks(node: workflow_pb2.Node) -> list[workflow_pb2.IfBlock]:
    if_else = node.branch_node.if_else
    first = [if_else.case] if if_else.HasField("case") else []
    return [*first, *if_else.other]


def _inner(node: workflow_pb2.Node) -> list[workflow_pb2.Node]:
    if_else = node.branch_node.if_else
    inner = [block.then_node for block in _blocks(node) if block.HasField("then_node")]
    if if_else.WhichOneof("default") == "else_node":
        inner.append(if_else.else_node)
    return inner


def _branch(graph: Graph, node: workflow_pb2.Node) -> _Interface | None:
    """Outputs are what all cases have in common; inputs are what the conditions bind."""
    if_else = node.branch_node.if_else
    if not node.branch_node.HasField("if_else"):
        required(graph, node.id, "Branch.IfElse")
        return None
    if not if_else.HasField("case"):
        required(graph, node.id, "Branch.IfElse.Case")
        return None
    if not if_else.case.HasField("then_node"):
        required(graph, node.id, "Branch.IfElse.Case.ThenNode")
        return None
    before = len(graph.errors)
    common: dict[str, interface_pb2.Variable] | None = None
    for inner in _inner(node):
        inner.id = f"{node.id}-{inner.id}"
        interface = resolve_interface(graph, inner)
        if interface is None:
            continue
        outputs = interface.outputs.variables
        if common is None:
            common = dict(outputs.items())
            continue
        common = {name: variable for name, variable in common.items() if name in outputs}
        for name, variable in common.items():
            if variable.type != outputs[name].type:
                graph.errors.add(
                    "MismatchingTypes",
                    inner.id,
                    f"Variable [{name}] (type [{compact(variable.type)}]) doesn't match expected "
                    f"type [{compact(outputs[name].type)}].",
                )
    passed = bind(graph, node, None, Direction.Upstream)
    if common is None or len(graph.errors) > before:
        return None
    result = _Interface(inputs=passed)
    for name, variable in common.items():
        result.outputs.variables[name].CopyFrom(variable)
    return result


def validate(graph: Graph, node: workflow_pb2.Node) -> bool:
    """Note every fault of a node but its bindings; False when there was one."""
    before = len(graph.errors)
    if not node.id:
        required(graph, "<node>", "Id")
    if resolve_interface(graph, node) is not None:
        effective_outputs(graph, node, graph.errors)
    node.upstream_node_ids.sort()
    if node.WhichOneof("target") == "branch_node":
        _validate_branch(graph, node)
    return len(graph.errors) == before


def _validate_branch(graph: Graph, node: workflow_pb2.Node) -> None:
    if_else = node.branch_node.if_else
    for block in _blocks(node):
        condition = block.condition if block.HasField("condition") else None
        _condition(graph, node, condition)
        if not block.HasField("then_node"):
            graph.errors.add("BranchNodeIdNotFound", node.id, "BranchNode not assigned")
    if if_else.WhichOneof("default") is None:
        graph.errors.add(
            "BranchNodeHasNoDefault",
            node.id,
            "Branch Node must have either the else case set or a default error.",
        )
    for inner in _inner(node):
        if validate(graph, inner):
            connect(graph, inner, Direction.Upstream)


def connect(graph: Graph, node: workflow_pb2.Node, direction: Direction) -> None:
    """Record a node's edges: declared ones where both ends know them, and those of its inputs."""
    interface = graph.interface(node)
    if interface is None:
        return
    if direction is Direction.Both:
        for provider in node.upstream_node_ids:
            graph.connect(provider, node.id)
    bind(graph, node, interface.inputs.variables, direction)


def _condition(
    graph: Graph,
    node: workflow_pb2.Node,
    expression: condition_pb2.BooleanExpression | None,
) -> None:
    if expression is None:
        graph.errors.add(
            "BranchNodeHasNoCondition",
            node.id,
            "One of the branches on the node doesn't have a condition.",
        )
        return
    match expression.WhichOneof("expr"):
        case "conjunction":
            _condition(graph, node, expression.conjunction.left_expression)
            _condition(graph, node, expression.conjunction.right_expression)
        case "comparison":
            comparison = expression.comparison
            right = _operand(graph, node, "RightValue", comparison.right_value)
            left = _operand(graph, node, "LeftValue", comparison.left_value)
            if right is not None and left is not None and right != left:
                graph.errors.add(
                    "MismatchingTypes",
                    node.id,
                    f"Variable [RightValue] (type [{compact(right)}]) doesn't match expected type "
                    f"[{compact(left)}].",
                )
        case _:
            required(graph, node.id, "Expr")


def _operand(
    graph: Graph, node: workflow_pb2.Node, side: str, operand: condition_pb2.Operand
) -> types_pb2.LiteralType | None:
    match operand.WhichOneof("val"):
        case "primitive":
            return primitive_type(operand.primitive)
        case "var" if operand.var:
            interface = graph.interface(node)
            if interface is None:
                required(graph, node.id, operand.var)
                return None
            if operand.var in interface.inputs.variables:
                return interface.inputs.variables[operand.var].type
            if all(binding.var != operand.var for binding in node.inputs):
                graph.errors.add(
                    "VariableNameNotFound",
                    node.id,
                    f"Variable [{operand.var}] not found on node [{node.id}].",
                )
            return None
        case _:
            required(graph, node.id, f"{side}.Val")
            return None
