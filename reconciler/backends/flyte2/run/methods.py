"""Calls about runs, in the same table as all others (`flyte2.methods`).

Facts from the open-source manager 2.0.43: sending a run's name again overwrites that run's inputs
and may run its code once more, so that no call that starts a run is ever repeated; a run that has
succeeded becomes an aborted one when it is aborted.
"""

from __future__ import annotations

import re

from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2.methods import TABLE
from reconciler.backends.wire.method import always

_RUN = ("run_id.project", "run_id.domain", "run_id.name")
_RUN_OF_ACTION = tuple(f"action_id.run.{part}" for part in ("project", "domain", "name"))
_ACTION = (*_RUN_OF_ACTION, "action_id.name")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,28}[a-z0-9])?")


def is_name(text: str) -> bool:
    """Say whether a run may be called so: objects in Kubernetes are called after it."""
    return _NAME.fullmatch(text) is not None


def _starts(request: run_service_pb2.CreateRunRequest) -> str:
    """Check that a run has a place, a name that can be one, if any, and something to run."""
    match request.WhichOneof("id"):
        case "run_id":
            run = request.run_id
            if not (run.project and run.domain and is_name(run.name)):
                return "run_id"
        case "project_id":
            if not (request.project_id.name and request.project_id.domain):
                return "project_id"
        case _:
            return "id"
    return "" if request.WhichOneof("task") else "task"


def _is_whole(request: run_service_pb2.SignalEventRequest) -> str:
    return "" if request.payload.WhichOneof("value") else "payload"


CREATE_RUN = TABLE.write(
    "RunService.CreateRun",
    run_service_pb2.CreateRunRequest,
    run_service_pb2.CreateRunResponse,
    check=_starts,
)
ABORT_RUN = TABLE.write(
    "RunService.AbortRun",
    run_service_pb2.AbortRunRequest,
    run_service_pb2.AbortRunResponse,
    *_RUN,
)
ABORT_ACTION = TABLE.write(
    "RunService.AbortAction",
    run_service_pb2.AbortActionRequest,
    run_service_pb2.AbortActionResponse,
    *_ACTION,
)
SIGNAL_EVENT = TABLE.write(
    "RunService.SignalEvent",
    run_service_pb2.SignalEventRequest,
    run_service_pb2.SignalEventResponse,
    *_ACTION,
    may_repeat=always,
    check=_is_whole,
)
WATCH_ACTION_DETAILS = TABLE.read(
    "RunService.WatchActionDetails",
    run_service_pb2.WatchActionDetailsRequest,
    run_service_pb2.WatchActionDetailsResponse,
    *_ACTION,
    is_stream=True,
)
TAIL_LOGS = TABLE.read(
    "DataProxyService.TailLogs",
    dataproxy_service_pb2.TailLogsRequest,
    dataproxy_service_pb2.TailLogsResponse,
    *_ACTION,
    "attempt",
    is_stream=True,
)
