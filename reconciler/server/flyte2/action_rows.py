"""Rows of actions and of their events: how they are written (v2.0.43, runs/repository/impl).

A run is its root action. Whatever is written is told to the streams that are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2, phase_pb2
from flyteidl2.workflow import run_definition_pb2 as wire

from reconciler.server.clock import micros, now
from reconciler.server.flyte2 import task_objects

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from reconciler.server.store import Store, Value

ROOT = "a0"
RUN_TOLD, ACTION_TOLD, TRACE_TOLD = "runs/", "actions/", "traces/"

SUCCEEDED = phase_pb2.ACTION_PHASE_SUCCEEDED
FAILED = phase_pb2.ACTION_PHASE_FAILED
ABORTED = phase_pb2.ACTION_PHASE_ABORTED
TIMED_OUT = phase_pb2.ACTION_PHASE_TIMED_OUT
PAUSED = phase_pb2.ACTION_PHASE_PAUSED
RECOVERED = phase_pb2.ACTION_PHASE_RECOVERED
TERMINAL = frozenset({SUCCEEDED, FAILED, ABORTED, TIMED_OUT, RECOVERED})

_RETRYABLE = frozenset({FAILED, TIMED_OUT})
_MAX_EVENTS = 500
_OF_RUN = "SELECT * FROM v2_actions WHERE project = ? AND domain = ? AND run_name = ?"
_EVENTS = (
    "SELECT info FROM v2_action_events "
    "WHERE project = ? AND domain = ? AND run_name = ? AND name = ?"
)


def _run(run: identifier_pb2.RunIdentifier) -> tuple[str, str, str]:
    return run.project, run.domain, run.name


def find(store: Store, run: identifier_pb2.RunIdentifier, name: str = ROOT) -> sqlite3.Row | None:
    """The row of one action."""
    return store.row(f"{_OF_RUN} AND name = ?", (*_run(run), name))


def find_run(store: Store, run: identifier_pb2.RunIdentifier) -> sqlite3.Row | None:
    """The row of a run, which is whatever action has no parent."""
    return store.row(f"{_OF_RUN} AND parent_action_name IS NULL ORDER BY id", _run(run))


def inside(store: Store, run: identifier_pb2.RunIdentifier) -> list[sqlite3.Row]:
    """The rows of all actions of a run, those that began first before the others."""
    return store.rows(f"{_OF_RUN} ORDER BY created_at, name", _run(run))


def insert(
    store: Store, action: identifier_pb2.ActionIdentifier, values: Mapping[str, Value]
) -> bool:
    """A new action; False when there is one of that name, which stays as it is."""
    if find(store, action.run, action.name) is not None:
        return False
    moment = now()
    project, domain, run_name = _run(action.run)
    row: dict[str, Value] = {
        "project": project,
        "domain": domain,
        "run_name": run_name,
        "name": action.name,
        "created_at": moment,
        "updated_at": moment,
        **values,
    }
    if (ended := row.get("ended_at")) is not None:
        row["duration_ms"] = _milliseconds(row["created_at"], ended)
    places = ", ".join("?" * len(row))
    sql = f"INSERT INTO v2_actions ({', '.join(row)}) VALUES ({places})"  # noqa: S608  # own names
    store.run(sql, list(row.values()))
    store.changes.tell(_action_path(action))
    return True


def update(
    store: Store, action: identifier_pb2.ActionIdentifier, status: wire.ActionStatus
) -> None:
    """Take an action to another phase; an earlier one, or one after the end, changes nothing.

    Streams of runs hear of the root action all the same.
    """
    row = find(store, action.run, action.name)
    if row is not None and _may_become(row["phase"], status.phase):
        _write_phase(store, row, status)
        store.changes.tell(_action_path(action))
    if action.name == ROOT:
        store.changes.tell(_run_path(action.run))


def _may_become(old: int, new: int) -> bool:
    return old <= new or old in _RETRYABLE or (old == PAUSED and new in TERMINAL)


def _write_phase(store: Store, row: sqlite3.Row, status: wire.ActionStatus) -> None:
    moment = now()
    changed: dict[str, Value] = {
        "phase": status.phase,
        "attempts": status.attempts,
        "cache_status": status.cache_status,
        "updated_at": moment,
    }
    began: int = row["created_at"]
    if status.HasField("start_time"):
        began = min(began, micros(status.start_time))
        changed["created_at"] = began
    if status.HasField("end_time") or status.phase in TERMINAL:
        given = micros(status.end_time) if status.HasField("end_time") else moment
        ended = max(given, began) if row["ended_at"] is None else row["ended_at"]
        changed |= {"ended_at": ended, "duration_ms": _milliseconds(began, ended)}
    change(store, row, changed)


def abort(store: Store, row: sqlite3.Row, reason: str) -> None:
    """Abort an action in whatever phase; its end is that of the first time.

    What Kubernetes knows of it goes away, and what is below it there with it.
    """
    moment = now()
    ended = max(moment, row["created_at"]) if row["ended_at"] is None else row["ended_at"]
    changed: dict[str, Value] = {
        "phase": ABORTED,
        "abort_reason": reason,
        "ended_at": ended,
        "duration_ms": _milliseconds(row["created_at"], ended),
        "updated_at": moment,
    }
    change(store, row, changed)
    action = identifier(row)
    if row["parent_action_name"] is None:
        store.changes.tell(_run_path(action.run))
    store.changes.tell(_action_path(action))
    if task_objects.exists(store, action):
        remove(store, task_objects.existing(store, action))


def remove(store: Store, found: sqlite3.Row) -> None:
    """Take an object out of Kubernetes; its action is aborted, unless that has ended."""
    task_objects.remove(store, found)
    action = task_objects.action_of(found)
    row = find(store, action.run, action.name)
    if row is not None and row["phase"] not in TERMINAL:
        status = wire.ActionStatus(phase=ABORTED, attempts=row["attempts"])
        update(store, action, status)
    for below in task_objects.below(store, found):
        remove(store, below)


def change(store: Store, row: sqlite3.Row, values: Mapping[str, Value]) -> None:
    """Write columns of a row."""
    columns = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE v2_actions SET {columns} WHERE id = ?"  # noqa: S608  # own names
    store.run(sql, [*values.values(), row["id"]])


def add_events(store: Store, events: Iterable[wire.ActionEvent]) -> None:
    """Keep events; one of the same attempt, phase and version is there already."""
    moment, told = now(), set()
    for event in events:
        key = (*_run(event.id.run), event.id.name, event.attempt, event.phase, event.version)
        store.run(
            "INSERT OR IGNORE INTO v2_action_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, event.SerializeToString(), moment, moment),
        )
        told.add(_action_path(event.id))
    store.changes.tell(*sorted(told))


def events(store: Store, action: identifier_pb2.ActionIdentifier) -> list[wire.ActionEvent]:
    """The first events of an action."""
    rows = store.rows(
        f"{_EVENTS} ORDER BY attempt, phase, version LIMIT ?",
        (*_run(action.run), action.name, _MAX_EVENTS),
    )
    return [wire.ActionEvent.FromString(row["info"]) for row in rows]


def events_since(
    store: Store, action: identifier_pb2.ActionIdentifier, attempt: int, since: int
) -> tuple[list[wire.ActionEvent], int]:
    """An attempt's events that were kept after a time, and the time of the last one."""
    rows = store.rows(
        "SELECT info, updated_at FROM v2_action_events WHERE project = ? AND domain = ? "
        "AND run_name = ? AND name = ? AND attempt = ? AND updated_at > ? "
        "ORDER BY updated_at, phase, version",
        (*_run(action.run), action.name, attempt, since),
    )
    last = rows[-1]["updated_at"] if rows else since
    return [wire.ActionEvent.FromString(row["info"]) for row in rows], last


