"""Reads what people clicked, and makes features of it."""

from dataclasses import dataclass
from datetime import datetime

import flyte

env = flyte.TaskEnvironment(
    name="features",
    image="example.invalid/ranking:v1",
    resources=flyte.Resources(cpu=1, memory="500Mi"),
    env_vars={"CLICKS": "s3://example/clicks"},
    description="Clicks and what is made of them",
)


@dataclass
class Window:
    """How far to look back, and how much a day counts against the one before."""

    days: int = 7
    decay: float = 0.9


@env.task(cache="auto", retries=2)
async def clicks(day: datetime, days: int = 7) -> list[float]:
    """Count the clicks of each day up to `day`."""
    return [float(day.day + back) for back in range(days)]


@env.task
async def weights(day: datetime, window: Window = Window()) -> list[float]:  # noqa: B008
    """Weigh the clicks of a window."""
    found = await clicks(day, window.days)
    return [count * window.decay**age for age, count in enumerate(found)]
