"""Runs, as far as they are queued: nothing here executes them, so they wait until aborted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
from flyteidl2.common import identifier_pb2
from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_definition_pb2
from flyteidl2.workflow import run_service_pb2 as wire

from reconciler.server.flyte2 import lists, run_creation, run_rows
from reconciler.server.flyte2.columns import ACTIONS
from reconciler.server.flyte2.refusals import not_found
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator

    from reconciler.server.store import Store, Value

_POLL_SECONDS = 0.1

_TASK = {"task_project": "project", "task_domain": "domain", "task_name": "name"}
_TRIGGER = {
    "project": "project",
    "domain": "domain",
    "trigger_task_name": "task_name",
    "trigger_name": "name",
}


def abort(store: Store, request: wire.AbortRunRequest) -> wire.AbortRunResponse:
    """AbortRun: a run that has ended is aborted all the same."""
    row = _run(store, request.run_id)
    reason = request.reason if request.HasField("reason") else "User requested abort"
    with store.writing():
        run_rows.abort(store, row, reason)
    return wire.AbortRunResponse()


def abort_action(store: Store, request: wire.AbortActionRequest) -> wire.AbortActionResponse:
    """AbortAction: of the root action, the only one there is."""
    row = run_rows.find(store, request.action_id.run, request.action_id.name)
    if row is None:
        raise not_found(f"action not found: {request.action_id.name}")
    with store.writing():
        run_rows.abort(store, row, request.reason or "User requested abort")
    return wire.AbortActionResponse()


def get(store: Store, request: wire.GetRunDetailsRequest) -> wire.GetRunDetailsResponse:
    """GetRunDetails: with the task as it was when the run was created."""
    row = _run(store, request.run_id)
    details = run_definition_pb2.RunDetails(
        run_spec=run_pb2.RunSpec.FromString(row["run_spec"]), action=run_rows.details(row)
    )
    return wire.GetRunDetailsResponse(details=details)


def get_action(
    store: Store, request: wire.GetActionDetailsRequest
) -> wire.GetActionDetailsResponse:
    """GetActionDetails."""
    return wire.GetActionDetailsResponse(details=run_rows.details(action(store, request.action_id)))


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
    # Nothing that is not executed waits for a person.
    extra = ["0"] if request.paused_actions_only else []
    rows, token = _page(store, listing, scope, extra)
    return wire.ListRunsResponse(runs=[run_rows.run(row) for row in rows], token=token)


def list_actions(store: Store, request: wire.ListActionsRequest) -> wire.ListActionsResponse:
    """ListActions: without what the actions run."""
    listing = lists.read(request.request, ACTIONS)
    fields = {"project": "project", "domain": "domain", "run_name": "name"}
    rows, token = _page(store, listing, lists.scope_of(request.run_id, fields), [])
    actions = [run_rows.listed_action(row) for row in rows]
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
    """GetActionDataURIs: of inputs; there are no outputs."""
    uri = action(store, request.action_id)["inputs_uri"]
    return wire.GetActionDataURIsResponse(inputs_uri=uri)


def get_log_context(
    _store: Store, request: wire.GetActionLogContextRequest
) -> wire.GetActionLogContextResponse:
    """GetActionLogContext: nothing ran, so nothing was logged."""
    raise no_event(request.action_id, request.attempt)


def no_event(identifier: identifier_pb2.ActionIdentifier, attempt: int) -> StatusError:
    """NOT_FOUND for what only an attempt leaves behind."""
    run = identifier.run
    shown = f'run:{{project:"{run.project}" domain:"{run.domain}" name:"{run.name}"}}'
    return not_found(
        f'no event found for action {shown} name:"{identifier.name}" attempt {attempt}'
    )


async def watch(
    store: Store, request: wire.WatchRunDetailsRequest
) -> AsyncIterator[wire.WatchRunDetailsResponse]:
    """WatchRunDetails: says that there is something to read, never what."""
    row = _run(store, request.run_id)
    while True:
        answer = wire.WatchRunDetailsResponse()
        answer.details.SetInParent()
        yield answer
        row = await _changed(store, row)


async def watch_action(
    store: Store, request: wire.WatchActionDetailsRequest
) -> AsyncIterator[wire.WatchActionDetailsResponse]:
    """WatchActionDetails: ends with an action's last attempt, of which there is none here."""
    try:
        row = action(store, request.action_id)
    except StatusError as error:
        raise not_found(f"failed to get action details: not_found: {error.text}") from None
    while True:
        yield wire.WatchActionDetailsResponse(details=run_rows.details(row))
        row = await _changed(store, row)


async def _changed(store: Store, row: sqlite3.Row) -> sqlite3.Row:
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        found = store.row("SELECT * FROM v2_actions WHERE id = ?", (row["id"],))
        if found is not None and found["updated_at"] != row["updated_at"]:
            return found


def action(store: Store, identifier: identifier_pb2.ActionIdentifier) -> sqlite3.Row:
    """An action's row; NOT_FOUND when there is none."""
    row = run_rows.find(store, identifier.run, identifier.name)
    if row is None:
        raise not_found("action not found: action not found")
    return row


def _run(store: Store, identifier: identifier_pb2.RunIdentifier) -> sqlite3.Row:
    row = run_rows.find(store, identifier)
    if row is None:
        path = f"{identifier.project}/{identifier.domain}/{identifier.name}"
        raise not_found(f"run not found: {path}")
    return row


_HANDLERS: dict[str, Any] = {
    "CreateRun": run_creation.create,
    "AbortRun": abort,
    "AbortAction": abort_action,
    "GetRunDetails": get,
    "WatchRunDetails": watch,
    "GetActionDetails": get_action,
    "WatchActionDetails": watch_action,
    "GetActionData": get_data,
    "GetActionDataURIs": get_data_uris,
    "GetActionLogContext": get_log_context,
    "ListRuns": list_runs,
    "ListActions": list_actions,
}
HANDLERS = guarded(_HANDLERS)
