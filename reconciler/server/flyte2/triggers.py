"""Triggers: one row per name with a revision that every change moves, and a snapshot of each.

A deploy replaces a trigger whole, `active` included, whether or not anything differs. The only lock
is the revision that a deploy may send, and a stale one is INTERNAL. Nothing but the syntax of a
cron expression is checked: a rate of zero, an unknown task and an empty schedule are stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.trigger import trigger_definition_pb2
from flyteidl2.trigger import trigger_service_pb2 as wire

from reconciler.server.flyte2 import lists, trigger_rows
from reconciler.server.flyte2.columns import REVISIONS, TRIGGERS
from reconciler.server.flyte2.nul_texts import worded
from reconciler.server.flyte2.refusals import database, not_found
from reconciler.server.flyte2.validation import guarded

if TYPE_CHECKING:
    import sqlite3

    from flyteidl2.common import identifier_pb2

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store, Value

_NO_ROWS = "sql: no rows in result set"
_TASK_NAME = {"project": "project", "domain": "domain", "task_name": "name"}


def deploy(store: Store, request: wire.DeployTriggerRequest) -> wire.DeployTriggerResponse:
    """DeployTrigger: creates, replaces or brings back; the description keeps its whole length."""
    trigger_rows.check_cron(request.name.name, request.automation_spec)
    if not request.HasField("spec"):
        text = 'null value in column "spec" of relation "triggers" violates not-null constraint'
        raise database("failed to upsert trigger", text, "23502")
    with store.writing():
        row = trigger_rows.upsert(
            store,
            request.name,
            request.spec,
            request.automation_spec,
            expected=request.revision,
        )
        trigger_rows.refresh_task(store, row)
    return wire.DeployTriggerResponse(trigger=trigger_rows.details(row, row["latest_revision"]))


def get(store: Store, request: wire.GetTriggerDetailsRequest) -> wire.GetTriggerDetailsResponse:
    """GetTriggerDetails: without a task's name, some trigger of this name."""
    row = find(store, request.name)
    return wire.GetTriggerDetailsResponse(trigger=trigger_rows.details(row, row["latest_revision"]))


def find(store: Store, name: identifier_pb2.TriggerName) -> sqlite3.Row:
    """The trigger's row; NOT_FOUND for a deleted one too."""
    key: dict[str, Value] = {"project": name.project, "domain": name.domain, "name": name.name}
    if name.task_name:
        key["task_name"] = name.task_name
    clause = " AND ".join(f"{column} = ?" for column in key)
    row = store.row(
        f"SELECT * FROM v2_triggers WHERE {clause} AND deleted_at IS NULL "  # noqa: S608
        "ORDER BY id LIMIT 1",
        list(key.values()),
    )
    if row is None:
        raise not_found(f"trigger not found: {_path(name)}: {_NO_ROWS}")
    return row


def spec(row: sqlite3.Row) -> trigger_definition_pb2.TriggerSpec:
    """A trigger's spec as it was deployed."""
    return trigger_definition_pb2.TriggerSpec.FromString(row["spec"])


def get_revision(
    store: Store, request: wire.GetTriggerRevisionDetailsRequest
) -> wire.GetTriggerRevisionDetailsResponse:
    """GetTriggerRevisionDetails: the trigger as it was, deleted or not."""
    name, revision = request.id.name, request.id.revision
    row = store.row(
        "SELECT * FROM v2_trigger_revisions WHERE project = ? AND domain = ? AND task_name = ? "
        "AND name = ? AND revision = ?",
        (*trigger_rows.key(name), revision),
    )
    if row is None:
        raise not_found(f"trigger revision not found: {_path(name)}@{revision}: {_NO_ROWS}")
    return wire.GetTriggerRevisionDetailsResponse(trigger=trigger_rows.details(row, revision))


def list_triggers(store: Store, request: wire.ListTriggersRequest) -> wire.ListTriggersResponse:
    """ListTriggers: neither version of the task nor inputs; an organisation is no scope."""
    listing = lists.read(request.request, TRIGGERS)
    match request.WhichOneof("scope_by"):
        case "project_id":
            scope = lists.scope_of(request.project_id, {"project": "name", "domain": "domain"})
        case "task_id":
            fields = _TASK_NAME | {"task_version": "version"}
            scope = lists.scope_of(request.task_id, fields)
        case "task_name":
            scope = lists.scope_of(request.task_name, _TASK_NAME)
        case _:
            scope = {}
    query = "failed to list triggers"
    clause, values = listing.where(query, scope, extra=["deleted_at IS NULL"])
    rows = store.rows(f"SELECT * FROM v2_triggers{clause}{listing.page}", values)  # noqa: S608
    return wire.ListTriggersResponse(
        triggers=[trigger_rows.summary(row) for row in rows], token=listing.token(len(rows))
    )


def history(
    store: Store, request: wire.GetTriggerRevisionHistoryRequest
) -> wire.GetTriggerRevisionHistoryResponse:
    """GetTriggerRevisionHistory: newest first, whatever filters and sort keys were sent."""
    listing = lists.read(request.request, REVISIONS)
    rows = store.rows(
        "SELECT * FROM v2_trigger_revisions WHERE project = ? AND domain = ? AND task_name = ? "
        "AND name = ? ORDER BY revision DESC LIMIT ? OFFSET ?",
        (*trigger_rows.key(request.name), listing.limit, listing.offset),
    )
    return wire.GetTriggerRevisionHistoryResponse(
        triggers=[trigger_rows.revision(row) for row in rows], token=listing.token(len(rows))
    )


def update(store: Store, request: wire.UpdateTriggersRequest) -> wire.UpdateTriggersResponse:
    """UpdateTriggers: switches; what is unknown, deleted or switched already is passed over."""
    with store.writing():
        for name in request.names:
            trigger_rows.switch(store, name, active=request.active)
    return wire.UpdateTriggersResponse()


def delete(store: Store, request: wire.DeleteTriggersRequest) -> wire.DeleteTriggersResponse:
    """DeleteTriggers: hides the row, which keeps its history; unknown names are passed over."""
    with store.writing():
        for name in request.names:
            row = trigger_rows.delete(store, name)
            if row is not None:
                trigger_rows.refresh_task(store, row)
    return wire.DeleteTriggersResponse()


def _path(name: identifier_pb2.TriggerName) -> str:
    return "/".join(str(part) for part in trigger_rows.key(name))


_HANDLERS: dict[str, Handler] = {
    "DeployTrigger": deploy,
    "GetTriggerDetails": get,
    "GetTriggerRevisionDetails": get_revision,
    "ListTriggers": list_triggers,
    "GetTriggerRevisionHistory": history,
    "UpdateTriggers": update,
    "DeleteTriggers": delete,
}
_FIRST = (
    "{{Project:{0.names[0].project} Domain:{0.names[0].domain} "
    "TaskName:{0.names[0].task_name} Name:{0.names[0].name}}}"
)
HANDLERS = worded(
    guarded(_HANDLERS),
    {
        "DeployTrigger": "failed to upsert trigger",
        "GetTriggerDetails": "failed to get trigger",
        "ListTriggers": "failed to list triggers",
        "GetTriggerRevisionHistory": "failed to list trigger revisions",
        "UpdateTriggers": f"failed to update trigger {_FIRST}",
        "DeleteTriggers": f"failed to delete trigger {_FIRST}",
    },
)
