"""Rows of runs: how they are written, and what the several messages about a run show of them.

A run is its root action; nothing is executed here, so there is no other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2, identity_pb2, phase_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2 as wire

from reconciler.server.clock import now, stamp

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store, Value

ROOT = "a0"

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_FIRST_WITH_START_TIME = (2, 3, 6)
_TASK_COLUMNS = {
    "task_project": "project",
    "task_domain": "domain",
    "task_name": "name",
    "task_version": "version",
}


def find(store: Store, run: identifier_pb2.RunIdentifier, name: str = ROOT) -> sqlite3.Row | None:
    """The row of a run, or of one of its actions."""
    return store.row(
        "SELECT * FROM v2_actions WHERE project = ? AND domain = ? AND run_name = ? AND name = ?",
        (run.project, run.domain, run.name, name),
    )


def insert(
    store: Store,
    run: identifier_pb2.RunIdentifier,
    task: tuple[task_definition_pb2.TaskIdentifier, task_definition_pb2.TaskSpec],
    run_spec: run_pb2.RunSpec,
    rest: dict[str, Value],
) -> sqlite3.Row:
    """A new run, or the one that has the name already, which stays as it is."""
    identifier, spec = task
    moment = now()
    values: dict[str, Value] = {
        "project": run.project,
        "domain": run.domain,
        "run_name": run.name,
        "name": ROOT,
        "phase": phase_pb2.ACTION_PHASE_QUEUED,
        "action_type": wire.ACTION_TYPE_TASK,
        "task_type": spec.task_template.type,
        "task_short_name": spec.short_name or None,
        "function_name": identifier.name,
        "environment_name": spec.environment.name or None,
        "task_spec": spec.SerializeToString(),
        "run_spec": run_spec.SerializeToString(),
        "created_at": moment,
        "updated_at": moment,
    }
    for column, part in _TASK_COLUMNS.items():
        values[column] = getattr(identifier, part) or None
    values |= rest
    places = ", ".join("?" * len(values))
    sql = f"INSERT OR IGNORE INTO v2_actions ({', '.join(values)}) VALUES ({places})"  # noqa: S608
    is_new = find(store, run) is None
    store.run(sql, list(values.values()))
    if is_new and values["trigger_name"]:
        store.run(
            "UPDATE v2_triggers SET triggered_at = ? "
            "WHERE project = ? AND domain = ? AND task_name = ? AND name = ?",
            (
                moment,
                run.project,
                run.domain,
                values["trigger_task_name"],
                values["trigger_name"],
            ),
        )
    row = find(store, run)
    if row is None:
        raise RuntimeError("the run was just written")
    return row


def abort(store: Store, row: sqlite3.Row, reason: str) -> None:
    """Abort a run in whatever phase; its end is that of the first time."""
    moment = now()
    ended = max(moment, row["created_at"]) if row["ended_at"] is None else row["ended_at"]
    store.run(
        "UPDATE v2_actions SET phase = ?, abort_reason = ?, ended_at = ?, duration_ms = ?, "
        "updated_at = ? WHERE id = ?",
        (
            phase_pb2.ACTION_PHASE_ABORTED,
            reason,
            ended,
            round((ended - row["created_at"]) / 1000),
            moment,
            row["id"],
        ),
    )


def knows_start_time(spec: task_definition_pb2.TaskSpec) -> bool:
    """Whether a task was built by an SDK that reads when its run is meant to have started."""
    found = _VERSION.search(spec.task_template.metadata.runtime.version)
    return found is not None and tuple(map(int, found.groups())) >= _FIRST_WITH_START_TIME


def run(row: sqlite3.Row) -> wire.Run:
    """A row as lists of runs show it."""
    return wire.Run(
        action=wire.Action(id=_identifier(row), metadata=_metadata(row), status=_status(row))
    )


def listed_action(row: sqlite3.Row) -> wire.Action:
    """A row as lists of actions show it: without what it runs."""
    return wire.Action(id=_identifier(row), metadata=wire.ActionMetadata(), status=_status(row))


def details(row: sqlite3.Row) -> wire.ActionDetails:
    """A row in full; no attempt was ever made."""
    found = wire.ActionDetails(
        id=_identifier(row),
        metadata=_metadata(row),
        status=_status(row),
        task=task_definition_pb2.TaskSpec.FromString(row["task_spec"]),
    )
    if row["phase"] == phase_pb2.ACTION_PHASE_ABORTED:
        found.abort_info.reason = row["abort_reason"] or ""
    return found


def _identifier(row: sqlite3.Row) -> identifier_pb2.ActionIdentifier:
    owner = identifier_pb2.RunIdentifier(
        project=row["project"], domain=row["domain"], name=row["run_name"]
    )
    return identifier_pb2.ActionIdentifier(run=owner, name=row["name"])


def _status(row: sqlite3.Row) -> wire.ActionStatus:
    status = wire.ActionStatus(phase=row["phase"], start_time=stamp(row["created_at"]), attempts=1)
    if row["ended_at"] is not None:
        status.end_time.CopyFrom(stamp(row["ended_at"]))
        status.duration_ms = row["duration_ms"]
    return status


def _metadata(row: sqlite3.Row) -> wire.ActionMetadata:
    metadata = wire.ActionMetadata(
        action_type=row["action_type"],
        funtion_name=row["function_name"],
        environment_name=row["environment_name"] or "",
        source=row["run_source"],
    )
    if row["created_by"] is not None:
        metadata.executed_by.CopyFrom(identity_pb2.EnrichedIdentity.FromString(row["created_by"]))
    if row["trigger_name"] is not None:
        metadata.trigger_name = row["trigger_name"]
        name = identifier_pb2.TriggerName(
            project=row["project"],
            domain=row["domain"],
            name=row["trigger_name"],
            task_name=row["trigger_task_name"],
        )
        metadata.trigger_id.name.CopyFrom(name)
        metadata.trigger_id.revision = row["trigger_revision"]
    metadata.task.task_type = row["task_type"]
    metadata.task.short_name = row["task_short_name"] or ""
    if row["task_name"] is not None:
        parts = {part: row[column] or "" for column, part in _TASK_COLUMNS.items()}
        metadata.task.id.CopyFrom(task_definition_pb2.TaskIdentifier(**parts))
    return metadata
