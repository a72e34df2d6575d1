"""Writes and deletes secrets; the one place where a value is sent."""

from __future__ import annotations

import asyncio

from flyteidl2.secret import definition_pb2, payload_pb2

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.secret.observe import channel_for, identifier, revision_of
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, ConflictError, UsageError
from reconciler.model.key import Key
from reconciler.plan.plan import Action


async def deploy(link: Link, action: Action) -> str:
    """Create a secret, or replace the value of one; returns its revision.

    Raises ConflictError when it came, went or was made anew since it was read, and UsageError when
    its value is not to be had or is no longer the one that was planned.
    """
    key = action.key
    spec = await _spec(link, action)
    channel = await channel_for(link, key.place)
    if action.revision:
        await _expect(channel, action)
        request = payload_pb2.UpdateSecretRequest(id=identifier(key), secret_spec=spec)
        await channel.call(methods.UPDATE_SECRET, request)
    else:
        await _create(channel, key, spec)
    return await revision_of(channel, key)


async def delete(link: Link, action: Action) -> str:
    """Delete a secret that is still the one that was read; one that is gone is deleted."""
    channel = await channel_for(link, action.key.place)
    if not await revision_of(channel, action.key):
        return ""
    await _expect(channel, action)
    request = payload_pb2.DeleteSecretRequest(id=identifier(action.key))
    try:
        await channel.call(methods.DELETE_SECRET, request)
    except BackendError as error:
        if not faults.is_not_found(error):
            raise
    return ""


async def _spec(link: Link, action: Action) -> definition_pb2.SecretSpec:
    key = action.key
    content = link.contents.get(key)
    assert action.body is not None
    if content is None or content.token != action.body["token"]:
        raise UsageError(
            f"{key}: its declaration is not the one that was planned; make the plan again"
        )
    value = (await asyncio.to_thread(content.read)).reveal()
    kind = definition_pb2.SecretType.SECRET_TYPE_GENERIC
    try:
        return definition_pb2.SecretSpec(type=kind, string_value=value.decode())
    except UnicodeDecodeError:
        return definition_pb2.SecretSpec(type=kind, binary_value=value)


async def _create(channel: Channel, key: Key, spec: definition_pb2.SecretSpec) -> None:
    request = payload_pb2.CreateSecretRequest(id=identifier(key), secret_spec=spec)
    try:
        await channel.call(methods.CREATE_SECRET, request)
    except BackendError as error:
        if error.code != "ALREADY_EXISTS":
            raise
        raise _moved(key, channel) from error


async def _expect(channel: Channel, action: Action) -> None:
    if await revision_of(channel, action.key) != action.revision:
        raise _moved(action.key, channel)


def _moved(key: Key, channel: Channel) -> ConflictError:
    return ConflictError(
        f"{channel.endpoint}: {key}: somebody else made or removed it in between; run again"
    )
