"""Who may look: a token of the page's own, or what an authenticating proxy says.

There is no third way: the page shows what runs in production, and is not served without one.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from reconciler.model.secret import Secret

COOKIE = "reconcile"
_SESSION_SECONDS = 12 * 3600
_MOST_SESSIONS = 1000
_WRONG_SECONDS = 1.0
_MOST_WAITING = 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Clock = Callable[[], float]


@dataclass(slots=True)
class Gate:
    """Lets readers in.

    `token` is what they give once, in a form or as a bearer token. `header` names the header in
    which a proxy tells who is asking; it counts only from the addresses in `proxies`.
    """

    token: Secret[str] | None = None
    header: str = ""
    proxies: tuple[Network, ...] = ()
    clock: Clock = time.monotonic
    _sessions: dict[bytes, float] = field(default_factory=dict)
    _waiting: int = 0

    @property
    def is_shut(self) -> bool:
        """Say whether nobody could ever come in."""
        return self.token is None and not (self.header and self.proxies)

    def admits(self, request: web.Request) -> bool:
        """Say whether a request comes from somebody who may look."""
        return self._is_told(request) or self._has_token(request) or self._has_session(request)

    async def open(self, given: str) -> str | None:
        """Give a session for the right token, and after a moment None for a wrong one."""
        if self._is_right(given):
            self._sweep()
            session = secrets.token_urlsafe(32)
            self._sessions[_hashed(session)] = self.clock() + _SESSION_SECONDS
            return session
        if self._waiting < _MOST_WAITING:
            self._waiting += 1
            try:
                await asyncio.sleep(_WRONG_SECONDS)
            finally:
                self._waiting -= 1
        return None

    def close(self, request: web.Request) -> None:
        """End the session of a request."""
        self._sessions.pop(_hashed(request.cookies.get(COOKIE, "")), None)

    def _is_told(self, request: web.Request) -> bool:
        if not self.header or not request.headers.get(self.header, "").strip():
            return False
        try:
            peer = ipaddress.ip_address(request.remote or "")
        except ValueError:
            return False
        return any(peer in network for network in self.proxies)

    def _has_token(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._is_right(given.strip())

    def _has_session(self, request: web.Request) -> bool:
        ends = self._sessions.get(_hashed(request.cookies.get(COOKIE, "")))
        return ends is not None and self.clock() < ends

    def _is_right(self, given: str) -> bool:
        if self.token is None:
            return False
        return hmac.compare_digest(_hashed(given), _hashed(self.token.reveal()))

    def _sweep(self) -> None:
        now = self.clock()
        self._sessions = {key: ends for key, ends in self._sessions.items() if now < ends}
        while len(self._sessions) >= _MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))


def _hashed(text: str) -> bytes:
    # A header may hold bytes that are no text.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
