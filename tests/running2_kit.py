"""A Flyte 2 with a task and a trigger, on which a test starts runs and plays their engine.

It is an embedded one, or the real one that `RECONCILER_FLYTE2_ENDPOINT` names, so that both can be
seen to agree. Real ones execute what is started, so that a run whose phases are played is recorded.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine2_kit as engine
import flyte2_messages as make
import grpc.aio
from flyteidl2.actions import actions_service_pb2, actions_service_pb2_grpc
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2, dataproxy_service_pb2_grpc
from flyteidl2.project import project_service_pb2_grpc
from flyteidl2.task import task_service_pb2_grpc
from flyteidl2.trigger import trigger_service_pb2_grpc
from flyteidl2.workflow import (
    internal_run_service_pb2_grpc,
    run_service_pb2,
    run_service_pb2_grpc,
)

from reconciler.backends.flyte2.channel import connect
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.flyte2.run.running import Flyte2Running
from reconciler.backends.settings import for_endpoint
from reconciler.backends.wire.channel import Channel
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import Reference, What
from reconciler.model.key import Place
from reconciler.model.run import Run, RunId
from reconciler.server.embedded import Server, open_server

ENDPOINT = os.environ.get("RECONCILER_FLYTE2_ENDPOINT", "")
DOMAIN = make.DOMAIN
OPTIONS = [("grpc.use_local_subchannel_pool", 1)]


@dataclass
class Played2:
    """One Flyte 2, a project of the test's own with the task `env.t` v1, and the port to its runs.

    Short names of runs are made unique by the project's, since all projects share a namespace.
    """

    link: Link
    running: Flyte2Running
    wire: grpc.aio.Channel
    project: str
    server: Server | None = None

    @property
    def channel(self) -> Channel:
        return self.link.channel

    @property
    def place(self) -> Place:
        return Place(self.project, DOMAIN)

    @property
    def service(self) -> Any:
        return run_service_pb2_grpc.RunServiceStub(self.wire)

    @property
    def engine(self) -> Any:
        return internal_run_service_pb2_grpc.InternalRunServiceStub(self.wire)

    @property
    def task(self) -> Reference:
        return Reference(
            what=What.TASKS, project=self.project, domain=DOMAIN, name=make.TASK, version="v1"
        )

    @property
    def trigger(self) -> Reference:
        return Reference(
            what=What.TRIGGERS, project=self.project, domain=DOMAIN, name=f"{make.TASK}/nightly"
        )

    def id(self, name: str) -> RunId:
        return RunId(self.place, self.project + name)

    def run_id(self, name: str) -> identifier_pb2.RunIdentifier:
        return make.run_id(self.project, name)

    def action(self, name: str, step: str = "a0") -> identifier_pb2.ActionIdentifier:
        return make.action_id(self.project, name, name=step)

    async def start(self, name: str, **rest: Any) -> None:
        """Start a run as another client would."""
        await self.pause()
        await self.service.CreateRun(make.run(self.project, name, **rest))

    async def pause(self) -> None:
        """Let what is started next be younger: Kubernetes dates its objects by whole seconds."""
        await asyncio.sleep(1.1 if ENDPOINT else 0)

    async def deploy(self, name: str = "nightly", **body: Any) -> None:
        """Deploy a trigger of the task."""
        stub = trigger_service_pb2_grpc.TriggerServiceStub(self.wire)
        await stub.DeployTrigger(make.trigger(self.project, name, **body))

    async def store(self, **values: int) -> str:
        """Store inputs, and say where."""
        stub = dataproxy_service_pb2_grpc.DataProxyServiceStub(self.wire)
        request = dataproxy_service_pb2.UploadInputsRequest(
            project_id=make.place(self.project),
            task_spec=make.spec(),
            inputs=make.inputs(**values),
        )
        return str((await stub.UploadInputs(request)).offloaded_input_data.uri)

    async def record(self, name: str, step: str = "a0", parent: str = "", **rest: Any) -> None:
        """Let the engine tell of an action; of a run where it has no parent."""
        request = engine.record(self.action(name, step), parent, **rest)
        answer = await self.engine.RecordAction(request)
        assert answer.status.code == 0, answer

    async def tell(self, name: str, phase: int, step: str = "a0", **rest: Any) -> None:
        """Let the engine tell the phase of an action."""
        await self.engine.UpdateActionStatus(engine.status(self.action(name, step), phase, **rest))

    async def event(self, name: str, phase: int, step: str = "a0", **rest: Any) -> None:
        """Let the engine tell of an attempt."""
        played = engine.event(self.action(name, step), phase, **rest)
        await self.engine.RecordActionEvents(engine.events([played]))

    async def ask(self, name: str, step: str, condition: Any) -> None:
        """Let a running task ask somebody."""
        stub = actions_service_pb2_grpc.ActionsServiceStub(self.wire)
        action = actions_service_pb2.Action(
            action_id=self.action(name, step), parent_action_name="a0", condition=condition
        )
        await stub.Enqueue(actions_service_pb2.EnqueueRequest(action=action))

    async def details(self, name: str) -> Any:
        """Read a run as another client would."""
        request = run_service_pb2.GetRunDetailsRequest(run_id=self.run_id(name))
        return (await self.service.GetRunDetails(request)).details

    async def all(self, **asked: Any) -> list[Run]:
        asked.setdefault("project", self.project)
        return [run async for run in self.running.runs(AskedRuns(**asked))]

    async def names(self, **asked: Any) -> list[str]:
        found = await self.all(**asked)
        return [run.id.name.removeprefix(self.project) for run in found]


@asynccontextmanager
async def open_played2(folder: Path) -> AsyncIterator[Played2]:
    """Open a Flyte 2 with a project that has the task `env.t` at v1."""
    if ENDPOINT:
        async with (
            grpc.aio.insecure_channel(ENDPOINT, options=OPTIONS) as wire,
            _played(wire, ENDPOINT, f"b{secrets.token_hex(5)}") as played,
        ):
            yield played
        return
    async with (
        open_server(folder / "embedded") as server,
        grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS) as wire,
        _played(wire, server.grpc_address, "runs", server) as played,
    ):
        yield played


@asynccontextmanager
async def _played(
    wire: grpc.aio.Channel, endpoint: str, project: str, server: Server | None = None
) -> AsyncIterator[Played2]:
    await project_service_pb2_grpc.ProjectServiceStub(wire).CreateProject(make.project(project))
    await task_service_pb2_grpc.TaskServiceStub(wire).DeployTask(make.task(project))
    settings = for_endpoint(endpoint, chosen_by="test", insecure=True)
    async with connect(settings, read_only=False) as channel, Routes(channel) as routes:
        link = Link(channel, routes)
        yield Played2(link, Flyte2Running(link), wire, project, server)
