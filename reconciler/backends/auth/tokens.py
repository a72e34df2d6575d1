"""Access tokens: a fixed one, or one fetched with client credentials (RFC 6749, section 4.4).

The built-in authorization server of Flyte takes the client's id and secret by HTTP basic
authentication. A fetched token is shared by all calls, replaced before it expires, and kept in a
cache file between runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote_plus, urlsplit

from reconciler import errors
from reconciler.backends.auth import cache, secret, tls
from reconciler.backends.settings import METADATA_KEY
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.backends.settings import Settings

log = logging.getLogger(__name__)

Metadata = tuple[tuple[str, str], ...]
"""Call metadata: lower-case keys and values."""

DEFAULT_KEY = "authorization"
_TRIES = 3
_BACK_OFF_SECONDS = 0.2
_TIMEOUT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Authority:
    """Where a server says that its tokens come from, and the metadata key that it reads."""

    token_endpoint: str
    scopes: tuple[str, ...] = ()
    audience: str = ""
    metadata_key: str = ""


class Credentials(Protocol):
    """Who we are, as call metadata."""

    async def metadata(self) -> Metadata:
        """Return the metadata of the next call; empty where the server wants none."""
        ...

    async def renew(self, refused: Metadata) -> bool:
        """Get other metadata than `refused`, once; False where there is none to be had."""
        ...


class Anonymous:
    """No identity at all."""

    __slots__ = ()

    async def metadata(self) -> Metadata:
        """Return nothing."""
        return ()

    async def renew(self, refused: Metadata) -> bool:  # noqa: ARG002 - the port's name
        """Have nothing else to offer."""
        return False


class BearerToken:
    """A token that somebody else fetched; read again when it is refused, since files rotate."""

    __slots__ = ("_key", "_metadata", "_reference")

    def __init__(self, reference: secret.Reference, *, metadata_key: str = "") -> None:
        self._reference = reference
        self._key = metadata_key or DEFAULT_KEY
        self._metadata: Metadata = ()

    async def metadata(self) -> Metadata:
        """Return the token; raises UsageError where it cannot be read."""
        if not self._metadata:
            self._metadata = self._read()
        return self._metadata

    async def renew(self, refused: Metadata) -> bool:
        """Read the token again; False where it is still the refused one."""
        self._metadata = self._read()
        return self._metadata != refused

    def _read(self) -> Metadata:
        return _bearer(self._key, secret.resolve(self._reference, purpose="auth.token"))


class ClientCredentials:
    """Tokens fetched with a client's id and secret, at the place that the server announces."""

    def __init__(
        self, settings: Settings, *, discover: Callable[[], Awaitable[Authority | None]]
    ) -> None:
        self._settings = settings
        self._discover = discover
        self._authority: Authority | None = None
        self._lock = asyncio.Lock()
        self._metadata: Metadata = ()
        self._renew_at = 0.0

    async def metadata(self) -> Metadata:
        """Return a token that is still valid; raises DeniedError, UnavailableError, UsageError."""
        if time.time() >= self._renew_at:
            async with self._lock:
                if time.time() >= self._renew_at:
                    await self._obtain(may_use_cache=not self._metadata)
        return self._metadata

    async def renew(self, refused: Metadata) -> bool:
        """Fetch a new token, unless another call has done so since `refused` was sent."""
        async with self._lock:
            if self._metadata == refused:
                await self._obtain(may_use_cache=False)
        return self._metadata != refused

    async def _obtain(self, *, may_use_cache: bool) -> None:
        if self._authority is None:
            self._authority = await self._discover()
        authority = self._authority
        if authority is None:
            log.warning("the server serves no authentication; credentials are not sent")
            self._metadata, self._renew_at = (), float("inf")
            return
        auth = self._settings.auth
        scopes = auth.scopes or authority.scopes
        audience = auth.audience or authority.audience
        entry = cache.Entry.of(
            self._settings.endpoint, authority.token_endpoint, auth.client_id, *scopes, audience
        )
        is_kept = self._settings.keeps_tokens
        token = cache.load(entry) if may_use_cache and is_kept else None
        if token is None:
            form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
            if audience:
                form["audience"] = audience
            token = await fetch(self._settings, endpoint=authority.token_endpoint, form=form)
            if is_kept:
                cache.store(entry, token)
        announced = authority.metadata_key.lower()
        key = auth.metadata_key or (announced if METADATA_KEY.fullmatch(announced) else DEFAULT_KEY)
        self._metadata, self._renew_at = _bearer(key, token.value), token.renew_at


async def fetch(settings: Settings, *, endpoint: str, form: dict[str, str]) -> cache.Token:
    """Ask a token endpoint; raises DeniedError where it refuses, UnavailableError where it is away.

    The client's secret goes over plaintext HTTP only to this machine or for a plaintext connection.
    """
    import aiohttp  # takes longer to load than all else, and most connections need no token

    place = f"{settings.endpoint}: auth: token endpoint {endpoint}"
    url = urlsplit(endpoint)
    loopback = url.hostname in {"localhost", "127.0.0.1", "::1"}
    if url.scheme != "https" and not (loopback or settings.insecure):
        raise errors.DeniedError(
            f"{place}: is not https, and the client's secret would be readable on the way; "
            "let the server announce an https address",
            code="UNAUTHENTICATED",
        )
    client_secret = settings.auth.client_secret
    assert client_secret is not None
    login = aiohttp.BasicAuth(
        quote_plus(settings.auth.client_id),
        quote_plus(secret.resolve(client_secret, purpose="auth.clientSecret").reveal()),
    )
    await settings.check_address(endpoint)
    context = tls.for_http(settings.tls)
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    for attempt in range(1, _TRIES + 1):
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    endpoint, data=form, auth=login, ssl=context, allow_redirects=False
                ) as answer,
            ):
                body = await answer.text(errors="replace")
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            if attempt == _TRIES:
                raise errors.UnavailableError(
                    f"{place}: cannot be reached ({str(error) or 'no answer in time'}); "
                    "check that it runs and that its certificate is trusted (tls.caFile)",
                    code="UNAVAILABLE",
                ) from error
        else:
            if status < 500 or attempt == _TRIES:
                return _token(status, body, place)
        await asyncio.sleep(_BACK_OFF_SECONDS * 2 ** (attempt - 1))
    raise AssertionError("the last try returns or raises")


def _token(status: int, body: str, place: str) -> cache.Token:
    """Read the answer of a token endpoint; only its error fields are ever shown."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    fields = answer if isinstance(answer, dict) else {}
    if status >= 500:
        raise errors.UnavailableError(f"{place}: answers HTTP {status}; run again later")
    value = fields.get("access_token")
    is_usable = isinstance(value, str) and value.isascii() and value.isprintable() and value != ""
    if status != 200 or not is_usable:
        said = [str(fields[key]) for key in ("error", "error_description") if key in fields]
        reason = f" ({': '.join(said)[:200]})" if said else ""
        raise errors.DeniedError(
            f"{place}: gives no token: HTTP {status}{reason}; "
            "check auth.clientId, auth.clientSecret, auth.scopes and auth.audience",
            code="UNAUTHENTICATED",
        )
    lifetime = fields.get("expires_in")
    seconds = float(lifetime) if isinstance(lifetime, int | float) else None
    return cache.Token(Secret(str(value)), None if seconds is None else time.time() + seconds)


def _bearer(key: str, token: Secret[str]) -> Metadata:
    return ((key, f"Bearer {token.reveal()}"),)
