"""Load, clean and count the records of one day."""

from datetime import datetime, timedelta
from typing import Optional

from flytekit import dynamic, task, workflow

from quickstart.types import Limits, Mode


@task
def extract(day: datetime, source: str, mode: Mode, limits: Limits) -> list[int]:
    rows = limits.rows if mode is Mode.FULL else int(limits.rows * limits.share)
    return [(day.day + len(source) + row) % 97 for row in range(rows)]


@task
def clean(rows: list[int], lowest: int, weights: dict[str, float]) -> list[int]:
    scale = sum(weights.values()) or 1.0
    return [int(row * scale) for row in rows if row >= lowest]


@task
def count(rows: list[int]) -> int:
    return len(rows)


@dynamic
def clean_in_parts(rows: list[int], parts: int, lowest: int, weights: dict[str, float]) -> list[int]:
    """Clean each part in a task of its own; how many there are is known only when it runs."""
    size = max(1, len(rows) // parts)
    found: list[int] = []
    for start in range(0, len(rows), size):
        clean(rows=rows[start : start + size], lowest=lowest, weights=weights)
    return found


@workflow
def etl(
    day: datetime,
    weights: dict[str, float],
    source: str = "orders",
    mode: Mode = Mode.SAMPLE,
    limits: Limits = Limits(),
    lowest: int = 3,
    patience: timedelta = timedelta(minutes=30),
    note: Optional[str] = None,
) -> int:
    """Count the clean records of a day."""
    rows = extract(day=day, source=source, mode=mode, limits=limits)
    kept = clean(rows=rows, lowest=lowest, weights=weights)
    return count(rows=kept)


@workflow
def etl_in_parts(day: datetime, source: str = "orders", parts: int = 4) -> int:
    """The same with a dynamic task."""
    rows = extract(day=day, source=source, mode=Mode.FULL, limits=Limits())
    kept = clean_in_parts(rows=rows, parts=parts, lowest=0, weights={"base": 1.0})
    return count(rows=kept)
