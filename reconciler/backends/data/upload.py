"""Uploads to the signed URLs that a backend's data proxy hands out.

The store checks `Content-MD5`, so that a file that changes under us is refused and never stored
half. All headers of the answer are part of the signature and are sent as given. The query of a
signed URL is a credential and is in no message.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from reconciler import errors
from reconciler.backends.auth import tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from reconciler.backends.settings import Tls

_CHUNK_BYTES = 1 << 20
_TRIES = 3
_BACK_OFF_SECONDS = 0.2
_SHOWN_CHARACTERS = 300
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=120)


class Location(Protocol):
    """Where to put bytes, and under which URL Flyte knows them: the data proxy's answer."""

    @property
    def signed_url(self) -> str: ...
    @property
    def native_url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


def md5_of(content: bytes | Path) -> bytes:
    """Return the MD5 (16 bytes) that stores and Flyte's data proxy ask for; raises UsageError."""
    digest = hashlib.md5(usedforsecurity=False)
    if isinstance(content, bytes):
        digest.update(content)
        return digest.digest()
    if not content.is_file():
        raise errors.UsageError(f"{content}: is not a regular file; name a single file")
    try:
        with content.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise errors.UsageError(f"{content}: cannot be read ({error.strerror})") from error
    return digest.digest()


@asynccontextmanager
async def session(settings: Tls) -> AsyncIterator[aiohttp.ClientSession]:
    """Open an HTTP session that trusts what the connection trusts."""
    connector = aiohttp.TCPConnector(ssl=tls.for_http(settings))
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as opened:
        yield opened


async def put(
    opened: aiohttp.ClientSession, location: Location, content: bytes | Path, *, md5: bytes
) -> str:
    """Send bytes, or a file without loading it, and return the native URL.

    `md5` is `md5_of(content)`, as it was given to the data proxy. Repeats on 5xx and broken
    connections, three tries in all: the same bytes at the same place are as good as once. Raises
    BackendError, DeniedError, UnavailableError; UsageError where the file cannot be read.
    """
    size = len(content) if isinstance(content, bytes) else _size(content)
    headers = headers_for(location, size=size, md5=md5)
    url = URL(location.signed_url, encoded=True)
    for attempt in range(1, _TRIES + 1):
        try:
            status, said = await _put_once(opened, url, content, headers=headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            if attempt == _TRIES:
                raise errors.UnavailableError(
                    f"{_place(location)}: cannot be reached ({type(error).__name__}); check that "
                    "the store's address is reachable from here and its certificate trusted",
                    code="UNAVAILABLE",
                ) from None
        except OSError as error:
            what = "the content" if isinstance(content, bytes) else content
            raise errors.UsageError(f"{what}: cannot be read ({error.strerror})") from error
        else:
            if status in {200, 201}:
                return location.native_url
            if status < 500 or attempt == _TRIES:
                raise _refused(location, status, said)
        await asyncio.sleep(_BACK_OFF_SECONDS * 2 ** (attempt - 1))
    raise AssertionError("the last try returns or raises")


def headers_for(location: Location, *, size: int, md5: bytes) -> dict[str, str]:
    """Return the headers of an upload; those that the data proxy gave win, but for the length.

    flyteadmin 1.16.8 gives the length of the checksum's text (24) as Content-Length; sending that
    with other bytes makes stores wait for ever or cut the upload.
    """
    headers = {
        "Content-Length": str(size),
        "Content-MD5": base64.b64encode(md5).decode("ascii"),
    }
    if location.native_url.startswith(("abfs://", "abfss://")):
        headers["x-ms-blob-type"] = "BlockBlob"
    given = {
        key: value for key, value in location.headers.items() if key.lower() != "content-length"
    }
    taken = {key.lower() for key in given}
    return {**{key: value for key, value in headers.items() if key.lower() not in taken}, **given}


async def _put_once(
    opened: aiohttp.ClientSession, url: URL, content: bytes | Path, *, headers: Mapping[str, str]
) -> tuple[int, str]:
    # A signature may or may not cover Content-Type; flytekit sends none, and neither do we.
    skipped = ("Content-Type",)
    if isinstance(content, bytes):
        async with opened.put(
            url, data=content, headers=headers, skip_auto_headers=skipped, allow_redirects=False
        ) as answer:
            return answer.status, await _body(answer)
    with content.open("rb") as file:
        async with opened.put(
            url, data=file, headers=headers, skip_auto_headers=skipped, allow_redirects=False
        ) as answer:
            return answer.status, await _body(answer)


async def _body(answer: aiohttp.ClientResponse) -> str:
    raw = await answer.content.read(4 * _SHOWN_CHARACTERS)
    return raw.decode("utf-8", errors="replace")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise errors.UsageError(f"{path}: cannot be read ({error.strerror})") from error


def _place(location: Location) -> str:
    url = urlsplit(location.signed_url)
    return f"{url.hostname or '?'}{f':{url.port}' if url.port else ''}: upload to {url.path}"


def _refused(location: Location, status: int, said: str) -> errors.BackendError:
    query = urlsplit(location.signed_url).query
    line = " ".join(said.replace(location.signed_url, "").split())
    for part in filter(None, {query, *(pair.partition("=")[2] for pair in query.split("&"))}):
        if len(part) > 3:
            line = line.replace(part, "***")
    shown = f": {line[:_SHOWN_CHARACTERS]}" if line else ""
    kind = {
        401: errors.DeniedError,
        403: errors.DeniedError,
    }.get(status, errors.UnavailableError if status >= 500 else errors.BackendError)
    return kind(
        f"{_place(location)}: the store answers HTTP {status}{shown}; check the clock of this "
        "machine, that the file does not change, and flyteadmin's storage settings",
        method="PUT",
        code=f"HTTP {status}",
    )
