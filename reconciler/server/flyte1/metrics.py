"""GetExecutionMetrics: where the time of an execution went, worked out from its rows.

Between the stretches in which tasks run lies what the engine does: setting up, tearing down, moving
on to the next node. Known faults are kept (flyteadmin 1.16.8, pkg/manager/impl/
metrics_manager.go): a branch that shows the nodes it did not choose is INTERNAL, and so is a node
that the workflow does not have; arrays have no spans inside; the depth counts down and never ends
when it begins below zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import common_pb2, execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import identifier_pb2, metrics_pb2, workflow_pb2

from reconciler.server.flyte1 import executions, node_executions, spans, task_executions, workflows
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.refusals import compact
from reconciler.server.flyte1.spans import created, operation, updated
from reconciler.server.status import internal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from flyteidl.core import compiler_pb2

    from reconciler.server.store import Store

_EVERYTHING = 1_000_000
_START, _END = "start-node", "end-node"

_Node = node_execution_pb2.NodeExecution
_Span = metrics_pb2.Span


def get(
    store: Store, request: execution_pb2.WorkflowExecutionGetMetricsRequest
) -> execution_pb2.WorkflowExecutionGetMetricsResponse:
    """GetExecutionMetrics: the spans of an execution, so many levels deep."""
    name = optional(request, "id")
    found = executions.get(store, execution_pb2.WorkflowExecutionGetRequest(id=name))
    span = _Clock(store).execution(found, request.depth)
    return execution_pb2.WorkflowExecutionGetMetricsResponse(span=span)


class _Clock:
    """Reads executions, nodes and attempts of one server, and lays their times side by side."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def execution(self, found: execution_pb2.Execution, depth: int) -> _Span:
        """The span of an execution."""
        span = spans.whole(found.closure)
        span.workflow_id.CopyFrom(found.id)
        if depth:
            span.spans.extend(self._in_execution(found, depth - 1))
        return span

    def _in_execution(self, found: execution_pb2.Execution, depth: int) -> Iterator[_Span]:
        closure = found.closure
        compiled = self._workflow(closure.workflow_id)
        nodes = self._nodes(found.id)
        start = nodes.get(_START)
        if start is None or not start.closure.HasField("updated_at"):
            yield spans.setup(closure, "WORKFLOW_SETUP")
            return
        yield operation(created(closure), updated(start.closure), "WORKFLOW_SETUP")
        yield from self._graph(nodes, compiled, depth)
        yield from spans.teardown(closure, nodes, compiled, "WORKFLOW_TEARDOWN")

    def _graph(
        self,
        nodes: Mapping[str, _Node],
        compiled: compiler_pb2.CompiledWorkflowClosure,
        depth: int,
    ) -> Iterator[_Span]:
        """The nodes of one graph in the order of their creation, each after a transition."""
        defined = {one.id: one for one in compiled.primary.template.nodes}
        for found in sorted(nodes.values(), key=lambda one: spans.nanos(created(one.closure))):
            spec = found.metadata.spec_node_id
            if spec in {_START, _END}:
                continue
            if spec not in defined:
                name = compact(compiled.primary.template.id)
                raise internal(f"failed to discover workflow node '{spec}' in workflow '{name}'")
            span = self._node(found, defined[spec], depth)
            before = spans.latest_upstream(spec, nodes, compiled)
            if before is not None:
                moved = operation(
                    updated(before.closure), created(found.closure), "NODE_TRANSITION"
                )
                inside = [moved, *span.spans]
                del span.spans[:]
                span.spans.extend(inside)
            yield span

    def _node(self, found: _Node, node: workflow_pb2.Node, depth: int) -> _Span:
        span = spans.whole(found.closure)
        span.node_id.CopyFrom(found.id)
        if depth:
            span.spans.extend(self._in_node(found, node, depth - 1))
        return span

    def _in_node(self, found: _Node, node: workflow_pb2.Node, depth: int) -> Iterable[_Span]:
        match node.WhichOneof("target"):
            case "branch_node":
                return self._branch(found, node.branch_node, depth)
            case "gate_node":
                return spans.gate(found.closure)
            case "task_node":
                is_dynamic = found.metadata.is_parent_node
                return self._dynamic(found, depth) if is_dynamic else self._task(found, depth)
            case "workflow_node":
                target = node.workflow_node
                if target.WhichOneof("reference") == "launchplan_ref":
                    return self._launch_plan(found, depth)
                return self._sub_workflow(found, target.sub_workflow_ref, depth)
            case _:
                return ()

    def _branch(self, found: _Node, branch: workflow_pb2.BranchNode, depth: int) -> Iterator[_Span]:
        nodes = self._nodes(found.id.execution_id, found.id.node_id)
        if not nodes:
            yield operation(created(found.closure), updated(found.closure), "NODE_SETUP")
            return
        if len(nodes) != 1:
            raise internal(
                "invalid branch node execution: expected 1 but found "
                f"{len(nodes)} node execution(s)"
            )
        (chosen,) = nodes.values()
        node = _case(branch, chosen.metadata.spec_node_id)
        if node is None:
            raise internal(
                "failed to identify branch node final node definition for nodeID "
                f"'{chosen.metadata.spec_node_id}' and branchNode '{compact(branch)}'"
            )
        yield operation(created(found.closure), created(chosen.closure), "NODE_SETUP")
        yield self._node(chosen, node, depth)
        yield from spans.after(found.closure, chosen.closure, "NODE_TEARDOWN")

    def _task(self, found: _Node, depth: int) -> Iterator[_Span]:
        attempts = self._attempts(found.id)
        if not attempts:
            yield operation(created(found.closure), updated(found.closure), "NODE_SETUP")
            return
        yield operation(created(found.closure), created(attempts[0].closure), "NODE_SETUP")
        attempts = spans.by_creation(attempts)
        yield from spans.tries(attempts, depth)
        yield from spans.after(found.closure, attempts[-1].closure, "NODE_TEARDOWN")

    def _dynamic(self, found: _Node, depth: int) -> Iterator[_Span]:
        """A task, and then the workflow that it made."""
        attempts = self._attempts(found.id)
        if not attempts:
            yield operation(created(found.closure), updated(found.closure), "NODE_SETUP")
            return
        yield operation(created(found.closure), created(attempts[0].closure), "NODE_SETUP")
        attempts = spans.by_creation(attempts)
        yield from spans.tries(attempts, depth)
        nodes = self._nodes(found.id.execution_id, found.id.node_id)
        last = attempts[-1].closure
        if not nodes:
            yield from spans.after(found.closure, last, "NODE_RESET")
            return
        start = nodes.get(_START)
        begun = updated(start.closure) if start else None
        yield operation(updated(last), begun, "NODE_RESET")
        request = node_execution_pb2.NodeExecutionGetDataRequest(id=found.id)
        answer = node_executions.get_data(self._store, request)
        compiled = answer.dynamic_workflow.compiled_workflow
        yield from self._graph(nodes, compiled, depth)
        yield from spans.teardown(found.closure, nodes, compiled, "NODE_TEARDOWN")

    def _sub_workflow(
        self, found: _Node, name: identifier_pb2.Identifier, depth: int
    ) -> Iterator[_Span]:
        nodes = self._nodes(found.id.execution_id, found.id.node_id)
        if not nodes:
            yield operation(created(found.closure), updated(found.closure), "NODE_SETUP")
            return
        start = nodes.get(_START)
        begun = updated(start.closure) if start else None
        yield operation(created(found.closure), begun, "NODE_SETUP")
        compiled = self._workflow(name)
        yield from self._graph(nodes, compiled, depth)
        yield from spans.teardown(found.closure, nodes, compiled, "NODE_TEARDOWN")

    def _launch_plan(self, found: _Node, depth: int) -> Iterator[_Span]:
        closure = found.closure
        if not closure.HasField("workflow_node_metadata"):
            yield spans.setup(closure)
            return
        request = execution_pb2.WorkflowExecutionGetRequest(
            id=closure.workflow_node_metadata.executionId
        )
        child = executions.get(self._store, request)
        yield operation(created(closure), created(child.closure), "NODE_SETUP")
        yield self.execution(child, depth)
        yield from spans.after(closure, child.closure, "NODE_TEARDOWN")

    def _workflow(self, name: identifier_pb2.Identifier) -> compiler_pb2.CompiledWorkflowClosure:
        request = common_pb2.ObjectGetRequest(id=name)
        request.id.resource_type = identifier_pb2.WORKFLOW
        return workflows.get(self._store, request).closure.compiled_workflow

    def _nodes(
        self, name: identifier_pb2.WorkflowExecutionIdentifier, parent: str = ""
    ) -> dict[str, _Node]:
        """The nodes below a parent by their ids in the workflow; the last one of an id counts."""
        request = node_execution_pb2.NodeExecutionListRequest(
            workflow_execution_id=name, unique_parent_id=parent, limit=_EVERYTHING
        )
        found = node_executions.list_nodes(self._store, request).node_executions
        return {one.metadata.spec_node_id: one for one in found}

    def _attempts(
        self, name: identifier_pb2.NodeExecutionIdentifier
    ) -> list[task_execution_pb2.TaskExecution]:
        request = task_execution_pb2.TaskExecutionListRequest(
            node_execution_id=name, limit=_EVERYTHING
        )
        return list(task_executions.list_tasks(self._store, request).task_executions)


def _case(branch: workflow_pb2.BranchNode, spec: str) -> workflow_pb2.Node | None:
    block = branch.if_else
    nodes = [one.then_node for one in (block.case, *block.other)]
    if block.WhichOneof("default") == "else_node":
        nodes.append(block.else_node)
    return next((node for node in nodes if node.id == spec), None)
