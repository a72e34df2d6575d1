"""Sum up a week; each day is a run of a launch plan, so that it can be seen and repeated alone."""

from datetime import datetime, timedelta

from flytekit import CronSchedule, FixedRate, LaunchPlan, task, workflow

from quickstart.etl import etl

daily_orders = LaunchPlan.get_or_create(
    workflow=etl,
    name="quickstart.daily_orders",
    fixed_inputs={"source": "orders", "weights": {"base": 1.0}},
)


@task
def total(first: int, second: int, factor: float) -> float:
    return (first + second) * factor


@task
def alive(verbose: bool) -> str:
    return "alive and well" if verbose else "alive"


@workflow
def weekly(day: datetime, previous: datetime, factor: float = 1.0) -> float:
    """Compare two days."""
    return total(first=daily_orders(day=day), second=daily_orders(day=previous), factor=factor)


@workflow
def heartbeat(verbose: bool = False) -> str:
    """Say that the installation runs tasks at all."""
    return alive(verbose=verbose)


nightly = LaunchPlan.get_or_create(
    workflow=etl,
    name="quickstart.nightly",
    default_inputs={"weights": {"base": 1.0}},
    schedule=CronSchedule(schedule="0 2 * * *", kickoff_time_input_arg="day"),
)

beat = LaunchPlan.get_or_create(
    workflow=heartbeat,
    name="quickstart.beat",
    schedule=FixedRate(duration=timedelta(hours=6)),
)
