"""Attempts of tasks as they are stored, one row each: found by their key, shown as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import task_execution_pb2
from flyteidl.core import identifier_pb2

from reconciler.server.flyte1 import checks, execution_rows, keys, node_rows, versioned
from reconciler.server.flyte1.refusals import not_found

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store

Key = tuple[str, str, str, str, str, str, str, str, int]

KEY = (
    *execution_rows.KEY, "node_id", "project", "domain", "name", "version", "retry_attempt",
)  # fmt: skip


def key_of(name: identifier_pb2.TaskExecutionIdentifier) -> Key:
    """The execution's key, the node, the task's key and the attempt."""
    task = name.task_id
    return (
        *execution_rows.key_of(name.node_execution_id.execution_id),
        name.node_execution_id.node_id,
        task.project,
        task.domain,
        task.name,
        task.version,
        name.retry_attempt,
    )


def find(store: Store, name: identifier_pb2.TaskExecutionIdentifier) -> sqlite3.Row | None:
    """The task execution's row; an incomplete key finds some attempt of this number."""
    return keys.first(store, "task_executions", dict(zip(KEY, key_of(name), strict=True)))


def existing(store: Store, name: identifier_pb2.TaskExecutionIdentifier) -> sqlite3.Row:
    """The task execution's row; NOT_FOUND when there is none."""
    row = find(store, name)
    if row is None:
        shown = identifier_pb2.TaskExecutionIdentifier(
            task_id=versioned.bare(name.task_id),
            node_execution_id=node_rows.bare(name.node_execution_id),
        )
        raise not_found("task execution", shown)
    return row


def closure(row: sqlite3.Row) -> task_execution_pb2.TaskExecutionClosure:
    """What became of the attempt."""
    return task_execution_pb2.TaskExecutionClosure.FromString(row["closure"])


def message(store: Store, row: sqlite3.Row) -> task_execution_pb2.TaskExecution:
    """A stored attempt, with its whole error in lists too."""
    child = store.row(
        "SELECT id FROM node_executions WHERE parent_task_execution_id = ? LIMIT 1", (row["id"],)
    )
    return task_execution_pb2.TaskExecution(
        id=identifier_pb2.TaskExecutionIdentifier(
            task_id=versioned.identifier_of(row, checks.TASK),
            node_execution_id=node_rows.identifier(row),
            retry_attempt=row["retry_attempt"],
        ),
        input_uri=row["input_uri"],
        closure=closure(row),
        is_parent=child is not None,
    )
