"""`reconcile dev` for clients of Flyte 2: one port, and the strict switch."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc.aio
import pytest
from cli_kit import ended, start
from flyteidl.admin import version_pb2
from flyteidl.service import admin_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIST = "/flyteidl2.project.ProjectService/ListProjects"
DEPLOY = "/flyteidl2.task.TaskService/DeployTask"


@asynccontextmanager
async def dev(*arguments: str, cwd: Path) -> AsyncIterator[list[str]]:
    """What a running `reconcile dev` says, line by line."""
    process = await start("dev", "--port", "0", *arguments, cwd=cwd)
    assert process.stderr is not None
    said = [(await process.stderr.readline()).decode().rstrip() for _ in range(4)]
    try:
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 20)
        assert ended(process, out, err).code == 0


async def post(address: str, path: str, **message: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{address}{path}", json=message) as answer,
    ):
        return answer.status, json.loads(await answer.read())


async def test_dev_names_one_port_for_every_client(tmp_path: Path) -> None:
    async with dev(cwd=tmp_path) as said:
        address = said[0].split()[3]
        port = address.rpartition(":")[2]
        assert said[1:] == [
            f"  reconcile --endpoint {address} --insecure ...",
            f"  pyflyte and flytectl: endpoint {address}, insecure true",
            f"  flyte --endpoint localhost:{port} --insecure ...",
        ]
        async with grpc.aio.insecure_channel(address) as channel:
            stub = admin_pb2_grpc.AdminServiceStub(channel)
            await stub.GetVersion(version_pb2.GetVersionRequest())
        assert (await post(f"localhost:{port}", LIST))[0] == 200
        found = json.loads((tmp_path / ".reconcile/embedded/endpoint.json").read_text())
        assert (found["grpc"], found["http"]) == (address, f"http://{address}")


@pytest.mark.parametrize("strict", [False, True], ids=["loose", "strict"])
async def test_strict_dev_checks_requests(tmp_path: Path, strict: bool) -> None:
    async with dev(*(["--strict"] if strict else []), cwd=tmp_path) as said:
        task = {"project": "flytesnacks", "domain": "d", "name": "n", "version": "v" * 64}
        status, answer = await post(said[0].split()[3], DEPLOY, taskId=task, spec={})
        assert status == (400 if strict else 200)
        assert answer.get("message", "").startswith(
            "validation error: task_id.version: " if strict else ""
        )


TASK = {"project": "flytesnacks", "domain": "development", "name": "env.t", "version": "v1"}
TRIGGER = {"project": "flytesnacks", "domain": "development", "task_name": "env.t", "name": "often"}


async def runs(address: str) -> list[Any]:
    scope = {"projectId": {"name": "flytesnacks", "domain": "development"}}
    status, answer = await post(address, "/flyteidl2.workflow.RunService/ListRuns", **scope)
    assert status == 200
    found: list[Any] = answer.get("runs", [])
    return found


async def test_schedules_fire_when_they_are_asked_to(tmp_path: Path) -> None:
    schedule = {"cron": {"expression": "@every 1s"}}
    async with dev(cwd=tmp_path) as said:
        address = said[0].split()[3]
        template = {"type": "python", "metadata": {}, "interface": {}, "container": {"image": "i"}}
        await post(address, DEPLOY, taskId=TASK, spec={"taskTemplate": template})
        status, _ = await post(
            address,
            "/flyteidl2.trigger.TriggerService/DeployTrigger",
            name=TRIGGER,
            spec={"active": True, "taskVersion": "v1"},
            automationSpec={"type": "TYPE_SCHEDULE", "schedule": schedule},
        )
        assert status == 200
        await asyncio.sleep(2)
        assert await runs(address) == []

    async with dev("--schedules", cwd=tmp_path) as said, asyncio.timeout(20):
        address = said[0].split()[3]
        # What was missed before this start is there at once, and more follow.
        while len(await runs(address)) < 4:  # noqa: ASYNC110  # another process tells nothing
            await asyncio.sleep(0.1)


async def test_open_connections_do_not_hold_up_ctrl_c(tmp_path: Path) -> None:
    async with asyncio.timeout(20), dev(cwd=tmp_path) as said:
        host, _, port = said[0].split()[3].partition(":")
        writers = []
        for sent in (b"", b"PRI", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /inst"):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(sent)
            writers.append(writer)
        await asyncio.sleep(0.2)
    for writer in writers:
        writer.close()
