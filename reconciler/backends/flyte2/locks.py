"""Revisions of triggers as locks: the only ones that Flyte 2 has.

Facts from the open-source manager 2.0.43: a deploy with the last revision is a compare-and-swap;
with any other one above zero it is refused where the trigger exists, and creates it where it does
not, so that of many first writers exactly one succeeds; a deleted trigger counts on.
"""

from __future__ import annotations

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

from reconciler.backends.flyte2 import faults, methods, paging
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError

NEW = 1 << 62
"""The revision that a deploy is sent with where nothing must exist yet."""


async def details_of(
    channel: Channel, name: identifier_pb2.TriggerName
) -> trigger_definition_pb2.TriggerDetails | None:
    """Read one trigger; None when there is none."""
    request = trigger_service_pb2.GetTriggerDetailsRequest(name=name)
    try:
        return (await channel.call(methods.GET_TRIGGER_DETAILS, request)).trigger
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise


async def deleted_revision(channel: Channel, name: identifier_pb2.TriggerName) -> int:
    """Return the last revision of a trigger that was deleted; 0 where it is there, or never was."""
    if await details_of(channel, name) is not None:
        return 0
    request = trigger_service_pb2.GetTriggerRevisionHistoryRequest(
        name=name, request=list_pb2.ListRequest(limit=paging.LIMIT)
    )
    answer = await channel.call(methods.GET_TRIGGER_REVISION_HISTORY, request)
    return max((item.id.revision for item in answer.triggers), default=0)
