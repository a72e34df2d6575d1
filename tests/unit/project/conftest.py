"""One suite over the embedded Flyte, and the real one that RECONCILER_FLYTE1_ENDPOINT names."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from project_world import World

from reconciler.backends.flyte1.channel import connect
from reconciler.backends.settings import for_endpoint
from reconciler.server.embedded import open_server

ENDPOINT = os.environ.get("RECONCILER_FLYTE1_ENDPOINT", "")


def pytest_generate_tests(metafunc: Any) -> None:
    if "world" in metafunc.fixturenames:
        kinds = [pytest.param("embedded", id="embedded")]
        if ENDPOINT:
            kinds.append(pytest.param("real", id="real", marks=pytest.mark.real))
        metafunc.parametrize("world", kinds, indirect=True)


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
