"""Uploads to signed URLs: headers to the letter, streaming, repeats, TLS, and no leak."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from backends_servers import Certificates, http_serving
from flyteidl.service import dataproxy_pb2

from reconciler import errors
from reconciler.backends.data import upload
from reconciler.backends.settings import Tls

QUERY = "X-Amz-Signature=canary5ignature&x=a%2Fb"


@dataclass
class Store:
    base: str = ""
    bodies: list[bytes] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    text: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.requests.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, text=self.text)

    def location(
        self, native: str = "s3://bucket/a", **headers: str
    ) -> dataproxy_pb2.CreateUploadLocationResponse:
        return dataproxy_pb2.CreateUploadLocationResponse(
            signed_url=f"{self.base}/bucket/a%2Bb?{QUERY}", native_url=native, headers=headers
        )


@pytest.fixture
async def store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr(upload, "_BACK_OFF_SECONDS", 0.001)
    answering = Store()
    async with http_serving(answering.answer) as base:
        answering.base = base
        yield answering


async def send(
    location: upload.Location, content: bytes | Path, security: Tls | None = None
) -> str:
    async with upload.session(security or Tls()) as session:
        return await upload.put(session, location, content, md5=upload.md5_of(content))


async def test_bytes_arrive_with_the_signed_headers_and_the_signed_url(store: Store) -> None:
    url = await send(store.location(**{"x-amz-meta-flytecontentmd5": "abc"}), b"hello")

    (request,) = store.requests
    assert url == "s3://bucket/a"
    assert store.bodies == [b"hello"]
    assert request.method == "PUT"
    assert request.raw_path == f"/bucket/a%2Bb?{QUERY}"
    assert request.headers["Content-Length"] == "5"
    expected = base64.b64encode(hashlib.md5(b"hello", usedforsecurity=False).digest()).decode()
    assert request.headers["Content-MD5"] == expected
    assert request.headers["x-amz-meta-flytecontentmd5"] == "abc"
    assert "Content-Type" not in request.headers
    assert "x-ms-blob-type" not in request.headers


async def test_file_is_streamed_with_its_length(store: Store, tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    path = tmp_path / "code.tar.gz"
    path.write_bytes(content)
    store.statuses = [201]
    await send(store.location(), path)

    assert store.bodies == [content]
    assert store.requests[0].headers["Content-Length"] == str(len(content))
    assert "Transfer-Encoding" not in store.requests[0].headers


async def test_empty_file_is_sent_too(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    await send(store.location(), path)

    assert store.bodies == [b""]
    assert store.requests[0].headers["Content-Length"] == "0"


async def test_azure_asks_for_a_blob_type(store: Store) -> None:
    await send(store.location("abfs://container/a"), b"x")

    assert store.requests[0].headers["x-ms-blob-type"] == "BlockBlob"


async def test_given_headers_win() -> None:
    location = Store(base="http://h").location(**{"content-md5": "given"})

    assert upload.headers_for(location, size=1, md5=b"x") == {
        "Content-Length": "1",
        "content-md5": "given",
    }


async def test_busy_store_is_tried_three_times_with_the_whole_file(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    store.statuses = [503, 500]
    await send(store.location(), path)

    assert store.bodies == [b"content"] * 3


async def test_store_that_stays_busy_is_unavailable(store: Store) -> None:
    store.statuses = [503] * 9
    with pytest.raises(errors.UnavailableError, match="the store answers HTTP 503"):
        await send(store.location(), b"x")

    assert len(store.requests) == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, errors.BackendError), (403, errors.DeniedError), (301, errors.BackendError)],
    ids=["bad-digest", "expired", "redirect"],
)
async def test_refusal_shows_the_answer_without_the_signature(
    store: Store, status: int, kind: type[errors.BackendError]
) -> None:
    store.statuses = [status]
    store.text = f"<Error>{store.base}/bucket/a%2Bb?{QUERY} canary5ignature</Error>" + "y" * 5000
    with pytest.raises(
        kind, match=f"upload to /bucket/a%2Bb: the store answers HTTP {status}"
    ) as e:
        await send(store.location(), b"x")

    assert len(store.requests) == 1
    assert "canary" not in str(e.value)
    assert len(str(e.value)) < 600


async def test_unreachable_store_shows_no_signature() -> None:
    with pytest.raises(errors.UnavailableError, match="cannot be reached") as caught:
        await send(Store(base="http://127.0.0.1:1").location(), b"x")

    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("trust", ["ca", "skip", "none"])
async def test_tls_follows_the_connection(
    certificates: Certificates, trust: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_BACK_OFF_SECONDS", 0.001)
    chain, key = certificates.pair("127.0.0.1", stem="store")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    security = {
        "ca": Tls(ca_file=certificates.ca_file),
        "skip": Tls(insecure_skip_verify=True),
        "none": Tls(),
    }[trust]
    answering = Store()
    async with http_serving(answering.answer, ssl=context) as base:
        answering.base = base
        if trust == "none":
            with pytest.raises(errors.UnavailableError):
                await send(answering.location(), b"x", security)
        else:
            await send(answering.location(), b"x", security)

    assert len(answering.bodies) == (0 if trust == "none" else 1)


def test_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="is not a regular file"):
        upload.md5_of(tmp_path)


def test_length_that_the_data_proxy_gives_is_not_sent() -> None:
    location = dataproxy_pb2.CreateUploadLocationResponse(
        native_url="s3://bucket/code", headers={"content-length": "24", "Content-MD5": "theirs"}
    )

    headers = upload.headers_for(location, size=5, md5=b"0" * 16)

    assert headers == {"Content-Length": "5", "Content-MD5": "theirs"}
