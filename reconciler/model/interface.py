"""Workflows and tasks that plans and triggers refer to: what is asked, and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.document import Json


class Starts(StrEnum):
    """What a run can start."""

    LAUNCH_PLAN = "launch plan"
    WORKFLOW = "workflow"
    TASK = "task"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True, order=True)
class Want:
    """A workflow, or a task of Flyte 2, that must be looked up before a plan can be resolved.

    Exactly one of: `version` names it; `matching` (a glob over versions) asks for the newest;
    `plan` asks for the workflow that the active plan of that name runs in this project-domain.

    With `starts`, it is what a run starts, with all of its inputs: a launch plan of that name (the
    active version where none is named), the default launch plan of a workflow, or a task.
    """

    project: str
    domain: str
    name: str
    version: str = ""
    matching: str = ""
    plan: str = ""
    starts: Starts | None = None

    def unmatched(self, what: str) -> Missing:
        """Say that no version of it matches."""
        where = f"{self.project}/{self.domain}"
        if self.matching == "*":
            return Missing(f"{what} {self.name} is not registered in {where}")
        return Missing(f"no version of {what} {self.name} in {where} matches {self.matching}")


@dataclass(frozen=True, slots=True)
class Workflow:
    """One version of a workflow as far as a plan needs it.

    `inputs` maps names to variables (`flyteidl.core.Variable` as JSON); `defaults` maps the names
    that have a default to its literal. A workflow's defaults live in the default launch plan of the
    same name and version, not in its interface (seen on flyteadmin 1.16.8: a scheduled plan with an
    unbound input is refused although the Python signature has a default).
    """

    project: str
    domain: str
    name: str
    version: str
    inputs: Mapping[str, dict[str, Json]] = field(default_factory=dict)
    defaults: Mapping[str, dict[str, Json]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task(Workflow):
    """One version of a task as far as a trigger needs it; the defaults live in its own spec.

    `is_cached`: equal inputs take the result of an earlier run; `cache_ignored` are inputs that do
    not count for that. `sdk` is the version of the SDK that the task was built with.
    """

    is_cached: bool = False
    cache_ignored: tuple[str, ...] = ()
    sdk: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """The backend answered that there is none; `reason` says what was looked for."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unread:
    """The backend did not answer."""

    cause: str


Catalog = Mapping[Want, Workflow | Missing | Unread]
