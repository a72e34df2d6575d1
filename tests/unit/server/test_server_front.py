"""One port for gRPC and HTTP, and connections that behave oddly."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import grpc.aio
import pytest
from flyteidl2.auth import auth_service_pb2, auth_service_pb2_grpc
from flyteidl2.workflow import run_service_pb2, run_service_pb2_grpc

from reconciler.server import front
from reconciler.server.embedded import Server, Store
from reconciler.server.front import Front
from reconciler.server.methods import methods

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator, Awaitable, Callable

RUNS = "flyteidl2.workflow.RunService"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# An empty SETTINGS frame, with which either side of HTTP/2 begins.
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
REQUEST = b"GET /instance HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]


@asynccontextmanager
async def serving(path: pathlib.Path, services: Any = None) -> AsyncIterator[Server]:
    with closing(Store(path / "flyte.db")) as store:
        server = Server(store)
        server.methods.update(methods(services or {}))
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def port(server: Server) -> int:
    return int(server.grpc_address.rpartition(":")[2])


async def test_one_port_has_both(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path) as server:
        assert server.http_url == f"http://{server.grpc_address}"
        async with grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS) as channel:
            stub = auth_service_pb2_grpc.AuthMetadataServiceStub(channel)
            await stub.GetPublicClientConfig(auth_service_pb2.GetPublicClientConfigRequest())
        url = f"{server.http_url}/flyteidl2.auth.AuthMetadataService/GetPublicClientConfig"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json={}) as answer,
        ):
            found = await answer.json()
            assert found["authorizationMetadataKey"] == "authorization"
            assert found["dataplaneDomain"] == server.http_url
        assert server.calls == {"GetPublicClientConfig": 2}


@pytest.mark.parametrize("size", [1, 3, 23, 24])
async def test_preface_may_come_in_pieces(tmp_path: pathlib.Path, size: int) -> None:
    async with serving(tmp_path) as server, connected(port(server)) as (reader, writer):
        sent = PREFACE + SETTINGS
        for start in range(0, len(sent), size):
            writer.write(sent[start : start + size])
            await asyncio.sleep(0.001)
        head = await reader.readexactly(9)
        assert head[3] == SETTINGS[3]


@pytest.mark.parametrize("size", [1, 2, 999])
async def test_request_may_come_in_pieces(tmp_path: pathlib.Path, size: int) -> None:
    async with serving(tmp_path) as server, connected(port(server)) as (reader, writer):
        for start in range(0, len(REQUEST), size):
            writer.write(REQUEST[start : start + size])
            await asyncio.sleep(0.001)
        assert (await reader.read()).endswith(server.instance.encode())


@pytest.mark.parametrize(
    "sent", [b"PRI * HTTP/2.0\r\n\r\nno", b"\x16\x03\x01\x02\0", b"PRI\r\n\r\n"]
)
async def test_other_protocol_is_a_bad_request(tmp_path: pathlib.Path, sent: bytes) -> None:
    async with serving(tmp_path) as server, connected(port(server)) as (reader, writer):
        writer.write(sent)
        assert (await reader.read()).startswith(b"HTTP/1.0 400 ")


async def test_silent_client_is_left_after_a_while(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "_PATIENCE_SECONDS", 0.05)
    async with serving(tmp_path) as server, connected(port(server)) as (reader, writer):
        writer.write(b"PRI")
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


async def test_client_that_spoke_is_not_left(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "_PATIENCE_SECONDS", 0.05)
    async with serving(tmp_path) as server, connected(port(server)) as (reader, writer):
        writer.write(REQUEST[:9])
        await asyncio.sleep(0.2)
        writer.write(REQUEST[9:])
        assert (await reader.read()).endswith(server.instance.encode())


async def test_large_answer_comes_whole(tmp_path: pathlib.Path) -> None:
    def large(_store: Store, _request: Any) -> Any:
        return run_service_pb2.ListRunsResponse(token="x" * 20_000_000)

    async with (
        serving(tmp_path, {RUNS: {"ListRuns": large}}) as server,
        grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS) as channel,
    ):
        stub = run_service_pb2_grpc.RunServiceStub(channel)
        answer = await stub.ListRuns(run_service_pb2.ListRunsRequest())
        assert len(answer.token) == 20_000_000


async def endless(_store: Store, _request: Any) -> AsyncIterator[Any]:
    yield run_service_pb2.WatchRunsResponse()
    await asyncio.sleep(60)


async def test_clients_of_every_sort_do_not_hold_up_the_end(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, {RUNS: {"WatchRuns": endless}}) as server:
        stream = grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS)
        call = run_service_pb2_grpc.RunServiceStub(stream).WatchRuns(
            run_service_pb2.WatchRunsRequest()
        )
        await call.read()
        url = f"{server.http_url}/{RUNS}/WatchRuns"
        headers = {"Content-Type": "application/connect+proto"}
        async with (
            connected(port(server)),
            connected(port(server)) as (_, half),
            aiohttp.ClientSession() as session,
            session.post(url, data=b"\0\0\0\0\0", headers=headers) as answer,
        ):
            half.write(PREFACE[:5])
            await answer.content.readexactly(5)
            began = time.monotonic()
            await server.stop()
            assert time.monotonic() - began < 2
        await stream.close()


@asynccontextmanager
async def passing(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[tuple[Front, int]]:
    """A front with something else behind it."""
    behind = await asyncio.start_server(serve, "127.0.0.1", 0)
    before = Front(asyncio.Protocol, behind.sockets[0].getsockname()[1])
    try:
        yield before, await before.start("127.0.0.1", 0)
    finally:
        before.close()
        before.abort()
        behind.close()


async def test_client_may_end_its_half_first() -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"all of " + await reader.read())
        writer.close()

    async with passing(reply) as (before, at), connected(at) as (reader, writer):
        writer.write(PREFACE + b"this")
        writer.write_eof()
        assert await reader.read() == b"all of " + PREFACE + b"this"
        await no_connection(before)


async def test_server_may_end_its_half_first() -> None:
    got = asyncio.get_running_loop().create_future()

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()
        got.set_result(await reader.read())
        writer.close()

    async with passing(reply) as (before, at), connected(at) as (reader, writer):
        writer.write(PREFACE)
        assert await reader.read() == b""
        writer.write(b"late")
        writer.write_eof()
        assert await got == PREFACE + b"late"
        await no_connection(before)


async def no_connection(before: Front) -> None:
    await until(lambda: not before.connections)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)


async def test_client_that_breaks_off_ends_both_halves() -> None:
    ended = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError):
            await reader.read()
        writer.close()
        ended.set()

    async with passing(wait) as (before, at), connected(at) as (_, writer):
        writer.write(PREFACE)
        await until(lambda: len(before.connections) == 2)
        # Without lingering, an end is a reset.
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        await ended.wait()
        await no_connection(before)


async def test_client_that_does_not_read_is_not_read_for() -> None:
    written = 0

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        with suppress(ConnectionResetError):
            while True:
                writer.write(b"x" * 100_000)
                await writer.drain()
                written += 100_000
        writer.close()

    async with passing(flood) as (before, at), connected(at) as (_, writer):
        writer.transport.pause_reading()
        writer.write(PREFACE)
        seen = -1
        while written != seen or not written:
            seen = written
            await asyncio.sleep(0.2)
        held = sum(one.get_write_buffer_size() for one in before.connections)
        assert 0 < held < 2_000_000


async def test_client_is_ended_when_nobody_is_behind() -> None:
    unused = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    before = Front(asyncio.Protocol, unused.sockets[0].getsockname()[1])
    unused.close()
    at = await before.start("127.0.0.1", 0)
    async with connected(at) as (reader, writer):
        writer.write(PREFACE)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert not before.connections
    before.close()
