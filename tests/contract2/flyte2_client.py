"""Flyte 2 as the contract suite sees it: its services, and what differs from server to server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from contract_kit import Client, Wire, methods
from flyteidl2.actions import actions_service_pb2
from flyteidl2.app import app_service_pb2
from flyteidl2.auth import auth_service_pb2, identity_pb2
from flyteidl2.cacheservice.v2 import cacheservice_pb2
from flyteidl2.cluster import service_pb2 as cluster_service_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.secret import secret_pb2
from flyteidl2.settings import settings_service_pb2
from flyteidl2.task import task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import (
    events_proxy_service_pb2,
    internal_run_service_pb2,
    run_service_pb2,
)

__all__ = ["FLYTE2", "TOLD", "Client"]

# A run is executed, fails or waits, as the server's surroundings allow.
_FATE = frozenset({"phase", "attempts", "cacheStatus", "durationMs"})


def _own(answer: Any, project: str) -> Any:
    if answer.DESCRIPTOR.name == "ListProjectsResponse":
        own = type(answer)()
        own.projects.projects.extend(
            one for one in answer.projects.projects if one.id.startswith(project)
        )
        return own
    return answer


FLYTE2 = Wire(
    methods=methods(
        project_service_pb2,
        task_service_pb2,
        trigger_service_pb2,
        settings_service_pb2,
        secret_pb2,
        dataproxy_service_pb2,
        run_service_pb2,
        cluster_service_pb2,
        auth_service_pb2,
        identity_pb2,
        internal_run_service_pb2,
        events_proxy_service_pb2,
        actions_service_pb2,
        app_service_pb2,
        cacheservice_pb2,
    ),
    times=frozenset(
        {"createdAt", "updatedAt", "deployedAt", "triggeredAt", "deletedAt", "createdTime"}
        | {"lastUpdatedAt", "expiresAt", "startTime", "endTime", "runStartTime"}
    ),
    urls=frozenset({"signedUrl", "rawDataPrefix", "dataplaneDomain"}),
    places=frozenset({"nativeUrl", "uri", "inputsUri"}),
    # Clusters are named by the configuration.
    left_out=_FATE | {"cluster", "clusterEndpoint"},
    # In the order of a hash of their names.
    unordered=frozenset({"secrets"}),
    own=_own,
    # PROJECT is a part of enum values' names.
    placeholder="OWNPROJECT",
)
# Where a test itself tells how far a run has come.
TOLD = replace(FLYTE2, left_out=FLYTE2.left_out - _FATE | {"durationMs"}, name="told")
