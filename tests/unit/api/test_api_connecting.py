"""Which Flyte a connection leads to: as declared, as the flag says, or as the server answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from flyteidl.admin import version_pb2
from flyteidl.service import admin_pb2_grpc
from flyteidl2.project import project_service_pb2, project_service_pb2_grpc

from reconciler.api import connecting
from reconciler.api.connecting import Choice, Target, choose
from reconciler.engine.declaration import declare
from reconciler.errors import BackendError, UnsupportedError

SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec: {connection: main}
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteConnection
metadata: {name: main}
spec: {endpoint: "h:1", flyte: Flyte2}
"""


class Admin(admin_pb2_grpc.AdminServiceServicer):
    asked = 0

    async def GetVersion(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        self.asked += 1
        return version_pb2.GetVersionResponse()


class Projects(project_service_pb2_grpc.ProjectServiceServicer):
    async def ListProjects(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return project_service_pb2.ListProjectsResponse()


class Closed(project_service_pb2_grpc.ProjectServiceServicer):
    async def ListProjects(self, _request: Any, context: Any) -> Any:  # noqa: N802
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you")


@asynccontextmanager
async def serving(*services: Any) -> AsyncIterator[str]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    for service in services:
        if isinstance(service, Admin):
            admin_pb2_grpc.add_AdminServiceServicer_to_server(service, server)
        else:
            project_service_pb2_grpc.add_ProjectServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def opened(endpoint: str, flyte: str = "Auto") -> str:
    """Connect and name the class behind the port; the name and the flyte that it says it is."""
    choice = Choice(chosen_by="test", endpoint=endpoint, insecure=True, flyte=flyte)
    async with connecting.connect(choice, read_only=True, environ={}) as backend:
        return (await backend.identity())["flyte"]


async def test_auto_finds_out_which_flyte_answers() -> None:
    admin = Admin()
    async with serving(admin) as endpoint:
        assert await opened(endpoint) == "Flyte1"
        assert admin.asked == 1, "the answer serves as the version too"
    async with serving(Projects()) as endpoint:
        assert await opened(endpoint) == "Flyte2"
    async with serving(Admin(), Projects()) as endpoint:
        assert await opened(endpoint) == "Flyte1"


async def test_flyte_that_is_named_is_not_asked_for() -> None:
    admin = Admin()
    async with serving(admin, Projects()) as endpoint:
        assert await opened(endpoint, "Flyte2") == "Flyte2"
        assert admin.asked == 0


async def test_flyte2_that_refuses_us_is_a_flyte2() -> None:
    async with serving(Closed()) as endpoint:
        with pytest.raises(BackendError, match=r"ProjectService\.ListProjects: .*who calls"):
            await opened(endpoint)


async def test_what_is_no_flyte_is_said_in_the_words_of_flyte1() -> None:
    async with serving() as endpoint:
        with pytest.raises(UnsupportedError, match=r"give --flyte Flyte2$"):
            await opened(endpoint)


async def test_wrong_generation_says_which_one_to_name() -> None:
    async with serving(Projects()) as endpoint:
        with pytest.raises(UnsupportedError, match=r"give --flyte Flyte2$"):
            await opened(endpoint, "Flyte1")
    async with serving(Admin()) as endpoint:
        with pytest.raises(UnsupportedError, match=r"give --flyte Flyte1$"):
            await opened(endpoint, "Flyte2")


async def test_unreachable_endpoint_is_asked_once_before_the_first_call() -> None:
    choice = Choice(chosen_by="test", endpoint="127.0.0.1:1", insecure=True)
    async with asyncio.timeout(20):
        async with connecting.connect(choice, read_only=True, environ={}) as backend:
            with pytest.raises(BackendError, match="connection was refused"):
                await backend.identity()


async def test_variables_alone_lead_to_a_flyte2(tmp_path: Path) -> None:
    async with serving(Projects()) as endpoint:
        environ = {
            connecting.VARIABLE: "flytekit",
            "FLYTE_PLATFORM_URL": endpoint,
            "FLYTE_PLATFORM_INSECURE": "true",
        }
        choice = choose(Target(), None, environ=environ, cwd=tmp_path)
        async with connecting.connect(choice, read_only=True, environ=environ) as backend:
            identity = await backend.identity()

    assert (identity["flyte"], identity["endpoint"]) == ("Flyte2", endpoint)
    assert identity["chosenBy"].startswith(connecting.VARIABLE)


def test_flag_goes_before_the_connection(tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text(SYNC, encoding="utf-8")
    declaration = declare((), cwd=tmp_path)

    def chosen(**target: str) -> Choice:
        return choose(Target(**target), declaration, environ={}, cwd=tmp_path)  # type: ignore[arg-type]

    assert chosen().flyte == "Flyte2"
    assert chosen(flyte="Flyte1") == replace(chosen(), flyte="Flyte1")
    assert chosen(endpoint="h:2").flyte == "Auto"
    assert chosen(endpoint="h:2", flyte="Flyte2").flyte == "Flyte2"
    assert chosen(connection="embedded", flyte="Flyte2").flyte == "Flyte2"
