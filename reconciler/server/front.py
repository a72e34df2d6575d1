"""One port for gRPC and HTTP/1.1: the first bytes of a connection say which it is.

A client of HTTP/2 begins with a fixed preface; its bytes are passed to and from the gRPC server,
which listens on a loopback port that nobody is told of. Any other connection is handed to the HTTP
side, which has it as if it had accepted it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# How long a client may keep silent before it says what it is.
_PATIENCE_SECONDS = 60.0
# Above what is read at once, or every piece of a large answer would pause the next.
_BUFFER_BYTES = 1 << 20


class Front:
    """The listener. `http` makes the protocol of an HTTP connection; gRPC listens at `grpc_port`.

    `connections` are those that are not HTTP's.
    """

    def __init__(self, http: Callable[[], asyncio.Protocol], grpc_port: int) -> None:
        self.http = http
        self.grpc_port = grpc_port
        self.connections: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which is a free one for 0. OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Guest(self), host, port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def pass_on(self, client: _Side, seen: bytes) -> None:
        """Connect a client to the gRPC server, beginning with what it has sent already."""
        task = asyncio.create_task(self._pass_on(client, seen))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, client: _Side, seen: bytes) -> None:
        server = _Side(self)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: server, "127.0.0.1", self.grpc_port
            )
        except OSError:
            client.transport.abort()
            return
        if client.transport.is_closing():
            server.transport.abort()
            return
        client.other, server.other = server, client
        server.transport.write(seen)
        client.transport.resume_reading()

    def close(self) -> None:
        """Accept nobody any more; connections stay."""
        if self._server is not None:
            self._server.close()

    def abort(self) -> None:
        """End all connections that are not HTTP's."""
        for task in self._tasks:
            task.cancel()
        for transport in tuple(self.connections):
            transport.abort()


class _Guest(asyncio.Protocol):
    """A connection that has not said yet what it is."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._front.connections.add(self._transport)
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(_PATIENCE_SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not self._seen.startswith(_PREFACE[: len(self._seen)]):
            protocol = self._front.http()
            self._become(protocol)
            protocol.data_received(self._seen)
        elif len(self._seen) >= len(_PREFACE):
            side = _Side(self._front)
            self._transport.pause_reading()
            self._become(side)
            self._front.pass_on(side, self._seen)

    def _become(self, protocol: asyncio.Protocol) -> None:
        self.connection_lost(None)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._patience.cancel()
        self._front.connections.discard(self._transport)


class _Side(asyncio.Protocol):
    """One side of a connection whose bytes are passed on to the other side."""

    transport: asyncio.Transport

    def __init__(self, front: Front) -> None:
        self.other: _Side | None = None
        self._front = front
        self.has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        found: socket.socket = transport.get_extra_info("socket")
        # A peer whose machine is gone says no goodbye.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._front.connections.add(self.transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        """Whether this side stays open, for what the other one still has to say."""
        self.has_ended = True
        if self.other is None or self.other.has_ended:
            return False
        self.other.transport.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._front.connections.discard(self.transport)
        if self.other is not None:
            end = self.other.transport.close if error is None else self.other.transport.abort
            end()
