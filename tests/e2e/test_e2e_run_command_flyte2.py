"""`reconcile run` on a Flyte 2: a task is started once, from the command line and the library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import flyte2_messages as make
import pytest
from flyteidl2.core import types_pb2
from flyteidl2.task import task_service_pb2_grpc
from played_shell_kit import PlayedShell, shell_in
from running2_kit import Played2, open_played2

from reconciler.api import runs
from reconciler.api.connecting import Target
from reconciler.api.runs import Runs
from reconciler.errors import BackendError, ConflictError
from reconciler.model.entity import What


@pytest.fixture
async def flyte(tmp_path: Path) -> AsyncIterator[Played2]:
    async with open_played2(tmp_path) as played:
        yield played


@pytest.fixture
def shell(flyte: Played2, tmp_path: Path) -> PlayedShell:
    return shell_in(tmp_path, flyte)


@asynccontextmanager
async def library(flyte: Played2) -> AsyncIterator[Runs]:
    target = Target(endpoint=flyte.channel.endpoint, insecure=True, flyte="Flyte2")
    place = flyte.place
    async with runs.client(target, project=place.project, domain=place.domain) as opened:
        yield opened


async def test_task_is_run_under_a_name_and_once(flyte: Played2, shell: PlayedShell) -> None:
    name = flyte.id("z").name
    said = await shell("run", "task", "env.t", "--version", "v1", "--name", name)
    assert (said.code, said.out) == (0, f"{flyte.place}/{name}\n"), said.err
    async with library(flyte) as opened:
        again = await opened.launch("task", "env.t", version="v1", run=name)
        assert again.name == name
        other = await opened.launch("task", "env.t", version="v1")
        assert len(other.name) <= 30
        once_more = await again.relaunch()
        assert len({name, other.name, once_more.name}) == 3
        assert {one.id.name async for one in opened.runs(entity=(What.TASKS, "env.t"))} == {
            *(name, other.name, once_more.name)
        }


async def test_name_of_another_run_is_refused_before_its_inputs_are_overwritten(
    flyte: Played2, shell: PlayedShell
) -> None:
    typed = make.spec(inputs={"count": types_pb2.LiteralType(simple=types_pb2.INTEGER)})
    task = make.task(flyte.project, name="env.typed", body=typed)
    await task_service_pb2_grpc.TaskServiceStub(flyte.wire).DeployTask(task)
    name = flyte.id("z").name
    async with library(flyte) as opened:
        options: dict[str, Any] = {"version": "v1", "run": name, "labels": {"a": "b"}}
        first = await opened.launch("task", "env.typed", {"count": 7}, **options)
        again = await opened.launch("task", "env.typed", {"count": 7}, **options)
        assert again.id == first.id
        for inputs, changed, what in (
            ({"count": 8}, {}, "its input count has another value"),
            ({"count": 7}, {"labels": {}, "envs": {"A": "1"}}, "it has other envs, labels"),
            ({"count": 7}, {"interruptible": False}, "it has other interruptible"),
            ({"count": 7}, {"rawOutputPrefix": "s3://x/y"}, "it has other rawOutputPrefix"),
        ):
            with pytest.raises(ConflictError, match=f"{what}; use another name"):
                await opened.launch("task", "env.typed", inputs, **options | changed)
        with pytest.raises(ConflictError, match="typed version v1; use another name"):
            await opened.launch("task", "env.t", version="v1", run=name)

        said = await shell(
            "run", "task", "env.typed", "--name", name, "-i", "count=8", "--label", "a=b"
        )
        assert (said.code, said.out) == (3, "")
        assert "its input count has another value; use another name" in said.err
        assert (await first.inputs())["count"] == 7


async def test_overrides_of_a_task_are_run(flyte: Played2) -> None:
    name = flyte.id("z").name
    async with library(flyte) as opened:
        overrides = {"retries": 3}
        await opened.launch("task", "env.t", version="v1", run=name, overrides=overrides)
    template = (await flyte.details("z")).action.task.task_template
    assert template.metadata.retries.retries == 3


async def test_what_flyte_2_does_not_have_is_refused(flyte: Played2, shell: PlayedShell) -> None:
    said = await shell("run", "launchplan", "etl", "--tag", "nightly")
    assert said.code == 1
    assert "launchPlan" in said.err
    async with library(flyte) as opened:
        with pytest.raises(BackendError):
            await opened.launch("task", "env.none")
        assert [one async for one in opened.runs()] == []
