"""Actions as objects in Kubernetes, of which the manager has one for each that is executed.

All projects share one namespace, so an object's name is that of the run and of the action alone. An
object that is gone is still known, since whoever watches its parent is told how it ended
(v2.0.43, actions/k8s/client.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from flyteidl2.common import identifier_pb2

from reconciler.server.flyte2 import object_checks
from reconciler.server.flyte2.refusals import unknown_object
from reconciler.server.status import internal

if TYPE_CHECKING:
    import sqlite3

    from flyteidl2.actions import actions_service_pb2 as wire
    from flyteidl2.task import run_pb2

    from reconciler.server.store import Store

_ROOT = "a0"
_NAMESPACE = "flyte"
_COLUMNS = "name, project, domain, run_name, action_name, parent, output_base, is_there"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
# FNV-1a with 32 bits.
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
_FNV_MASK = 2**32 - 1


def name(action: identifier_pb2.ActionIdentifier) -> str:
    """The object's name; an action that is called as its run is the root."""
    return f"{action.run.name}-{_ROOT if action.name == action.run.name else action.name}"


def create(store: Store, action: wire.Action, run_spec: run_pb2.RunSpec | None = None) -> bool:
    """Make an action's object; False when there is one of its name, of whatever project.

    INTERNAL when Kubernetes refuses it; `run_spec` is that of a root.
    """
    identifier, run = action.action_id, action.action_id.run
    own, kind = name(identifier), "condition " if action.HasField("condition") else ""
    if reasons := object_checks.reasons(own, action, run_spec):
        text = reasons[0] if len(reasons) == 1 else f"[{', '.join(reasons)}]"
        raise internal(
            f"failed to create {kind}TaskAction CR {own}: "
            f'TaskAction.flyte.org "{own}" is invalid: {text}'
        )
    if exists(store, identifier):
        return False
    place = (run.project, run.domain, run.name, identifier.name)
    store.run(
        f"INSERT OR REPLACE INTO v2_objects ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, 1)",  # noqa: S608  # own names
        (own, *place, action.parent_action_name, action.run_output_base),
    )
    return True


def exists(store: Store, action: identifier_pb2.ActionIdentifier) -> bool:
    """Whether there is an object of this name."""
    return _there(store, name(action)) is not None


def existing(store: Store, action: identifier_pb2.ActionIdentifier) -> sqlite3.Row:
    """The object of this name; INTERNAL when there is none."""
    row = _there(store, name(action))
    if row is None:
        raise unknown_object("TaskAction", name(action))
    return row


def action_of(row: sqlite3.Row) -> identifier_pb2.ActionIdentifier:
    """Which action an object was made for."""
    run = identifier_pb2.RunIdentifier(
        project=row["project"], domain=row["domain"], name=row["run_name"]
    )
    return identifier_pb2.ActionIdentifier(run=run, name=row["action_name"])


def remove(store: Store, row: sqlite3.Row) -> None:
    """Take an object away; what is below it is left to the caller."""
    store.run("UPDATE v2_objects SET is_there = 0 WHERE name = ?", (row["name"],))


def below(store: Store, row: sqlite3.Row) -> list[sqlite3.Row]:
    """The objects that an object owns."""
    return store.rows(
        "SELECT * FROM v2_objects WHERE run_name = ? AND parent = ? AND is_there ORDER BY name",
        (row["run_name"], row["action_name"]),
    )


def around(store: Store, action: identifier_pb2.ActionIdentifier) -> list[sqlite3.Row]:
    """An action's object and those directly below it, of its own project alone."""
    run = action.run
    return store.rows(
        "SELECT * FROM v2_objects WHERE project = ? AND domain = ? AND run_name = ? "
        "AND (action_name = ? OR (parent = ? AND parent != '')) AND is_there ORDER BY name",
        (run.project, run.domain, run.name, action.name, action.name),
    )


def of(store: Store, action: identifier_pb2.ActionIdentifier) -> sqlite3.Row | None:
    """The object that is or was made for this very action."""
    run = action.run
    return store.row(
        "SELECT * FROM v2_objects WHERE name = ? AND project = ? AND domain = ?",
        (name(action), run.project, run.domain),
    )


def output_place(row: sqlite3.Row, attempt: int) -> str:
    """Where an attempt writes: below a folder that spreads actions over the container."""
    given: str = row["output_base"]
    if not given:
        return ""
    base = urlsplit(given)
    shard = _shard(f"{_NAMESPACE}/{row['name']}")
    parts = (shard, base.path.strip("/"), row["action_name"], str(attempt or 1))
    return urlunsplit(base._replace(path="/" + "/".join(part for part in parts if part)))


def _shard(text: str) -> str:
    number = _FNV_OFFSET
    for byte in text.encode():
        number = (number ^ byte) * _FNV_PRIME & _FNV_MASK
    first, second = divmod(number % len(_ALPHABET) ** 2, len(_ALPHABET))
    return _ALPHABET[first] + _ALPHABET[second]


def _there(store: Store, object_name: str) -> sqlite3.Row | None:
    return store.row("SELECT * FROM v2_objects WHERE name = ? AND is_there", (object_name,))
