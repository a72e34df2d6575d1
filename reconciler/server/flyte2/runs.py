"""Runs and their actions. Nothing here executes tasks: runs wait until somebody tells of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
from flyteidl2.workflow import run_service_pb2 as wire

from reconciler.server.flyte2 import (
    action_rows,
    attempts,
    enqueueing,
    lists,
    run_creation,
    run_shapes,
    watching,
)
from reconciler.server.flyte2.columns import ACTIONS
from reconciler.server.flyte2.go_text import shown
from reconciler.server.flyte2.nul_texts import worded
from reconciler.server.flyte2.panics import breaking
from reconciler.server.flyte2.refusals import not_found
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import sqlite3

    from flyteidl2.common import identifier_pb2
    from flyteidl2.core import execution_pb2

    from reconciler.server.store import Store, Value

_TASK = {"task_project": "project", "task_domain": "domain", "task_name": "name"}
_TRIGGER = {
    "project": "project",
    "domain": "domain",
    "trigger_task_name": "task_name",
    "trigger_name": "name",
}
_IS_RUN = "parent_action_name IS NULL"
_HAS_PAUSED = (
    "EXISTS (SELECT 1 FROM v2_actions AS a2 WHERE a2.project = v2_actions.project "
    "AND a2.domain = v2_actions.domain AND a2.run_name = v2_actions.run_name "
    "AND a2.phase = 9)"
)


def abort(store: Store, request: wire.AbortRunRequest) -> wire.AbortRunResponse:
    """AbortRun: a run that has ended is aborted all the same."""
    row = _run(store, request.run_id)
    reason = request.reason if request.HasField("reason") else "User requested abort"
    with store.writing():
        action_rows.abort(store, row, reason)
    return wire.AbortRunResponse()


def abort_action(store: Store, request: wire.AbortActionRequest) -> wire.AbortActionResponse:
    """AbortAction: one that has ended is aborted all the same."""
    row = action_rows.find(store, request.action_id.run, request.action_id.name)
    if row is None:
        raise not_found(f"action not found: {request.action_id.name}")
    with store.writing():
        action_rows.abort(store, row, request.reason or "User requested abort")
    return wire.AbortActionResponse()


def get(store: Store, request: wire.GetRunDetailsRequest) -> wire.GetRunDetailsResponse:
    """GetRunDetails."""
    row = _run(store, request.run_id)
    return wire.GetRunDetailsResponse(details=run_shapes.run_details(store, row, request.run_id))


def get_action(
    store: Store, request: wire.GetActionDetailsRequest
) -> wire.GetActionDetailsResponse:
    """GetActionDetails."""
    row = action(store, request.action_id)
    details = run_shapes.details(store, row, request.action_id)
    return wire.GetActionDetailsResponse(details=details)


def list_runs(store: Store, request: wire.ListRunsRequest) -> wire.ListRunsResponse:
    """ListRuns: those that have not ended first, then by age; labels cannot be asked for."""
    listing = lists.read(request.request, ACTIONS)
    match request.WhichOneof("scope_by"):
        case "project_id":
            scope = lists.scope_of(request.project_id, {"project": "name", "domain": "domain"})
        case "trigger_name":
            scope = lists.scope_of(request.trigger_name, _TRIGGER)
        case "task_name":
            scope = lists.scope_of(request.task_name, _TASK)
        case "task_id":
            scope = lists.scope_of(request.task_id, _TASK | {"task_version": "version"})
        case _:
            scope = {}
    extra = [_IS_RUN, _HAS_PAUSED] if request.paused_actions_only else [_IS_RUN]
    rows, token = _page(store, listing, scope, extra)
    return wire.ListRunsResponse(runs=[run_shapes.run(row) for row in rows], token=token)


def list_actions(store: Store, request: wire.ListActionsRequest) -> wire.ListActionsResponse:
    """ListActions: without what the actions run."""
    listing = lists.read(request.request, ACTIONS)
    fields = {"project": "project", "domain": "domain", "run_name": "name"}
    rows, token = _page(store, listing, lists.scope_of(request.run_id, fields), [])
    actions = [run_shapes.listed_action(row) for row in rows]
    return wire.ListActionsResponse(actions=actions, token=token)


def _page(
    store: Store, listing: lists.Listing, scope: dict[str, Value], extra: list[str]
) -> tuple[list[sqlite3.Row], str]:
    """A page and its token, which here comes only when there is more."""
    clause, values = listing.where("failed to list actions", scope, extra=extra)
    more = replace(listing, limit=listing.limit + 1)
    rows = store.rows(f"SELECT * FROM v2_actions{clause}{more.page}", values)  # noqa: S608
    if len(rows) <= listing.limit:
        return rows, ""
    return rows[: listing.limit], str(listing.offset + listing.limit)


def get_data(_store: Store, _request: wire.GetActionDataRequest) -> wire.GetActionDataResponse:
    """GetActionData: moved to another service."""
    raise StatusError(
        grpc.StatusCode.UNIMPLEMENTED,
        "RunService.GetActionData is deprecated; use DataProxyService.GetActionData instead",
    )


def get_data_uris(
    store: Store, request: wire.GetActionDataURIsRequest
) -> wire.GetActionDataURIsResponse:
    """GetActionDataURIs: outputs are where the last attempt of what succeeded says."""
    row = action(store, request.action_id)
    answer = wire.GetActionDataURIsResponse(inputs_uri=row["inputs_uri"])
    if row["phase"] not in (action_rows.SUCCEEDED, action_rows.RECOVERED):
        return answer
    if row["action_type"] == run_shapes.TRACE:
        answer.outputs_uri = row["outputs_uri"]
        return answer
    tried = attempts.of(store, request.action_id)
    if not tried:
        raise not_found("outputs not available, no attempts for action")
    answer.outputs_uri = tried[-1].outputs.output_uri
    if not answer.outputs_uri:
        raise not_found("outputs not available")
    return answer


def get_log_context(
    store: Store, request: wire.GetActionLogContextRequest
) -> wire.GetActionLogContextResponse:
    """GetActionLogContext: which pods an attempt ran in, as its last event says."""
    context, cluster = log_context(store, request.action_id, request.attempt)
    return wire.GetActionLogContextResponse(log_context=context, cluster=cluster)


def log_context(
    store: Store, identifier: identifier_pb2.ActionIdentifier, attempt: int
) -> tuple[execution_pb2.LogContext, str]:
    """The pods of an attempt, and their cluster; NOT_FOUND when none were told."""
    event = action_rows.last_event(store, identifier, attempt)
    if event is not None and event.HasField("log_context"):
        return event.log_context, event.cluster
    what = "event" if event is None else "log context"
    raise not_found(f"no {what} found for action {shown(identifier)} attempt {attempt}")


def action(store: Store, identifier: identifier_pb2.ActionIdentifier) -> sqlite3.Row:
    """An action's row; NOT_FOUND when there is none."""
    row = action_rows.find(store, identifier.run, identifier.name)
    if row is None:
        raise not_found("action not found: action not found")
    return row


