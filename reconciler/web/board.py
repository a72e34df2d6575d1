"""What the page shows, as values: one board per set, replaced whole after each look at it.

Whoever looks at sets (`serve`, the operator) puts boards here; the page only reads them, so that a
reader costs Flyte nothing and two readers see the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.engine.audit import NOTHING, Audit
from reconciler.engine.status import ObjectStatus, Standing
from reconciler.model.document import Json
from reconciler.model.drive import Row
from reconciler.model.key import Key
from reconciler.model.run import Run
from reconciler.plan.plan import Change


class State(StrEnum):
    """How a set stands, in one word."""

    IN_SYNC = "in sync"
    PENDING = "pending"
    FAILED = "failed"
    STALLED = "stalled"
    SUSPENDED = "suspended"
    UNKNOWN = "not looked at yet"


class Result(StrEnum):
    """How one sync ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One sync that is over; `outcomes` say of each changed object how it went."""

    at: datetime | None
    result: Result
    revision: str = ""
    message: str = ""
    plan: str = ""
    changes: tuple[Change, ...] = ()
    outcomes: Mapping[Key, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How far one backfill is."""

    key: Key
    rows: tuple[Row, ...]
    waits: str = ""
    failure: str = ""
    is_done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One set.

    `name` is that of the set, or with its namespace that of a custom resource. `changes` are those
    that a look now would make, by object. `schedules` are live schedules in normal form. `runs` are
    the executions of the last day or so. `syncs` and `audit` are the newest first.
    """

    name: str
    state: State = State.UNKNOWN
    message: str = ""
    connection: str = ""
    source: str = ""
    revision: str = ""
    looked_at: datetime | None = None
    next_at: datetime | None = None
    objects: tuple[ObjectStatus, ...] = ()
    others: tuple[ObjectStatus, ...] = ()
    changes: Mapping[Key, Change] = field(default_factory=dict)
    schedules: Mapping[Key, Mapping[str, Json]] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    fills: tuple[Fill, ...] = ()
    syncs: tuple[Sync, ...] = ()
    audit: Audit = NOTHING
    warnings: tuple[str, ...] = ()

    def count(self, *standings: Standing) -> int:
        """Count the objects that stand in one of some ways."""
        return sum(1 for item in self.objects if item.standing in standings)


@dataclass(slots=True)
class Boards:
    """All boards, by name."""

    _boards: dict[str, Board] = field(default_factory=dict)

    def put(self, board: Board) -> None:
        """Show a board in place of the one before."""
        self._boards[board.name] = board

    def drop(self, name: str) -> None:
        """Show a set no longer."""
        self._boards.pop(name, None)

    def get(self, name: str) -> Board | None:
        """Return the board of a set."""
        return self._boards.get(name)

    def all(self) -> tuple[Board, ...]:
        """Return every board, in the order of their names."""
        return tuple(board for _, board in sorted(self._boards.items()))
