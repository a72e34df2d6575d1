"""Who changed a trigger last, how and when, in words; read only where a difference is explained."""

from __future__ import annotations

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

from reconciler.backends.flyte2 import methods, people
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError

_ACTIONS = {
    trigger_definition_pb2.TRIGGER_REVISION_ACTION_DEPLOY: "deployed",
    trigger_definition_pb2.TRIGGER_REVISION_ACTION_ACTIVATE: "activated",
    trigger_definition_pb2.TRIGGER_REVISION_ACTION_DEACTIVATE: "deactivated",
    trigger_definition_pb2.TRIGGER_REVISION_ACTION_DELETE: "deleted",
}


async def last_change(channel: Channel, identifier: identifier_pb2.TriggerIdentifier) -> str:
    """Say what made the last revision; empty where the server does not tell.

    The open-source server stores no identities, so that it can say when and not by whom.
    """
    request = trigger_service_pb2.GetTriggerRevisionHistoryRequest(
        name=identifier.name, request=list_pb2.ListRequest(limit=1)
    )
    try:
        answer = await channel.call(methods.GET_TRIGGER_REVISION_HISTORY, request)
    except BackendError:
        return ""
    for revision in answer.triggers:
        did = _ACTIONS.get(revision.action, "changed")
        by = _who(revision)
        at = revision.created_at.ToJsonString().partition(".")[0].removesuffix("Z")
        return f"{did}{f' by {by}' if by else ''} at {at}Z, revision {revision.id.revision}"
    return ""


def _who(revision: trigger_definition_pb2.TriggerRevision) -> str:
    metadata = revision.metadata
    is_deployed = revision.action == trigger_definition_pb2.TRIGGER_REVISION_ACTION_DEPLOY
    identity = metadata.deployed_by if is_deployed else metadata.updated_by
    return people.name_of(identity)
