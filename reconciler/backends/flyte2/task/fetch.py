"""Reads the spec of one version of a task; the only call that tells it."""

from __future__ import annotations

from flyteidl2.task import task_definition_pb2, task_service_pb2

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError


async def spec_of(
    channel: Channel, identifier: task_definition_pb2.TaskIdentifier
) -> task_definition_pb2.TaskSpec | None:
    """Read a task; None when there is none."""
    request = task_service_pb2.GetTaskDetailsRequest(task_id=identifier)
    try:
        answer = await channel.call(methods.GET_TASK_DETAILS, request)
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise
    return answer.details.spec
