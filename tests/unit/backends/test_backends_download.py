"""Downloads from signed URLs: whole or an error, and no signature in any message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from backends_servers import http_serving

from reconciler import errors
from reconciler.backends.data import download, upload
from reconciler.backends.settings import Tls

QUERY = "X-Amz-Signature=canary5ignature&x=a%2Fb"


@dataclass
class Store:
    base: str = ""
    paths: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    body: bytes = b"hello"

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.raw_path)
        status = self.statuses.pop(0) if self.statuses else 200
        headers = {"Location": "http://127.0.0.1:9/"} if status == 302 else {}
        return web.Response(status=status, body=self.body, headers=headers)


@pytest.fixture
async def store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr(download, "_BACK_OFF_SECONDS", 0.001)
    answering = Store()
    async with http_serving(answering.answer) as base:
        answering.base = base
        yield answering


async def get(base: str, limit_bytes: int = 1 << 20) -> bytes:
    async with upload.session(Tls()) as session:
        url = f"{base}/bucket/a%2Bb?{QUERY}"
        return await download.get(session, url, limit_bytes=limit_bytes)


async def test_bytes_come_whole_from_the_signed_url(store: Store) -> None:
    store.body = b"x" * 3_000_000
    assert await get(store.base, 3_000_000) == store.body
    assert store.paths == [f"/bucket/a%2Bb?{QUERY}"]


async def test_busy_store_is_tried_three_times(store: Store) -> None:
    store.statuses = [503, 500]
    assert await get(store.base) == b"hello"
    assert len(store.paths) == 3


@pytest.mark.parametrize(
    ("status", "tries", "kind"),
    [
        (503, 3, errors.BackendError),
        (404, 1, errors.BackendError),
        (403, 1, errors.DeniedError),
        (302, 1, errors.BackendError),
    ],
)
async def test_refusal_names_the_answer_and_not_the_signature(
    store: Store, status: int, tries: int, kind: type[errors.BackendError]
) -> None:
    store.statuses = [status] * 3
    with pytest.raises(kind, match=f"HTTP {status}") as caught:
        await get(store.base)
    assert "canary" not in str(caught.value)
    assert "download of /bucket/a%2Bb" in str(caught.value)
    assert len(store.paths) == tries


async def test_file_above_the_limit_is_an_error(store: Store) -> None:
    store.body = b"x" * ((2 << 20) + 1)
    with pytest.raises(errors.BackendError, match="is larger than 2 MiB"):
        await get(store.base, 2 << 20)


async def test_store_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_BACK_OFF_SECONDS", 0.001)
    with pytest.raises(errors.UnavailableError, match=r"127\.0\.0\.1:9") as caught:
        await get("http://127.0.0.1:9")
    assert "canary" not in str(caught.value)
