"""Registers tasks, and never over other content: Flyte 2 would replace it without a word."""

from __future__ import annotations

from flyteidl2.task import task_definition_pb2, task_service_pb2

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.locations import proxy
from reconciler.backends.flyte2.task import attached
from reconciler.backends.flyte2.task.fetch import spec_of
from reconciler.backends.flyte2.task.normal import normal
from reconciler.backends.packages.uploads import not_at_hand
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, ConflictError
from reconciler.model.document import Json
from reconciler.plan.plan import Action


async def register(link: Link, action: Action) -> str:
    """Register a task version, its code first; one that exists is compared by normal form.

    Triggers are never part of it: a deployment that carries some removes all others of the task.
    """
    name = attached.name_of(action.key, action.version)
    content = link.uploads.contents.get(name)
    if not isinstance(content, bytes):
        raise not_at_hand(action, "spec")
    identifier = _identifier(action)
    live = await _read(link.channel, identifier)
    if live is None:
        urls = await link.uploads.uploaded(await proxy(link, action.key.place), action)
        request = task_service_pb2.DeployTaskRequest(
            task_id=identifier, spec=attached.spec(content, identifier, urls)
        )
        try:
            await link.channel.call(methods.DEPLOY_TASK, request)
        except BackendError as error:
            if not faults.is_already_exists(error):
                raise
            live = await _read(link.channel, identifier)
    if live is not None and live != (action.body or {}):
        raise ConflictError(
            f"{link.channel.endpoint}: {action.key}: version {action.version} exists with other "
            "content, so it was not made by this set; register the package under another set name",
            method=action.call,
        )
    return ""


def _identifier(action: Action) -> task_definition_pb2.TaskIdentifier:
    key = action.key
    return task_definition_pb2.TaskIdentifier(
        project=key.project, domain=key.domain, name=key.name, version=action.version
    )


async def _read(
    channel: Channel, identifier: task_definition_pb2.TaskIdentifier
) -> dict[str, Json] | None:
    """Read a task in normal form; None when there is none."""
    spec = await spec_of(channel, identifier)
    return None if spec is None else normal(spec)
