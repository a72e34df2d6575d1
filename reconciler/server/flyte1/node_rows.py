"""Node executions as they are stored: found by their key, shown as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import node_execution_pb2
from flyteidl.core import identifier_pb2

from reconciler.server.flyte1 import execution_rows, keys
from reconciler.server.flyte1.refusals import not_found

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store


def find(store: Store, name: identifier_pb2.NodeExecutionIdentifier) -> sqlite3.Row | None:
    """The node execution's row; an incomplete key finds some node."""
    key = dict(zip(execution_rows.KEY, execution_rows.key_of(name.execution_id), strict=True))
    return keys.first(store, "node_executions", {**key, "node_id": name.node_id})


def existing(store: Store, name: identifier_pb2.NodeExecutionIdentifier) -> sqlite3.Row:
    """The node execution's row; NOT_FOUND when there is none."""
    row = find(store, name)
    if row is None:
        raise not_found("node execution", bare(name))
    return row


def bare(
    name: identifier_pb2.NodeExecutionIdentifier,
) -> identifier_pb2.NodeExecutionIdentifier:
    """The parts of the key alone, as NOT_FOUND texts show them."""
    project, domain, run = execution_rows.key_of(name.execution_id)
    execution = identifier_pb2.WorkflowExecutionIdentifier(project=project, domain=domain, name=run)
    return identifier_pb2.NodeExecutionIdentifier(node_id=name.node_id, execution_id=execution)


def closure(row: sqlite3.Row) -> node_execution_pb2.NodeExecutionClosure:
    """What became of the node."""
    return node_execution_pb2.NodeExecutionClosure.FromString(row["closure"])


def metadata(row: sqlite3.Row) -> node_execution_pb2.NodeExecutionMetaData:
    """What kind of node it is."""
    return node_execution_pb2.NodeExecutionMetaData.FromString(row["node_execution_metadata"])


def identifier(row: sqlite3.Row) -> identifier_pb2.NodeExecutionIdentifier:
    """The node execution that a row is, or belongs to."""
    return identifier_pb2.NodeExecutionIdentifier(
        execution_id=execution_rows.identifier(row), node_id=row["node_id"]
    )


def message(
    store: Store, row: sqlite3.Row, *, listed: bool = False
) -> node_execution_pb2.NodeExecution:
    """A stored node execution.

    Engines of old do not say which nodes are parents: a node that has children is one, in every
    list, and in a single read only when its event was of such an engine.
    """
    outcome = closure(row)
    if listed and outcome.HasField("error"):
        outcome.error.message = execution_rows.shortened(outcome.error.message)
    about = metadata(row)
    asked = listed or row["event_version"] == 0
    if asked and not (about.is_parent_node or about.is_dynamic) and _has_children(store, row):
        about.is_parent_node = True
        about.is_dynamic = bool(row["dynamic_workflow_remote_closure_reference"])
    return node_execution_pb2.NodeExecution(
        id=identifier(row), input_uri=row["input_uri"], closure=outcome, metadata=about
    )


def _has_children(store: Store, row: sqlite3.Row) -> bool:
    found = store.row("SELECT id FROM node_executions WHERE parent_id = ? LIMIT 1", (row["id"],))
    return found is not None
