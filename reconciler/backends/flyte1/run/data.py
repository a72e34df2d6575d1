"""Inputs and outputs of executions and of their nodes, and decks.

Facts from flyteadmin 1.16.8: they come with the answer where they are small, else there is a signed
URL if it signs any; a file that it cannot read is an empty map and no error. Every input of an
execution has a value, so that no inputs where some are expected were not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from flyteidl.admin import common_pb2, execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import execution_pb2 as core
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2
from flyteidl.service import dataproxy_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.run import methods as run_methods
from reconciler.backends.flyte1.run import rows
from reconciler.backends.flyte1.run.stored import Stored
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError
from reconciler.model.document import Json
from reconciler.model.run import Data, RunId, Values

_Types = Mapping[str, Json]


async def of_run(channel: Channel, run: execution_pb2.Execution) -> Data:
    """Read inputs and outputs of an execution, typed by its launch plan or task."""
    request = execution_pb2.WorkflowExecutionGetDataRequest(id=run.id)
    answer, (inputs, outputs) = await asyncio.gather(
        channel.call(methods.GET_EXECUTION_DATA, request), _types_of(channel, run.spec.launch_plan)
    )
    reader = _Reader(channel, f"run {rows.run_id(run.id)}")
    is_done = run.closure.phase == core.WorkflowExecution.SUCCEEDED
    return Data(
        inputs=await reader.values(
            "inputs", answer.full_inputs, answer.inputs, inputs, is_due=True
        ),
        outputs=await reader.values(
            "outputs",
            answer.full_outputs,
            answer.outputs,
            outputs,
            uri=run.closure.outputs.uri,
            is_due=is_done,
        ),
    )


async def of_step(channel: Channel, run_id: RunId, step: str) -> Data:
    """Read inputs and outputs of a node, typed by its task where it runs one."""
    node = _node(run_id, step)
    found, answer, task = await asyncio.gather(
        channel.call(
            run_methods.GET_NODE_EXECUTION, node_execution_pb2.NodeExecutionGetRequest(id=node)
        ),
        channel.call(
            run_methods.GET_NODE_EXECUTION_DATA,
            node_execution_pb2.NodeExecutionGetDataRequest(id=node),
        ),
        _task_of(channel, node),
    )
    inputs, outputs = ({}, {}) if task is None else await _types_of(channel, task)
    reader = _Reader(channel, f"run {run_id}: step {step}")
    return Data(
        inputs=await reader.values(
            "inputs",
            answer.full_inputs,
            answer.inputs,
            inputs,
            uri=found.input_uri,
            is_due=bool(found.input_uri),
        ),
        outputs=await reader.values(
            "outputs",
            answer.full_outputs,
            answer.outputs,
            outputs,
            uri=found.closure.output_uri,
            is_due=bool(found.closure.output_uri),
        ),
    )


async def report(channel: Channel, run_id: RunId, step: str) -> bytes:
    """Fetch the deck of a node; raises BackendError when it has none."""
    request = dataproxy_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=_node(run_id, step)
    )
    try:
        answer = await channel.call(run_methods.CREATE_DOWNLOAD_LINK, request)
    except BackendError as error:
        if faults.is_not_found(error):
            raise BackendError(
                f"run {run_id}: step {step}: has no deck; enable decks in its task",
                method=error.method,
                code=error.code,
            ) from error
        raise
    urls = answer.pre_signed_urls.signed_url or answer.signed_url
    return await Stored(channel).fetch(urls[0])


class _Reader:
    """Reads the values of one execution or node; `what` names it in errors."""

    def __init__(self, channel: Channel, what: str) -> None:
        self._stored = Stored(channel)
        self._what = what

    async def values(
        self,
        side: str,
        literals: literals_pb2.LiteralMap,
        blob: common_pb2.UrlBlob,
        types: _Types,
        *,
        uri: str = "",
        is_due: bool,
    ) -> Values | None:
        """Gather a map of literals, wherever it is; None where there is none yet.

        `is_due` says that there is one, so that an empty one for which types are known was not
        read: raises BackendError where it is not to be had either way.
        """
        if not literals.literals and blob.url:
            literals = await self._stored.literals(blob.url)
        elif not literals.literals and not is_due:
            return None
        elif not literals.literals and types:
            if not uri:
                raise BackendError(
                    f"{self._what}: its {side} cannot be read: flyteadmin gives none, though there "
                    "are some; see its log, and whether its store still has them"
                )
            literals = await self._stored.literals(await self._stored.sign(uri))
        whole = await self._stored.whole(literals)
        return Values(
            literals={name: to_json(one) for name, one in sorted(whole.literals.items())},
            types=types,
            uri=uri,
        )


async def _types_of(
    channel: Channel, identifier: identifier_pb2.Identifier
) -> tuple[_Types, _Types]:
    """Read the types of a launch plan's or a task's inputs and outputs; none where it is gone."""
    request = common_pb2.ObjectGetRequest(id=identifier)
    try:
        if identifier.resource_type == identifier_pb2.TASK:
            task = await channel.call(methods.GET_TASK, request)
            interface = task.closure.compiled_task.template.interface
            return _types(interface.inputs), _types(interface.outputs)
        request.id.resource_type = identifier_pb2.LAUNCH_PLAN
        plan = await channel.call(methods.GET_LAUNCH_PLAN, request)
    except BackendError as error:
        if faults.is_not_found(error):
            return {}, {}
        raise
    parameters = plan.closure.expected_inputs.parameters
    inputs: _Types = {name: to_json(one.var.type) for name, one in sorted(parameters.items())}
    return inputs, _types(plan.closure.expected_outputs)


async def _task_of(
    channel: Channel, node: identifier_pb2.NodeExecutionIdentifier
) -> identifier_pb2.Identifier | None:
    request = task_execution_pb2.TaskExecutionListRequest(node_execution_id=node, limit=1)
    answer = await channel.call(run_methods.LIST_TASK_EXECUTIONS, request)
    return answer.task_executions[0].id.task_id if answer.task_executions else None


def _types(found: interface_pb2.VariableMap) -> _Types:
    return {name: to_json(one.type) for name, one in sorted(found.variables.items())}


def _node(run_id: RunId, step: str) -> identifier_pb2.NodeExecutionIdentifier:
    return identifier_pb2.NodeExecutionIdentifier(
        execution_id=rows.identifier(run_id), node_id=step
    )
