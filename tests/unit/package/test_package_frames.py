"""Data frames: what flytekit derives from an annotation is registered as a structured dataset.

`archives/frames.tgz` is what `pyflyte package --copy none` made of `archives/src/frames`.
"""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import common_pb2
from google.protobuf import json_format
from package_files import ARCHIVES, built, opened
from test_package_flyte1 import declare
from world import World, open_world

FRAMES = ARCHIVES / "frames.tgz"
SOURCE = ARCHIVES / "src/frames/tables.py"
PLAIN = {"structuredDatasetType": {}}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened_world:
        yield opened_world


def annotations() -> dict[str, str]:
    """What the functions of the source say that they return."""
    module = ast.parse(SOURCE.read_text(encoding="utf-8"))
    return {
        one.name: ast.unparse(one.returns)
        for one in module.body
        if isinstance(one, ast.FunctionDef) and one.returns is not None
    }


def outputs(interface: Any) -> dict[str, Any]:
    return {name: one["type"] for name, one in interface["outputs"]["variables"].items()}


def test_data_frame_of_an_annotation_is_a_structured_dataset() -> None:
    said = annotations()
    found: dict[str, Any] = {
        name.removeprefix("frames.tables."): outputs(one.body["interface"])
        for (kind, name), one in built(opened(FRAMES)).entities.items()
        if kind == "FlyteTask" and isinstance(one.body["interface"], dict)
    }
    assert said["read"] == "pd.DataFrame"
    assert found["read"] == {"o0": PLAIN}
    assert said["either"] == "tuple[pd.DataFrame, list[pd.DataFrame]]"
    assert found["either"] == {"o0": PLAIN, "o1": {"collectionType": PLAIN}}
    assert said["typed"] == "Annotated[pd.DataFrame, kwtypes(n=int, name=str)]"
    columns = [
        {"name": "n", "literalType": {"simple": "INTEGER"}},
        {"name": "name", "literalType": {"simple": "STRING"}},
    ]
    assert found["typed"] == {"o0": {"structuredDatasetType": {"columns": columns}}}


async def test_task_that_returns_a_data_frame_registers_with_that_output(world: World) -> None:
    declare(world, FRAMES)
    await world.reconcile()
    place = common_pb2.NamedEntityIdentifier(project="flytesnacks", domain="development")
    request = common_pb2.ResourceListRequest(id=place, limit=100)
    live = {
        one.id.name: outputs(
            json_format.MessageToDict(one.closure.compiled_task.template.interface)
        )
        for one in (await world.stub.ListTasks(request)).tasks
        if one.id.name.startswith("frames.")
    }
    assert live["frames.tables.read"] == {"o0": PLAIN}
    (flow,) = (await world.stub.ListWorkflows(request)).workflows
    template = flow.closure.compiled_workflow.primary.template
    assert outputs(json_format.MessageToDict(template.interface)) == {"o0": PLAIN}
    assert (await world.plan()).plan.is_empty
