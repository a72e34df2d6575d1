"""A push reaches Flyte 2 as it does Flyte 1, over an embedded connection of the configuration."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import serve_kit
from serve_kit import Serving
from world import World, open_world

PROJECT = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteProject
metadata: {name: home}
spec:
  displayName: Home
  description: %s
  domains: {development: {}}
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path / "world", flyte="Flyte2") as found:
        yield found


async def test_push_changes_a_project_of_flyte_2(serving: Serving) -> None:
    first = serving.repository.pushed({"deploy/project.yaml": PROJECT % "first"})
    serving.declare(
        connection="two",
        defaults={"project": "home", "domain": "development"},
        scopes=[{"project": "home"}],
    )
    connection = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteConnection",
        "metadata": {"name": "two"},
        "spec": {
            "endpoint": serving.world.endpoint,
            "flyte": "Flyte2",
            "tls": {"insecure": True},
        },
    }
    (serving.config / "two.json").write_text(json.dumps(connection))
    async with serve_kit.running(serving, is_named=True):
        state = await serving.at(first)
        assert state.connection == "two"
        second = serving.repository.pushed({"deploy/project.yaml": PROJECT % "second"})
        serving.pushed()
        state = await serving.at(second)
        assert state.history[0].changes == 1
        third = serving.repository.pushed({"README": "x"})
        calls = serving.world.calls()
        serving.pushed()
        await serving.at(third)
        assert serving.world.calls() == calls
        # A connection that was edited is opened anew, and a bad one holds back until it is mended.
        connection["spec"]["endpoint"] = "127.0.0.1:9"  # type: ignore[index]
        (serving.config / "two.json").write_text(json.dumps(connection))
        await serving.reason("BackendUnavailable")
        connection["spec"]["endpoint"] = serving.world.endpoint  # type: ignore[index]
        (serving.config / "two.json").write_text(json.dumps(connection))
        await serving.at(third)
