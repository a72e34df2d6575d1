"""Asks a server byte by byte, as no client would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping


def request(
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    path: str = "/hooks",
) -> bytes:
    """Write a request; headers may hold bytes that are no text, as surrogates."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close"]
    given = {"Content-Length": str(len(body)), **(headers or {})}
    lines += [f"{name}: {text}" for name, text in given.items() if text]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


async def ask(port: int, sent: bytes, seconds: float = 10.0) -> tuple[int, str]:
    """Send bytes, and return the status and the whole answer; 0 where the server hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        answer = await asyncio.wait_for(reader.read(), seconds)
    except ConnectionError:
        answer = b""
    writer.close()
    text = answer.decode("utf-8", "replace")
    return (int(text.split()[1]), text) if text else (0, "")
