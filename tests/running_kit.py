"""A Flyte 1 with a launch plan, on which a test starts executions and plays their engine.

It is an embedded one, or the real one that `RECONCILER_FLYTE1_ENDPOINT` names, so that both can be
seen to agree.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc.aio
from flyteidl.admin import event_pb2 as admin_event
from flyteidl.admin import execution_pb2, launch_plan_pb2, project_pb2, signal_pb2
from flyteidl.core import catalog_pb2, identifier_pb2, literals_pb2, types_pb2
from flyteidl.core import execution_pb2 as core
from flyteidl.event import event_pb2
from flyteidl.service import (
    admin_pb2_grpc,
    dataproxy_pb2,
    dataproxy_pb2_grpc,
    signal_pb2_grpc,
)
from google.protobuf.timestamp_pb2 import Timestamp
from world import World

from reconciler.backends.data import upload
from reconciler.backends.flyte1.channel import connect
from reconciler.backends.flyte1.run.running import Flyte1Running
from reconciler.backends.settings import for_endpoint
from reconciler.backends.wire.channel import Channel
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.key import Place
from reconciler.model.run import Run, RunId
from reconciler.server.embedded import Server, open_server

ENDPOINT = os.environ.get("RECONCILER_FLYTE1_ENDPOINT", "")
DOMAIN = "development"
START = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)
OPTIONS = [("grpc.use_local_subchannel_pool", 1)]

Phase = core.WorkflowExecution
NodePhase = core.NodeExecution
TaskPhase = core.TaskExecution


def at(seconds: float) -> Timestamp:
    """Write a moment, counted from `START`."""
    stamp = Timestamp()
    stamp.FromDatetime(START + timedelta(seconds=seconds))
    return stamp


def when(seconds: float) -> datetime:
    """Return a moment, counted from `START`."""
    return START + timedelta(seconds=seconds)


def broken(text: str) -> core.ExecutionError:
    """Make an error of a user's code."""
    return core.ExecutionError(code="USER:ValueError", message=text, kind=core.ExecutionError.USER)


