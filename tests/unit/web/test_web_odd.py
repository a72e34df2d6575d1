"""What strangers send, and what others wrote: an answer with the rules of every other, always."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from listening_kit import ask, request
from web_kit import NOON, boards

from reconciler.listening import listening
from reconciler.model.secret import Secret
from reconciler.web import app as pages
from reconciler.web import gate as gates
from reconciler.web.app import application
from reconciler.web.board import Boards
from reconciler.web.gate import Gate

TOKEN = "a-token"
MINE = {"Authorization": f"Bearer {TOKEN}"}
FORM = "application/x-www-form-urlencoded"
POLICY = "Content-Security-Policy: default-src 'none'"


@pytest.fixture
def shown() -> Boards:
    return boards()


@pytest.fixture
async def port(shown: Boards, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(gates, "_WRONG_SECONDS", 0.0)
    app = application(shown, Gate(token=Secret(TOKEN)), clock=lambda: NOON)
    async with listening(app, "127.0.0.1:0") as found:
        yield found


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer \udcff\udcfe"}, {"Cookie": "reconcile=\udcff"}]
)
async def test_bytes_that_are_no_text_are_no_token(
    port: int, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    code, answer = await ask(port, request(b"", headers, method="GET", path="/"))
    assert (code, "Location: /login" in answer) == (303, True)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (f"{FORM}; charset=none", b"token=x"),
        (f"{FORM}; charset=utf-16", b"token=x"),
        (FORM, b"token=\xff"),
        (FORM, b"&" * 50),
        (FORM, b""),
        ("multipart/form-data", b"token=x"),
        ("multipart/form-data; boundary=x", b"--y\r\n"),
        ("application/json", b"{}"),
    ],
)
async def test_forms_of_others_hold_no_token(
    port: int, kind: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
    code, answer = await ask(port, request(body, headers, path="/login"))
    assert (code, POLICY in answer) == (403, True)
    assert caplog.records == []


async def test_text_that_is_none_is_shown(shown: Boards, port: int) -> None:
    board = shown.all()[0]
    shown.put(replace(board, message="deploy/\udcff.json"))
    sent = request(b"", MINE, method="GET", path=f"/sets/{board.name}")
    code, answer = await ask(port, sent)
    assert (code, r"deploy/\udcff.json" in answer) == (200, True)


async def test_fault_of_the_page_is_told_to_the_log_alone(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> str:
        raise KeyError("what nobody should read")

    monkeypatch.setattr(pages.pages, "sets", fail)
    code, answer = await ask(port, request(b"", MINE, method="GET", path="/"))
    assert (code, POLICY in answer, "nobody should read" in answer) == (500, True, False)
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "reconciler.web.app")
