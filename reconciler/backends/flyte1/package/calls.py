"""Calls that register tasks and workflows."""

from __future__ import annotations

from flyteidl.admin import common_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import faults, methods, task, workflow
from reconciler.backends.flyte1.channel import Channel
from reconciler.errors import BackendError, ConflictError
from reconciler.plan.plan import Action

CODE_URL = "codeUrl"
"""Key that `code.fill` puts the address of uploaded code under, in the body of a task's action."""


def _identifier(action: Action, resource_type: int) -> identifier_pb2.Identifier:
    key = action.key
    return identifier_pb2.Identifier(
        resource_type=resource_type,  # type: ignore[arg-type] # enum values are ints on the wire
        project=key.project,
        domain=key.domain,
        name=key.name,
        version=action.version,
    )


async def register_task(channel: Channel, action: Action) -> None:
    """Register a task version; one that exists is read and compared by normal form."""
    identifier = _identifier(action, identifier_pb2.TASK)
    body = dict(action.body or {})
    url = body.pop(CODE_URL, "")
    template = task.to_wire(body, code_url=str(url))
    template.id.CopyFrom(identifier)
    request = task_pb2.TaskCreateRequest(id=identifier, spec=task_pb2.TaskSpec(template=template))
    try:
        await channel.call(methods.CREATE_TASK, request)
    except BackendError as error:
        if not (faults.is_already_exists(error) or faults.is_different_structure(error)):
            raise
        live = await channel.call(methods.GET_TASK, common_pb2.ObjectGetRequest(id=identifier))
        if task.from_wire(live.closure.compiled_task.template) != body:
            raise _conflict(channel, action) from error


async def register_workflow(channel: Channel, action: Action) -> None:
    """Register a workflow version.

    One that exists is taken for ours, since its version is the digest of its content. That it can
    be read is checked: a crash of the server can leave the name of a version without content.
    """
    identifier = _identifier(action, identifier_pb2.WORKFLOW)
    spec = workflow.to_wire(action.body or {}, identifier, workflow.refs_by_name(action.refs))
    request = workflow_pb2.WorkflowCreateRequest(id=identifier, spec=spec)
    try:
        await channel.call(methods.CREATE_WORKFLOW, request)
    except BackendError as error:
        if faults.is_different_structure(error):
            raise _conflict(channel, action) from error
        if not faults.is_already_exists(error):
            raise
        try:
            await channel.call(methods.GET_WORKFLOW, common_pb2.ObjectGetRequest(id=identifier))
        except BackendError as missing:
            if not faults.is_not_found(missing):
                raise
            raise ConflictError(
                f"{channel.endpoint}: {action.key}: version {action.version} is said to exist and "
                "cannot be read: the server stopped while it was registered; remove the orphaned "
                "description row of this version from its database",
                method=methods.CREATE_WORKFLOW.name,
            ) from missing


def _conflict(channel: Channel, action: Action) -> ConflictError:
    return ConflictError(
        f"{channel.endpoint}: {action.key}: version {action.version} exists with other content",
        method=action.call,
    )