def _run(store: Store, identifier: identifier_pb2.RunIdentifier) -> sqlite3.Row:
    row = action_rows.find_run(store, identifier)
    if row is None:
        path = f"{identifier.project}/{identifier.domain}/{identifier.name}"
        raise not_found(f"run not found: {path}")
    return row


_HANDLERS: dict[str, Any] = {
    "CreateRun": run_creation.create,
    "AbortRun": abort,
    "AbortAction": abort_action,
    "GetRunDetails": get,
    "GetActionDetails": get_action,
    "GetActionData": get_data,
    "GetActionDataURIs": get_data_uris,
    "GetActionLogContext": get_log_context,
    "ListRuns": list_runs,
    "ListActions": list_actions,
    "SignalEvent": enqueueing.signal_event,
    **watching.HANDLERS,
}
_RUN, _ACTION = "run_id", "action_id.run"
_NEEDED = {
    "AbortRun": _RUN,
    "AbortAction": _ACTION,
    "GetRunDetails": _RUN,
    "GetActionDetails": _ACTION,
    "GetActionDataURIs": _ACTION,
    "GetActionLogContext": _ACTION,
    "WatchRunDetails": _RUN,
    "WatchActionDetails": _ACTION,
    "WatchActions": _RUN,
    "WatchClusterEvents": "id.run",
}
_WORDS = {
    "AbortRun": "failed to abort run",
    "GetRunDetails": "failed to get run",
    "GetActionDetails": "action not found: failed to get action",
    "ListRuns": "failed to list actions",
    "ListActions": "failed to list actions",
}
HANDLERS = breaking(worded(guarded(_HANDLERS), _WORDS), _NEEDED)
