"""Everything that can be said of documents without a backend, also where some have errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.engine import policing
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import offline_context, resolve_offline
from reconciler.model.origin import Problem, Severity
from reconciler.plan.policies import Verdict
from reconciler.resolve.context import Adapter, Context, LintsSchedules
from reconciler.specs.validate import Declared, Faulty


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong, in the order of files, and how many objects only a backend can check.

    `verdicts` are those of the set's policies, as far as they can be told.
    """

    problems: tuple[Problem, ...]
    unchecked: int
    verdicts: tuple[Verdict, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop an apply."""
        return tuple(item for item in self.problems if item.severity is Severity.ERROR)


def check(declaration: Declaration, adapters: Mapping[str, Adapter], *, now: datetime) -> Checked:
    """Check what can be checked; what follows from another error only is not said.

    Of a faulty document the schedule is still checked. Where the defaults of the set are at fault,
    so is that of a document that needs them.
    """
    placed = [item for item in declaration.declared if not _needs_defaults(item, declaration)]
    unplaced = [item for item in declaration.declared if item not in placed]
    resolved = resolve_offline(replace(declaration, declared=tuple(placed)), adapters, now=now)
    more = _schedules([*unplaced, *declaration.faulty], adapters, offline_context(declaration, now))
    problems = [*declaration.problems, *resolved.problems, *more]
    problems.sort(key=lambda item: (item.severity, item.origin, item.path))
    traits = {kind: adapter.traits for kind, adapter in adapters.items()}
    verdicts = policing.judge_offline(declaration, resolved.desired.resources, traits)
    return Checked(tuple(problems), resolved.unchecked, verdicts)


def _needs_defaults(item: Declared, declaration: Declaration) -> bool:
    spec = item.spec
    return "defaults" in declaration.unknown and not (
        getattr(spec, "project", "-") and getattr(spec, "domain", "-")
    )


def _schedules(
    items: Sequence[Declared | Faulty], adapters: Mapping[str, Adapter], context: Context
) -> Iterator[Problem]:
    for item in items:
        adapter = adapters.get(item.kind)
        if not isinstance(adapter, LintsSchedules):
            continue
        if isinstance(item, Faulty):
            schedule = item.sound.get("schedule")
            if schedule is not None:
                yield from adapter.lint(item.as_declared(schedule), schedule, context)
        else:
            yield from adapter.lint(item, getattr(item.spec, "schedule", None), context)
