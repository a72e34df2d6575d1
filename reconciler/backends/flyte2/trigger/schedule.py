"""A declared schedule in normal form, linted against the scheduler of Flyte 2."""

from __future__ import annotations

from datetime import datetime

from reconciler.model.document import Json
from reconciler.model.origin import Problem, Severity
from reconciler.resolve.scheduling import problems_of
from reconciler.schedule import rate
from reconciler.schedule.cron import split_zone
from reconciler.schedule.lint import Written
from reconciler.schedule.scheduler import FLYTE2
from reconciler.specs.trigger import TriggerSchedule
from reconciler.specs.validate import Declared
from reconciler.values.moments import parse_datetime


def resolve_schedule(
    declared: Declared, schedule: TriggerSchedule | None, *, now: datetime
) -> tuple[dict[str, Json], list[Problem]]:
    """Return the normal form of a schedule (empty for none) and what the linter says of it.

    The kickoff input is left out: how the time is passed depends on the other inputs.
    """
    if schedule is None:
        return {}, []
    start = None if schedule.start is None else parse_datetime(schedule.start)
    written = Written(
        cron=schedule.cron,
        timezone=schedule.timezone,
        every=schedule.every,
        kickoff_input=schedule.kickoff_input,
        start=None if start is None else datetime.fromisoformat(start[:19] + "+00:00"),
        scheduler=FLYTE2,
    )
    problems = problems_of(declared, written, now=now)
    if any(item.severity is Severity.ERROR for item in problems):
        return {}, problems
    return normal(schedule), problems


def normal(schedule: TriggerSchedule) -> dict[str, Json]:
    """Write a schedule as `normal.schedule_from_wire` reads it, without the kickoff input.

    Raises ScheduleError for what the linter refuses.
    """
    if schedule.every is not None:
        found: dict[str, Json] = {"every": rate.parse(schedule.every)}
        if schedule.start is not None:
            found["from"] = parse_datetime(schedule.start)
        return found
    text, zone = split_zone(schedule.cron or "")
    zone = schedule.timezone or zone
    found = {"cron": text}
    if zone and zone != "UTC":
        found["timezone"] = zone
    return found
