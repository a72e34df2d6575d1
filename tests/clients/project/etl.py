"""A small real project: typed defaults, a dynamic task, scheduled plans, and a plan as a node."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Optional

from flytekit import (
    CronSchedule,
    Email,
    FixedRate,
    LaunchPlan,
    WorkflowExecutionPhase,
    dynamic,
    task,
    workflow,
)


class Mode(Enum):
    """How much is read."""

    FULL = "full"
    DELTA = "delta"


@dataclass
class Limits:
    """When to stop."""

    rows: int
    share: float


@task
def load(day: datetime, count: int, mode: Mode) -> list[int]:
    """Read a day."""
    return [count] * 3


@task(cache=True, cache_version="1")
def total(values: list[int]) -> int:
    """Add up."""
    return sum(values)


@dynamic
def fan_out(count: int) -> int:
    """Make its own graph when it runs."""
    return total(values=[count])


@workflow
def daily(
    day: datetime,
    count: int = 3,
    mode: Mode = Mode.FULL,
    limits: Limits = Limits(10, 0.5),  # noqa: B008
    note: Optional[str] = None,  # noqa: UP045
) -> int:
    """Every day."""
    values = load(day=day, count=count, mode=mode)
    fan_out(count=count)
    return total(values=values)


@workflow
def hourly(count: int = 1) -> int:
    """Every hour."""
    return fan_out(count=count)


morning = LaunchPlan.get_or_create(
    daily,
    name="etl.morning",
    schedule=CronSchedule(schedule="0 6 * * *", kickoff_time_input_arg="day"),
    default_inputs={"count": 7},
    notifications=[Email([WorkflowExecutionPhase.FAILED], ["oncall@example.com"])],
)
every_hour = LaunchPlan.get_or_create(
    hourly,
    name="etl.every_hour",
    schedule=FixedRate(timedelta(hours=1)),
    fixed_inputs={"count": 2},
)
stage = LaunchPlan.get_or_create(hourly, name="etl.stage", default_inputs={"count": 5})


@workflow
def nightly() -> int:
    """Start a plan as a node."""
    return stage()
