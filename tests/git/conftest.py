"""A Flyte, a repository on a Git server, and what it takes to serve them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import serve_kit
from serve_kit import Serving
from world import World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path / "world") as found:
        await found.register_workflow()
        await found.register_workflow(domain="production")
        yield found


@pytest.fixture
async def serving(world: World, tmp_path: Path) -> AsyncIterator[Serving]:
    async with serve_kit.serving(world, tmp_path) as found:
        yield found
