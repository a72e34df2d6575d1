"""Listens where anybody may ask: what is no request, or takes for ever, costs no more than itself.

Webhooks are reached from outside, and so may be the page. Bodies are given as they came, since that
is what is signed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http import HttpProcessingError

from reconciler.errors import UsageError

MOST_CONNECTIONS = 500
"""Connections at once; beyond them the oldest one is closed, so that there is room for probes."""

_IDLE_SECONDS = 30.0
_END_SECONDS = 2.0
_LARGEST_PORT = 65_535


class _Ours(logging.Filter):
    """Leaves out what others did wrong: a line for each could fill a disk."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is of a fault of this program."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(
            error, (HttpProcessingError, web.RequestPayloadError, ConnectionError)
        )


_log = logging.getLogger("reconciler.requests")
_log.addFilter(_Ours())


def place_of(address: str) -> tuple[str | None, int]:
    """Read `host:port`; no host is every address. Raises UsageError for what is neither."""
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdecimal()) or int(port) > _LARGEST_PORT:
        raise UsageError(
            f"{address or 'an empty address'}: is no address to listen at; "
            "write HOST:PORT, such as 127.0.0.1:8080"
        )
    return host.strip("[]") or None, int(port)


@asynccontextmanager
async def listening(app: web.Application, address: str) -> AsyncIterator[int]:
    """Serve at `host:port` until the block ends, and yield the port.

    Raises UsageError where nothing can listen there.
    """
    host, port = place_of(address)
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_log,
        auto_decompress=False,
        keepalive_timeout=_IDLE_SECONDS,
        shutdown_timeout=_END_SECONDS,
    )
    await runner.setup()
    server = runner.server
    assert server is not None

    def connected() -> asyncio.BaseProtocol:
        others = server.connections
        oldest = others[0].transport if len(others) >= MOST_CONNECTIONS else None
        if oldest is not None:
            oldest.abort()
        return server()

    try:
        try:
            listener = await asyncio.get_running_loop().create_server(connected, host, port)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(
                f"{address}: cannot be listened at: {reason}; choose another"
            ) from None
        try:
            yield int(listener.sockets[0].getsockname()[1])
        finally:
            listener.close()
    finally:
        await runner.cleanup()
