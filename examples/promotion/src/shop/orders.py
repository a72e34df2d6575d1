"""Counts the orders of a day."""

from datetime import datetime

from flytekit import task, workflow


@task
def fetch(day: datetime, shops: int) -> int:
    return shops * day.day


@workflow
def count(day: datetime, shops: int = 3) -> int:
    """Count the orders of a day in the first shops."""
    return fetch(day=day, shops=shops)
