"""The node executions of an execution as a tree, with the attempts at their tasks.

Facts from flyteadmin 1.16.8: a list gives the nodes without a parent, or those of one parent, so
that each parent costs pages of its own, and so does each node for its attempts. What a node does is
not told; the workflow says it, by the node's id there, and for dynamic nodes the workflow that they
made. Lists cut the messages of errors short, those of attempts whole. Engines of old hang what a
dynamic task made below its attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from flyteidl.admin import common_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.paging import BY_ID, listing
from reconciler.backends.flyte1.reading import graph
from reconciler.backends.flyte1.run import attempts, nodes, rows
from reconciler.backends.flyte1.run import methods as run_methods
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError
from reconciler.model.entity import Node
from reconciler.model.run import RunId, Step

_PAGE = 200
_WITHOUT_ATTEMPTS = frozenset({"start", "end", "branch", "gate", "launch plan", "workflow"})
_ANY = "*"
"""Stands for the id of every node that runs a part of an array."""

_Known = Mapping[str, Node]


async def steps(
    channel: Channel, run_id: RunId, workflow: identifier_pb2.Identifier
) -> tuple[Step, ...]:
    """Read what runs inside an execution of a workflow."""
    tree = _Tree(channel, run_id)
    return await tree.below("", _by_id(await tree.workflow(workflow)))


class _Tree:
    """One execution while its nodes are read."""

    def __init__(self, channel: Channel, run_id: RunId) -> None:
        self._channel = channel
        self._run = rows.identifier(run_id)

    async def workflow(self, identifier: identifier_pb2.Identifier) -> tuple[Node, ...]:
        """Read the nodes of the workflow; none where it is not there."""
        if not identifier.version:
            return ()
        name = identifier_pb2.Identifier()
        name.CopyFrom(identifier)
        name.resource_type = identifier_pb2.WORKFLOW
        request = common_pb2.ObjectGetRequest(id=name)
        try:
            found = await self._channel.call(methods.GET_WORKFLOW, request)
        except BackendError as error:
            if faults.is_not_found(error):
                return ()
            raise
        return graph.nodes(found.closure.compiled_workflow)

    async def below(self, parent: str, known: _Known) -> tuple[Step, ...]:
        """Read the nodes below a parent, or those that have none."""
        request = node_execution_pb2.NodeExecutionListRequest(
            workflow_execution_id=self._run, unique_parent_id=parent, sort_by=BY_ID
        )
        pages = listing(self._channel, run_methods.LIST_NODE_EXECUTIONS, request, limit=_PAGE)
        return await self._all([one async for page in pages for one in page.node_executions], known)

    async def _below_attempt(
        self, attempt: task_execution_pb2.TaskExecution, known: _Known
    ) -> tuple[Step, ...]:
        request = node_execution_pb2.NodeExecutionForTaskListRequest(
            task_execution_id=attempt.id, sort_by=BY_ID
        )
        method = run_methods.LIST_NODE_EXECUTIONS_FOR_TASK
        pages = listing(self._channel, method, request, limit=_PAGE)
        return await self._all([one async for page in pages for one in page.node_executions], known)

    async def _all(
        self, found: Iterable[node_execution_pb2.NodeExecution], known: _Known
    ) -> tuple[Step, ...]:
        read = await asyncio.gather(*(self._step(one, known) for one in found))
        return tuple(sorted(read, key=nodes.by_start))

    async def _step(self, node: node_execution_pb2.NodeExecution, known: _Known) -> Step:
        at = known.get(nodes.spec_id(node)) or known.get(_ANY)
        does = nodes.does(node, at)
        tries: Sequence[task_execution_pb2.TaskExecution] = ()
        if does not in _WITHOUT_ATTEMPTS:
            tries = await self._attempts(node.id)
        within = await self._within(node, at)
        inside: list[Step] = []
        if node.metadata.is_parent_node or node.metadata.is_array:
            inside += await self.below(node.id.node_id, within)
        for one in tries:
            if one.is_parent:
                inside += await self._below_attempt(one, within)
        return nodes.step(node, at, [attempts.attempt(one) for one in tries], inside)

    async def _within(self, node: node_execution_pb2.NodeExecution, at: Node | None) -> _Known:
        """Find the nodes of the workflow, or of the branch, that runs in a node."""
        if node.metadata.is_dynamic:
            return _by_id(await self._made(node.id))
        found = _by_id(at.inside if at else ())
        if at and at.does == "array" and at.inside:
            found[_ANY] = at.inside[0]
        return found

    async def _attempts(
        self, node: identifier_pb2.NodeExecutionIdentifier
    ) -> list[task_execution_pb2.TaskExecution]:
        request = task_execution_pb2.TaskExecutionListRequest(node_execution_id=node, sort_by=BY_ID)
        pages = listing(self._channel, run_methods.LIST_TASK_EXECUTIONS, request, limit=_PAGE)
        found = [one async for page in pages for one in page.task_executions]
        return sorted(found, key=lambda one: one.id.retry_attempt)

    async def _made(self, node: identifier_pb2.NodeExecutionIdentifier) -> tuple[Node, ...]:
        """Read the workflow that a dynamic node made, once it has."""
        request = node_execution_pb2.GetDynamicNodeWorkflowRequest(id=node)
        try:
            answer = await self._channel.call(run_methods.GET_DYNAMIC_NODE_WORKFLOW, request)
        except BackendError as error:
            if faults.is_not_found(error):
                return ()
            raise
        return graph.nodes(answer.compiled_workflow)


def _by_id(found: Iterable[Node]) -> dict[str, Node]:
    return {node.id: node for node in found}
