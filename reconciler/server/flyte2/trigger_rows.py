"""Rows of triggers: every change of one, its snapshot, and what the task's row says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2
from flyteidl2.task import common_pb2
from flyteidl2.trigger import trigger_definition_pb2 as wire

from reconciler.server import cron
from reconciler.server.clock import now, stamp
from reconciler.server.status import internal, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store, Value

_SNAPSHOT = (
    "project, domain, task_name, name, spec, automation_spec, task_version, active, "
    "automation_type, deployed_at, updated_at, triggered_at, deleted_at"
)
_LOCKED = (
    "optimistic lock failure: trigger was modified concurrently, please fetch latest and retry"
)
_ACTION = "TRIGGER_REVISION_ACTION_"
_UNPRINTABLE = re.compile(rb"[\x00\x80-\xff]")


def key(name: identifier_pb2.TriggerName) -> tuple[Value, ...]:
    """Project, domain, task and name."""
    return name.project, name.domain, name.task_name, name.name


def check_cron(name: str, automation: common_pb2.TriggerAutomationSpec) -> None:
    """INVALID_ARGUMENT for a cron expression or zone that cannot be read."""
    schedule = automation.schedule
    match schedule.WhichOneof("expression"):
        case "cron_expression":
            expression = schedule.cron_expression
        case "cron":
            zone = schedule.cron.timezone
            expression = f"CRON_TZ={zone} " * bool(zone) + schedule.cron.expression
        case _:
            return
    try:
        cron.check(expression)
    except cron.CronError as error:
        text = f'trigger "{name}" has invalid cron expression: invalid cron expression'
        raise refused(f'{text} "{expression}": {error}') from None


def upsert(
    store: Store,
    name: identifier_pb2.TriggerName,
    spec: wire.TriggerSpec,
    automation: common_pb2.TriggerAutomationSpec,
    *,
    expected: int = 0,
) -> sqlite3.Row:
    """Write a trigger and its snapshot; `expected` 0 is no lock.

    The type of an automation is the server's: SCHEDULE where there is a schedule, else NONE.
    """
    stored = common_pb2.TriggerAutomationSpec()
    stored.CopyFrom(automation)
    stored.type = (
        common_pb2.TYPE_SCHEDULE if automation.HasField("schedule") else common_pb2.TYPE_NONE
    )
    old = _row(store, name)
    if old is not None and expected not in (0, old["latest_revision"]):
        raise internal(_LOCKED)
    moment = now()
    values: dict[str, Value] = {
        "spec": spec.SerializeToString(),
        "automation_spec": stored.SerializeToString(),
        "task_version": spec.task_version,
        "active": int(spec.active),
        "automation_type": common_pb2.TriggerAutomationSpecType.Name(stored.type),
        "deployed_at": moment,
        "deleted_at": None,
        "latest_revision": 1 if old is None else old["latest_revision"] + 1,
    }
    if old is None or bool(old["active"]) != spec.active:
        values["updated_at"] = moment
    if old is None:
        values |= dict(zip(("project", "domain", "task_name", "name"), key(name), strict=True))
        places = ", ".join("?" * len(values))
        sql = f"INSERT INTO v2_triggers ({', '.join(values)}) VALUES ({places})"  # noqa: S608
        store.run(sql, list(values.values()))
    else:
        _set(store, name, values)
    return _snapshot(store, name, "DEPLOY")


def switch(store: Store, name: identifier_pb2.TriggerName, *, active: bool) -> None:
    """Switch one trigger on or off, if it is there and was not so before."""
    row = _row(store, name)
    if row is None or row["deleted_at"] is not None or bool(row["active"]) == active:
        return
    revision = row["latest_revision"] + 1
    _set(store, name, {"active": active, "updated_at": now(), "latest_revision": revision})
    refresh_task(store, _snapshot(store, name, "ACTIVATE" if active else "DEACTIVATE"))


def delete(store: Store, name: identifier_pb2.TriggerName) -> sqlite3.Row | None:
    """Hide a trigger; None when there was none. The task's row is left to the caller."""
    row = _row(store, name)
    if row is None or row["deleted_at"] is not None:
        return None
    revision = row["latest_revision"] + 1
    _set(store, name, {"active": False, "deleted_at": now(), "latest_revision": revision})
    return _snapshot(store, name, "DELETE")


def names(store: Store, project: str, domain: str, task: str) -> list[str]:
    """The names of a task's triggers, of whatever version."""
    rows = store.rows(
        "SELECT name FROM v2_triggers WHERE project = ? AND domain = ? AND task_name = ? "
        "AND deleted_at IS NULL",
        (project, domain, task),
    )
    return [row["name"] for row in rows]


