"""Executions as both Flytes have them: an execution of Flyte 1 and a run of Flyte 2 are a `Run`.

What runs inside one, a node of Flyte 1 or an action of Flyte 2, is a `Step`. Neither is ever
compared or written; what is to be started is a `Launch`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from reconciler.model.document import Json
    from reconciler.model.entity import Reference
    from reconciler.model.key import Place


class Phase(StrEnum):
    """The phases of both Flytes, of runs and of steps; each Flyte has some of them."""

    UNDEFINED = "undefined"
    """Flyte 1: made, and not yet reported by its engine."""
    QUEUED = "queued"
    WAITING = "waiting"
    INITIALIZING = "initializing"
    RUNNING = "running"
    PAUSED = "paused"
    """A gate waits for an answer."""
    SUCCEEDING = "succeeding"
    FAILING = "failing"
    ABORTING = "aborting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMED_OUT = "timed-out"
    SKIPPED = "skipped"
    RECOVERED = "recovered"

    @property
    def is_terminal(self) -> bool:
        """Say whether nothing follows it."""
        return self in _TERMINAL

    @property
    def is_success(self) -> bool:
        """Say whether what was to be done is done."""
        return self in {Phase.SUCCEEDED, Phase.RECOVERED, Phase.SKIPPED}


_TERMINAL = frozenset(
    {
        Phase.SUCCEEDED,
        Phase.FAILED,
        Phase.ABORTED,
        Phase.TIMED_OUT,
        Phase.SKIPPED,
        Phase.RECOVERED,
    }
)


class Mode(StrEnum):
    """How a run came to be."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    SYSTEM = "system"
    RELAUNCHED = "relaunched"
    CHILD = "child"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, order=True)
class RunId:
    """Which run something is about."""

    place: Place
    name: str

    def __str__(self) -> str:
        return f"{self.place}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, as a list tells it.

    `entity` is what was started: a launch plan, a trigger or a task; `workflow` what it runs, where
    that is something else. `scheduled_at` is the tick that it carries. `cause` is why it failed or
    was aborted: cut short in lists, whole where one run was read. `is_archived` hides it from
    lists. `facts` are what only one Flyte tells.
    """

    id: RunId
    phase: Phase
    mode: Mode | None = None
    entity: Reference | None = None
    workflow: Reference | None = None
    scheduled_at: datetime | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    created_by: str = ""
    cause: str = ""
    is_archived: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page about a step, such as its log, and what it is called."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a step."""

    number: int
    phase: Phase
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cause: str = ""
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One node execution of Flyte 1, or one action of Flyte 2, with what runs inside it.

    `id` is unique in its run. `does` is task, workflow, launch plan, branch, gate, array, start,
    end or trace. `child` is the run that a launch plan node started. `cache` is what became of the
    cache in words. `has_report` says that there is a deck, or report.
    """

    id: str
    phase: Phase
    does: str = ""
    name: str = ""
    target: Reference | None = None
    child: RunId | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    cache: str = ""
    cause: str = ""
    has_report: bool = False
    inside: tuple[Step, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A point at which a run waits for somebody.

    `signal` is its name in the run and `type` the type of its value as people write it, boolean for
    an approval. `literal_type` is in protobuf's JSON mapping. `is_answered` says that a value was
    set, `value` is that value in the words of the language.
    """

    run: RunId
    signal: str
    type: str
    literal_type: Mapping[str, Json] = field(default_factory=dict)
    is_answered: bool = False
    value: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Named literals with their types, in protobuf's JSON mapping; `reconciler.values` reads them.

    `types` may lack names: the literal alone tells its type then. `uri` is where the whole of it is
    kept, empty where it was sent along.
    """

    literals: Mapping[str, Json] = field(default_factory=dict)
    types: Mapping[str, Json] = field(default_factory=dict)
    uri: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What went into a run or step, and what came out; None where there is nothing to be had."""

    inputs: Values | None = None
    outputs: Values | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a log."""

    text: str
    at: datetime | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a run's time: what its engine did, or a step; `inside` are its parts."""

    name: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    inside: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One run that is to be started: its whole name, and what starting it says.

    `body` is the normal form of the call without the run's name, in the JSON mapping of the Flyte
    it is for; adapters make it (`backends.<flyte>.run.normal`). Equal names have equal bodies: what
    a name is made of says so.
    """

    id: RunId
    body: dict[str, Json] = field(repr=False)
    scheduled_at: datetime | None = None
    attempt: int = 1


class Stopping(StrEnum):
    """What asking for the end of a run came to."""

    ASKED = "asked"
    UNDER_WAY = "under way"
    """Somebody had asked for it before, and the run is still being stopped, with their cause."""
    OVER = "over"
    """It had ended before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What starting a run came to: the run, and whether it was there before."""

    run: Run
    was_there: bool = False
