"""Serves the page: GET for everything that is shown, and nothing that could change anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from importlib.resources import files
from urllib.parse import parse_qs

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from reconciler.errors import UsageError
from reconciler.listening import listening
from reconciler.model.key import Key
from reconciler.schedule import zone as zones
from reconciler.web import calendar, pages
from reconciler.web.board import Board, Boards
from reconciler.web.gate import COOKIE, Gate
from reconciler.web.tables import Looked

log = logging.getLogger(__name__)

_BODY_BYTES = 4096
_SHOWN = 200
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OPEN = frozenset({"/login", "/static/style.css"})

Clock = Callable[[], datetime]


def application(
    boards: Boards, gate: Gate, *, clock: Clock = lambda: datetime.now(UTC)
) -> web.Application:
    """Make the page of some boards; raises UsageError for a gate that nobody can pass."""
    if gate.is_shut:
        raise UsageError(
            "the web page has neither a token nor a proxy that tells who is asking; give one"
        )
    site = _Site(boards, gate, clock)
    app = web.Application(middlewares=[_guard(gate)], client_max_size=_BODY_BYTES)
    app.router.add_get("/", site.sets)
    app.router.add_get("/sets/{name}", site.one_set)
    app.router.add_get("/sets/{name}/objects/{key}", site.one_object)
    app.router.add_get("/sets/{name}/syncs/{number}", site.one_sync)
    app.router.add_get("/sets/{name}/backfills/{key}", site.one_fill)
    app.router.add_get("/calendar", site.calendar)
    app.router.add_get("/backfills", site.fills)
    app.router.add_get("/audit", site.audit)
    app.router.add_get("/static/style.css", _style)
    app.router.add_get("/login", site.login)
    app.router.add_post("/login", site.enter)
    app.router.add_post("/logout", site.leave)
    return app


@asynccontextmanager
async def serving(address: str, boards: Boards, gate: Gate) -> AsyncIterator[int]:
    """Serve the page at `host:port`, and yield the port.

    Raises UsageError where nothing can listen there, and for a gate that nobody can pass.
    """
    async with listening(application(boards, gate), address) as port:
        yield port


class _Site:
    """The handlers."""

    def __init__(self, boards: Boards, gate: Gate, clock: Clock) -> None:
        self._boards = boards
        self._gate = gate
        self._clock = clock
        self._calendars = asyncio.Semaphore(1)

    async def sets(self, _request: web.Request) -> web.Response:
        return _html(pages.sets(self._boards.all(), self._clock()))

    async def one_set(self, request: web.Request) -> web.Response:
        looked = Looked.of(request.query)
        return _html(pages.one_set(self._board(request), looked, self._clock()))

    async def one_object(self, request: web.Request) -> web.Response:
        board, key = self._board(request), _key(request)
        found = next((item for item in board.objects if item.key == key), None)
        if found is None:
            raise _missing(f"Set {board.name} has no object {key}.")
        return _html(pages.one_object(board, found, self._clock()))

    async def one_sync(self, request: web.Request) -> web.Response:
        board, text = self._board(request), request.match_info["number"]
        number = int(text) if text.isdecimal() and len(text) < 5 else 0
        if not 0 < number <= len(board.syncs):
            raise _missing(f"Set {board.name} has no such sync; only the last ones are kept.")
        return _html(pages.one_sync(board, number, board.syncs[number - 1], self._clock()))

    async def one_fill(self, request: web.Request) -> web.Response:
        board, key = self._board(request), _key(request)
        found = next((item for item in board.fills if item.key == key), None)
        if found is None:
            raise _missing(f"Set {board.name} has no backfill {key}.")
        page = Looked.of(request.query).page
        return _html(pages.one_fill(board, found, page, self._clock()))

    async def calendar(self, request: web.Request) -> web.Response:
        now, name = self._clock(), request.query.get("set", "")
        zone = request.query.get("zone") or "UTC"
        try:
            display = zones.load(zone)
        except ValueError as error:
            raise _missing(f"There is no such zone: {error}.") from error
        try:
            day = date.fromisoformat(request.query.get("day") or str(pages.today(now, display)))
            date(day.year - 1, 1, 1), date(day.year + 1, 1, 1)
        except ValueError as error:
            raise _missing("There is no such day; write one as 2026-05-31.") from error
        every = self._boards.all()
        chosen = [board for board in every if not name or board.name == name]
        # Thousands of schedules take a while, and others want to read meanwhile.
        async with self._calendars:
            shown = await asyncio.to_thread(calendar.agenda, chosen, day, display, now)
        names = [board.name for board in every]
        return _html(pages.calendar(shown, names, name, zone, now))

    async def fills(self, _request: web.Request) -> web.Response:
        return _html(pages.fills(self._boards.all(), self._clock()))

    async def audit(self, request: web.Request) -> web.Response:
        page, name = Looked.of(request.query).page, request.query.get("set", "")
        return _html(pages.audit(self._boards.all(), name, page, self._clock()))

    async def login(self, _request: web.Request) -> web.Response:
        return _html(pages.login(is_wrong=False, has_token=self._gate.token is not None))

    async def enter(self, request: web.Request) -> web.Response:
        given = _token(await request.read())
        session = await self._gate.open(given)
        if session is None:
            has_token = self._gate.token is not None
            return _html(pages.login(is_wrong=True, has_token=has_token), status=403)
        answer = web.HTTPSeeOther("/")
        answer.set_cookie(
            COOKIE,
            session,
            httponly=True,
            samesite="Strict",
            secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
        )
        raise answer

    async def leave(self, request: web.Request) -> web.Response:
        self._gate.close(request)
        answer = web.HTTPSeeOther("/login")
        answer.del_cookie(COOKIE)
        raise answer

    def _board(self, request: web.Request) -> Board:
        name = request.match_info["name"]
        board = self._boards.get(name)
        if board is None:
            raise _missing(f"There is no set {name}.")
        return board


def _key(request: web.Request) -> Key:
    try:
        return Key.parse(request.match_info["key"])
    except ValueError as error:
        raise _missing(f"There is no such object: {error}.") from error


def _token(body: bytes) -> str:
    """Read the form that the page gives; what a stranger sends instead holds no token."""
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=9)
    except ValueError:
        return ""
    return form.get("token", [""])[0]


def _missing(text: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=text)


async def _style(_request: web.Request) -> web.Response:
    sheet = files("reconciler.web").joinpath("static/style.css").read_text(encoding="utf-8")
    return web.Response(text=sheet, content_type="text/css")


def _html(text: str, *, status: int = 200) -> web.Response:
    # Names of files and the like may hold bytes that are no text.
    body = text.encode("utf-8", "backslashreplace")
    return web.Response(body=body, content_type="text/html", charset="utf-8", status=status)


def _guard(gate: Gate) -> Middleware:
    """Let in who may look, and put the same rules on every answer."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer: web.StreamResponse
        try:
            if request.path not in _OPEN and not gate.admits(request):
                raise web.HTTPSeeOther("/login")
            answer = await handler(request)
        except web.HTTPRedirection as redirection:
            answer = redirection
        except web.HTTPException as error:
            is_known = isinstance(error, web.HTTPNotFound) and error.text
            text = str(error.text) if is_known else error.reason
            answer = _html(pages.problem(error.reason, text), status=error.status)
        except (ConnectionError, web.RequestPayloadError):
            raise
        except Exception:
            log.exception("the page: a fault of its own at %r", request.path[:_SHOWN])
            text = "This is a fault of the page itself; its log says more."
            answer = _html(pages.problem("Internal Server Error", text), status=500)
        answer.headers.update(_HEADERS)
        return answer

    return guarded
