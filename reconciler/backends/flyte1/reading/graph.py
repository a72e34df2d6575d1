"""The nodes of a compiled workflow as a tree, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyteidl.core import compiler_pb2, condition_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2

from reconciler.backends.flyte1.package.compiled import SERVER_NODES
from reconciler.backends.flyte1.reading.rows import reference
from reconciler.backends.wire.message import to_json
from reconciler.model.entity import Node, Reference
from reconciler.values.types import fields

_COMPARISONS = {"EQ": "==", "NEQ": "!=", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}
_DEEPEST = 50

_Id = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Workflows within a workflow by their identifiers, and those that lead to the one at hand."""

    workflows: Mapping[_Id, compiler_pb2.CompiledWorkflow]
    above: tuple[_Id, ...] = ()

    def below(self, identifier: _Id) -> _Embedded:
        return _Embedded(self.workflows, (*self.above, identifier))


def nodes(closure: compiler_pb2.CompiledWorkflowClosure) -> tuple[Node, ...]:
    """Read the nodes of a workflow; those of a workflow within it are below its node."""
    workflows = {_id(one.template.id): one for one in closure.sub_workflows}
    return _of(closure.primary, _Embedded(workflows))


def references(found: Iterable[Node]) -> tuple[Reference, ...]:
    """List what nodes run, at any depth, each once and sorted."""
    every = {node.target for node in _walk(found) if node.target is not None}
    return tuple(sorted(every, key=lambda one: (one.what, one.project, one.domain, one.name)))


def _walk(found: Iterable[Node]) -> Iterator[Node]:
    for node in found:
        yield node
        yield from _walk(node.inside)


def _of(compiled: compiler_pb2.CompiledWorkflow, embedded: _Embedded) -> tuple[Node, ...]:
    template = compiled.template
    upstream = compiled.connections.upstream
    found = [
        _node(node, upstream[node.id].ids if node.id in upstream else (), embedded)
        for node in template.nodes
        if node.id not in SERVER_NODES
    ]
    if template.HasField("failure_node"):
        found.append(_node(template.failure_node, (), embedded, when="on failure"))
    return tuple(found)


def _node(
    node: core_workflow_pb2.Node, upstream: Sequence[str], embedded: _Embedded, *, when: str = ""
) -> Node:
    after = sorted({*upstream, *node.upstream_node_ids} - SERVER_NODES)
    common: dict[str, Any] = {
        "id": node.id,
        "name": node.metadata.name,
        "after": tuple(after),
        "when": when,
    }
    match node.WhichOneof("target"):
        case "task_node":
            return Node(does="task", target=reference(node.task_node.reference_id), **common)
        case "workflow_node":
            return _workflow(node.workflow_node, embedded, common)
        case "branch_node":
            inside = tuple(_branches(node.branch_node.if_else, embedded))
            return Node(does="branch", inside=inside, **common)
        case "gate_node":
            gate = f"gate ({_gate(node.gate_node)})"
            return Node(does=gate, **common)
        case "array_node":
            inside = (_node(node.array_node.node, (), embedded),)
            return Node(does="array", inside=inside, **common)
        case _:
            return Node(does="nothing", **common)


def _workflow(
    target: core_workflow_pb2.WorkflowNode, embedded: _Embedded, common: Mapping[str, Any]
) -> Node:
    if target.WhichOneof("reference") == "launchplan_ref":
        return Node(does="launch plan", target=reference(target.launchplan_ref), **common)
    identifier = _id(target.sub_workflow_ref)
    known = embedded.workflows.get(identifier)
    inside: tuple[Node, ...] = ()
    if known is not None and identifier not in embedded.above and len(embedded.above) < _DEEPEST:
        inside = _of(known, embedded.below(identifier))
    return Node(does="workflow", target=reference(target.sub_workflow_ref), inside=inside, **common)


def _branches(block: core_workflow_pb2.IfElseBlock, embedded: _Embedded) -> Iterator[Node]:
    word = "if"
    for case in (block.case, *block.other):
        yield _node(case.then_node, (), embedded, when=f"{word} {_condition(case.condition)}")
        word = "elif"
    if block.WhichOneof("default") == "else_node":
        yield _node(block.else_node, (), embedded, when="else")
    elif block.WhichOneof("default") == "error":
        yield Node(id="", does="fails", name=block.error.message, when="else")


def _condition(expression: condition_pb2.BooleanExpression) -> str:
    match expression.WhichOneof("expr"):
        case "comparison":
            one = expression.comparison
            operator = condition_pb2.ComparisonExpression.Operator.Name(one.operator)
            sides = _operand(one.left_value), _operand(one.right_value)
            return f" {_COMPARISONS.get(operator, operator)} ".join(sides)
        case "conjunction":
            both = expression.conjunction
            operator = condition_pb2.ConjunctionExpression.LogicalOperator.Name(both.operator)
            parts = _condition(both.left_expression), _condition(both.right_expression)
            return f"({f' {operator.lower()} '.join(parts)})"
        case _:
            return "?"


def _operand(operand: condition_pb2.Operand) -> str:
    match operand.WhichOneof("val"):
        case "var":
            return operand.var
        case "scalar" if operand.scalar.WhichOneof("value") == "primitive":
            return _value(to_json(operand.scalar.primitive))
        case "scalar":
            return str(operand.scalar.WhichOneof("value"))
        case _:
            return _value(to_json(operand.primitive))


def _value(primitive: Mapping[str, Any]) -> str:
    for name, value in primitive.items():
        return f'"{value}"' if name == "stringValue" else str(value).removesuffix(".0")
    return "?"


def _gate(gate: core_workflow_pb2.GateNode) -> str:
    match gate.WhichOneof("condition"):
        case "approve":
            return f"approve {gate.approve.signal_id}"
        case "signal":
            return f"signal {gate.signal.signal_id}"
        case "sleep":
            return f"sleep {fields(to_json(gate.sleep)).get('duration', '')}"
        case _:
            return "?"


def _id(identifier: Any) -> _Id:
    return identifier.project, identifier.domain, identifier.name, identifier.version
