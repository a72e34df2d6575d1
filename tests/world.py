"""A small Flyte for tests: an embedded server, workflows on it, and what a user writes."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc.aio
from flyteidl.admin import common_pb2, launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2, tasks_pb2, types_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2
from flyteidl.service import admin_pb2_grpc

from reconciler.api import connecting
from reconciler.api.session import Session
from reconciler.backends.port import Backend
from reconciler.engine.applying import Applied, Run
from reconciler.engine.declaration import declare
from reconciler.engine.planning import Options, Planned
from reconciler.model.key import Place
from reconciler.model.ledger import Ledger
from reconciler.server.embedded import Server, open_server

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PROJECT = "flytesnacks"
DOMAIN = "development"
SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  defaults: {project: flytesnacks, domain: development}
"""

INTEGER = types_pb2.LiteralType(simple=types_pb2.INTEGER)
DATETIME = types_pb2.LiteralType(simple=types_pb2.DATETIME)


def integer(value: int) -> literals_pb2.Literal:
    """Make an integer literal."""
    return literals_pb2.Literal(
        scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(integer=value))
    )


def plan_document(name: str, /, **spec: Any) -> dict[str, Any]:
    """Make a FlyteLaunchPlan document on workflow `etl` version v1, every morning by default."""
    spec.setdefault("workflow", {"name": "etl", "version": "v1"})
    spec.setdefault("schedule", {"cron": "0 6 * * *", "timezone": "UTC", "kickoffInput": "day"})
    spec.setdefault("inputs", {"count": 3})
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteLaunchPlan",
        "metadata": {"name": name},
        "spec": spec,
    }


