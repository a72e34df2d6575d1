"""Secrets of Flyte 2 as they can be seen: names, scopes and times; a value is never told.

Facts from the open-source manager 2.0.43: a list by domain holds those of its projects too, one
without scope holds everything; the type is not kept, so that none is told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from flyteidl2.secret import definition_pb2, payload_pb2

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.secret.observe import channel_for, identifier
from reconciler.backends.flyte2.secret.spec import KIND
from reconciler.backends.wire import paging
from reconciler.backends.wire.times import moment
from reconciler.errors import BackendError
from reconciler.model.asked import Asked
from reconciler.model.document import Json, filled
from reconciler.model.entity import Details, Entity, What
from reconciler.model.key import ALL, Key, Place

_LIMIT = 200
_EVERYWHERE = Place(ALL, ALL)


async def secrets(link: Link, asked: Asked) -> AsyncIterator[Entity]:
    """Yield secrets by scope and name; `*` is the project, or domain, of one that all have."""
    place = asked.place or _EVERYWHERE
    is_one = place != _EVERYWHERE
    channel = await channel_for(link, place)

    async def fetch(limit: int, token: str) -> payload_pb2.ListSecretsResponse:
        request = payload_pb2.ListSecretsRequest(
            project=place.project if is_one else "",
            domain=place.domain if is_one else "",
            limit=limit,
            token=token,
        )
        return await channel.call(methods.LIST_SECRETS, request)

    rows = [
        _row(secret) async for page in paging.pages(fetch, limit=_LIMIT) for secret in page.secrets
    ]
    for row in sorted(rows, key=lambda one: (one.project, one.domain, one.name)):
        yield row


async def details(link: Link, place: Place, name: str) -> Details | None:
    """Read what is known of one secret."""
    channel = await channel_for(link, place)
    key = Key(KIND, place.project, place.domain, name)
    try:
        request = payload_pb2.GetSecretRequest(id=identifier(key))
        found = (await channel.call(methods.GET_SECRET, request)).secret
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise
    return Details(entity=_row(found))


def _row(secret: definition_pb2.Secret) -> Entity:
    metadata = secret.secret_metadata
    status = metadata.secret_status
    clusters: dict[str, Json] = {
        one.cluster.name: _word(definition_pb2.SecretPresenceStatus.Name(one.presence_status))
        for one in status.cluster_status
    }
    # What the open-source server does not keep reads as the first type, so that is not told.
    is_pull = metadata.type == definition_pb2.SECRET_TYPE_IMAGE_PULL_SECRET
    presence = definition_pb2.OverallStatus.Name(status.overall_status)
    facts: dict[str, Json] = {
        "type": "image-pull" if is_pull else "",
        "presence": "" if presence == "UNSPECIFIED" else _word(presence),
        "clusters": clusters,
    }
    return Entity(
        what=What.SECRETS,
        project=secret.id.project or ALL,
        domain=secret.id.domain or ALL,
        name=secret.id.name,
        created_at=moment(metadata, "created_time"),
        facts=filled(facts),
    )


def _word(name: str) -> str:
    return name.lower().replace("_", "-").removesuffix("-status")
