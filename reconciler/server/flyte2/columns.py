"""Which columns filters and sort keys may name, table by table, and their PostgreSQL types.

Filters send every value as text; PostgreSQL reads it as the column's type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(Enum):
    """A column's PostgreSQL type."""

    Text = "text"
    Integer = "integer"
    Bigint = "bigint"
    Boolean = "boolean"
    Time = "timestamp with time zone"
    Bytes = "bytea"
    # In the manager's list of columns, but not in its database.
    Missing = "missing"


@dataclass(frozen=True, slots=True)
class Table:
    """`name` in our database, `columns` by name.

    A list without a sort key has `default` order; `ties` order what a sort key leaves equal, which
    where the manager does not care is by age. `nullable` columns may hold nothing.
    """

    name: str
    columns: Mapping[str, Kind]
    default: str
    ties: str = "id"
    nullable: frozenset[str] = frozenset()


def _texts(*names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, Kind.Text)


def _times(*names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, Kind.Time)


PROJECTS = Table(
    "v2_projects",
    _texts("identifier", "name", "description")
    | {"labels": Kind.Bytes, "state": Kind.Integer}
    | _times("created_at", "updated_at"),
    default="id",
)
TASKS = Table(
    "v2_tasks",
    _texts(
        "project", "domain", "name", "version", "environment", "function_name", "deployed_by",
        "trigger_name", "env_description", "short_description",
    )
    | {"total_triggers": Kind.Integer, "active_triggers": Kind.Integer}
    | _times("created_at", "updated_at"),
    default="created_at DESC",
    nullable=frozenset({"trigger_name", "env_description", "short_description"}),
)  # fmt: skip
VERSIONS = Table("v2_tasks", _texts("version") | _times("created_at"), default="created_at DESC")
TRIGGERS = Table(
    "v2_triggers",
    _texts("project", "domain", "task_name", "name", "task_version", "automation_type")
    | {"active": Kind.Boolean}
    | _times("deployed_at", "updated_at"),
    default="active DESC, updated_at DESC",
)
# Filters and sort keys of a history are checked and then not used.
REVISIONS = Table(
    "v2_trigger_revisions",
    {"revision": Kind.Bigint, "action": Kind.Text} | _times("deployed_at", "updated_at"),
    default="revision DESC",
)

ACTIONS = Table(
    "v2_actions",
    _texts(
        "project", "domain", "run_name", "run_source", "created_by_subject", "trigger_task_name",
        "trigger_name", "task_project", "task_domain", "task_name", "task_version",
        "function_name",
    )
    | {"phase": Kind.Integer, "action_type": Kind.Integer, "trigger_revision": Kind.Bigint}
    | {"duration_ms": Kind.Bigint, "trigger_type": Kind.Missing}
    | _times("created_at", "updated_at", "ended_at"),
    default="phase, created_at DESC, run_name DESC, name DESC",
    ties="run_name, name",
    nullable=frozenset(
        {
            "created_by_subject", "trigger_task_name", "trigger_name", "trigger_revision",
            "task_project", "task_domain", "task_name", "task_version", "ended_at", "duration_ms",
        }
    ),
)  # fmt: skip

_NUMBER = re.compile(r"[+-]?[0-9]+")
_BITS = {Kind.Integer: 31, Kind.Bigint: 63}
# PostgreSQL takes any beginning of these that leaves no doubt.
_BOOLEANS = {"true": 1, "yes": 1, "on": 1, "1": 1, "false": 0, "no": 0, "off": 0, "0": 0}


class ValueRefusedError(ValueError):
    """PostgreSQL cannot read a value as its column's type; in its words, with its `state`."""

    def __init__(self, text: str, state: str) -> None:
        super().__init__(text)
        self.state = state


def cast(kind: Kind, value: str) -> str | int:
    """A filter's value as its column's type; ValueRefusedError when it is none."""
    match kind:
        case Kind.Integer | Kind.Bigint:
            return _integer(kind, value)
        case Kind.Boolean:
            return _boolean(value)
        case Kind.Time:
            return _micros(value)
        case Kind.Bytes:
            return value.encode().hex()
        case _:
            return value


def _integer(kind: Kind, value: str) -> int:
    if not _NUMBER.fullmatch(value.strip()):
        raise _unreadable(kind, value)
    number, bound = int(value), 2 ** _BITS[kind]
    if not -bound <= number < bound:
        text = f'value "{value}" is out of range for type {kind.value}'
        raise ValueRefusedError(text, "22003")
    return number


def _boolean(value: str) -> int:
    text = value.strip().lower()
    meant = {number for word, number in _BOOLEANS.items() if text and word.startswith(text)}
    if text == "o" or len(meant) != 1:
        raise _unreadable(Kind.Boolean, value)
    return meant.pop()


def _micros(value: str) -> int:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise _unreadable(Kind.Time, value) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


def _unreadable(kind: Kind, value: str) -> ValueRefusedError:
    state = "22007" if kind is Kind.Time else "22P02"
    return ValueRefusedError(f'invalid input syntax for type {kind.value}: "{value}"', state)