@dataclass
class Played:
    """One Flyte, a project of the test's own, and the port to its executions."""

    channel: Channel
    running: Flyte1Running
    admin: admin_pb2_grpc.AdminServiceStub
    signals: signal_pb2_grpc.SignalServiceStub
    proxy: dataproxy_pb2_grpc.DataProxyServiceStub
    project: str
    world: World | None = None

    @property
    def place(self) -> Place:
        return Place(self.project, DOMAIN)

    @property
    def server(self) -> Server:
        assert self.world is not None
        return self.world.server

    def id(self, name: str) -> RunId:
        return RunId(self.place, name)

    def execution(self, name: str) -> identifier_pb2.WorkflowExecutionIdentifier:
        return identifier_pb2.WorkflowExecutionIdentifier(
            project=self.project, domain=DOMAIN, name=name
        )

    def identifier(self, kind: Any, name: str, version: str = "v1") -> identifier_pb2.Identifier:
        return identifier_pb2.Identifier(
            resource_type=kind, project=self.project, domain=DOMAIN, name=name, version=version
        )

    async def start(
        self,
        name: str,
        *,
        plan: str = "etl",
        version: str = "v1",
        kind: Any = identifier_pb2.LAUNCH_PLAN,
        inputs: literals_pb2.LiteralMap | None = None,
        **spec: Any,
    ) -> None:
        """Start an execution as another client would."""
        request = execution_pb2.ExecutionCreateRequest(
            project=self.project,
            domain=DOMAIN,
            name=name,
            inputs=inputs,
            spec=execution_pb2.ExecutionSpec(
                launch_plan=self.identifier(kind, plan, version), **spec
            ),
        )
        await self.admin.CreateExecution(request)

    async def tell(self, name: str, phase: Any, seconds: float = 0, **rest: Any) -> None:
        """Play what the engine says about an execution."""
        event = event_pb2.WorkflowExecutionEvent(
            execution_id=self.execution(name), phase=phase, occurred_at=at(seconds), **rest
        )
        await self.admin.CreateWorkflowEvent(
            admin_event.WorkflowExecutionEventRequest(request_id="r", event=event)
        )

    async def node(self, name: str, node: str, phase: Any, seconds: float = 0, **rest: Any) -> None:
        """Play what the engine says about a node."""
        rest.setdefault("spec_node_id", node)
        rest.setdefault("event_version", 2)
        event = event_pb2.NodeExecutionEvent(
            id=identifier_pb2.NodeExecutionIdentifier(
                execution_id=self.execution(name), node_id=node
            ),
            phase=phase,
            occurred_at=at(seconds),
            **rest,
        )
        await self.admin.CreateNodeEvent(
            admin_event.NodeExecutionEventRequest(request_id="r", event=event)
        )

    async def task(
        self,
        name: str,
        node: str,
        phase: Any,
        seconds: float = 0,
        *,
        attempt: int = 0,
        task: str = "etl.task",
        **rest: Any,
    ) -> None:
        """Play what the engine says about an attempt at a node's task."""
        rest.setdefault("event_version", 2)
        event = event_pb2.TaskExecutionEvent(
            task_id=self.identifier(identifier_pb2.TASK, task),
            parent_node_execution_id=identifier_pb2.NodeExecutionIdentifier(
                execution_id=self.execution(name), node_id=node
            ),
            retry_attempt=attempt,
            phase=phase,
            occurred_at=at(seconds),
            **rest,
        )
        await self.admin.CreateTaskEvent(
            admin_event.TaskExecutionEventRequest(request_id="r", event=event)
        )

    async def gate(self, name: str, signal: str, kind: types_pb2.LiteralType) -> None:
        """Play an engine that reaches a gate."""
        await self.signals.GetOrCreateSignal(
            signal_pb2.SignalGetOrCreateRequest(
                id=identifier_pb2.SignalIdentifier(
                    execution_id=self.execution(name), signal_id=signal
                ),
                type=kind,
            )
        )

    async def archive(self, name: str) -> None:
        """Hide an execution from lists."""
        await self.admin.UpdateExecution(
            execution_pb2.ExecutionUpdateRequest(
                id=self.execution(name), state=execution_pb2.EXECUTION_ARCHIVED
            )
        )

    async def upload(self, content: bytes, name: str = "literals.pb") -> str:
        """Put a file into the store, and return its address."""
        md5 = upload.md5_of(content)
        location = await self.proxy.CreateUploadLocation(
            dataproxy_pb2.CreateUploadLocationRequest(
                project=self.project, domain=DOMAIN, filename=name, content_md5=md5
            )
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(content)
            async with upload.session(self.channel.settings.tls) as session:
                return await upload.put(session, location, file, md5=md5)

    async def all(self, **asked: Any) -> list[Run]:
        """List what is asked for of the test's project."""
        asked.setdefault("project", self.project)
        return [run async for run in self.running.runs(AskedRuns(**asked))]

    async def names(self, **asked: Any) -> list[str]:
        """Name what is asked for of the test's project."""
        return [run.id.name for run in await self.all(**asked)]


def cached(status: Any) -> event_pb2.TaskNodeMetadata:
    """Say what became of the cache of a node."""
    return event_pb2.TaskNodeMetadata(
        cache_status=status, catalog_key=catalog_pb2.CatalogMetadata()
    )


@asynccontextmanager
async def open_played(folder: Path) -> AsyncIterator[Played]:
    """Open a Flyte, with workflow and launch plan `etl` at v1 of which no input is required."""
    if ENDPOINT:
        async with (
            grpc.aio.insecure_channel(ENDPOINT, options=OPTIONS) as wire,
            _played(wire, ENDPOINT, f"a{secrets.token_hex(5)}") as played,
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
) -> AsyncIterator[Played]:
    admin = admin_pb2_grpc.AdminServiceStub(wire)
    await admin.RegisterProject(
        project_pb2.ProjectRegisterRequest(project=project_pb2.Project(id=project, name=project))
    )
    settings = for_endpoint(endpoint, chosen_by="test", insecure=True)
    async with connect(settings, read_only=False) as channel:
        played = Played(
            channel=channel,
            running=Flyte1Running(channel),
            admin=admin,
            signals=signal_pb2_grpc.SignalServiceStub(wire),
            proxy=dataproxy_pb2_grpc.DataProxyServiceStub(wire),
            project=project,
        )
        helper = World(server=server, root=Path(), stub=admin)  # type: ignore[arg-type]
        played.world = helper
        await helper.register_workflow("etl", project=project, domain=DOMAIN)
        await register_plan(played, "etl")
        yield played


async def register_plan(
    played: Played,
    name: str,
    version: str = "v1",
    *,
    workflow: str = "etl",
    inputs: bool = True,
    **spec: Any,
) -> None:
    """Register a launch plan, with values for the two inputs of the workflow `etl`."""
    request = launch_plan_pb2.LaunchPlanCreateRequest(
        id=played.identifier(identifier_pb2.LAUNCH_PLAN, name, version),
        spec=launch_plan_pb2.LaunchPlanSpec(
            workflow_id=played.identifier(identifier_pb2.WORKFLOW, workflow), **spec
        ),
    )
    kinds = (("count", types_pb2.INTEGER), ("day", types_pb2.DATETIME)) if inputs else ()
    for key, kind in kinds:
        parameter = request.spec.default_inputs.parameters[key]
        parameter.var.type.simple = kind
        primitive = parameter.default.scalar.primitive
        if kind == types_pb2.INTEGER:
            primitive.integer = 3
        else:
            primitive.datetime.FromDatetime(START)
    await played.admin.CreateLaunchPlan(request)