@dataclass
class World:
    """A running server, a directory of specs, and a clock that tests move.

    `flyte` is the generation that sessions speak; `stub` is Flyte 1's.
    """

    server: Server
    root: Path
    stub: admin_pb2_grpc.AdminServiceStub
    now: datetime = NOW
    endpoint: str = ""
    flyte: str = connecting.FLYTE1
    hmac_key: str = ""
    secrets: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)

    def write(self, files: Mapping[str, str]) -> None:
        """Write files below the set's directory."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")

    def declare(self, *documents: dict[str, Any], sync: str = SYNC) -> None:
        """Replace everything that is declared."""
        import json

        for path in self.root.rglob("*.json"):
            path.unlink()
        self.write({"reconcile.yaml": sync})
        for index, document in enumerate(documents):
            path = self.root / f"{index:05d}.json"
            path.write_text(json.dumps(document), encoding="utf-8")

    @asynccontextmanager
    async def session(self, *paths: str, read_only: bool = False) -> AsyncIterator[Session]:
        """Open a session on the directory, or on some of its files."""
        declaration = declare(paths or (str(self.root),), cwd=self.root)
        declaration.check()
        async with self.backend(read_only=read_only) as backend:
            yield Session(declaration=declaration, backend=backend)

    @asynccontextmanager
    async def backend(self, *, read_only: bool = False) -> AsyncIterator[Backend]:
        """Connect to the server; `hmac_key` names the variable of the connection's key.

        `secrets` is what else a FlyteConnection says of them.
        """
        choice = connecting.Choice(
            chosen_by="test",
            flyte=self.flyte,
            endpoint=self.endpoint,
            insecure=True,
            hmac_key={"env": self.hmac_key} if self.hmac_key else None,
            secrets=self.secrets,
        )
        async with connecting.connect(choice, read_only=read_only, environ={}) as backend:
            yield backend

    async def plan(self, *paths: str, **options: Any) -> Planned:
        """Plan, over a channel that can write nothing."""
        async with self.session(*paths, read_only=True) as session:
            return await session.plan(Options(**options), now=self.now)

    async def reconcile(self, *paths: str, **options: Any) -> Applied:
        """Plan and apply, a minute later than the last time."""
        self.now += timedelta(minutes=1)
        async with self.session(*paths) as session:
            planned = await session.plan(Options(**options), now=self.now)
            return await session.apply(planned, Run(now=self.now, by="tester"))

    async def register_workflow(
        self,
        name: str = "etl",
        version: str = "v1",
        *,
        defaults: Mapping[str, int] | None = None,
        domain: str = DOMAIN,
        project: str = PROJECT,
        types: Mapping[str, types_pb2.LiteralType] | None = None,
        has_outputs: bool = False,
    ) -> None:
        """Register a task and a workflow, as CI would.

        It has the inputs count: int and day: datetime, and more by their types. `has_outputs` sends
        an empty map of outputs, without which a plan of it is no node of another workflow.
        """
        where = {"project": project, "domain": domain, "version": version}
        inputs = interface_pb2.VariableMap(
            variables={
                "count": interface_pb2.Variable(type=INTEGER, description="how many"),
                "day": interface_pb2.Variable(type=DATETIME, description="which day"),
                **{key: interface_pb2.Variable(type=one) for key, one in (types or {}).items()},
            }
        )
        interface = interface_pb2.TypedInterface(inputs=inputs)
        if has_outputs:
            interface.outputs.SetInParent()
        task_id = identifier_pb2.Identifier(
            resource_type=identifier_pb2.TASK, name=f"{name}.task", **where
        )
        await self.stub.CreateTask(
            task_pb2.TaskCreateRequest(
                id=task_id,
                spec=task_pb2.TaskSpec(
                    template=tasks_pb2.TaskTemplate(
                        id=task_id,
                        type="python-task",
                        metadata=tasks_pb2.TaskMetadata(
                            runtime=tasks_pb2.RuntimeMetadata(type=1, version="1", flavor="python")
                        ),
                        interface=interface_pb2.TypedInterface(),
                        container=tasks_pb2.Container(image="example/image:v1", args=["run"]),
                    )
                ),
            )
        )
        workflow_id = identifier_pb2.Identifier(
            resource_type=identifier_pb2.WORKFLOW, name=name, **where
        )
        node = core_workflow_pb2.Node(
            id="n0", task_node=core_workflow_pb2.TaskNode(reference_id=task_id)
        )
        template = core_workflow_pb2.WorkflowTemplate(
            id=workflow_id, interface=interface, nodes=[node]
        )
        await self.stub.CreateWorkflow(
            workflow_pb2.WorkflowCreateRequest(
                id=workflow_id, spec=workflow_pb2.WorkflowSpec(template=template)
            )
        )
        if defaults is not None:
            await self.register_plan(name, version, workflow=name, defaults=defaults, **_at(where))

    async def register_plan(
        self,
        name: str,
        version: str,
        *,
        workflow: str = "etl",
        workflow_version: str = "",
        cron: str = "",
        defaults: Mapping[str, int] | None = None,
        domain: str = DOMAIN,
        project: str = PROJECT,
    ) -> None:
        """Register a launch plan, as CI would."""
        where = {"project": project, "domain": domain}
        spec = launch_plan_pb2.LaunchPlanSpec(
            workflow_id=identifier_pb2.Identifier(
                resource_type=identifier_pb2.WORKFLOW,
                name=workflow,
                version=workflow_version or version,
                **where,
            )
        )
        for key, value in (defaults or {}).items():
            parameter = spec.default_inputs.parameters[key]
            parameter.var.type.CopyFrom(INTEGER)
            parameter.default.CopyFrom(integer(value))
        if cron:
            spec.entity_metadata.schedule.cron_schedule.schedule = cron
            spec.entity_metadata.schedule.kickoff_time_input_arg = "day"
        await self.stub.CreateLaunchPlan(
            launch_plan_pb2.LaunchPlanCreateRequest(
                id=identifier_pb2.Identifier(
                    resource_type=identifier_pb2.LAUNCH_PLAN, name=name, version=version, **where
                ),
                spec=spec,
            )
        )

    async def set_state(
        self, name: str, version: str, *, active: bool, domain: str = DOMAIN
    ) -> None:
        """Activate or deactivate a version behind our back."""
        await self.stub.UpdateLaunchPlan(
            launch_plan_pb2.LaunchPlanUpdateRequest(
                id=identifier_pb2.Identifier(
                    resource_type=identifier_pb2.LAUNCH_PLAN,
                    project=PROJECT,
                    domain=domain,
                    name=name,
                    version=version,
                ),
                state=launch_plan_pb2.ACTIVE if active else launch_plan_pb2.INACTIVE,
            )
        )

    async def active(self, *, domain: str = DOMAIN, project: str = PROJECT) -> dict[str, str]:
        """Map the names of active plans to their versions."""
        answer = await self.stub.ListActiveLaunchPlans(
            launch_plan_pb2.ActiveLaunchPlanListRequest(
                project=project,
                domain=domain,
                limit=100_000,
                sort_by=common_pb2.Sort(key="id", direction=common_pb2.Sort.ASCENDING),
            )
        )
        return {plan.id.name: plan.id.version for plan in answer.launch_plans}

    def calls(self) -> Counter[str]:
        """Count the calls that reached the server, by method."""
        return Counter(self.server.calls)


def _at(where: Mapping[str, str]) -> dict[str, str]:
    return {"project": where["project"], "domain": where["domain"]}


@asynccontextmanager
async def open_world(
    directory: Path, *, flyte: str = connecting.FLYTE1, strict: bool = False
) -> AsyncIterator[World]:
    """Start a server over an empty database and open a stub to it."""
    root = directory / "set"
    root.mkdir(parents=True)
    async with open_server(directory / "data", strict=strict) as server:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(server.grpc_address, options=options) as channel:
            stub = admin_pb2_grpc.AdminServiceStub(channel)
            address = server.grpc_address
            yield World(server=server, root=root, stub=stub, endpoint=address, flyte=flyte)


async def ledger_of(world: World, name: str = "team") -> Ledger:
    """The ledger of a set as it stands on the server."""
    async with world.backend() as backend:
        return await backend.read_ledger(name, Place(PROJECT, DOMAIN))


async def write_ledger(world: World, ledger: Ledger) -> Ledger:
    """Write a ledger past the program's own commands."""
    async with world.backend() as backend:
        return await backend.write_ledger(ledger, Place(PROJECT, DOMAIN))