def last_event(
    store: Store, action: identifier_pb2.ActionIdentifier, attempt: int
) -> wire.ActionEvent | None:
    """An attempt's event of the highest phase and version."""
    row = store.row(
        f"{_EVENTS} AND attempt = ? ORDER BY phase DESC, version DESC LIMIT 1",
        (*_run(action.run), action.name, attempt),
    )
    return None if row is None else wire.ActionEvent.FromString(row["info"])


def identifier(row: sqlite3.Row) -> identifier_pb2.ActionIdentifier:
    """Which action a row is."""
    run = identifier_pb2.RunIdentifier(
        project=row["project"], domain=row["domain"], name=row["run_name"]
    )
    return identifier_pb2.ActionIdentifier(run=run, name=row["name"])


def tell_of_trace(store: Store, action: identifier_pb2.ActionIdentifier) -> None:
    """Say that a running task has told of a trace, known or not."""
    store.changes.tell(TRACE_TOLD + "/".join((*_run(action.run), action.name)))


def _run_path(run: identifier_pb2.RunIdentifier) -> str:
    return RUN_TOLD + "/".join(_run(run))


def _action_path(action: identifier_pb2.ActionIdentifier) -> str:
    return ACTION_TOLD + "/".join((*_run(action.run), action.name))


def _milliseconds(began: Value, ended: Value) -> int:
    assert isinstance(began, int)
    assert isinstance(ended, int)
    return round(max(ended - began, 0) / 1000)
