"""Downloads from the signed URLs that a backend's data proxy hands out.

The query of a signed URL is a credential and is in no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from reconciler import errors

_CHUNK_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16
_TRIES = 3
_BACK_OFF_SECONDS = 0.2


async def get(opened: aiohttp.ClientSession, signed_url: str, *, limit_bytes: int) -> bytes:
    """Read a file whole; repeats on 5xx and broken connections, three tries in all.

    Raises BackendError where it is larger than the limit or the store refuses, UnavailableError
    where the store cannot be reached.
    """
    url = URL(signed_url, encoded=True)
    for attempt in range(1, _TRIES + 1):
        try:
            async with opened.get(url, allow_redirects=False) as answer:
                if answer.status == 200:
                    return await _body(answer, signed_url, limit_bytes)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            if attempt == _TRIES:
                raise errors.UnavailableError(
                    f"{_place(signed_url)}: cannot be reached ({type(error).__name__})",
                    code="UNAVAILABLE",
                ) from None
        else:
            if status < 500 or attempt == _TRIES:
                kind = errors.DeniedError if status in {401, 403} else errors.BackendError
                raise kind(
                    f"{_place(signed_url)}: the store answers HTTP {status}",
                    method="GET",
                    code=f"HTTP {status}",
                )
        await asyncio.sleep(_BACK_OFF_SECONDS * 2 ** (attempt - 1))
    raise AssertionError("the last try returns or raises")


async def stream(opened: aiohttp.ClientSession, signed_url: str) -> AsyncIterator[bytes]:
    """Yield a file in pieces as they come; whoever stops taking them ends the download.

    Raises as `get` does; once the first piece came, what breaks off is not asked for again.
    """
    try:
        async with opened.get(URL(signed_url, encoded=True), allow_redirects=False) as answer:
            if answer.status != 200:
                kind = errors.DeniedError if answer.status in {401, 403} else errors.BackendError
                raise kind(
                    f"{_place(signed_url)}: the store answers HTTP {answer.status}",
                    method="GET",
                    code=f"HTTP {answer.status}",
                )
            async for chunk in answer.content.iter_chunked(_PIECE_BYTES):
                yield chunk
    except (aiohttp.ClientError, TimeoutError) as error:
        raise errors.UnavailableError(
            f"{_place(signed_url)}: cannot be reached, or broke off ({type(error).__name__})",
            code="UNAVAILABLE",
        ) from None


async def _body(answer: aiohttp.ClientResponse, signed_url: str, limit_bytes: int) -> bytes:
    found = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        found += chunk
        if len(found) > limit_bytes:
            raise errors.BackendError(
                f"{_place(signed_url)}: is larger than {limit_bytes >> 20} MiB", method="GET"
            )
    return bytes(found)


def _place(signed_url: str) -> str:
    url = urlsplit(signed_url)
    return f"{url.hostname or '?'}{f':{url.port}' if url.port else ''}: download of {url.path}"
