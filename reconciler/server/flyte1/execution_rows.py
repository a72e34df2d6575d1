"""Executions as they are stored: found by their key, written back, shown as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import execution_pb2
from flyteidl.core import execution_pb2 as core_execution
from flyteidl.core import identifier_pb2

from reconciler.server.clock import now
from reconciler.server.flyte1 import checks, keys
from reconciler.server.flyte1.event_kit import phase_number
from reconciler.server.flyte1.refusals import missing, not_found

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store, Value

Phase = core_execution.WorkflowExecution
TERMINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.TIMED_OUT, Phase.ABORTED})

# The columns of an execution's key, in its own table and in those of what it owns.
KEY = ("execution_project", "execution_domain", "execution_name")

# Of an error's message, lists show this many bytes.
_SHOWN_BYTES = 100


def key_of(name: identifier_pb2.WorkflowExecutionIdentifier) -> tuple[str, str, str]:
    """Project, domain and name, the key of everything that an execution owns."""
    return name.project, name.domain, name.name


def check_identifier(
    name: identifier_pb2.WorkflowExecutionIdentifier | None, field: str = "id"
) -> identifier_pb2.WorkflowExecutionIdentifier:
    """A complete identifier of an execution."""
    if name is None:
        raise missing(field)
    checks.text(name.project, "project")
    checks.text(name.domain, "domain")
    checks.text(name.name, "name")
    return name


def find(store: Store, key: tuple[str, str, str]) -> sqlite3.Row | None:
    """The execution's row; an incomplete key finds some execution that has the rest of it."""
    return keys.first(store, "executions", dict(zip(KEY, key, strict=True)))


def existing(store: Store, name: identifier_pb2.WorkflowExecutionIdentifier) -> sqlite3.Row:
    """The execution's row; NOT_FOUND when there is none."""
    row = find(store, key_of(name))
    if row is None:
        raise not_found(
            "execution",
            identifier_pb2.Identifier(project=name.project, domain=name.domain, name=name.name),
        )
    return row


def phase(row: sqlite3.Row) -> int:
    """The number of a row's phase."""
    return phase_number(Phase.Phase, row["phase"])


def spec(row: sqlite3.Row) -> execution_pb2.ExecutionSpec:
    """What the execution was asked for."""
    return execution_pb2.ExecutionSpec.FromString(row["spec"])


def closure(row: sqlite3.Row) -> execution_pb2.ExecutionClosure:
    """What became of the execution."""
    return execution_pb2.ExecutionClosure.FromString(row["closure"])


def write(store: Store, table: str, row: sqlite3.Row, **columns: Value) -> None:
    """Change columns of one row of `table`, and its update time."""
    given = {"updated_at": now(), **columns}
    places = ", ".join(f'"{name}" = ?' for name in given)
    with store.writing():
        store.run(
            f"UPDATE {table} SET {places} WHERE id = ?",  # noqa: S608
            (*given.values(), row["id"]),
        )


def identifier(row: sqlite3.Row) -> identifier_pb2.WorkflowExecutionIdentifier:
    """The execution that a row is, or belongs to."""
    return identifier_pb2.WorkflowExecutionIdentifier(
        project=row["execution_project"],
        domain=row["execution_domain"],
        name=row["execution_name"],
    )


def message(row: sqlite3.Row, *, listed: bool = False) -> execution_pb2.Execution:
    """A stored execution; an aborted one tells the cause, whatever its last event told."""
    outcome = closure(row)
    if listed and outcome.HasField("error"):
        outcome.error.message = shortened(outcome.error.message)
    if row["phase"] == "ABORTED" and not outcome.HasField("abort_metadata"):
        outcome.abort_metadata.cause = row["abort_cause"]
    return execution_pb2.Execution(id=identifier(row), spec=spec(row), closure=outcome)


def shortened(text: str) -> str:
    """The beginning of an error's message, as lists show it."""
    raw = text.encode()
    return text if len(raw) <= _SHOWN_BYTES else raw[:_SHOWN_BYTES].decode(errors="ignore")
