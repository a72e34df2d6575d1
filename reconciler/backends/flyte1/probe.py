"""Looks at a Flyte 1 connection from the socket up, one check per layer; sends reads only.

Facts: identity and authentication services are absent where flyteadmin runs without auth; servers
before 1.16.8 order the edges of a workflow at random, so that the same content may come back as
"different structure"; a server receives at most 4 MiB unless it is configured otherwise, and there
is no call that tells how much it takes.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from flyteidl.admin import common_pb2, launch_plan_pb2, project_pb2, version_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import auth_pb2, identity_pb2
from google.protobuf.message import Message

from reconciler.backends.auth import tls
from reconciler.backends.flyte1 import methods
from reconciler.backends.settings import AuthMode
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.method import Method
from reconciler.errors import (
    BackendError,
    DeniedError,
    ReconcilerError,
    UnavailableError,
    UnsupportedError,
)
from reconciler.model.health import Check, Health

PROVEN = (1, 16, 8)
"""The oldest flyteadmin that this program was proven against."""

_CONNECT_SECONDS = 5.0
_SOON = timedelta(days=14)
_SKEW = timedelta(seconds=30)
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_NEWEST = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)
_REFUSED = 4


async def probe(channel: Channel) -> tuple[Check, ...]:
    """Check sockets, TLS, version, identity, permissions and clocks; never raises BackendError."""
    found = [check async for check in _wire(channel)]
    if any(check.health is Health.ERROR for check in found):
        return tuple(found)
    try:
        found.append(await _version(channel))
    except (UnavailableError, UnsupportedError) as error:
        return (*found, _failed("grpc", error))
    except BackendError as error:
        return (*found, _failed("grpc", error), *await _auth(channel))
    found += await _auth(channel)
    found += await _calls(channel)
    found.append(_sizes(channel))
    return tuple(found)


async def _wire(channel: Channel) -> AsyncIterator[Check]:
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


async def _version(channel: Channel) -> Check:
    answer = await channel.call(methods.GET_VERSION, version_pb2.GetVersionRequest())
    text = answer.control_plane_version.Version
    match = _VERSION.match(text)
    if match is None:
        return Check("version", Health.WARNING, f"flyteadmin calls itself {text or 'nothing'}")
    if tuple(int(part) for part in match.groups()) < PROVEN:
        return Check(
            "version",
            Health.WARNING,
            f"flyteadmin {text}: compares workflows by randomly ordered edges, so that registering "
            "the same content again may be refused as another structure",
            "upgrade to 1.16.8 or newer",
        )
    return Check("version", Health.OK, f"flyteadmin {text}")


async def _auth(channel: Channel) -> list[Check]:
    mode = channel.settings.auth.mode
    found: list[Check] = []
    try:
        info = await channel.call(methods.USER_INFO, identity_pb2.UserInfoRequest())
        who = info.email or info.preferred_username or info.name or info.subject
        found.append(Check("identity", Health.OK, f"{who or 'anonymous'} (auth: {mode.value})"))
    except UnsupportedError:
        detail = "the server runs without authentication: everybody is anonymous"
        unused = mode is not AuthMode.NONE
        fix = "remove auth from the connection; its credentials are sent in vain" if unused else ""
        found.append(Check("identity", Health.WARNING if unused else Health.OK, detail, fix))
    except BackendError as error:
        found.append(_failed("identity", error))
    try:
        metadata = await channel.call(methods.GET_OAUTH2_METADATA, auth_pb2.OAuth2MetadataRequest())
        detail = f"tokens come from {metadata.token_endpoint or metadata.issuer}"
        fix = ""
        if mode is AuthMode.NONE:
            fix = "set auth.mode if calls are denied"
        found.append(Check("auth service", Health.OK, detail, fix))
    except UnsupportedError:
        found.append(Check("auth service", Health.OK, "none is served"))
    except BackendError as error:
        found.append(_failed("auth service", error))
    return found


async def _calls(channel: Channel) -> list[Check]:
    """Try each list that planning needs, with a limit of one."""
    request = project_pb2.ProjectListRequest(
        limit=1, filters="gte(state,0)", sort_by=common_pb2.Sort(key="identifier")
    )
    try:
        projects = await channel.call(methods.LIST_PROJECTS, request)
    except BackendError as error:
        return [_failed("call ListProjects", error)]
    if not projects.projects:
        detail = "there is no project to try the lists in"
        return [Check("calls", Health.WARNING, detail, "register a project")]
    project = projects.projects[0]
    domain = project.domains[0].id if project.domains else "development"
    where = common_pb2.NamedEntityIdentifier(project=project.id, domain=domain)
    entities = common_pb2.ResourceListRequest(id=where, limit=1, sort_by=_NEWEST)
    tried: tuple[tuple[Method[Any, Any], Message], ...] = (
        (
            methods.LIST_ACTIVE_LAUNCH_PLANS,
            launch_plan_pb2.ActiveLaunchPlanListRequest(
                project=project.id, domain=domain, limit=1, sort_by=_NEWEST
            ),
        ),
        (methods.LIST_LAUNCH_PLANS, entities),
        (methods.LIST_WORKFLOWS, entities),
        (methods.LIST_TASKS, entities),
        (
            methods.LIST_NAMED_ENTITIES,
            common_pb2.NamedEntityListRequest(
                resource_type=identifier_pb2.LAUNCH_PLAN,
                project=project.id,
                domain=domain,
                limit=1,
                sort_by=common_pb2.Sort(key="name"),
            ),
        ),
    )
    found: list[Check] = []
    permitted: list[str] = ["ListProjects"]
    newest: list[datetime] = []
    for method, message in tried:
        name = method.name.rpartition(".")[2]
        try:
            answer = await channel.call(method, message)
        except BackendError as error:
            found.append(_failed(f"call {name}", error))
            continue
        permitted.append(name)
        newest += _made_at(answer)
    detail = f"{', '.join(permitted)} are permitted; writes cannot be tried without writing"
    found.insert(0, Check("calls", Health.OK, detail))
    found += _clock(newest)
    return found


def _made_at(answer: Any) -> list[datetime]:
    """Read when the entries of a list were made, by the server's clock."""
    return [
        item.closure.created_at.ToDatetime(UTC)
        for name in ("launch_plans", "workflows", "tasks")
        for item in getattr(answer, name, ())
        if item.closure.HasField("created_at")
    ]


def _clock(made_at: list[datetime]) -> list[Check]:
    """Tell a skew where it shows: something that was made in our future."""
    ahead = max(made_at, default=datetime.min.replace(tzinfo=UTC)) - datetime.now(UTC)
    if ahead <= _SKEW:
        return [Check("clock", Health.OK, "no skew to be seen")]
    detail = f"the server's clock is at least {ahead.total_seconds():.0f} s ahead of this one"
    return [Check("clock", Health.WARNING, detail, "synchronise both clocks (NTP)")]


def _sizes(channel: Channel) -> Check:
    limit = channel.settings.max_message_bytes / 2**20
    detail = (
        f"answers up to {limit:g} MiB are accepted here; the server takes requests up to 4 MiB "
        "unless server.grpc.maxMessageSizeBytes says otherwise"
    )
    return Check("message size", Health.OK, detail)


def _failed(name: str, error: BackendError) -> Check:
    refused = isinstance(error, UnavailableError | DeniedError)
    return Check(name, Health.ERROR, str(error), "", _REFUSED if refused else error.exit_code)
