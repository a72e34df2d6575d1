"""A declared schedule in normal form, linted against Flyte's own scheduler."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from reconciler.model.document import Json
from reconciler.model.origin import Problem, Severity
from reconciler.resolve.scheduling import SEVERITIES, checked, problems_of
from reconciler.schedule import rate
from reconciler.schedule.cron import split_zone
from reconciler.schedule.lint import Written
from reconciler.schedule.rules import Level
from reconciler.specs.launch_plan import LaunchPlanSpec, Schedule
from reconciler.specs.running import Latest
from reconciler.specs.validate import Declared


def resolve_schedule(
    declared: Declared, schedule: Schedule | None, *, now: datetime
) -> tuple[dict[str, Json], list[Problem]]:
    """Return the normal form of a schedule (empty for none) and what the linter says of it."""
    if schedule is None:
        return {}, []
    written = Written(
        cron=schedule.cron,
        timezone=schedule.timezone,
        every=schedule.every,
        kickoff_input=schedule.kickoff_input,
        follows_code=_follows_code(declared) and not schedule.acknowledge_restarts,
    )
    problems = problems_of(declared, written, now=now)
    if any(item.severity is Severity.ERROR for item in problems):
        return {}, problems
    return _normal(schedule), problems


def lint_packaged(body: dict[str, Json], *, now: datetime) -> list[tuple[str, bool, str, str]]:
    """Lint the schedule of a packaged or live plan by its normal form.

    Gives rule id, whether it is an error, message and fix; what is only informative is left out.
    """
    schedule = cast("dict[str, Any]", body.get("schedule") or {})
    if not schedule:
        return []
    every = schedule.get("every")
    written = Written(
        cron=schedule.get("cron"),
        timezone=schedule.get("timezone"),
        every=None if every is None else rate.render(every) if every else "0m",
        kickoff_input=schedule.get("kickoffInput"),
        offset=schedule.get("offset"),
        cron_expression=schedule.get("cronExpression"),
    )
    return [
        (item.id, item.severity is Level.ERROR, item.message, item.fix)
        for item in checked(written, now)
        if item.severity in SEVERITIES
    ]


def _follows_code(declared: Declared) -> bool:
    spec = declared.spec
    if not isinstance(spec, LaunchPlanSpec) or spec.workflow is None:
        return False
    return spec.workflow.package is not None or isinstance(spec.workflow.version, Latest)


def _normal(schedule: Schedule) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if schedule.every is not None:
        found["every"] = rate.parse(schedule.every)
    elif schedule.cron is not None:
        text, zone = split_zone(schedule.cron)
        found["cron"] = text
        if schedule.timezone or zone:
            found["timezone"] = schedule.timezone or zone
    if schedule.kickoff_input is not None:
        found["kickoffInput"] = schedule.kickoff_input
    return found
