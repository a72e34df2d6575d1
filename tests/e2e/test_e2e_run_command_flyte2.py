"""`reconcile run` on a Flyte 2: a task is started once, from the command line and the library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from played_shell_kit import PlayedShell, shell_in
from running2_kit import Played2, open_played2

from reconciler.api import runs
from reconciler.api.connecting import Target
from reconciler.api.runs import Runs
from reconciler.errors import BackendError
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


async def test_what_flyte_2_does_not_have_is_refused(flyte: Played2, shell: PlayedShell) -> None:
    said = await shell("run", "launchplan", "etl", "--tag", "nightly")
    assert said.code == 1
    assert "launchPlan" in said.err
    async with library(flyte) as opened:
        with pytest.raises(BackendError):
            await opened.launch("task", "env.none")
        assert [one async for one in opened.runs()] == []
