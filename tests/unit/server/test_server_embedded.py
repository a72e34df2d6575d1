"""Who runs the embedded Flyte of a directory, and how others find it."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from flyteidl.admin import project_pb2, version_pb2
from flyteidl.service import admin_pb2_grpc

from reconciler.errors import UsageError
from reconciler.server import embedded
from reconciler.server.embedded import Endpoint, attach, open_server, serve_forever

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def admin(endpoint: Endpoint) -> AsyncIterator[admin_pb2_grpc.AdminServiceStub]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(endpoint.grpc, options=options) as channel:
        yield admin_pb2_grpc.AdminServiceStub(channel)


async def register(endpoint: Endpoint, name: str) -> None:
    async with admin(endpoint) as stub:
        project = project_pb2.Project(id=name, name=name)
        await stub.RegisterProject(project_pb2.ProjectRegisterRequest(project=project))


async def names(endpoint: Endpoint) -> list[str]:
    async with admin(endpoint) as stub:
        answer = await stub.ListProjects(project_pb2.ProjectListRequest())
        return [project.id for project in answer.projects]


@asynccontextmanager
async def running(data_dir: pathlib.Path) -> AsyncIterator[Endpoint]:
    """What `reconcile dev` does, until the block ends."""
    ready: asyncio.Future[Endpoint] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_forever(data_dir, port=0, auth=None, ready=ready.set_result))
    try:
        yield await asyncio.wait_for(ready, 10)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_short_command_runs_a_server_of_its_own(tmp_path: pathlib.Path) -> None:
    async with attach(tmp_path) as endpoint:
        assert await names(endpoint) == ["flytesnacks"]


async def test_what_one_command_wrote_the_next_one_reads(tmp_path: pathlib.Path) -> None:
    async with attach(tmp_path) as endpoint:
        await register(endpoint, "kept")
    async with attach(tmp_path) as endpoint:
        assert "kept" in await names(endpoint)


async def test_server_of_a_short_command_is_gone_afterwards(tmp_path: pathlib.Path) -> None:
    async with attach(tmp_path) as endpoint:
        pass
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await names(endpoint)
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_two_short_commands_at_the_same_time_both_work(tmp_path: pathlib.Path) -> None:
    async def command(name: str) -> None:
        async with attach(tmp_path) as endpoint:
            await register(endpoint, name)

    await asyncio.gather(command("one"), command("two"), command("three"))
    async with attach(tmp_path) as endpoint:
        assert await names(endpoint) == ["flytesnacks", "one", "three", "two"]


async def test_short_command_uses_the_server_that_runs(tmp_path: pathlib.Path) -> None:
    async with running(tmp_path) as dev, attach(tmp_path) as endpoint:
        assert endpoint == dev
        await register(endpoint, "shared")
        assert "shared" in await names(dev)


async def test_many_commands_share_the_server_that_runs(tmp_path: pathlib.Path) -> None:
    async with (
        running(tmp_path) as dev,
        attach(tmp_path) as first,
        attach(tmp_path) as second,
    ):
        assert first == second == dev


async def test_endpoint_file_goes_with_its_server(tmp_path: pathlib.Path) -> None:
    async with running(tmp_path):
        assert (tmp_path / "endpoint.json").exists()
    assert not (tmp_path / "endpoint.json").exists()


async def test_second_long_running_server_is_refused_and_told_where(
    tmp_path: pathlib.Path,
) -> None:
    async with running(tmp_path) as dev:
        with pytest.raises(UsageError, match=dev.grpc):
            await serve_forever(tmp_path, port=0, auth=None, ready=print)


async def test_long_running_server_is_refused_during_a_short_command(
    tmp_path: pathlib.Path,
) -> None:
    async with attach(tmp_path):
        with pytest.raises(UsageError, match="another command is using it"):
            await serve_forever(tmp_path, port=0, auth=None, ready=print)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        '{"grpc": "127.0.0.1:1", "http": "http://127.0.0.1:1", "instance": "x"}',
    ],
    ids=["empty", "broken", "list", "nobody"],
)
async def test_stale_endpoint_file_is_not_believed(tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / "endpoint.json").write_text(content)
    async with attach(tmp_path) as endpoint:
        assert await names(endpoint) == ["flytesnacks"]
    assert not (tmp_path / "endpoint.json").exists()


async def test_endpoint_file_that_names_another_server_is_not_believed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_WAIT_SECONDS", 0.1)
    async with attach(tmp_path / "a"), running(tmp_path / "b") as other:
        stale = {"grpc": other.grpc, "http": other.http, "instance": "before"}
        (tmp_path / "a" / "endpoint.json").write_text(json.dumps(stale))
        with pytest.raises(embedded.UnavailableError, match="another command"):
            async with attach(tmp_path / "a"):
                pass


_DEV = """
    import asyncio, pathlib, sys
    from reconciler.server.embedded import serve_forever
    asyncio.run(serve_forever(pathlib.Path(sys.argv[1]), port=0, auth=None,
                              ready=lambda endpoint: print(endpoint.grpc, flush=True)))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
