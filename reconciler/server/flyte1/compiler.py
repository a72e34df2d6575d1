"""The workflow compiler: from a template to what clients read back.

A start and an end node come first, then the nodes as sent; connections follow from bindings and
declared upstream nodes; nodes that nobody waits for are tied to the end, nodes that wait for nobody
to the start. References must resolve and bound types must be castable (flytepropeller 1.16.8,
pkg/compiler/workflow_compiler.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.core import compiler_pb2, interface_pb2, workflow_pb2

from reconciler.server.flyte1.bindings import bind
from reconciler.server.flyte1.graph import (
    END,
    START,
    Direction,
    Errors,
    Graph,
    LaunchPlanInterface,
    References,
    key,
)
from reconciler.server.flyte1.nodes import complete_interface, connect, validate
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from flyteidl.core import identifier_pb2, tasks_pb2

    from reconciler.server.flyte1.graph import Key

    FindTask = Callable[[identifier_pb2.Identifier], tasks_pb2.TaskTemplate]
    FindLaunchPlan = Callable[[identifier_pb2.Identifier], LaunchPlanInterface]


def compile_workflow(
    template: workflow_pb2.WorkflowTemplate,
    sub_workflows: Sequence[workflow_pb2.WorkflowTemplate],
    *,
    task: FindTask,
    launch_plan: FindLaunchPlan,
) -> compiler_pb2.CompiledWorkflowClosure:
    """The compiled closure; StatusError INVALID_ARGUMENT with every fault found.

    `task` and `launch_plan` look a reference up and raise StatusError when it does not exist.
    """
    errors = Errors()
    closure = compiler_pb2.CompiledWorkflowClosure()
    closure.primary.template.CopyFrom(template)
    workflows: dict[Key, compiler_pb2.CompiledWorkflow] = {}
    for sub in sub_workflows:
        if not sub.HasField("id"):
            raise refused(f"failed to get workflow requirements with err {errors}")
        if key(sub.id) in workflows:
            errors.add(
                "DuplicateId", compact(sub.id), "Trying to insert two nodes with the same id."
            )
            raise refused(f"failed to get workflow requirements with err {errors}")
        compiled = closure.sub_workflows.add()
        compiled.template.CopyFrom(sub)
        workflows[key(sub.id)] = compiled
    references = References({}, {}, workflows)
    tasks, plans = _requirements(closure.primary.template, references, errors)
    for identifier in tasks:
        found = closure.tasks.add().template
        found.CopyFrom(task(identifier))
        if found.id != identifier:
            # An incomplete identifier finds some task, and one with an organisation finds one
            # without: that is not the one that was meant.
            lost = compact(identifier)
            errors.add("TaskReferenceNotFound", START, f"Referenced Task [{lost}] not found.")
    references.tasks = {
        key(identifier): compiled.template
        for identifier, compiled in zip(tasks, closure.tasks, strict=True)
    }
    references.launch_plans = {key(plan): launch_plan(plan) for plan in plans}
    if len(errors):
        raise _failed(errors)
    _build(closure.primary, references, errors)
    if len(errors):
        raise _failed(errors)
    return closure


def _failed(errors: Errors) -> Exception:
    return refused(str(errors))


def _inner_nodes(nodes: Iterable[workflow_pb2.Node]) -> Iterator[workflow_pb2.Node]:
    """Every node, those inside branches and arrays too, in the order of the template."""
    for node in nodes:
        yield node
        match node.WhichOneof("target"):
            case "branch_node":
                if_else = node.branch_node.if_else
                blocks = [if_else.case, *if_else.other]
                yield from _inner_nodes(block.then_node for block in blocks)
                if if_else.WhichOneof("default") == "else_node":
                    yield from _inner_nodes([if_else.else_node])
            case "array_node":
                yield from _inner_nodes([node.array_node.node])


def _requirements(
    template: workflow_pb2.WorkflowTemplate, references: References, errors: Errors
) -> tuple[list[identifier_pb2.Identifier], list[identifier_pb2.Identifier]]:
    """The tasks and launch plans that the workflow and its sub-workflows refer to, sorted."""
    tasks: dict[Key, identifier_pb2.Identifier] = {}
    plans: dict[Key, identifier_pb2.Identifier] = {}
    seen: set[Key] = set()
    todo = [template]
    while todo:
        current = todo.pop()
        nodes = list(current.nodes)
        if current.HasField("failure_node"):
            nodes.append(current.failure_node)
        for node in _inner_nodes(nodes):
            target = node.workflow_node
            if node.task_node.HasField("reference_id"):
                tasks[key(node.task_node.reference_id)] = node.task_node.reference_id
            elif target.HasField("launchplan_ref"):
                plans[key(target.launchplan_ref)] = target.launchplan_ref
            elif target.HasField("sub_workflow_ref"):
                sub = references.workflows.get(key(target.sub_workflow_ref))
                if sub is None:
                    lost = compact(target.sub_workflow_ref)
                    errors.add(
                        "WorkflowReferenceNotFound",
                        node.id,
                        f"Referenced Workflow [{lost}] not found.",
                    )
                elif key(target.sub_workflow_ref) not in seen:
                    seen.add(key(target.sub_workflow_ref))
                    todo.append(sub.template)
    return [tasks[one] for one in sorted(tasks)], [plans[one] for one in sorted(plans)]


def _build(compiled: compiler_pb2.CompiledWorkflow, references: References, errors: Errors) -> None:
    """Complete one workflow in place."""
    template = compiled.template
    if not template.nodes:
        errors.add(
            "NoNodesFound",
            compact(template.id),
            f"Can't find any nodes in workflow [{compact(template.id)}].",
        )
        return
    graph = Graph(compiled, references, errors)
    template.interface.SetInParent()
    if not complete_interface(graph, START, template.interface):
        return
    sent = [_copy(node) for node in template.nodes]
    template.ClearField("nodes")
    compiled.ClearField("connections")
    start = _add(graph, workflow_pb2.Node(id=START))
    graph.set_interface(start, interface_pb2.TypedInterface(outputs=template.interface.inputs))
    end = _add(graph, workflow_pb2.Node(id=END, inputs=template.outputs))
    graph.set_interface(end, interface_pb2.TypedInterface(inputs=template.interface.outputs))
    for node in sent:
        added = _add(graph, node)
        if added.id in (START, END):
            continue
        validate(graph, added)
        _build_sub_workflow(graph, added)
    for name in sorted(graph.nodes):
        if name != START:
            connect(graph, graph.nodes[name], Direction.Both)
    if template.HasField("failure_node"):
        validate(graph, template.failure_node)
        _build_sub_workflow(graph, template.failure_node)
        connect(graph, template.failure_node, Direction.Upstream)
    for name in sorted({node.id for node in sent} - {START, END}):
        if name not in graph.upstream:
            graph.connect(START, name)
        if name not in graph.downstream:
            graph.connect(name, END)
    bind(graph, end, template.interface.outputs.variables, Direction.Both)
    graph.check_reachable()
    graph.write_connections()


def _copy(node: workflow_pb2.Node) -> workflow_pb2.Node:
    copied = workflow_pb2.Node()
    copied.CopyFrom(node)
    return copied


def _add(graph: Graph, node: workflow_pb2.Node) -> workflow_pb2.Node:
    """Append a node; a second one of the same id is dropped without a word."""
    if node.id not in graph.nodes:
        added = graph.compiled.template.nodes.add()
        added.CopyFrom(node)
        graph.nodes[node.id] = added
    return graph.nodes[node.id]


def _build_sub_workflow(graph: Graph, node: workflow_pb2.Node) -> None:
    """Compile the workflows that this node, or a node inside it, runs, once per parent."""
    for inner in _inner_nodes([node]):
        target = inner.workflow_node
        if not target.HasField("sub_workflow_ref"):
            continue
        name = key(target.sub_workflow_ref)
        workflow = graph.references.workflows.get(name)
        if workflow is not None and name not in graph.finished:
            graph.finished.add(name)
            _build(workflow, graph.references, graph.errors)
