"""Flyte 1 as the contract suite sees it: its services, and what differs from server to server."""

from __future__ import annotations

from typing import Any

from contract_kit import Client, Wire, methods
from flyteidl.service import admin_pb2, auth_pb2, dataproxy_pb2, identity_pb2, signal_pb2

__all__ = ["FLYTE1", "Client"]


def _own(answer: Any, project: str) -> Any:
    name = answer.DESCRIPTOR.name
    if name == "Projects":
        return type(answer)(projects=[one for one in answer.projects if one.id.startswith(project)])
    if name == "ListMatchableAttributesResponse":
        own = [one for one in answer.configurations if one.project == project]
        return type(answer)(configurations=own)
    return answer


FLYTE1 = Wire(
    methods=methods(admin_pb2, dataproxy_pb2, identity_pb2, auth_pb2, signal_pb2),
    times=frozenset(
        {
            "createdAt",
            "updatedAt",
            "occurredAt",
            "expiresAt",
            "startedAt",
            "datetimeOfRecording",
            "startTime",
            "endTime",
        }
    ),
    left_out=frozenset({"Build", "BuildTime"}),
    # Merged plugin overrides come in random order.
    unordered=frozenset({"overrides"}),
    own=_own,
)
