"""What the tests deploy with Flyte 2's client: two environments, and triggers of both sorts."""

from datetime import UTC, datetime

import flyte

IMAGE = "registry.example.com/etl:v1"

extract_env = flyte.TaskEnvironment(name="extract", image=IMAGE)
env = flyte.TaskEnvironment(
    name="etl",
    image=IMAGE,
    resources=flyte.Resources(cpu=1, memory="500Mi"),
    secrets=[flyte.Secret(key="db-password", as_env_var="DB_PASSWORD")],
    depends_on=[extract_env],
)

nightly = flyte.Trigger(
    name="nightly",
    automation=flyte.Cron("0 3 * * *", timezone="Europe/Amsterdam"),
    description="all of yesterday",
    inputs={"day": flyte.TriggerTime, "count": 2},
)
hourly = flyte.Trigger(
    name="hourly",
    automation=flyte.FixedRate(60, start_time=datetime(2030, 1, 1, tzinfo=UTC)),
    inputs={"day": datetime(2030, 1, 1, tzinfo=UTC), "count": 3, "mode": "part"},
    auto_activate=False,
)


@extract_env.task
async def rows(day: datetime) -> int:
    """Say how many rows a day has."""
    return day.day


@env.task(triggers=(nightly, hourly))
async def load(day: datetime, count: int = 1, mode: str = "full") -> int:
    """Load a day."""
    assert mode
    return await rows(day) * count