def _row(store: Store, name: identifier_pb2.TriggerName) -> sqlite3.Row | None:
    return store.row(
        "SELECT * FROM v2_triggers WHERE project = ? AND domain = ? AND task_name = ? AND name = ?",
        key(name),
    )


def _set(store: Store, name: identifier_pb2.TriggerName, values: dict[str, Value]) -> None:
    changes = ", ".join(f"{column} = ?" for column in values)
    store.run(
        f"UPDATE v2_triggers SET {changes} "  # noqa: S608
        "WHERE project = ? AND domain = ? AND task_name = ? AND name = ?",
        (*values.values(), *key(name)),
    )


def _snapshot(store: Store, name: identifier_pb2.TriggerName, action: str) -> sqlite3.Row:
    store.run(
        f"INSERT INTO v2_trigger_revisions ({_SNAPSHOT}, revision, action) "  # noqa: S608
        f"SELECT {_SNAPSHOT}, latest_revision, ? FROM v2_triggers "
        "WHERE project = ? AND domain = ? AND task_name = ? AND name = ?",
        (_ACTION + action, *key(name)),
    )
    row = _row(store, name)
    if row is None:
        raise RuntimeError("the trigger was just written")
    return row


def refresh_task(store: Store, row: sqlite3.Row) -> None:
    """Count anew the triggers of the version of a task that this trigger points at.

    Other versions keep what they said.
    """
    task = (row["project"], row["domain"], row["task_name"], row["task_version"])
    rows = store.rows(
        "SELECT name, active, automation_spec FROM v2_triggers WHERE project = ? AND domain = ? "
        "AND task_name = ? AND task_version = ? AND deleted_at IS NULL",
        task,
    )
    only = rows[0] if len(rows) == 1 else None
    store.run(
        "UPDATE v2_tasks SET trigger_name = ?, total_triggers = ?, active_triggers = ?, "
        "trigger_automation_spec = ? "
        "WHERE project = ? AND domain = ? AND name = ? AND version = ?",
        (
            None if only is None else only["name"],
            len(rows),
            sum(one["active"] for one in rows),
            None if only is None else _escaped(only["automation_spec"]),
            *task,
        ),
    )


def _escaped(raw: bytes) -> bytes:
    """Bytes as PostgreSQL's `escape` encoding, which is what the manager keeps in a task's row."""
    doubled = raw.replace(b"\\", b"\\\\")
    return _UNPRINTABLE.sub(lambda found: b"\\%03o" % found[0][0], doubled)


def details(row: sqlite3.Row, revision: int) -> wire.TriggerDetails:
    """A row or a snapshot in full; the description is part of the spec."""
    spec = wire.TriggerSpec.FromString(row["spec"])
    spec.active = bool(row["active"])
    spec.task_version = row["task_version"]
    return wire.TriggerDetails(
        id=_identifier(row, revision), spec=spec, status=_status(row), automation_spec=_spec(row)
    )


def summary(row: sqlite3.Row) -> wire.Trigger:
    """A row as lists show it."""
    return wire.Trigger(
        id=_identifier(row, row["latest_revision"]),
        status=_status(row),
        active=bool(row["active"]),
        automation_spec=_spec(row),
    )


def revision(row: sqlite3.Row) -> wire.TriggerRevision:
    """A snapshot as a history shows it."""
    moments = (row["deployed_at"], row["updated_at"], row["deleted_at"] or 0)
    return wire.TriggerRevision(
        id=_identifier(row, row["revision"]),
        status=_status(row),
        action=row["action"],
        created_at=stamp(max(moments)),
    )


def _identifier(row: sqlite3.Row, revision: int) -> identifier_pb2.TriggerIdentifier:
    name = identifier_pb2.TriggerName(
        project=row["project"], domain=row["domain"], task_name=row["task_name"], name=row["name"]
    )
    return identifier_pb2.TriggerIdentifier(name=name, revision=revision)


def _spec(row: sqlite3.Row) -> common_pb2.TriggerAutomationSpec:
    return common_pb2.TriggerAutomationSpec.FromString(row["automation_spec"])


def _status(row: sqlite3.Row) -> wire.TriggerStatus:
    status = wire.TriggerStatus(
        deployed_at=stamp(row["deployed_at"]), updated_at=stamp(row["updated_at"])
    )
    for column in ("triggered_at", "deleted_at"):
        if row[column] is not None:
            getattr(status, column).CopyFrom(stamp(row[column]))
    return status
