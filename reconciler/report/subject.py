"""What a report is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.model.origin import Severity
from reconciler.report.causes import Causes

if TYPE_CHECKING:
    from reconciler.model.origin import Problem
    from reconciler.plan.plan import Change, Plan
    from reconciler.plan.policies import Verdict


@dataclass(frozen=True, slots=True)
class Firings:
    """When a schedule fires, before and after a change; empty where it does not, or is unknown."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def _unknown(_change: Change) -> Firings:
    return Firings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A plan and the documents that it comes from, or the problems that keep it from being made.

    `target` names what is reported on, so that a later report finds an earlier one. `failure` says
    why there is no plan, where no document is at fault; with `is_check` none was asked for, only
    whether the documents are sound. `folder` leads from the root of the repository to where places
    are relative to.
    """

    target: str
    plan: Plan | None = None
    problems: tuple[Problem, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    failure: str = ""
    is_check: bool = False
    causes: Causes = field(default_factory=Causes)
    folder: str = ""
    firings: Callable[[Change], Firings] = _unknown

    @property
    def is_failure(self) -> bool:
        """Say whether what was asked for could not be done, or a policy refuses it."""
        if any(not one.passed for one in self.verdicts):
            return True
        if self.is_check:
            return any(one.severity is Severity.ERROR for one in self.problems)
        return self.plan is None

    @property
    def topic(self) -> str:
        """Name what the report is one of."""
        return "check" if self.is_check else "plan"

    def file(self, name: str) -> str:
        """Write the path of a file from the root of the repository."""
        return f"{self.folder}/{name}" if self.folder and not name.startswith("/") else name
