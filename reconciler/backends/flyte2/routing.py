"""Which endpoint serves a project's data and secrets: `ClusterService.SelectCluster` says.

Facts from the open-source manager 2.0.43: it always names the host that the request came in by,
with https only where a proxy says so in a header, so that its own host is itself whatever the
scheme. A hosted control plane names the cluster that holds the data.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Self
from urllib.parse import urlsplit

from flyteidl2.cluster import payload_pb2
from flyteidl2.common import identifier_pb2

from reconciler.backends.auth import tls
from reconciler.backends.flyte2 import methods
from reconciler.backends.settings import Settings
from reconciler.backends.wire import channel as wire
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, UnsupportedError
from reconciler.model.key import Place

_HOST = re.compile(r"[\w.:-]+")

Operation = payload_pb2.SelectClusterRequest.Operation


class Routes:
    """Channels by place and operation, opened once and closed together.

    A server without clusters serves everything itself. Use as an async context manager.
    """

    def __init__(self, channel: Channel) -> None:
        self._home = channel
        self._stack = AsyncExitStack()
        self._chosen: dict[tuple[Place, Operation], asyncio.Task[Channel]] = {}
        self._opened: dict[str, Channel] = {}
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self._stack.aclose()

    async def to(self, place: Place, operation: Operation) -> Channel:
        """Return the channel for an operation in a place; a place without a project is all of it.

        Raises BackendError when the server cannot tell, or names an endpoint that is not safe.
        """
        asked = place, operation
        if asked not in self._chosen:
            self._chosen[asked] = asyncio.ensure_future(self._choose(place, operation))
        try:
            return await asyncio.shield(self._chosen[asked])
        except BackendError:
            self._chosen.pop(asked, None)
            raise

    async def _choose(self, place: Place, operation: Operation) -> Channel:
        request = payload_pb2.SelectClusterRequest(operation=operation)
        if place.project:
            request.project_id.CopyFrom(
                identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain)
            )
        elif place.domain:
            request.domain_id.CopyFrom(identifier_pb2.DomainIdentifier(name=place.domain))
        else:
            request.org_id.SetInParent()
        try:
            answer = await self._home.call(methods.SELECT_CLUSTER, request)
        except UnsupportedError:
            return self._home
        settings = elsewhere(self._home.settings, answer.cluster_endpoint)
        if settings is None:
            return self._home
        await settings.check_address(settings.endpoint)
        async with self._opening:
            if settings.endpoint not in self._opened:
                opened = wire.connect(
                    settings, self._home.dialect, read_only=self._home.is_read_only
                )
                self._opened[settings.endpoint] = await self._stack.enter_async_context(opened)
        return self._opened[settings.endpoint]


def elsewhere(home: Settings, named: str) -> Settings | None:
    """Return the settings of the endpoint that a server named; None where that is itself.

    Credentials are kept. Raises BackendError for an address that cannot be used, and where an
    encrypted connection would go on in clear text.
    """
    if not named:
        return None
    url = urlsplit(named if "://" in named else f"//{named}")
    try:
        host, port = url.hostname or "", url.port
    except ValueError:
        host, port = "", None
    if not _HOST.fullmatch(host) or url.scheme not in {"", "http", "https", "dns"}:
        raise BackendError(
            f'{home.endpoint}: SelectCluster: names "{named}", which is no endpoint; '
            "correct the configuration of the server's clusters"
        )
    is_plain = url.scheme == "http" or (home.insecure and url.scheme != "https")
    if _same(home, host, port or (80 if is_plain else 443)):
        return None
    if is_plain and not home.insecure:
        raise BackendError(
            f'{home.endpoint}: SelectCluster: names "{named}", which would carry credentials and '
            "data in clear text; give the server's clusters https addresses"
        )
    endpoint = f"[{host}]" if ":" in host else host
    return replace(
        home,
        endpoint=f"{endpoint}:{port or (80 if is_plain else 443)}",
        tls=replace(home.tls, insecure=is_plain),
        chosen_by=f"{home.endpoint} (SelectCluster)",
    )


def _same(home: Settings, host: str, port: int) -> bool:
    if home.endpoint.startswith("unix:"):
        return host == "localhost"
    own_host, own_port = tls.host_and_port(home.endpoint)
    if host != own_host.lower().strip("[]"):
        return False
    # Behind a proxy the server knows neither the scheme nor the port that we used.
    return port == own_port or port in {80, 443}
