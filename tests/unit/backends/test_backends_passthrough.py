"""Headers of the program around us reach the server, in their scope and nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer
from flyteidl2.project import project_service_pb2

from reconciler import api, errors
from reconciler.backends.flyte2 import channel, methods
from reconciler.backends.settings import Auth, AuthMode
from reconciler.backends.wire.channel import Channel

AUTH = Auth(mode=AuthMode.PASSTHROUGH)
CANARY = "canary-90ab-value"


async def projects(_request: Any, _context: Any) -> Any:
    return project_service_pb2.ListProjectsResponse()


async def ask(opened: Channel) -> None:
    await opened.call(methods.LIST_PROJECTS, project_service_pb2.ListProjectsRequest(limit=1))


def sent(flyte: FlyteServer) -> list[tuple[str | None, str | None]]:
    return [(one.get("authorization"), one.get("x-tenant")) for one in flyte.metadata]


async def test_headers_are_those_of_the_scope_of_each_call(flyte: FlyteServer) -> None:
    flyte.on(methods.LIST_PROJECTS, projects)
    async with channel.connect(flyte.settings(auth=AUTH), read_only=True) as opened:
        with api.auth_metadata(("Authorization", "Bearer a"), ("x-tenant", "one")):
            await ask(opened)
            with api.auth_metadata(("authorization", "Bearer b")):
                await asyncio.create_task(ask(opened))
            await ask(opened)

    assert sent(flyte) == [("Bearer a", "one"), ("Bearer b", None), ("Bearer a", "one")]


async def test_callers_side_by_side_do_not_see_each_other(flyte: FlyteServer) -> None:
    flyte.on(methods.LIST_PROJECTS, projects)

    async def user(name: str) -> None:
        with api.auth_metadata(("authorization", f"Bearer {name}")):
            await asyncio.sleep(0)
            await ask(opened)

    async with channel.connect(flyte.settings(auth=AUTH), read_only=True) as opened:
        await asyncio.gather(*(user(str(number)) for number in range(10)))

    assert sorted(str(bearer) for bearer, _ in sent(flyte)) == [f"Bearer {n}" for n in range(10)]


async def test_call_outside_of_a_scope_is_not_sent(flyte: FlyteServer) -> None:
    flyte.on(methods.LIST_PROJECTS, projects)
    async with channel.connect(flyte.settings(auth=AUTH), read_only=True) as opened:
        with pytest.raises(errors.UsageError, match="no headers are handed through"):
            await ask(opened)

    assert not flyte.calls


async def test_refused_header_is_reported_once_and_not_shown(flyte: FlyteServer) -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"who is {CANARY}")

    flyte.on(methods.LIST_PROJECTS, refuse)
    async with channel.connect(flyte.settings(auth=AUTH), read_only=True) as opened:
        with (
            api.auth_metadata(("authorization", f"Bearer {CANARY}")),
            pytest.raises(errors.DeniedError) as caught,
        ):
            await ask(opened)

    assert CANARY not in str(caught.value)
    assert flyte.calls["ProjectService.ListProjects"] == 1


@pytest.mark.parametrize(
    "header",
    [("x-bin", "v"), ("grpc-x", "v"), ("a b", "v"), ("a", ""), ("a", "b\n"), ("a", "ü")],
    ids=["binary", "reserved", "space", "empty", "line-break", "not-ascii"],
)
def test_what_is_no_header_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(errors.UsageError), api.auth_metadata(header):
        pass
