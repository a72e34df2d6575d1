"""Trains the ranking and reports on it."""

from datetime import datetime

import flyte

from ranking.features import env as features
from ranking.features import weights

env = flyte.TaskEnvironment(
    name="ranking",
    image="example.invalid/ranking:v1",
    resources=flyte.Resources(cpu=2, memory="1Gi"),
    depends_on=[features],
)


@env.task(retries=1)
async def train(day: datetime, market: str = "berlin", rounds: int = 100) -> float:
    """Train on the weights of a day; the result is the loss."""
    found = await weights(day)
    return sum(found) / max(rounds, 1) if market else 0.0


@env.task
async def report(limit: float = 0.5, channels: list[str] = ["mail"]) -> str:  # noqa: B006
    """Tell the channels when the loss is above a limit."""
    return f"{limit} to {', '.join(channels)}"
