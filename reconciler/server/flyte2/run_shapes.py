"""What the several messages about runs and actions show of their rows; no two show the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2, identity_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2 as wire

from reconciler.server.clock import stamp
from reconciler.server.flyte2 import action_rows, attempts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from reconciler.server.store import Store

TASK = wire.ACTION_TYPE_TASK
TRACE = wire.ACTION_TYPE_TRACE
CONDITION = wire.ACTION_TYPE_CONDITION
TASK_COLUMNS = {
    "task_project": "project",
    "task_domain": "domain",
    "task_name": "name",
    "task_version": "version",
}

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_FIRST_WITH_START_TIME = (2, 3, 6)


def knows_start_time(spec: task_definition_pb2.TaskSpec) -> bool:
    """Whether a task was built by an SDK that reads when its run is meant to have started."""
    found = _VERSION.search(spec.task_template.metadata.runtime.version)
    return found is not None and tuple(map(int, found.groups())) >= _FIRST_WITH_START_TIME


def run(row: sqlite3.Row) -> wire.Run:
    """A row as lists of runs show it."""
    action = wire.Action(
        id=action_rows.identifier(row), metadata=_metadata(row), status=_status(row)
    )
    return wire.Run(action=action)


def listed_action(row: sqlite3.Row) -> wire.Action:
    """A row as lists of actions show it: where it belongs, not what it runs."""
    return wire.Action(
        id=action_rows.identifier(row),
        metadata=wire.ActionMetadata(
            parent=row["parent_action_name"] or "", group=row["action_group"] or ""
        ),
        status=_status(row, least=1),
    )


def watched_action(
    row: sqlite3.Row, counts: Mapping[int, int], *, is_shown: bool
) -> wire.EnrichedAction:
    """A row as streams of actions show it, with how many of those below it are in which phase."""
    metadata = _metadata(row)
    metadata.ClearField("action_type")
    metadata.ClearField("executed_by")
    if row["action_type"] == TASK:
        metadata.task.id.SetInParent()
        if row["task_short_name"] is None:
            metadata.task.short_name = (row["task_name"] or "").rpartition(".")[2]
    else:
        metadata.environment_name = ""
    if row["action_type"] == TRACE:
        metadata.trace.name = row["task_name"] or ""
    return wire.EnrichedAction(
        action=wire.Action(
            id=action_rows.identifier(row), metadata=metadata, status=_status(row, least=1)
        ),
        meets_filter=is_shown,
        children_phase_counts=counts,
    )


def details(
    store: Store, row: sqlite3.Row, asked: identifier_pb2.ActionIdentifier | None = None
) -> wire.ActionDetails:
    """A row in full, with its attempts; `asked` is how the client named it."""
    action = asked or action_rows.identifier(row)
    found = wire.ActionDetails(
        id=action, metadata=_metadata(row), status=_status(row), attempts=attempts.of(store, action)
    )
    _add_spec(found, row)
    if row["action_type"] == CONDITION and row["output"] is not None:
        found.signal_info.output.CopyFrom(literals_pb2.Literal.FromString(row["output"]))
        if row["signalled_by"] is not None:
            found.signal_info.signalled_by.ParseFromString(row["signalled_by"])
    if row["phase"] == action_rows.ABORTED:
        found.abort_info.reason = row["abort_reason"] or ""
    # Events may lag behind the row; an older attempt's error is not the action's.
    elif row["phase"] == action_rows.FAILED and found.attempts:
        last = found.attempts[-1]
        if last.attempt == row["attempts"]:
            found.error_info.CopyFrom(last.error_info)
    return found


def run_details(
    store: Store, row: sqlite3.Row, asked: identifier_pb2.RunIdentifier
) -> wire.RunDetails:
    """A run in full, with the task as it was when the run was created."""
    action = identifier_pb2.ActionIdentifier(run=asked, name=row["name"])
    found = wire.RunDetails(action=details(store, row, action))
    if row["run_spec"] is not None:
        found.run_spec.CopyFrom(run_pb2.RunSpec.FromString(row["run_spec"]))
    return found


def condition(row: sqlite3.Row) -> wire.ConditionAction:
    """What a condition waits for."""
    return wire.ConditionAction.FromString(row["spec"] or b"")


def _add_spec(found: wire.ActionDetails, row: sqlite3.Row) -> None:
    if row["spec"] is None:
        return
    match row["action_type"]:
        case wire.ACTION_TYPE_TRACE:
            found.trace.ParseFromString(row["spec"])
        case wire.ACTION_TYPE_CONDITION:
            found.condition.ParseFromString(row["spec"])
        case _:
            found.task.ParseFromString(row["spec"])


def _status(row: sqlite3.Row, *, least: int = 0) -> wire.ActionStatus:
    """Phase and times; a duration below `least` is not shown."""
    status = wire.ActionStatus(
        phase=row["phase"],
        start_time=stamp(row["created_at"]),
        attempts=row["attempts"],
        cache_status=row["cache_status"],
    )
    if row["ended_at"] is not None:
        status.end_time.CopyFrom(stamp(row["ended_at"]))
    if row["duration_ms"] is not None and row["duration_ms"] >= least:
        status.duration_ms = row["duration_ms"]
    return status


def _metadata(row: sqlite3.Row) -> wire.ActionMetadata:
    source = row["run_source"]
    metadata = wire.ActionMetadata(
        source=source or None,
        parent=row["parent_action_name"] or "",
        group=row["action_group"] or "",
        action_type=row["action_type"],
        funtion_name=row["function_name"],
        environment_name=row["environment_name"] or "",
    )
    if row["created_by"] is not None:
        metadata.executed_by.CopyFrom(identity_pb2.EnrichedIdentity.FromString(row["created_by"]))
    if row["trigger_name"] is not None:
        _add_trigger(metadata, row)
    match row["action_type"]:
        case wire.ACTION_TYPE_TASK:
            _add_task(metadata.task, row)
        case wire.ACTION_TYPE_TRACE:
            metadata.trace.name = row["function_name"]
        case wire.ACTION_TYPE_CONDITION:
            waits = condition(row)
            metadata.condition.name = row["function_name"] or waits.name
            if waits.HasField("type"):
                metadata.condition.type.CopyFrom(waits.type)
    return metadata


def _add_trigger(metadata: wire.ActionMetadata, row: sqlite3.Row) -> None:
    metadata.trigger_name = row["trigger_name"]
    name = identifier_pb2.TriggerName(
        project=row["project"],
        domain=row["domain"],
        name=row["trigger_name"],
        task_name=row["trigger_task_name"],
    )
    metadata.trigger_id.name.CopyFrom(name)
    metadata.trigger_id.revision = row["trigger_revision"]


def _add_task(metadata: wire.TaskActionMetadata, row: sqlite3.Row) -> None:
    metadata.task_type = row["task_type"]
    metadata.short_name = row["task_short_name"] or ""
    if row["task_name"] is not None:
        parts = {part: row[column] or "" for column, part in TASK_COLUMNS.items()}
        metadata.id.CopyFrom(task_definition_pb2.TaskIdentifier(**parts))
