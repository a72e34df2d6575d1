"""Webhooks as forges that are set up differently send them, and as strangers do."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote_plus

import hook_kit
import pytest
from aiohttp import web
from hook_kit import SECRET
from listening_kit import ask, request
from test_serve_hooks import NOW, URL, Desk

from reconciler import listening as listenings
from reconciler.errors import UsageError
from reconciler.listening import listening, place_of
from reconciler.serve import hooks as hooking


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
async def port(desk: Desk) -> AsyncIterator[int]:
    desk.declare("GitHub")
    app = web.Application()
    app.router.add_routes(desk.hooks.routes)
    async with listening(app, "127.0.0.1:0") as found:
        yield found


@pytest.mark.parametrize("forge", ["GitHub", "Gitea"])
def test_form_that_forges_send_by_default_is_read(desk: Desk, forge: str) -> None:
    desk.declare(forge)
    body = b"payload=" + quote_plus(hook_kit.push(forge, URL)).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert desk.give(body, {**hook_kit.headers(forge, body), **form}) == 202
    assert desk.marked.sets == ["team-0"]
    for odd in (b"payload", b"payload=%7B&payload", b"\xff", b"&" * 50):
        assert desk.give(odd, {**hook_kit.headers(forge, odd), **form}) == 400


def test_every_push_counts_though_the_body_is_the_same(desk: Desk) -> None:
    desk.declare("Generic")
    body = hook_kit.push("Generic", URL)
    assert [desk.send("Generic", body, now=NOW - 1), desk.send("Generic", body)] == [202, 202]
    assert desk.marked.sets == ["team-0", "team-0"]
    # A proxy may give each request an id of its own, the repeated ones too.
    again = {**hook_kit.headers("Generic", body, now=NOW), "X-Request-Id": "another"}
    assert desk.give(body, again) == 200


def test_events_that_share_an_id_are_all_taken(desk: Desk) -> None:
    desk.declare("GitLab")
    bodies = [hook_kit.push("GitLab", URL, after=letter * 40) for letter in "ab"]
    headers = hook_kit.headers("GitLab", bodies[0])
    assert [desk.give(body, headers) for body in (*bodies, bodies[0])] == [202, 202, 200]


def test_two_hooks_of_one_event_do_not_hide_each_other(desk: Desk) -> None:
    desk.declare("GitLab")
    desk.declare("GitLab", secret="of-the-group")
    body = hook_kit.push("GitLab", URL)
    first = hook_kit.headers("GitLab", body)
    assert desk.give(body, first) == 202
    assert desk.give(body, {**first, "X-Gitlab-Token": "of-the-group"}) == 202
    assert desk.marked.sets == ["team-0", "team-1"]


def test_secret_that_is_not_there_is_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.declare("GitHub", secret=" \n")
    assert "team-0: git.webhook.secretRef: has no secret; add it there" in caplog.text
    body = hook_kit.push("GitHub", URL)
    assert desk.send("GitHub", body, secret="") == 401


async def test_strangers_get_an_answer_and_no_line_of_the_log(
    desk: Desk, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = hook_kit.push("GitHub", URL)
    signed = hook_kit.headers("GitHub", body)
    packed = gzip.compress(body)
    caplog.set_level(logging.WARNING)
    asked = {
        "bytes": (request(body, {**signed, "X-Hub-Signature-256": "sha256=\udcff"}), 401),
        "packed": (request(packed, {**signed, "Content-Encoding": "gzip"}), 401),
        "not packed": (request(b"x", {**signed, "Content-Encoding": "gzip"}), 401),
        "control characters": (request(body, {**signed, "X-GitHub-Event": "\x1b[31m"}), 400),
        "negative length": (request(b"", {"Content-Length": "-1"}), 400),
        "no chunk": (
            request(b"zz\r\n", {"Content-Length": "", "Transfer-Encoding": "chunked"}),
            400,
        ),
        "both": (request(b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}), 400),
        "put": (request(body, signed, method="PUT"), 405),
        "head": (request(b"", signed, method="HEAD"), 405),
        "elsewhere": (request(body, signed, path="/hooks/../metrics"), 404),
    }
    for name, (sent, code) in asked.items():
        assert (name, (await ask(port, sent))[0]) == (name, code)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(body, signed)[:-5])
    await writer.drain()
    writer.close()
    assert (await ask(port, request(body, signed)))[0] == 202
    assert desk.marked.sets == ["team-0"]
    assert caplog.records == []


async def test_slow_bodies_hold_up_no_other(
    desk: Desk, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooking, "_READ_SECONDS", 1.0)
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(30)]
    for number, (_, writer) in enumerate(slow):
        large = b"x" * (number % 2) * (200 << 10)
        writer.write(request(large, {"Content-Length": str(4 << 20)}))
        await writer.drain()
    body = hook_kit.push("GitHub", URL)
    code, _ = await ask(port, request(body, hook_kit.headers("GitHub", body)), 0.9)
    assert code == 202
    for reader, writer in slow:
        assert b" 408 " in await reader.readline()
        writer.close()


async def test_large_bodies_are_read_although_they_are_large(desk: Desk, port: int) -> None:
    body = hook_kit.push("GitHub", URL)[:-1] + b', "more": "' + b"x" * (4 << 20) + b'"}'
    assert (await ask(port, request(body, hook_kit.headers("GitHub", body))))[0] == 202
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + 9999]), body[at : at + 9999])
        for at in range(0, len(body), 9999)
    )
    headers = {**hook_kit.headers("GitHub", body), "Transfer-Encoding": "chunked"}
    sent = request(chunks + b"0\r\n\r\n", {**headers, "Content-Length": ""})
    assert (await ask(port, sent))[0] == 202
    assert desk.marked.sets == ["team-0", "team-0"]


async def test_connections_that_say_nothing_leave_room_for_others(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listenings, "MOST_CONNECTIONS", 20)
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
    code, _ = await ask(port, request(b"x", hook_kit.headers("GitHub", b"x", secret=SECRET)))
    assert code == 400
    # Those that came first had to go.
    assert await asyncio.wait_for(silent[0][0].read(), 5.0) == b""
    for _, writer in silent:
        writer.close()


@pytest.mark.parametrize("address", ["", "localhost:abc", "127.0.0.1:99999", "127.0.0.1:-1", "a:²"])
async def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(UsageError, match=r"write HOST:PORT"):
        async with listening(web.Application(), address):
            pass


async def test_taken_port_is_told_with_its_address(port: int) -> None:
    with pytest.raises(UsageError, match=rf"127.0.0.1:{port}: cannot be listened at: .*in use"):
        async with listening(web.Application(), f"127.0.0.1:{port}"):
            pass


def test_addresses_are_read() -> None:
    assert place_of(":8080") == place_of("8080") == (None, 8080)
    assert place_of("[::1]:80") == ("::1", 80)
