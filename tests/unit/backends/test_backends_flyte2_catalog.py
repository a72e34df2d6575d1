"""Tasks that triggers refer to: by version, as the newest one, missing, unread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from world import DOMAIN, PROJECT
from world2 import COUNT, World2, open_world2

from reconciler.model.interface import Missing, Task, Unread, Want
from reconciler.server.status import StatusError

EXACT = Want(PROJECT, DOMAIN, "etl.load", version="v1")
NEWEST = Want(PROJECT, DOMAIN, "etl.load", matching="v*")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as opened:
        default = {"var": {"type": {"simple": "INTEGER"}}, "default": COUNT}
        await opened.deploy_task(
            defaults=[{"name": "count", "parameter": default}],
            discoverable=True,
            cacheIgnoreInputVars=["day"],
        )
        yield opened


async def look_up(world: World2, *wants: Want) -> dict[Want, object]:
    async with world.backend(read_only=True) as backend:
        return dict(await backend.catalog(wants))


async def test_exact_version_tells_interface_defaults_cache_and_sdk(world: World2) -> None:
    assert await look_up(world, EXACT) == {
        EXACT: Task(
            project=PROJECT,
            domain=DOMAIN,
            name="etl.load",
            version="v1",
            inputs={
                "count": {"type": {"simple": "INTEGER"}},
                "day": {"type": {"simple": "DATETIME"}},
                "ratio": {"type": {"simple": "FLOAT"}},
            },
            defaults={
                "count": COUNT,
                "ratio": {"scalar": {"primitive": {"floatValue": 0.5}}},
            },
            is_cached=True,
            cache_ignored=("day",),
            sdk="2.12.1",
        )
    }


async def test_newest_is_the_version_that_was_new_last(world: World2) -> None:
    for version in ("v2", "dev", "v1"):
        await world.deploy_task(version=version)

    (found,) = (await look_up(world, NEWEST)).values()

    assert isinstance(found, Task)
    assert found.version == "v2"


async def test_absent_task_is_missing(world: World2) -> None:
    gone = Want(PROJECT, DOMAIN, "etl.load", version="v9")
    odd = Want(PROJECT, DOMAIN, "etl.load", matching="x*")

    assert await look_up(world, gone, odd) == {
        gone: Missing(f"task etl.load version v9 is not registered in {PROJECT}/{DOMAIN}"),
        odd: Missing(f"no version of task etl.load in {PROJECT}/{DOMAIN} matches x*"),
    }


async def test_refused_read_is_unread_and_not_missing(world: World2) -> None:
    async def refuse(method: str, request: Message) -> None:
        if method == "GetTaskDetails":
            raise StatusError(grpc.StatusCode.INTERNAL, "out of order")

    world.server.on_call = refuse

    (found,) = (await look_up(world, EXACT)).values()

    assert isinstance(found, Unread)
    assert "out of order" in found.cause


async def test_newest_costs_a_page_more(world: World2) -> None:
    before = world.calls()

    await look_up(world, EXACT, NEWEST)

    asked = world.calls() - before
    assert asked == {"GetTaskDetails": 2, "ListVersions": 1}
