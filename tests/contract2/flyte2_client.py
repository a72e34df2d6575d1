"""Flyte 2 as the contract suite sees it: its services, and what differs from server to server."""

from __future__ import annotations

from typing import Any

from contract_kit import Client, Wire, methods
from flyteidl2.project import project_service_pb2
from flyteidl2.task import task_service_pb2
from flyteidl2.trigger import trigger_service_pb2

__all__ = ["FLYTE2", "Client"]


def _own(answer: Any, project: str) -> Any:
    if answer.DESCRIPTOR.name == "ListProjectsResponse":
        own = type(answer)()
        own.projects.projects.extend(
            one for one in answer.projects.projects if one.id.startswith(project)
        )
        return own
    return answer


FLYTE2 = Wire(
    methods=methods(project_service_pb2, task_service_pb2, trigger_service_pb2),
    times=frozenset({"createdAt", "updatedAt", "deployedAt", "triggeredAt", "deletedAt"}),
    own=_own,
    # PROJECT is a part of enum values' names.
    placeholder="OWNPROJECT",
)
