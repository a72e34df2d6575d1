"""Looks at a Flyte 2 connection from the socket up, one check per layer; sends reads only.

Facts from the open-source manager 2.0.43: it tells no version, and knows who calls only from what a
proxy before it adds.
"""

from __future__ import annotations

from typing import Any

from flyteidl2.auth import auth_service_pb2, identity_pb2
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import run_service_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte2 import capabilities, methods
from reconciler.backends.wire import probe as shared
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.method import Method
from reconciler.errors import BackendError, UnavailableError, UnsupportedError
from reconciler.model.health import Check, Health


async def probe(channel: Channel) -> tuple[Check, ...]:
    """Check sockets, TLS, identity, permissions and what is served; never raises BackendError."""
    found = [check async for check in shared.sockets(channel)]
    if any(check.health is Health.ERROR for check in found):
        return tuple(found)
    request = project_service_pb2.ListProjectsRequest(limit=1)
    try:
        answer = await channel.call(methods.LIST_PROJECTS, request)
    except (UnavailableError, UnsupportedError) as error:
        return (*found, shared.failed("grpc", error))
    except BackendError as error:
        return (*found, shared.failed("grpc", error), *await _auth(channel))
    found.append(Check("version", Health.OK, "Flyte 2, which tells no version"))
    found += await _auth(channel)
    found += await _calls(channel, answer.projects)
    found.append(await _served(channel))
    return tuple(found)


async def _auth(channel: Channel) -> list[Check]:
    info = channel.call(methods.USER_INFO, identity_pb2.UserInfoRequest())
    issuer = channel.call(methods.GET_OAUTH2_METADATA, auth_service_pb2.GetOAuth2MetadataRequest())
    return [await shared.identity(channel, info), await shared.issuer(channel, issuer)]


async def _calls(channel: Channel, projects: project_service_pb2.Projects) -> list[Check]:
    """Try each list that planning needs, with a limit of one."""
    if not projects.projects:
        detail = "there is no project to try the lists in"
        return [Check("calls", Health.WARNING, detail, "declare a FlyteProject")]
    project = projects.projects[0]
    domain = project.domains[0].id if project.domains else "development"
    where = identifier_pb2.ProjectIdentifier(name=project.id, domain=domain)
    one = list_pb2.ListRequest(limit=1)
    tried: tuple[tuple[Method[Any, Any], Message], ...] = (
        (
            methods.LIST_TRIGGERS,
            trigger_service_pb2.ListTriggersRequest(request=one, project_id=where),
        ),
        (methods.LIST_TASKS, task_service_pb2.ListTasksRequest(request=one, project_id=where)),
        (methods.LIST_RUNS, run_service_pb2.ListRunsRequest(request=one, project_id=where)),
    )
    found: list[Check] = []
    permitted = ["ListProjects"]
    for method, message in tried:
        name = method.name.rpartition(".")[2]
        try:
            await channel.call(method, message)
        except BackendError as error:
            found.append(shared.failed(f"call {name}", error))
            continue
        permitted.append(name)
    detail = f"{', '.join(permitted)} are permitted; writes cannot be tried without writing"
    return [Check("calls", Health.OK, detail), *found]


async def _served(channel: Channel) -> Check:
    try:
        table = await capabilities.served(channel)
    except BackendError as error:
        return shared.failed("served", error)
    present = [one.value for one, is_served in table.items() if is_served]
    absent = [one.value for one, is_served in table.items() if not is_served]
    detail = f"serves {', '.join(present) or 'no service beside tasks, triggers and runs'}"
    if absent:
        detail += f"; does not serve {', '.join(absent)}"
    return Check("served", Health.OK, detail)
