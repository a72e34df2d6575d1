"""What Flyte 1 keeps in its store beside its answers, read by signed URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from flyteidl.core import literals_pb2
from flyteidl.service import dataproxy_pb2
from google.protobuf.message import DecodeError

from reconciler.backends.flyte1 import methods
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError

LARGEST_BYTES = 1 << 30
"""More is not read into memory; whoever wants it has its address."""

_Message = TypeVar("_Message", literals_pb2.LiteralMap, literals_pb2.Literal)


class Stored:
    """The store behind a Flyte, as far as its data proxy signs."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def fetch(self, signed_url: str) -> bytes:
        """Download a file."""
        from reconciler.backends.data import download, upload  # loads an HTTP client

        async with upload.session(self._channel.settings.tls) as session:
            return await download.get(session, signed_url, limit_bytes=LARGEST_BYTES)

    async def stream(self, uri: str) -> AsyncIterator[bytes]:
        """Yield a file in pieces, by its address in the store."""
        from reconciler.backends.data import download, upload  # loads an HTTP client

        url = await self.sign(uri)
        async with upload.session(self._channel.settings.tls) as session:
            async for piece in download.stream(session, url):
                yield piece

    async def sign(self, uri: str) -> str:
        """Ask for a URL to read a file by its address."""
        request = dataproxy_pb2.CreateDownloadLocationRequest(native_url=uri)
        answer = await self._channel.call(methods.CREATE_DOWNLOAD_LOCATION, request)
        return answer.signed_url

    async def literals(self, signed_url: str) -> literals_pb2.LiteralMap:
        """Download a map of literals."""
        return _parsed(await self.fetch(signed_url), literals_pb2.LiteralMap(), signed_url)

    async def whole(self, literals: literals_pb2.LiteralMap) -> literals_pb2.LiteralMap:
        """Put every literal in its place that is kept elsewhere, at any depth."""
        found = literals_pb2.LiteralMap()
        found.CopyFrom(literals)
        await asyncio.gather(*(self._fill(one) for one in found.literals.values()))
        return found

    async def _fill(self, literal: literals_pb2.Literal) -> None:
        match literal.WhichOneof("value"):
            case "offloaded_metadata":
                url = await self.sign(literal.offloaded_metadata.uri)
                kept = _parsed(await self.fetch(url), literals_pb2.Literal(), url)
                await self._fill(kept)
                literal.CopyFrom(kept)
            case "collection":
                await asyncio.gather(*map(self._fill, literal.collection.literals))
            case "map":
                await asyncio.gather(*map(self._fill, literal.map.literals.values()))
            case _:
                pass


def _parsed(content: bytes, message: _Message, signed_url: str) -> _Message:
    try:
        message.MergeFromString(content)
    except DecodeError:
        place = signed_url.partition("?")[0]
        raise BackendError(
            f"{place}: holds no literals of Flyte; see what else writes to its store"
        ) from None
    return message
