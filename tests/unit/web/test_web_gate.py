"""Who is let in, and what every answer says about itself."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from web_kit import NOON, boards

from reconciler.errors import UsageError
from reconciler.model.secret import Secret
from reconciler.web import gate as gates
from reconciler.web.app import application
from reconciler.web.gate import Gate

TOKEN = "a-token"
HEADER = "X-Forwarded-User"
Client = TestClient[web.Request, web.Application]
Opening = Callable[[Gate], Coroutine[Any, Any, Client]]


@pytest.fixture
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opening]:
    monkeypatch.setattr(gates, "_WRONG_SECONDS", 0.0)
    clients: list[Client] = []

    async def make(gate: Gate) -> Client:
        app = application(boards(), gate, clock=lambda: NOON)
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


async def status(client: Client, path: str = "/", **headers: str) -> int:
    answer = await client.get(path, headers=headers, allow_redirects=False)
    return answer.status


@pytest.mark.parametrize(
    "gate",
    [
        Gate(),
        Gate(header=HEADER),
        Gate(proxies=(ipaddress.ip_network("127.0.0.0/8"),)),
    ],
    ids=["nothing", "a header from anybody", "a proxy that says nothing"],
)
def test_a_page_for_everybody_is_refused(gate: Gate) -> None:
    with pytest.raises(UsageError, match="neither a token nor a proxy"):
        application(boards(), gate)


@pytest.mark.parametrize(
    "path", ["/", "/sets/ranking-prod", "/calendar", "/backfills", "/audit", "/none", "/static/x"]
)
async def test_nothing_is_told_without_leave(opened: Opening, path: str) -> None:
    client = await opened(Gate(token=Secret(TOKEN)))
    answer = await client.get(path, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert "ranking" not in await answer.text()


async def test_bearer_token_is_taken_whole(opened: Opening) -> None:
    client = await opened(Gate(token=Secret(TOKEN)))
    assert await status(client, Authorization=f"Bearer {TOKEN}") == 200
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", TOKEN, ""):
        assert await status(client, Authorization=wrong) == 303


async def test_session_lasts_and_ends(opened: Opening) -> None:
    now = 0.0
    client = await opened(Gate(token=Secret(TOKEN), clock=lambda: now))
    answer = await client.post("/login", data={"token": TOKEN}, allow_redirects=False)
    cookie = answer.cookies["reconcile"]
    assert answer.status == 303
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert TOKEN not in cookie.value
    assert await status(client) == 200
    now = 12 * 3600.0
    assert await status(client) == 303


async def test_leaving_ends_a_session_for_good(opened: Opening) -> None:
    client = await opened(Gate(token=Secret(TOKEN)))
    answer = await client.post("/login", data={"token": TOKEN}, allow_redirects=False)
    kept = answer.cookies["reconcile"].value
    await client.post("/logout", allow_redirects=False)
    async with ClientSession(cookies={"reconcile": kept}) as other:
        again = await other.get(client.make_url("/"), allow_redirects=False)
    assert again.status == 303


async def test_cookie_is_for_encrypted_ways_where_the_page_is_reached_so(opened: Opening) -> None:
    client = await opened(Gate(token=Secret(TOKEN)))
    answer = await client.post(
        "/login",
        data={"token": TOKEN},
        headers={"X-Forwarded-Proto": "https"},
        allow_redirects=False,
    )
    assert answer.cookies["reconcile"]["secure"]


async def test_wrong_token_is_refused(opened: Opening) -> None:
    client = await opened(Gate(token=Secret(TOKEN)))
    answer = await client.post("/login", data={"token": "b"}, allow_redirects=False)
    assert answer.status == 403
    assert "That is not the token." in await answer.text()
    assert not answer.cookies


async def test_proxy_is_believed_from_its_own_address_only(opened: Opening) -> None:
    here = Gate(header=HEADER, proxies=(ipaddress.ip_network("127.0.0.0/8"),))
    elsewhere = Gate(header=HEADER, proxies=(ipaddress.ip_network("10.0.0.0/8"),))
    assert await status(await opened(here), **{HEADER: "ada"}) == 200
    assert await status(await opened(here)) == 303
    assert await status(await opened(here), **{HEADER: " "}) == 303
    assert await status(await opened(elsewhere), **{HEADER: "ada"}) == 303


@pytest.mark.parametrize("path", ["/login", "/", "/none", "/static/style.css"])
async def test_every_answer_allows_nothing_from_elsewhere(opened: Opening, path: str) -> None:
    client = await opened(Gate(token=Secret(TOKEN)))
    answer = await client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_nothing_can_be_written(opened: Opening) -> None:
    client = await opened(Gate(token=Secret(TOKEN)))
    mine = {"Authorization": f"Bearer {TOKEN}"}
    for path in ("/", "/sets/ranking-prod", "/calendar", "/audit"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await client.request(method, path, headers=mine)
            assert answer.status == 405, (method, path)


async def test_large_bodies_are_refused(opened: Opening) -> None:
    client = await opened(Gate(token=Secret(TOKEN)))
    answer = await client.post("/login", data={"token": "x" * 100_000}, allow_redirects=False)
    assert answer.status == 413
