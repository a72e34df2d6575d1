"""Looks at a Flyte 1 connection from the socket up, one check per layer; sends reads only.

Facts: identity and authentication services are absent where flyteadmin runs without auth; servers
before 1.16.8 order the edges of a workflow at random, so that the same content may come back as
"different structure"; a server receives at most 4 MiB unless it is configured otherwise, and there
is no call that tells how much it takes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from flyteidl.admin import common_pb2, launch_plan_pb2, project_pb2, version_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import auth_pb2, identity_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1 import methods
from reconciler.backends.wire import probe as shared
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.method import Method
from reconciler.errors import (
    BackendError,
    UnavailableError,
    UnsupportedError,
)
from reconciler.model.health import Check, Health

PROVEN = (1, 16, 8)
"""The oldest flyteadmin that this program was proven against."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_NEWEST = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)


async def probe(channel: Channel) -> tuple[Check, ...]:
    """Check sockets, TLS, version, identity, permissions and clocks; never raises BackendError."""
    found = [check async for check in shared.sockets(channel)]
    if any(check.health is Health.ERROR for check in found):
        return tuple(found)
    try:
        found.append(await _version(channel))
    except (UnavailableError, UnsupportedError) as error:
        return (*found, shared.failed("grpc", error))
    except BackendError as error:
        return (*found, shared.failed("grpc", error), *await _auth(channel))
    found += await _auth(channel)
    found += await _calls(channel)
    found.append(_sizes(channel))
    return tuple(found)


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


async def _calls(channel: Channel) -> list[Check]:
    """Try each list that planning needs, with a limit of one."""
    request = project_pb2.ProjectListRequest(
        limit=1, filters="gte(state,0)", sort_by=common_pb2.Sort(key="identifier")
    )
    try:
        projects = await channel.call(methods.LIST_PROJECTS, request)
    except BackendError as error:
        return [shared.failed("call ListProjects", error)]
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
            found.append(shared.failed(f"call {name}", error))
            continue
        permitted.append(name)
        newest += _made_at(answer)
    detail = f"{', '.join(permitted)} are permitted; writes cannot be tried without writing"
    found.insert(0, Check("calls", Health.OK, detail))
    found.append(shared.clock(newest))
    return found


def _made_at(answer: Any) -> list[datetime]:
    """Read when the entries of a list were made, by the server's clock."""
    return [
        item.closure.created_at.ToDatetime(UTC)
        for name in ("launch_plans", "workflows", "tasks")
        for item in getattr(answer, name, ())
        if item.closure.HasField("created_at")
    ]


def _sizes(channel: Channel) -> Check:
    limit = channel.settings.max_message_bytes / 2**20
    detail = (
        f"answers up to {limit:g} MiB are accepted here; the server takes requests up to 4 MiB "
        "unless server.grpc.maxMessageSizeBytes says otherwise"
    )
    return Check("message size", Health.OK, detail)


async def _auth(channel: Channel) -> list[Check]:
    info = channel.call(methods.USER_INFO, identity_pb2.UserInfoRequest())
    issuer = channel.call(methods.GET_OAUTH2_METADATA, auth_pb2.OAuth2MetadataRequest())
    return [await shared.identity(channel, info), await shared.issuer(channel, issuer)]
