"""The HTTP side: Connect, signed uploads and downloads, tokens, and who answers here."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from typing import TYPE_CHECKING

from aiohttp import web

from reconciler.server import connect
from reconciler.server.auth import TOKEN_PATH, Authority, basic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.server.dispatch import Dispatch
    from reconciler.server.objects import Objects
    from reconciler.server.store import Store

    HttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_NO_LIMIT = 0
# What Flyte's clients send when they were told to.
_LABEL = "x-amz-meta-flyteContentMD5"


def application(dispatch: Dispatch, *, instance: str) -> web.Application:
    """The routes. `/instance` answers with `instance`, which tells one server from another.

    flyteadmin answers at `/healthcheck`, the manager of Flyte 2 at `/healthz` and `/readyz`.
    """
    objects = dispatch.store.objects
    app = web.Application(client_max_size=_NO_LIMIT)
    app.router.add_get("/instance", _constant(instance))
    app.router.add_get("/healthcheck", _constant(""))
    app.router.add_get("/healthz", _constant("OK"))
    app.router.add_get("/readyz", _ready(dispatch.store))
    app.router.add_put("/objects/{key:.*}", _put(objects))
    app.router.add_get("/objects/{key:.*}", _get(objects))
    if dispatch.authority is not None:
        app.router.add_post(TOKEN_PATH, _token(dispatch.authority))
    app.router.add_route("*", connect.PATH, connect.calls(dispatch))
    return app


def _constant(text: str) -> HttpHandler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text)

    return answer


def _ready(store: Store) -> HttpHandler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        try:
            store.row("SELECT 1 FROM settings")
        except sqlite3.Error as error:
            raise web.HTTPServiceUnavailable(text=f"database: {error}") from None
        return web.Response(text="OK")

    return answer


def _put(objects: Objects) -> HttpHandler:
    async def put(request: web.Request) -> web.StreamResponse:
        allowed = objects.allowed("PUT", str(request.rel_url))
        if allowed is None:
            raise web.HTTPForbidden(text="the signature does not match, or the URL has expired")
        key, promised = allowed
        header = request.headers.get("Content-MD5", "")
        if promised and header != promised:
            raise web.HTTPForbidden(text="Content-MD5 is not the checksum that was signed")
        try:
            md5 = base64.b64decode(header, validate=True) if header else None
        except binascii.Error:
            raise web.HTTPBadRequest(text="Content-MD5 is not base64") from None
        chunks = request.content.iter_any()
        label = request.headers.get(_LABEL, "")
        if not await objects.write(key, chunks, md5=md5, label=label):
            raise web.HTTPBadRequest(text="the bytes do not have the checksum of Content-MD5")
        return web.Response()

    return put


def _get(objects: Objects) -> HttpHandler:
    async def get(request: web.Request) -> web.StreamResponse:
        allowed = objects.allowed("GET", str(request.rel_url))
        if allowed is None:
            raise web.HTTPForbidden(text="the signature does not match, or the URL has expired")
        path = objects.path(allowed[0])
        if not path.exists():
            raise web.HTTPNotFound(text="no such object")
        return web.FileResponse(path)

    return get


def _token(authority: Authority) -> HttpHandler:
    async def token(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        given = basic(request.headers.get("Authorization", "")) or (
            str(form.get("client_id", "")),
            str(form.get("client_secret", "")),
        )
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        if not authority.knows(*given):
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response(
            {
                "access_token": authority.issue(),
                "token_type": "bearer",
                "expires_in": authority.settings.token_seconds,
                "scope": " ".join(authority.settings.scopes),
            }
        )

    return token
