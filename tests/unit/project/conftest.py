"""One suite for each Flyte, over the embedded one and a real one that a variable names.

RECONCILER_FLYTE1_ENDPOINT names a flyteadmin, RECONCILER_FLYTE2_ENDPOINT a Flyte 2.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.project import project_service_pb2
from project_world import World

from reconciler.backends.flyte1.channel import connect
from reconciler.backends.flyte2 import channel as flyte2
from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.backend import Flyte2
from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.settings import for_endpoint
from reconciler.backends.wire.channel import Channel
from reconciler.server.embedded import open_server

ENDPOINT = os.environ.get("RECONCILER_FLYTE1_ENDPOINT", "")
ENDPOINT2 = os.environ.get("RECONCILER_FLYTE2_ENDPOINT", "")


def pytest_generate_tests(metafunc: Any) -> None:
    for name, endpoint in (("world", ENDPOINT), ("world2", ENDPOINT2)):
        if name in metafunc.fixturenames:
            kinds = [pytest.param("embedded", id="embedded")]
            if endpoint:
                kinds.append(pytest.param("real", id="real", marks=pytest.mark.real))
            metafunc.parametrize(name, kinds, indirect=True)


@pytest.fixture
async def world(request: Any, tmp_path: Path) -> AsyncIterator[World]:
    project = f"proj-{secrets.token_hex(4)}"
    if request.param == "real":
        settings = for_endpoint(ENDPOINT, chosen_by="test", insecure=True)
        async with connect(settings, read_only=False) as channel:
            world = World(channel, project)
            yield world
            await world.clear()
        return
    async with open_server(tmp_path / "embedded") as server:
        settings = for_endpoint(server.grpc_address, chosen_by="test", insecure=True)
        async with connect(settings, read_only=False) as channel:
            yield World(channel, project)


def open_flyte2(channel: Channel) -> Flyte2:
    return Flyte2(channel, Routes(channel))


@pytest.fixture
async def world2(request: Any, tmp_path: Path) -> AsyncIterator[World]:
    """The same on Flyte 2."""
    project = f"proj-{secrets.token_hex(4)}"
    if request.param == "real":
        settings = for_endpoint(ENDPOINT2, chosen_by="test", insecure=True)
        async with flyte2.connect(settings, read_only=False) as channel:
            world = World(channel, project, opened=open_flyte2)
            yield world
            if await world.fields():
                archived = project_service_pb2.PROJECT_STATE_ARCHIVED
                left = project_service_pb2.Project(id=project, name=project, state=archived)
                await channel.call(
                    methods.UPDATE_PROJECT, project_service_pb2.UpdateProjectRequest(project=left)
                )
        return
    async with embedded2(tmp_path, project) as world:
        yield world


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[World]:
    """A Flyte 2 whose organisation nobody else uses."""
    async with embedded2(tmp_path, "proj-one") as world:
        yield world


@asynccontextmanager
async def embedded2(folder: Path, project: str) -> AsyncIterator[World]:
    async with open_server(folder / "embedded") as server:
        settings = for_endpoint(server.grpc_address, chosen_by="test", insecure=True)
        async with flyte2.connect(settings, read_only=False) as channel:
            yield World(channel, project, opened=open_flyte2)
