"""Reads which secrets there are.

Facts from the open-source manager 2.0.43: values and the time of a change are never told; what
tells one secret from its successor is the time it was created, which an update keeps. A list by
domain holds those of its projects too, and one without scope holds everything. A token is that of
Kubernetes, so that no page may be repeated after minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection

from flyteidl2.cluster import payload_pb2 as cluster_pb2
from flyteidl2.secret import definition_pb2, payload_pb2

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.secret.spec import KIND
from reconciler.backends.wire import paging
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.secret import asked
from reconciler.errors import BackendError
from reconciler.model.key import ALL, Key, Place
from reconciler.model.live import Live, Object, Query

USE_SECRETS = cluster_pb2.SelectClusterRequest.OPERATION_USE_SECRETS
_LIMIT = 200


async def observe(link: Link, query: Query) -> Live:
    """Read the secrets that are asked for; a list per project-domain in which there are any."""
    found: dict[Key, Object] = {}
    failed: dict[tuple[str, Place], str] = {}

    async def read(place: Place, keys: Collection[Key]) -> None:
        try:
            async for name, revision in _listed(await channel_for(link, place), place):
                key = Key(KIND, place.project, place.domain, name)
                if key in keys:
                    held = query.objects[key]
                    is_held = held is not None and held.revision == revision
                    found[key] = Object(revision, digest=held.digest if held and is_held else "")
        except BackendError as error:
            failed[KIND, place] = str(error)

    await asyncio.gather(*(read(place, keys) for place, keys in sorted(asked(query).items())))
    return Live(found, failed)


async def channel_for(link: Link, place: Place) -> Channel:
    """Return the channel to where the secrets of a place are."""
    return await link.routes.to(Place(_sent(place.project), _sent(place.domain)), USE_SECRETS)


def identifier(key: Key) -> definition_pb2.SecretIdentifier:
    """Name a secret as the wire does."""
    return definition_pb2.SecretIdentifier(
        name=key.name, project=_sent(key.project), domain=_sent(key.domain)
    )


async def revision_of(channel: Channel, key: Key) -> str:
    """Return the revision of a secret, empty when it is absent."""
    request = payload_pb2.GetSecretRequest(id=identifier(key))
    try:
        answer = await channel.call(methods.GET_SECRET, request)
    except BackendError as error:
        if faults.is_not_found(error):
            return ""
        raise
    return _revision(answer.secret)


def _revision(secret: definition_pb2.Secret) -> str:
    return secret.secret_metadata.created_time.ToJsonString()


async def _listed(channel: Channel, place: Place) -> AsyncIterator[tuple[str, str]]:
    async def fetch(limit: int, token: str) -> payload_pb2.ListSecretsResponse:
        request = payload_pb2.ListSecretsRequest(
            project=_sent(place.project), domain=_sent(place.domain), limit=limit, token=token
        )
        return await channel.call(methods.LIST_SECRETS, request)

    async for page in paging.pages(fetch, limit=_LIMIT):
        for secret in page.secrets:
            where = Place(secret.id.project or ALL, secret.id.domain or ALL)
            if where == place:
                yield secret.id.name, _revision(secret)


def _sent(part: str) -> str:
    return "" if part == ALL else part
