"""What became of each action of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import (
    BackendError,
    ConflictError,
    DefectError,
    DeniedError,
    LimitError,
    ReconcilerError,
    UnsupportedError,
)
from reconciler.plan.plan import Action

_REFUSALS = (ConflictError, DeniedError, LimitError, UnsupportedError)
"""Answers that say that nothing was done."""

INTERRUPTED = "interrupted before it started"
"""Detail of an action that a signal kept from starting."""

ABANDONED = "not started after a defect of the reconciler"
"""Detail of an action that a fault of ours kept from starting."""


class Status(StrEnum):
    """How an action ended."""

    DONE = "done"
    FAILED = "failed"
    DEFERRED = "deferred"
    """A limit of the backend's is reached for now; the next pass goes on."""
    SKIPPED = "skipped"
    """Something it waits for failed, or the run was interrupted before it started."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one action. `detail` says why it failed or what it waited for in vain.

    `revision` is the one that a mutable object has by it, or the name of the run that was started;
    empty for what has none.
    """

    action: Action
    status: Status
    detail: str = ""
    error: ReconcilerError | None = None
    revision: str = ""

    @property
    def is_done(self) -> bool:
        """Say whether it succeeded."""
        return self.status is Status.DONE


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes of one run, in the order in which they came."""

    outcomes: tuple[Outcome, ...]

    @property
    def done(self) -> Mapping[str, str]:
        """Ids of the actions that succeeded, with the revisions that they made."""
        return {item.action.id: item.revision for item in self.outcomes if item.is_done}

    @property
    def unsure(self) -> frozenset[str]:
        """Ids of the actions that failed and may have been carried out all the same."""
        return frozenset(
            item.action.id
            for item in self.outcomes
            if isinstance(item.error, BackendError | DefectError)
            and not isinstance(item.error, _REFUSALS)
        )

    @property
    def deferred(self) -> tuple[Outcome, ...]:
        """Outcomes that are left for the next pass, which is no failure."""
        return tuple(item for item in self.outcomes if item.status is Status.DEFERRED)

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """Outcomes that are not what the plan said, causes before consequences."""
        failed = [item for item in self.outcomes if item.status is Status.FAILED]
        skipped = [item for item in self.outcomes if item.status is Status.SKIPPED]
        return (*failed, *skipped)
