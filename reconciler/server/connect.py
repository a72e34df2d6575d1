"""Calls by Connect over HTTP/1.1, as connect-go serves them. Nothing here knows what a call does.

Flyte 2's own client speaks it, and so does curl: POST with a body in protobuf or JSON, GET for
calls that change nothing, and streams of answers in envelopes.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import grpc
from aiohttp import web

from reconciler.server import connect_wire as wire
from reconciler.server.caller import Caller
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.server.dispatch import Dispatch
    from reconciler.server.methods import Method

# A full name has a package.
PATH = r"/{service:[^/]+\.[^/]+}/{method}"

_UNARY = {
    "application/proto": "proto",
    "application/json": "json",
    "application/json; charset=utf-8": "json",
}
_STREAM = {"application/connect+proto": "proto", "application/connect+json": "json"}
_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class _Sent:
    """One call as it came: its message, compressed with `encoding`, and the protocol's version."""

    codec: wire.Codec
    content_type: str
    raw: bytes
    encoding: str
    refusal: str = ""


def calls(dispatch: Dispatch) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler of every path that may be a method's."""

    async def call(request: web.Request) -> web.StreamResponse:
        method = dispatch.methods.get(request.path)
        if method is None:
            # Clients take it for UNIMPLEMENTED.
            raise web.HTTPNotFound(text="404 page not found\n")
        if method.takes_stream:
            return web.Response(status=505, headers={"Connection": "close"})
        if method.is_stream:
            return await _stream(dispatch, method, request)
        if request.method == "GET" and method.is_safe:
            return await _unary(dispatch, method, request, _got(request))
        if request.method != "POST":
            return _not_allowed("GET, POST" if method.is_safe else "POST")
        return await _unary(dispatch, method, request, await _posted(request, _UNARY))

    return call


async def _unary(
    dispatch: Dispatch, method: Method, request: web.Request, sent: _Sent | None
) -> web.StreamResponse:
    if sent is None:
        return _unsupported(_UNARY)
    try:
        message = sent.codec.parse(method.request_type, _message(sent))
        async with _deadline(request):
            answer = await dispatch.answer(method, message, _caller(request))
        body = sent.codec.dump(answer)
    except TimeoutError:
        return _refused(_late())
    except StatusError as error:
        return _refused(error)
    response = web.Response(body=body, headers={"Content-Type": sent.content_type})
    if body and wire.accepts_gzip(request.headers.get("Accept-Encoding", "")):
        response.enable_compression(web.ContentCoding.gzip)
    return response


async def _stream(dispatch: Dispatch, method: Method, request: web.Request) -> web.StreamResponse:
    if request.method != "POST":
        return _not_allowed("POST")
    sent = await _posted(request, _STREAM)
    if sent is None:
        return _unsupported(_STREAM)
    compress = wire.accepts_gzip(request.headers.get("Connect-Accept-Encoding", ""))
    response = web.StreamResponse(headers={"Content-Type": sent.content_type})
    if compress:
        response.headers["Connect-Content-Encoding"] = wire.GZIP
    await response.prepare(request)
    refusal = None
    # Nobody is told of an answer that the client did not wait for.
    with suppress(ConnectionResetError):
        try:
            message = sent.codec.parse(method.request_type, _message(sent, wire.unwrap))
            answers = dispatch.answers(method, message, _caller(request))
            async with _deadline(request), aclosing(answers):
                async for answer in answers:
                    body = sent.codec.dump(answer)
                    await response.write(wire.wrap(body, compress=compress))
        except TimeoutError:
            refusal = _late()
        except StatusError as error:
            refusal = error
        await response.write_eof(wire.end(refusal))
    return response


async def _posted(request: web.Request, types: dict[str, str]) -> _Sent | None:
    """The call in a request's body; None when it is of no type that is served."""
    content_type = request.headers.get("Content-Type", "").lower()
    if content_type not in types:
        return None
    version = request.headers.get("Connect-Protocol-Version", "1")
    refusal = "" if version == "1" else f'Connect-Protocol-Version must be "1": got "{version}"'
    encoding = "Content-Encoding" if types is _UNARY else "Connect-Content-Encoding"
    return _Sent(
        wire.CODECS[types[content_type]],
        content_type,
        await request.read(),
        request.headers.get(encoding, ""),
        refusal,
    )


def _got(request: web.Request) -> _Sent | None:
    """The call in a request's query; None when it names no codec that is served."""
    # A message in protobuf may be any bytes; Latin-1 has a character for each.
    query = parse_qs(request.rel_url.raw_query_string, keep_blank_values=True, encoding="latin-1")
    one = {name: values[0] for name, values in query.items()}
    codec = one.get("encoding", "")
    if codec not in wire.CODECS:
        return None
    version = one.get("connect", "v1")
    refusal = "" if version == "v1" else f'connect must be "v1": got "{version}"'
    raw = one.get("message", "").encode("latin-1")
    if "message" not in one:
        refusal = "missing message parameter"
    elif one.get("base64") == "1":
        try:
            raw = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
        except binascii.Error as error:
            refusal = f"read message: {error}"
    return _Sent(
        wire.CODECS[codec], f"application/{codec}", raw, one.get("compression", ""), refusal
    )


def _message(sent: _Sent, open_up: Callable[[bytes, str], bytes] = wire.inflate) -> bytes:
    if sent.refusal:
        raise refused(sent.refusal)
    return open_up(sent.raw, sent.encoding)


def _deadline(request: web.Request) -> asyncio.Timeout:
    """The client's timeout; StatusError when it is no number, or is over already."""
    header = request.headers.get("Connect-Timeout-Ms", "")
    if not header:
        return asyncio.timeout(None)
    if not (header.isascii() and header.isdigit() and len(header) <= _MAX_DIGITS):
        raise refused(f'parse timeout: "{header}" is not a number of at most {_MAX_DIGITS} digits')
    if int(header) == 0:
        raise _late()
    return asyncio.timeout(int(header) / 1000)


def _late() -> StatusError:
    return StatusError(grpc.StatusCode.DEADLINE_EXCEEDED, "context deadline exceeded")


def _caller(request: web.Request) -> Caller:
    return Caller(
        request.host, tuple((name.lower(), value) for name, value in request.headers.items())
    )


def _refused(error: StatusError) -> web.Response:
    status, body = wire.refusal(error)
    return web.Response(status=status, body=body, content_type="application/json")


def _not_allowed(methods: str) -> web.Response:
    return web.Response(status=405, headers={"Allow": methods})


def _unsupported(types: dict[str, str]) -> web.Response:
    return web.Response(status=415, headers={"Accept-Post": ", ".join(types)})
