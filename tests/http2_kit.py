"""A server that speaks just enough HTTP/2 to answer a call with whatever frames a test writes."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GRPC = {":status": "200", "content-type": "application/grpc"}

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_ACK = _END_STREAM = 1
_END_HEADERS = 4

Script = Callable[[int], bytes]
"""What is sent on the stream of a call, by its id; then the connection is kept or closed."""


def _frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    size = struct.pack(">I", len(body))[1:]
    return size + bytes((kind, flags)) + struct.pack(">I", stream) + body


def headers(stream: int, fields: dict[str, str | bytes], *, ends: bool = False) -> bytes:
    """Write headers, or trailers, as literals that no table keeps."""
    body = b""
    for name, value in fields.items():
        raw = value if isinstance(value, bytes) else value.encode()
        body += b"\x00" + _text(name.encode()) + _text(raw)
    return _frame(_HEADERS, _END_HEADERS | (_END_STREAM if ends else 0), stream, body)


def _text(raw: bytes) -> bytes:
    assert len(raw) < 127, "a length of one byte is all that is needed here"
    return bytes((len(raw),)) + raw


def data(stream: int, body: bytes, *, ends: bool = False) -> bytes:
    """Write a part of a body."""
    return _frame(_DATA, _END_STREAM if ends else 0, stream, body)


def message(stream: int, content: bytes, *, is_compressed: bool = False) -> bytes:
    """Write one message of gRPC."""
    return data(stream, bytes((is_compressed,)) + struct.pack(">I", len(content)) + content)


def reset(stream: int, code: int) -> bytes:
    """End a call as a proxy or a server does that gives up on it."""
    return _frame(_RST_STREAM, 0, stream, struct.pack(">I", code))


def go_away(code: int, said: bytes = b"", *, last: int = 0) -> bytes:
    """End a connection: calls after `last` were not handled."""
    return _frame(_GOAWAY, 0, 0, struct.pack(">II", last, code) + said)


@asynccontextmanager
async def scripted(script: Script, *, closes: bool = False) -> AsyncIterator[str]:
    """Answer every call by the script, and yield the endpoint."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            assert await reader.readexactly(len(PREFACE)) == PREFACE
            writer.write(_frame(_SETTINGS, 0, 0))
            while True:
                head = await reader.readexactly(9)
                body = await reader.readexactly(int.from_bytes(head[:3], "big"))
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
                if kind == _SETTINGS and not flags & _ACK:
                    writer.write(_frame(_SETTINGS, _ACK, 0))
                if kind == _PING and not flags & _ACK:
                    writer.write(_frame(_PING, _ACK, 0, body))
                if kind == _HEADERS:
                    writer.write(script(stream))
                    await writer.drain()
                    if closes:
                        break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
