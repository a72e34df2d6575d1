"""What a declaration of runs wants now: a kind's own pure function makes it of what was read.

A run is started once and never written again, so nothing is compared. What is there under its name
was started; what is not is started, if it is due. The planner turns a `Drive` into actions, one
call each, and knows no kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from reconciler.model.document import Json
    from reconciler.model.run import Gate, Launch, Phase, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The value that a gate is to get, as a literal in protobuf's JSON mapping."""

    gate: Gate
    literal: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How far one run of a declaration is.

    `phase` is None while it was not started; `why` says then what it waits for, else its cause.
    `run` is its latest attempt. `is_covered` says that somebody's run did it and nothing is due.
    `url` is the page of a run that did not end well, empty where none is known.
    """

    scheduled_at: datetime | None = None
    run: RunId | None = None
    phase: Phase | None = None
    attempts: int = 0
    is_covered: bool = False
    why: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Runs in flight of declarations of one kind, by the ledgers of all sets of the Flyte.

    `unread` is why they are not known, empty where they are.
    """

    runs: frozenset[RunId] = frozenset()
    unread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """What is to be done now, and how far the declaration is.

    `launches` are in the order in which they are to be started. `waits` says in words what has to
    happen before more can be done, empty where nothing has. `is_done` means that nothing will ever
    follow for this content: the ledger remembers it, and the runs are not read again. `is_idle`
    means that nothing is wanting now, though something may be later. `failure` is why the
    declaration cannot become done, such as a failed run under `onFailure: Stop`; of one that is
    done, why nothing comes after it. `frozen` is what was decided at first sight and is kept in the
    ledger, such as a relative window; empty leaves what the ledger holds. `outputs` are for people,
    `literals` the same for what takes them. `estimate` is how long what is missing takes at the
    pace of what succeeded, where that is known. `missed` are the ticks that a live schedule did not
    run, of what keeps its gaps; None of anything else.
    """

    launches: tuple[Launch, ...] = ()
    stops: tuple[RunId, ...] = ()
    cause: str = ""
    replies: tuple[Reply, ...] = ()
    rows: tuple[Row, ...] = ()
    waits: str = ""
    failure: str = ""
    is_done: bool = False
    is_idle: bool = False
    frozen: Mapping[str, Json] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)
    literals: Mapping[str, Json] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    estimate: timedelta | None = None
    missed: tuple[datetime, ...] | None = None
