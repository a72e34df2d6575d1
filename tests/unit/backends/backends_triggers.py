"""Triggers as the open-source manager keeps them: revisions, the lock, deletion."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import grpc
from backends_servers import FlyteServer
from flyteidl2.common import identifier_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

from reconciler.backends.flyte2 import methods

Name = tuple[str, str, str, str]


def _key(name: identifier_pb2.TriggerName) -> Name:
    return name.project, name.domain, name.task_name, name.name


@dataclass
class Triggers:
    """Answers the calls about triggers; `revisions` holds every revision of every name."""

    revisions: dict[Name, list[trigger_definition_pb2.TriggerDetails]] = field(default_factory=dict)
    deleted: set[Name] = field(default_factory=set)

    def serve(self, server: FlyteServer) -> None:
        server.on(methods.DEPLOY_TRIGGER, self.deploy)
        server.on(methods.GET_TRIGGER_DETAILS, self.details)
        server.on(methods.LIST_TRIGGERS, self.listed)
        server.on(methods.GET_TRIGGER_REVISION_HISTORY, self.history)

    async def deploy(self, request: Any, context: Any) -> Any:
        await asyncio.sleep(0)
        known = self.revisions.setdefault(_key(request.name), [])
        if known and request.revision and request.revision != len(known):
            text = "optimistic lock failure: trigger was modified concurrently"
            await context.abort(grpc.StatusCode.INTERNAL, text)
        details = trigger_definition_pb2.TriggerDetails(
            id=identifier_pb2.TriggerIdentifier(name=request.name, revision=len(known) + 1),
            spec=request.spec,
            automation_spec=request.automation_spec,
        )
        known.append(details)
        self.deleted.discard(_key(request.name))
        return trigger_service_pb2.DeployTriggerResponse(trigger=details)

    async def details(self, request: Any, context: Any) -> Any:
        name = _key(request.name)
        if name not in self.revisions or name in self.deleted:
            text = f"trigger not found: {'/'.join(name)}"
            await context.abort(grpc.StatusCode.NOT_FOUND, text)
        latest = self.revisions[name][-1]
        return trigger_service_pb2.GetTriggerDetailsResponse(trigger=latest)

    async def listed(self, request: Any, _context: Any) -> Any:
        wanted = {item.field: list(item.values) for item in request.request.filters}
        triggers = [
            trigger_definition_pb2.Trigger(id=known[-1].id)
            for name, known in sorted(self.revisions.items())
            if name not in self.deleted
            and name[2] in wanted["task_name"]
            and name[3] in wanted.get("name", [name[3]])
        ]
        return trigger_service_pb2.ListTriggersResponse(triggers=triggers)

    async def history(self, request: Any, _context: Any) -> Any:
        triggers = [
            trigger_definition_pb2.TriggerRevision(id=one.id)
            for one in reversed(self.revisions.get(_key(request.name), []))
        ]
        return trigger_service_pb2.GetTriggerRevisionHistoryResponse(triggers=triggers)

    def delete(self, *name: str) -> None:
        project, domain, task_name, own = name
        self.deleted.add((project, domain, task_name, own))
