"""Who does not answer, and what others wrote, holds up nobody and calls nobody."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import git_kit
import pytest
from notify_kit import inbox
from test_notify_channels import MESSAGE, mail, slack
from test_notify_notifier import failing

from reconciler.errors import UnavailableError
from reconciler.model.secret import Secret
from reconciler.notify import channels
from reconciler.notify.channels import Values, send
from reconciler.notify.notifier import Notifier, Target
from reconciler.notify.occasions import Message
from reconciler.specs.notify import NotifySpec, Occasion


@dataclass
class Silence:
    """A server that takes connections, and says a letter now and then."""

    port: int = 0
    most: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.most = max(self.most, len(self._open))
        try:
            while not reader.at_eof():
                writer.write(b"2")
                await asyncio.wait([asyncio.ensure_future(reader.read(1000))], timeout=0.05)
        except ConnectionError:
            pass
        self._open.discard(writer)
        writer.close()


@asynccontextmanager
async def silence() -> AsyncIterator[Silence]:
    found = Silence()
    server = await asyncio.start_server(found.talk, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()


async def test_mail_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_MAIL_SECONDS", 0.3)
    async with silence() as server:
        begun = time.monotonic()
        with pytest.raises(UnavailableError, match=r"email: 127\.0\.0\.1: no end in 0 s"):
            await send(mail(server.port), MESSAGE, {})
    assert time.monotonic() - begun < 3


async def test_silent_mail_servers_take_no_thread_of_others() -> None:
    async with silence() as server:
        notifier = Notifier()
        task = asyncio.create_task(notifier.run())
        for number in range(60):
            notifier.hear(failing(f"s{number}"), [_target(mail(server.port))])
        await git_kit.until(lambda: server.most)
        begun = time.monotonic()
        assert await asyncio.to_thread(lambda: "done") == "done"
        assert time.monotonic() - begun < 2
        assert 0 < server.most <= 16
        await notifier.close(0.1)
        task.cancel()


async def test_storm_is_said_by_a_few_at_a_time_and_the_rest_is_dropped() -> None:
    ends: Counter[str] = Counter()
    async with silence() as server:
        notifier = Notifier(sent=lambda _way, how: ends.update([how]))
        task = asyncio.create_task(notifier.run())
        target = _target(slack(), f"http://127.0.0.1:{server.port}/")
        for number in range(1010):
            notifier.hear(failing(f"s{number}"), [target])
            if number % 100 == 0:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        assert ends == {"dropped": 10}
        assert 0 < server.most <= 16
        await notifier.close(0.1)
        task.cancel()


def _target(spec: NotifySpec, url: str = "") -> Target:
    async def values() -> Values:
        return {"url": Secret(url)} if url else {}

    return Target(spec=spec, values=values)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@all and @here", "@\u2060all and @\u2060here"),
        ("[x](https://evil.example.com)", "[x]\u2060(https:\u2060//evil.example.com)"),
        ("<https://evil.example.com|safe>", "&lt;https:\u2060//evil.example.com|safe&gt;"),
        ("main@sha1:4f2a of dev@example.com", "main@sha1:4f2a of dev@example.com"),
    ],
)
async def test_chat_of_any_kind_calls_nobody_and_links_nowhere(text: str, shown: str) -> None:
    message = Message(set_name="t", occasion=Occasion.FAILED, title="t", text=text, at=MESSAGE.at)
    async with inbox() as box:
        await send(slack(), message, {"url": Secret(box.url)})
    assert json.loads(box.got[0][0])["text"] == f"*t*\n{shown}"
