"""Requests to the API of a forge: JSON in, JSON out, repeated where that is safe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from reconciler.errors import BackendError, DeniedError, UnavailableError
from reconciler.model.secret import Secret

TRIES = 4
_TIMEOUT = 30.0
_LONGEST_WAIT = 60.0
_SHOWN = 200
_AGAIN = frozenset({429, 500, 502, 503, 504})


class Http:
    """A session with one API; the token is in a header and in nothing else."""

    def __init__(self, base: str, header: str, token: Secret[str], *, pause: float = 1.0) -> None:
        self._base = base.rstrip("/")
        self._header = header
        self._token = token
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT), trust_env=True
        )
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def get(self, path: str, *, missing: Any = None) -> Any:
        """Read; `missing` where the API has none, or does not show it to us."""
        code, body = await self.send("GET", path)
        if code in {401, 403, 404}:
            return missing
        return self.checked(code, body, path)

    async def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, once: bool = False
    ) -> tuple[int, Any]:
        """Send a request and return its code and answer.

        With `once` it is not repeated when nobody knows whether it was carried out, but raises
        UnavailableError, so that whoever asks can look first.
        """
        for attempt in range(TRIES):
            try:
                code, found, wait = await self._send(method, path, body)
            except (aiohttp.ClientError, TimeoutError) as error:
                if once or attempt == TRIES - 1:
                    raise UnavailableError(self._say(path, type(error).__name__)) from None
                await asyncio.sleep(self._pause * 2**attempt)
                continue
            if not _is_passing(code, found) or attempt == TRIES - 1:
                return code, found
            if once and code not in {403, 429}:
                raise UnavailableError(self._say(path, f"answered {code}"))
            await asyncio.sleep(min(wait or self._pause * 2**attempt, _LONGEST_WAIT))
        raise AssertionError

    def checked(self, code: int, body: Any, path: str) -> Any:
        """Return an answer; raises DeniedError or BackendError for one that says no."""
        if code < 300:
            return body
        why = self._say(path, f"answered {code}: {_message(body)}".rstrip(": "))
        if code in {401, 403}:
            raise DeniedError(f"{why}; give the token the right to write comments and statuses")
        raise (UnavailableError if code in _AGAIN else BackendError)(why)

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, Any, float]:
        assert self._session is not None
        headers = {self._header: self._token.reveal(), "Accept": "application/json"}
        async with self._session.request(
            method, f"{self._base}{path}", json=body, headers=headers, allow_redirects=False
        ) as answer:
            text = await answer.text(errors="replace")
            wait = answer.headers.get("Retry-After", "")
            return answer.status, _json(text), float(wait) if wait.isdigit() else 0.0

    def _say(self, path: str, what: str) -> str:
        return f"{self._base}{path.partition('?')[0]}: {what}"


def _is_passing(code: int, body: Any) -> bool:
    return code in _AGAIN or (code == 403 and "rate limit" in _message(body).lower())


def _message(body: Any) -> str:
    message = body.get("message") or body.get("error") if isinstance(body, dict) else body
    return " ".join(str(message or "").split())[:_SHOWN]


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
