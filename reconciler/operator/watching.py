"""Watches the custom resources with kopf, which only tells what happened.

kopf runs in a thread with an event loop of its own: when it ends it cancels whatever else runs in
its loop, and it ends on answers that a restarting API server gives for a moment. Here it is then
started again. Handlers are for bare events, so that kopf writes nothing into the cluster.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import kopf

from reconciler.backends.kubernetes.access import Access
from reconciler.specs.crd import NAMES
from reconciler.specs.registry import GROUP, KINDS, VERSION

log = logging.getLogger(__name__)

Listener = Callable[[str, Mapping[str, Any]], None]
"""Told each event: `""` for what was there, else ADDED, MODIFIED or DELETED, and the object."""

_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_IDLE_SECONDS = 0.5
"""How long kopf keeps a task for an object that nothing happens to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What to watch: namespaces, or all of them where none is named."""

    access: Access
    namespaces: Sequence[str]


class Handover:
    """Hands events from a thread to a listener in the loop of another one, in their order.

    What comes before the loop gets to it wakes it once: a thousand objects have three events each.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
        self._loop = loop
        self._listener = listener
        self._waiting: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._is_woken = False

    def put(self, kind: str, found: Mapping[str, Any]) -> None:
        """Hand an event over; from one thread, at any time."""
        self._waiting.append((kind, found))
        if not self._is_woken:
            self._is_woken = True
            self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        # Before anything is taken: what comes from here on wakes the loop again.
        self._is_woken = False
        while self._waiting:
            kind, found = self._waiting.popleft()
            try:
                self._listener(kind, found)
            except Exception:
                # One object that nobody foresaw must not keep the others from being heard.
                log.exception("an event was not taken in; the next list has its object")


class Watcher:
    """kopf in a thread; `listener` is called in the loop that starts it."""

    def __init__(self, watched: Watched, listener: Listener) -> None:
        self._watched = watched
        self._listener = listener
        self._stop = threading.Event()
        self._handover: Handover | None = None
        self._thread: threading.Thread | None = None
        self.restarts = 0

    def start(self) -> None:
        """Begin; must be called where the listener is to be called."""
        self._handover = Handover(asyncio.get_running_loop(), self._listener)
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End, and wait until nothing is told any more."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 10)

    @property
    def is_alive(self) -> bool:
        """Say whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        pause = _PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                asyncio.run(self._watch())
            except Exception as error:
                log.warning("watching ended and begins again: %s", type(error).__name__)
                log.debug("watching ended", exc_info=error)
            if self._stop.wait(pause):
                return
            self.restarts += 1
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _watch(self) -> None:
        # Callbacks of watches that broke off fail after their loop has ended; nobody is to act.
        asyncio.get_running_loop().set_exception_handler(_note)
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        for kind in KINDS:
            kopf.on.event(GROUP, VERSION, NAMES[kind].plural, registry=registry)(self._told)
        namespaces = tuple(self._watched.namespaces)
        await kopf.operator(
            registry=registry,
            settings=_settings(is_everywhere=not namespaces),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=self._stop,
        )

    async def _login(self, **_: object) -> kopf.AiohttpSession:
        access = self._watched.access

        async def authorize(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            token = await access.authorize()
            if token is not None:
                request.headers["Authorization"] = token.reveal()
            return await handler(request)

        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=access.tls if access.tls is not None else True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "flyte-reconciler"},
            proxy=access.proxy or None,
            middlewares=(authorize,),
        )
        return kopf.AiohttpSession(server=access.server, aiohttp_session=session)

    async def _told(self, event: Mapping[str, Any], **_: object) -> None:
        assert self._handover is not None
        self._handover.put(cast("str | None", event["type"]) or "", event["object"])


def _note(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    log.debug("watching: %s", context.get("message"), exc_info=context.get("exception"))


def _settings(*, is_everywhere: bool) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = not is_everywhere
    settings.process.ultimate_exiting_timeout = None
    settings.watching.server_timeout = 290
    # What is kept for handlers of changes, which there are none of: four copies of each object.
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.persistence.progress_storage = _NoProgress()
    settings.queueing.idle_timeout = _IDLE_SECONDS
    return settings


class _NoDiffs(kopf.DiffBaseStorage):
    """Compares nothing with what was before."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Keep nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Remembers no handler."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Keep nothing."""

    def purge(self, **_: Any) -> None:
        """Drop nothing."""

    def touch(self, **_: Any) -> None:
        """Write nothing."""

    def clear(self, *, essence: Any) -> Any:
        return essence