async def test_directory_of_a_server_that_died_can_be_used(
    tmp_path: pathlib.Path, how: signal.Signals
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(_DEV),
        str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    async with attach(tmp_path) as endpoint:
        assert endpoint.grpc == address
        await register(endpoint, "survives")
    process.send_signal(how)
    await process.wait()
    async with attach(tmp_path) as endpoint:
        assert endpoint.grpc != address
        assert "survives" in await names(endpoint)


async def test_server_stops_within_a_second(tmp_path: pathlib.Path) -> None:
    async with attach(tmp_path) as endpoint, admin(endpoint) as stub:
        await stub.GetVersion(version_pb2.GetVersionRequest())
        began = time.monotonic()
    assert time.monotonic() - began < 1


async def test_log_is_moved_into_the_database_at_the_end(tmp_path: pathlib.Path) -> None:
    async with attach(tmp_path) as endpoint:
        await register(endpoint, "written")
    assert not (tmp_path / "flyte.db-wal").exists()


async def test_taken_port_is_a_usage_error(tmp_path: pathlib.Path) -> None:
    async with open_server(tmp_path / "a") as server:
        port = int(server.grpc_address.rpartition(":")[2])
        with pytest.raises(UsageError, match="choose another port"):
            async with open_server(tmp_path / "b", port=port):
                pass


async def test_data_is_no_part_of_the_source_around_it(tmp_path: pathlib.Path) -> None:
    async with open_server(tmp_path / "data"):
        pass
    ignored = (tmp_path / "data" / ".gitignore").read_text()
    assert ignored == "*\n"


async def test_lock_is_not_inherited_by_child_processes(tmp_path: pathlib.Path) -> None:
    async with attach(tmp_path):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "import time; time.sleep(5)"
        )
    try:
        async with asyncio.timeout(3), attach(tmp_path):
            pass
    finally:
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()


async def test_directory_that_is_a_file_is_a_usage_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(UsageError, match="choose another directory"):
        async with attach(tmp_path / "data"):
            pass


async def test_broken_database_is_a_usage_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "flyte.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(UsageError, match="not a database"):
        async with attach(tmp_path):
            pass


async def test_database_of_another_layout_is_a_usage_error(tmp_path: pathlib.Path) -> None:
    async with open_server(tmp_path) as server:
        server.store.run("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="written in layout 99"):
        async with attach(tmp_path):
            pass


async def test_database_of_an_earlier_release_is_taken_over(tmp_path: pathlib.Path) -> None:
    async with attach(tmp_path) as endpoint:
        await register(endpoint, "earlier")
    (tmp_path / "flyte.db").rename(tmp_path / "flyte1.db")
    async with attach(tmp_path) as endpoint:
        assert "earlier" in await names(endpoint)
    assert not (tmp_path / "flyte1.db").exists()


@pytest.mark.parametrize("cut", [False, True], ids=["crashed", "crashed while it was renamed"])
async def test_last_writes_of_an_earlier_release_that_crashed_are_taken_over(
    tmp_path: pathlib.Path, cut: bool
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    new.mkdir()
    async with open_server(old) as server:
        await register(Endpoint(server.grpc_address, ""), "earlier")
        wal = (old / "flyte.db-wal").read_bytes()
        assert wal
        (new / "flyte1.db").write_bytes((old / "flyte.db").read_bytes())
        (new / "flyte1.db-shm").write_bytes(b"")
        (new / ("flyte.db-wal" if cut else "flyte1.db-wal")).write_bytes(wal)
    async with attach(new) as endpoint:
        assert "earlier" in await names(endpoint)
    assert not list(new.glob("flyte1.db*"))


async def test_database_of_an_earlier_release_replaces_none(tmp_path: pathlib.Path) -> None:
    async with attach(tmp_path) as endpoint:
        await register(endpoint, "mine")
    (tmp_path / "flyte1.db").write_bytes(b"left over")
    async with attach(tmp_path) as endpoint:
        assert "mine" in await names(endpoint)
    assert (tmp_path / "flyte1.db").read_bytes() == b"left over"
