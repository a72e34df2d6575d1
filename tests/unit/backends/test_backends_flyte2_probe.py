"""`doctor` on Flyte 2: what is permitted, who calls, and what the server serves."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer
from flyteidl2.project import project_service_pb2

from reconciler.backends.flyte2 import channel, methods
from reconciler.backends.flyte2.backend import NO_VERSION, Flyte2
from reconciler.backends.flyte2.capabilities import Capability
from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.wire import channel as wire
from reconciler.backends.wire.method import Effect
from reconciler.errors import UnsupportedError
from reconciler.model.health import Check, Health
from reconciler.model.key import Place

OPEN_SOURCE = (
    methods.LIST_TRIGGERS,
    methods.LIST_TASKS,
    methods.LIST_RUNS,
    methods.SELECT_CLUSTER,
    methods.LIST_SECRETS,
    methods.GET_SETTINGS_FOR_EDIT,
)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.01)


def serve(server: FlyteServer) -> None:
    """Let a server answer what the open-source manager serves, for one project."""
    domain = project_service_pb2.Domain(id="d")
    projects = project_service_pb2.Projects(
        projects=[project_service_pb2.Project(id="p", domains=[domain])]
    )

    async def list_projects(_request: Any, _context: Any) -> Any:
        return project_service_pb2.ListProjectsResponse(projects=projects)

    async def nobody(_request: Any, context: Any) -> None:
        text = "no authenticated identity on request (missing or untrusted identity headers)"
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, text)

    server.on(methods.LIST_PROJECTS, list_projects)
    server.on(methods.USER_INFO, nobody)
    for method in OPEN_SOURCE:
        server.on(method, empty(method.response))


def empty(response: Any) -> Any:
    async def answer(_request: Any, _context: Any) -> Any:
        return response()

    return answer


async def probed(server: FlyteServer) -> dict[str, Check]:
    async with channel.connect(server.settings(), read_only=True) as opened:
        backend = Flyte2(opened, Routes(opened))
        return {check.name: check for check in await backend.probe()}


async def test_open_source_manager_has_nothing_wrong(flyte: FlyteServer) -> None:
    serve(flyte)
    found = await probed(flyte)

    assert {check.health for check in found.values()} == {Health.OK}
    assert "everybody is anonymous" in found["identity"].detail
    assert "ListTriggers" in found["calls"].detail
    assert found["served"].detail == (
        "serves routing of data to clusters, secrets, settings; "
        "does not serve apps, artifacts, and triggers on them, sign-in of its own"
    )
    assert {methods.TABLE[name].effect for name in flyte.calls} == {Effect.READ}


async def test_denied_list_is_named(flyte: FlyteServer) -> None:
    async def deny(_request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")

    serve(flyte)
    flyte.on(methods.LIST_TASKS, deny)
    found = await probed(flyte)

    assert found["call ListTasks"].exit_code == 4
    assert "ListTasks" not in found["calls"].detail


async def test_flyte_of_the_other_generation_is_no_flyte2(flyte: FlyteServer) -> None:
    found = await probed(flyte)

    assert found["grpc"].health is Health.ERROR
    assert "check that this is a Flyte 2" in found["grpc"].detail


async def test_call_that_is_denied_is_one_that_is_served(flyte: FlyteServer) -> None:
    async def deny(_request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")

    serve(flyte)
    flyte.on(methods.LIST_APPS, deny)
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        backend = Flyte2(opened, Routes(opened))
        served = await backend.capabilities()
        assert await backend.capabilities() is served

    assert served[Capability.APPS]
    assert not served[Capability.ARTIFACTS]
    assert flyte.calls[methods.LIST_SECRETS.name] == 1


async def test_identity_tells_all_but_the_version(flyte: FlyteServer) -> None:
    serve(flyte)
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        backend = Flyte2(opened, Routes(opened), label="embedded")
        identity = await backend.identity()
        places = await backend.places()

    assert identity == {
        "endpoint": "embedded",
        "identity": "anonymous",
        "flyte": "Flyte2",
        "version": NO_VERSION,
        "chosenBy": "test",
    }
    assert places == {Place("p", "d")}


async def test_identity_of_a_flyte1_says_what_to_write(flyte: FlyteServer) -> None:
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        with pytest.raises(UnsupportedError, match=r"give --flyte Flyte1$"):
            await Flyte2(opened, Routes(opened)).identity()
