"""Calls that register tasks and workflows."""

from __future__ import annotations

from flyteidl.admin import common_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2

from reconciler.backends.flyte1 import faults, methods, task, workflow
from reconciler.backends.flyte1.attachments import Attachments
from reconciler.backends.flyte1.package.compiled import SERVER_NODES
from reconciler.backends.flyte1.package.identifiers import RESOURCE_TYPES, Raw, raw, walk
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, ConflictError
from reconciler.plan.plan import Action


async def register_task(channel: Channel, action: Action, attachments: Attachments) -> None:
    """Register a task version, its code first; one that exists is compared by normal form."""
    identifier = _identifier(action)
    body = action.body or {}
    template = task.to_wire(body, await attachments.uploaded(channel, action))
    template.id.CopyFrom(identifier)
    spec = task_pb2.TaskSpec(template=template, description=attachments.description(action))
    try:
        await channel.call(
            methods.CREATE_TASK, task_pb2.TaskCreateRequest(id=identifier, spec=spec)
        )
    except BackendError as error:
        if not _may_exist(error):
            raise
        live = await channel.call(methods.GET_TASK, common_pb2.ObjectGetRequest(id=identifier))
        if task.from_wire(live.closure.compiled_task.template) != body:
            raise _conflict(channel, action) from error


async def register_workflow(channel: Channel, action: Action, attachments: Attachments) -> None:
    """Register a workflow version; one that exists is read, and compared as far as it shows.

    flyteadmin 1.16.8 writes a description and then the workflow, without a transaction. Where it
    stopped in between it takes the workflow only without another description.
    """
    identifier = _identifier(action)
    spec = workflow.to_wire(action.body or {}, identifier, action.refs)
    description = attachments.description(action)
    if description is not None:
        spec.description.CopyFrom(description)
    request = workflow_pb2.WorkflowCreateRequest(id=identifier, spec=spec)
    try:
        await channel.call(methods.CREATE_WORKFLOW, request)
    except BackendError as error:
        if not _may_exist(error):
            raise
        live = await _read(channel, identifier)
        if live is None and description is not None:
            request.spec.ClearField("description")
            await channel.call(methods.CREATE_WORKFLOW, request)
            return
        if live is None:
            raise
        compiled = live.closure.compiled_workflow.primary.template
        # Servers before 1.16.8 may call the same content different, so that answer proves nothing.
        if faults.is_different_structure(error) and _shape(compiled) != _shape(spec.template):
            raise _conflict(channel, action) from error


async def _read(
    channel: Channel, identifier: identifier_pb2.Identifier
) -> workflow_pb2.Workflow | None:
    request = common_pb2.ObjectGetRequest(id=identifier)
    try:
        return await channel.call(methods.GET_WORKFLOW, request)
    except BackendError as error:
        if not faults.is_not_found(error):
            raise
        return None


def _identifier(action: Action) -> identifier_pb2.Identifier:
    key = action.key
    return identifier_pb2.Identifier(
        resource_type=RESOURCE_TYPES[key.kind],
        project=key.project,
        domain=key.domain,
        name=key.name,
        version=action.version,
    )


def _may_exist(error: BackendError) -> bool:
    return faults.is_already_exists(error) or faults.is_different_structure(error)


def _shape(
    template: core_workflow_pb2.WorkflowTemplate,
) -> tuple[bytes, frozenset[str], frozenset[Raw]]:
    """Say what compiling leaves as it was: the interface, the nodes and what they refer to."""
    return (
        template.interface.SerializeToString(deterministic=True),
        frozenset(node.id for node in template.nodes) - SERVER_NODES,
        frozenset(raw(identifier) for node in template.nodes for identifier in walk(node)),
    )


def _conflict(channel: Channel, action: Action) -> ConflictError:
    return ConflictError(
        f"{channel.endpoint}: {action.key}: version {action.version} exists with other content, "
        "so it was not made by this set; register the package under another set name",
        method=action.call,
    )
