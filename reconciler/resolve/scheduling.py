"""Findings about a declared schedule, at the fields that they are about."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache, partial

from reconciler.model.origin import Problem, Severity
from reconciler.schedule import lint
from reconciler.schedule.lint import Written
from reconciler.schedule.rules import Finding, Level
from reconciler.specs.validate import Declared

SEVERITIES = {Level.ERROR: Severity.ERROR, Level.WARNING: Severity.WARNING}
"""What is said of a schedule; the rest is on request."""


def problems_of(declared: Declared, written: Written, *, now: datetime) -> list[Problem]:
    """Say what the linter finds in `spec.schedule`."""
    return [
        Problem(
            partial(declared.at, "schedule", item.field),
            f"{item.id}: {item.message}",
            path=f"spec.schedule.{item.field}",
            fix=item.fix,
            severity=SEVERITIES[item.severity],
        )
        for item in checked(written, now.replace(minute=0, second=0, microsecond=0))
        if item.severity in SEVERITIES
    ]


@lru_cache(maxsize=20_000)
def checked(written: Written, now: datetime) -> tuple[Finding, ...]:
    """Lint once per distinct schedule and hour: plans share them, and an operator looks often."""
    return tuple(lint.check(written, now=now))
