"""Looks at a connection from the socket up, one check per layer: what all Flytes share."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from reconciler.backends.auth import tls
from reconciler.backends.settings import AuthMode
from reconciler.backends.wire.channel import Channel
from reconciler.errors import (
    BackendError,
    DeniedError,
    ReconcilerError,
    UnavailableError,
    UnsupportedError,
)
from reconciler.model.health import Check, Health

ANONYMOUS = "anonymous"
_CONNECT_SECONDS = 5.0
_SOON = timedelta(days=14)
_SKEW = timedelta(seconds=30)
_REFUSED = 4


class UserInfo(Protocol):
    """Who the server takes us for."""

    @property
    def email(self) -> str: ...
    @property
    def preferred_username(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def subject(self) -> str: ...


class Issuer(Protocol):
    """Where the server says that tokens come from."""

    @property
    def token_endpoint(self) -> str: ...
    @property
    def issuer(self) -> str: ...


def name_of(info: UserInfo) -> str:
    """Name who the server takes us for, in the way that tells people most."""
    return info.email or info.preferred_username or info.name or info.subject


async def who(asked: Awaitable[UserInfo]) -> str:
    """Name who we are to the server; nobody in particular where it does not serve the question."""
    try:
        return name_of(await asked) or ANONYMOUS
    except UnsupportedError:
        return ANONYMOUS


async def sockets(channel: Channel) -> AsyncIterator[Check]:
    """Check that something listens there, and its TLS."""
    settings = channel.settings
    if settings.endpoint.startswith("unix:"):
        yield Check("tcp", Health.SKIPPED, f"{settings.endpoint} is a socket file")
        return
    host, port = tls.host_and_port(settings.endpoint)
    start = time.perf_counter()
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
            writer.transport.abort()
    except (OSError, TimeoutError) as error:
        yield Check("tcp", Health.ERROR, f"{host}:{port}: {_why(error)}", _fix(error), _REFUSED)
        return
    spent = (time.perf_counter() - start) * 1000
    yield Check("tcp", Health.OK, f"{host}:{port} answers in {spent:.0f} ms")
    if settings.tls.insecure:
        where = "this machine" if settings.is_loopback else "the network in clear text"
        health = Health.OK if settings.is_loopback else Health.WARNING
        fix = "" if settings.is_loopback else "set tls.insecure: false once the server has TLS"
        yield Check("tls", health, f"plaintext, over {where}", fix)
        return
    yield await _tls(channel, host, port)


async def _tls(channel: Channel, host: str, port: int) -> Check:
    options = channel.settings.tls
    try:
        context = tls.for_http(options)
        context.set_alpn_protocols(["h2"])
        if options.cert_file is not None:
            context.load_cert_chain(options.cert_file, options.key_file)
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
            shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
            writer.transport.abort()
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message or error.reason
        return Check(
            "tls", Health.ERROR, f"its certificate is not trusted: {why}", _trust(error), 4
        )
    except ssl.SSLError as error:
        detail = f"no TLS is spoken there ({error.reason or error})"
        fix = "set tls.insecure: true if this is a plaintext port"
        return Check("tls", Health.ERROR, detail, fix, _REFUSED)
    except (OSError, TimeoutError) as error:
        return Check("tls", Health.ERROR, _why(error), _fix(error), _REFUSED)
    except ReconcilerError as error:
        return Check("tls", Health.ERROR, str(error), "", error.exit_code)
    if shown.selected_alpn_protocol() != "h2":
        detail = "HTTP/2 is not offered, which gRPC needs"
        return Check("tls", Health.WARNING, detail, "let the proxy before Flyte pass HTTP/2")
    return _certificate(shown)


def _certificate(shown: ssl.SSLObject) -> Check:
    certificate: dict[str, Any] = shown.getpeercert() or {}
    if "notAfter" not in certificate:
        detail = f"{shown.version()}, and the certificate is not verified"
        return Check("tls", Health.WARNING, detail, "name its CA in tls.caFile")
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    detail = f"{shown.version()}, the certificate is valid until {until:%Y-%m-%d}"
    if until - datetime.now(UTC) < _SOON:
        return Check("tls", Health.WARNING, detail, "renew the server's certificate")
    return Check("tls", Health.OK, detail)


def _trust(error: ssl.SSLCertVerificationError) -> str:
    text = f"{error.verify_message} {error}".lower()
    if "not yet valid" in text:
        return "set the clock of this machine, or that of whoever issued the certificate"
    if "expired" in text:
        return "renew the server's certificate"
    if "hostname" in text or "ip address" in text:
        return "use the host name that the certificate is for"
    return "name the CA that signed it in tls.caFile"


def _why(error: BaseException) -> str:
    match error:
        case TimeoutError():
            return f"no answer within {_CONNECT_SECONDS:g} s"
        case socket.gaierror():
            return "the host name cannot be resolved"
        case ConnectionRefusedError():
            return "the connection is refused"
        case OSError(strerror=str(text)):
            return text
        case _:
            return str(error)


def _fix(error: BaseException) -> str:
    match error:
        case TimeoutError():
            return "check VPN, firewall and port"
        case socket.gaierror():
            return "check the host name and the DNS"
        case ConnectionRefusedError():
            return "check the port, that Flyte runs, and that a port-forward to it is up"
        case _:
            return "check the endpoint and the network"


async def identity(channel: Channel, asked: Awaitable[UserInfo]) -> Check:
    """Say who the server takes us for."""
    mode = channel.settings.auth.mode
    try:
        name = name_of(await asked)
    except UnsupportedError:
        detail = "the server runs without authentication: everybody is anonymous"
        unused = mode is not AuthMode.NONE
        fix = "remove auth from the connection; its credentials are sent in vain" if unused else ""
        return Check("identity", Health.WARNING if unused else Health.OK, detail, fix)
    except BackendError as error:
        return failed("identity", error)
    return Check("identity", Health.OK, f"{name or ANONYMOUS} (auth: {mode.value})")


async def issuer(channel: Channel, asked: Awaitable[Issuer]) -> Check:
    """Say where tokens come from."""
    try:
        found = await asked
    except UnsupportedError:
        return Check("auth service", Health.OK, "none is served")
    except BackendError as error:
        return failed("auth service", error)
    fix = "set auth.mode if calls are denied" if channel.settings.auth.mode is AuthMode.NONE else ""
    detail = f"tokens come from {found.token_endpoint or found.issuer}"
    return Check("auth service", Health.OK, detail, fix)


def clock(made_at: list[datetime]) -> Check:
    """Tell a skew where it shows: something that was made in our future."""
    ahead = max(made_at, default=datetime.min.replace(tzinfo=UTC)) - datetime.now(UTC)
    if ahead <= _SKEW:
        return Check("clock", Health.OK, "no skew to be seen")
    detail = f"the server's clock is at least {ahead.total_seconds():.0f} s ahead of this one"
    return Check("clock", Health.WARNING, detail, "synchronise both clocks (NTP)")


def failed(name: str, error: BackendError) -> Check:
    """Make a check of a call that failed."""
    refused = isinstance(error, UnavailableError | DeniedError)
    return Check(name, Health.ERROR, str(error), "", _REFUSED if refused else error.exit_code)
