"""Who is told in tests: an HTTP server and a mail server that keep what they get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Inbox:
    """What came: bodies with their headers; `codes` are answered one after the other, then 200."""

    url: str = ""
    got: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)


@asynccontextmanager
async def inbox() -> AsyncIterator[Inbox]:
    """Serve a webhook."""
    found = Inbox()

    async def take(request: web.Request) -> web.Response:
        found.got.append((await request.read(), dict(request.headers)))
        code = found.codes.pop(0) if found.codes else 200
        return web.Response(status=code, headers={"Location": "http://127.0.0.1:1/elsewhere"})

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@dataclass
class Post:
    """Mails that came, as they were sent, and who they were for."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refuses: bool = False


@asynccontextmanager
async def post() -> AsyncIterator[Post]:
    """Serve mail in plain text."""
    found = Post()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 mail")
        while line := (await reader.readline()).decode().strip():
            found.said.append(line)
            word = line.split()[0].upper()
            if word == "EHLO":
                await say("250-mail")
                await say("250 AUTH PLAIN")
            elif word == "RCPT" and found.refuses:
                await say("550 unknown: the canary of the sender")
            elif word == "RCPT":
                found.recipients.append(line)
                await say("250 ok")
            elif word == "DATA":
                await say("354 go on")
                mail = await reader.readuntil(b"\r\n.\r\n")
                found.mails.append(mail.decode())
                await say("250 ok")
            elif word == "QUIT":
                await say("221 bye")
                break
            else:
                await say("250 ok" if word != "AUTH" else "235 ok")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


def told(body: bytes) -> dict[str, Any]:
    """Read the JSON of a webhook."""
    import json

    found: dict[str, Any] = json.loads(body)
    return found
