"""Turns a compiled workflow back into the spec that was sent.

Facts from flyteadmin 1.16.8: only what was compiled can be read. Compiling puts a start and an end
node first, binds inputs of the workflow to the start node by name, sorts the nodes that a node
waits for, and writes the name of a branch node before the names of the nodes inside it, once more
for every workflow that embeds it. Everything else stays as it was sent; the description is kept
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from flyteidl.admin import workflow_pb2
from flyteidl.core import compiler_pb2, types_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2

from reconciler.backends.packages.texts import messages

START = "start-node"
SERVER_NODES = frozenset({START, "end-node"})

_Node = core_workflow_pb2.Node


def spec_of(compiled: compiler_pb2.CompiledWorkflowClosure) -> workflow_pb2.WorkflowSpec:
    """Return the spec whose compiled form this is."""
    return workflow_pb2.WorkflowSpec(
        template=_template(compiled.primary.template),
        sub_workflows=[_template(one.template) for one in compiled.sub_workflows],
    )


def _template(
    compiled: core_workflow_pb2.WorkflowTemplate,
) -> core_workflow_pb2.WorkflowTemplate:
    template = core_workflow_pb2.WorkflowTemplate()
    template.CopyFrom(compiled)
    nodes = [node for node in template.nodes if node.id not in SERVER_NODES]
    if len(nodes) == len(template.nodes):
        return template  # a workflow that no node refers to is kept as it was sent
    template.ClearField("nodes")
    template.nodes.extend(nodes)
    for part in messages(template):
        if isinstance(part, types_pb2.OutputReference) and part.node_id == START:
            part.node_id = ""
    outer = [*template.nodes]
    if template.HasField("failure_node"):
        outer.append(template.failure_node)
    for node in outer:
        for branch in _branches(node):
            while _is_prefixed(branch):
                _strip(branch)
    return template


def _branches(node: _Node) -> Iterator[_Node]:
    """Find the outermost branch nodes: the node itself, or the one inside an array."""
    if node.WhichOneof("target") == "branch_node":
        yield node
    elif node.WhichOneof("target") == "array_node":
        yield from _branches(node.array_node.node)


def _inside(branch: _Node) -> list[_Node]:
    if_else = branch.branch_node.if_else
    found = [block.then_node for block in (if_else.case, *if_else.other)]
    if if_else.WhichOneof("default") == "else_node":
        found.append(if_else.else_node)
    return found


def _is_prefixed(branch: _Node) -> bool:
    return all(node.id.startswith(f"{branch.id}-") for node in _inside(branch))


def _strip(branch: _Node) -> None:
    """Undo one compiling of what is inside a branch; inner branches first, by their full names."""
    for node in _inside(branch):
        if node.WhichOneof("target") == "branch_node":
            _strip(node)
        node.id = node.id.removeprefix(f"{branch.id}-")
