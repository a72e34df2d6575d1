"""A channel that speaks Flyte 2."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from flyteidl2.auth import auth_service_pb2

from reconciler import errors
from reconciler.backends.auth import tokens
from reconciler.backends.flyte2 import faults, methods, rules
from reconciler.backends.wire import channel as wire
from reconciler.backends.wire.dialect import Dialect

if TYPE_CHECKING:
    from reconciler.backends.settings import Settings


async def _authority(channel: wire.Channel) -> tokens.Authority | None:
    """Ask the server where tokens come from; the open-source one serves that only with an IdP."""
    try:
        metadata = await channel.call(
            methods.GET_OAUTH2_METADATA, auth_service_pb2.GetOAuth2MetadataRequest()
        )
        client = await channel.call(
            methods.GET_PUBLIC_CLIENT_CONFIG, auth_service_pb2.GetPublicClientConfigRequest()
        )
    except errors.UnsupportedError:
        return None
    return tokens.Authority(
        metadata.token_endpoint,
        tuple(client.scopes),
        client.audience,
        client.authorization_metadata_key,
    )


DIALECT = Dialect(
    methods=methods.TABLE, faults=faults.FAULTS, authority=_authority, broken=rules.broken
)


def connect(settings: Settings, *, read_only: bool) -> AbstractAsyncContextManager[wire.Channel]:
    """Open a connection to Flyte 2; see `wire.channel.connect`."""
    return wire.connect(settings, DIALECT, read_only=read_only)
