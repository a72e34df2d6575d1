"""A small Flyte 2 for tests: the embedded one, a task on it, and triggers of ours and of others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc.aio
from flyteidl.service import admin_pb2_grpc
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2, dataproxy_service_pb2_grpc
from flyteidl2.task import task_definition_pb2, task_service_pb2, task_service_pb2_grpc
from flyteidl2.trigger import (
    trigger_definition_pb2,
    trigger_service_pb2,
    trigger_service_pb2_grpc,
)
from flyteidl2.workflow import run_service_pb2, run_service_pb2_grpc
from google.protobuf import json_format
from world import DOMAIN, PROJECT, World

from reconciler.api.connecting import FLYTE2
from reconciler.model.key import Key
from reconciler.server.embedded import open_server

TASK = "etl.load"
LEDGER = "flyte-reconciler.ledger"
COUNT: dict[str, Any] = {"scalar": {"primitive": {"integer": "3"}}}


def trigger_document(name: str, /, **spec: Any) -> dict[str, Any]:
    """A FlyteTrigger on the task etl.load v1, every morning by default."""
    spec.setdefault("task", {"name": TASK, "version": "v1"})
    spec.setdefault("schedule", {"cron": "0 6 * * *", "kickoffInput": "day"})
    spec.setdefault("inputs", {"count": 3})
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteTrigger",
        "metadata": {"name": name},
        "spec": {name: part for name, part in spec.items() if part is not None},
    }


def key(name: str, *, task: str = TASK, domain: str = DOMAIN) -> Key:
    """The key of a trigger."""
    return Key("FlyteTrigger", PROJECT, domain, f"{task}/{name}")


def trigger_name(
    name: str, *, task: str = TASK, domain: str = DOMAIN
) -> identifier_pb2.TriggerName:
    """The name of a trigger as Flyte has it."""
    return identifier_pb2.TriggerName(project=PROJECT, domain=domain, task_name=task, name=name)


def at(hour: int) -> dict[str, Any]:
    """A daily schedule."""
    return {"cron": f"0 {hour} * * *", "kickoffInput": "day"}


@dataclass
class World2(World):
    """A running Flyte 2, a directory of specs, and a clock that tests move."""

    channel: Any = None

    @property
    def triggers(self) -> Any:
        """The stub of the TriggerService."""
        return trigger_service_pb2_grpc.TriggerServiceStub(self.channel)

    async def deploy_task(
        self,
        name: str = TASK,
        version: str = "v1",
        *,
        domain: str = DOMAIN,
        defaults: Sequence[Mapping[str, Any]] = (),
        types: Mapping[str, Any] | None = None,
        **metadata: Any,
    ) -> None:
        """Deploy a task with inputs count: int, day: datetime, ratio: float = 0.5, and others."""
        simple = {"count": "INTEGER", "day": "DATETIME", "ratio": "FLOAT"}
        variables = {**{key: {"simple": one} for key, one in simple.items()}, **(types or {})}
        spec = {
            "taskTemplate": {
                "type": "python",
                "metadata": {"runtime": {"version": "2.12.1"}, **metadata},
                "interface": {
                    "inputs": {
                        "variables": [
                            {"key": key, "value": {"type": type_}}
                            for key, type_ in variables.items()
                        ]
                    }
                },
                "container": {"image": "example/image:v1", "args": ["run"]},
            },
            "defaultInputs": [
                *defaults,
                {
                    "name": "ratio",
                    "parameter": {
                        "var": {"type": {"simple": "FLOAT"}},
                        "default": {"scalar": {"primitive": {"floatValue": 0.5}}},
                    },
                },
            ],
        }
        await task_service_pb2_grpc.TaskServiceStub(self.channel).DeployTask(
            task_service_pb2.DeployTaskRequest(
                task_id=task_definition_pb2.TaskIdentifier(
                    project=PROJECT, domain=domain, name=name, version=version
                ),
                spec=json_format.ParseDict(spec, task_definition_pb2.TaskSpec()),
            )
        )

    async def deploy(
        self,
        name: str,
        *,
        task: str = TASK,
        domain: str = DOMAIN,
        revision: int = 0,
        active: bool = True,
        inputs: Mapping[str, Any] | None = None,
        automation: Mapping[str, Any] | None = None,
        **spec: Any,
    ) -> int:
        """Deploy a trigger behind our back, its inputs uploaded as the SDK does; its revision."""
        request = trigger_service_pb2.DeployTriggerRequest(
            name=trigger_name(name, task=task, domain=domain), revision=revision
        )
        json_format.ParseDict({"taskVersion": "v1", "active": active, **spec}, request.spec)
        daily = {"type": "TYPE_SCHEDULE", "schedule": {"cron": {"expression": "0 6 * * *"}}}
        json_format.ParseDict(automation or daily, request.automation_spec)
        if inputs is not None:
            request.spec.offloaded_input_data.CopyFrom(
                await self.upload(inputs, task=task, domain=domain)
            )
        answer = await self.triggers.DeployTrigger(request)
        return int(answer.trigger.id.revision)

    async def upload(
        self, inputs: Mapping[str, Any], *, task: str = TASK, domain: str = DOMAIN
    ) -> Any:
        """Upload inputs to where the server puts them."""
        request = dataproxy_service_pb2.UploadInputsRequest(
            project_id=identifier_pb2.ProjectIdentifier(name=PROJECT, domain=domain),
            task_id=task_definition_pb2.TaskIdentifier(
                project=PROJECT, domain=domain, name=task, version="v1"
            ),
        )
        json_format.ParseDict(inputs, request.inputs)
        stub = dataproxy_service_pb2_grpc.DataProxyServiceStub(self.channel)
        return (await stub.UploadInputs(request)).offloaded_input_data

    async def switch(self, name: str, *, active: bool, domain: str = DOMAIN) -> None:
        """Activate or deactivate a trigger behind our back."""
        await self.triggers.UpdateTriggers(
            trigger_service_pb2.UpdateTriggersRequest(
                names=[trigger_name(name, domain=domain)], active=active
            )
        )

    async def details(
        self, name: str, *, task: str = TASK, domain: str = DOMAIN
    ) -> trigger_definition_pb2.TriggerDetails:
        """Read a trigger; raises NOT_FOUND."""
        request = trigger_service_pb2.GetTriggerDetailsRequest(
            name=trigger_name(name, task=task, domain=domain)
        )
        return (await self.triggers.GetTriggerDetails(request)).trigger

    async def standing(self, *, domain: str = DOMAIN) -> dict[str, tuple[int, bool]]:
        """Map the triggers that there are, ledgers left out, to revision and switch."""
        answer = await self.triggers.ListTriggers(
            trigger_service_pb2.ListTriggersRequest(
                project_id=identifier_pb2.ProjectIdentifier(name=PROJECT, domain=domain),
                request=list_pb2.ListRequest(limit=200),
            )
        )
        return {
            one.id.name.name: (one.id.revision, one.active)
            for one in answer.triggers
            if one.id.name.task_name != LEDGER
        }

    async def history(self, name: str, *, domain: str = DOMAIN) -> list[str]:
        """What was done to a trigger, the first first."""
        answer = await self.triggers.GetTriggerRevisionHistory(
            trigger_service_pb2.GetTriggerRevisionHistoryRequest(
                name=trigger_name(name, domain=domain), request=list_pb2.ListRequest(limit=200)
            )
        )
        actions = trigger_definition_pb2.TriggerRevisionAction
        return [
            actions.Name(one.action).removeprefix("TRIGGER_REVISION_ACTION_")
            for one in reversed(answer.triggers)
        ]

    async def fire(
        self,
        name: str,
        slot: datetime,
        *,
        run: str,
        task: str = TASK,
        domain: str = DOMAIN,
    ) -> dict[str, Any]:
        """Start a run as the scheduler does at a slot; what it receives."""
        details = await self.details(name, task=task, domain=domain)
        request = run_service_pb2.CreateRunRequest(
            run_id=identifier_pb2.RunIdentifier(project=PROJECT, domain=domain, name=run),
            trigger_name=trigger_name(name, task=task, domain=domain),
        )
        request.run_start_time.FromDatetime(slot)
        argument = details.automation_spec.schedule.kickoff_time_input_arg
        if argument:
            literal = request.inputs.literals.add(name=argument)
            literal.value.scalar.primitive.datetime.FromDatetime(slot)
        await run_service_pb2_grpc.RunServiceStub(self.channel).CreateRun(request)
        action = identifier_pb2.ActionIdentifier(run=request.run_id, name="a0")
        stub = dataproxy_service_pb2_grpc.DataProxyServiceStub(self.channel)
        answer = await stub.GetActionData(
            dataproxy_service_pb2.GetActionDataRequest(action_id=action)
        )
        return json_format.MessageToDict(answer.inputs)


@asynccontextmanager
async def open_world2(directory: Path, *, strict: bool = False) -> AsyncIterator[World2]:
    """Start a server over an empty database and open stubs to it."""
    root = directory / "set"
    root.mkdir(parents=True)
    async with open_server(directory / "data", strict=strict) as server:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(server.grpc_address, options=options) as channel:
            yield World2(
                server=server,
                root=root,
                stub=admin_pb2_grpc.AdminServiceStub(channel),
                endpoint=server.grpc_address,
                flyte=FLYTE2,
                channel=channel,
            )
