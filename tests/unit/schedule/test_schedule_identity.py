from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from reconciler.schedule import identity

RECORDINGS = Path(__file__).parents[2] / "recordings" / "schedules"


def recorded(file: str) -> dict[str, Any]:
    """What a real scheduler started."""
    found: dict[str, Any] = json.loads((RECORDINGS / file).read_text())
    return found


def name(version: str, scheduled_at: datetime) -> str:
    return identity.execution_name(
        project="flytesnacks",
        domain="development",
        name="lp",
        version=version,
        scheduled_at=scheduled_at,
    )


def test_name_is_the_one_that_the_scheduler_gives() -> None:
    tick = datetime.fromtimestamp(1_700_000_000, UTC)

    assert name("v1", tick) == "f9c8be275fb3256d6000"


def test_same_tick_in_another_zone_has_the_same_name_and_parts_of_a_second_do_not_count() -> None:
    tick = datetime.fromtimestamp(1_700_000_000, UTC)
    elsewhere = tick.astimezone(timezone(timedelta(hours=5))) + timedelta(milliseconds=999)

    assert name("v1", elsewhere) == name("v1", tick)


def test_same_tick_under_another_version_has_another_name() -> None:
    tick = datetime.fromtimestamp(1_700_000_000, UTC)

    assert name("v2", tick) != name("v1", tick)


def test_run_of_flyte_2_has_the_name_that_its_scheduler_gives() -> None:
    tick = datetime.fromtimestamp(1_700_000_000, UTC)
    elsewhere = tick.astimezone(timezone(timedelta(hours=5))) + timedelta(milliseconds=999)

    for moment in (tick, elsewhere):
        found = identity.run_name(
            project="flytesnacks",
            domain="development",
            task="etl.load",
            trigger="daily",
            scheduled_at=moment,
        )
        assert found == "r133af6b1537e93c1"


@pytest.mark.parametrize("file", ["flyte2.json", "flyte2_cap.json"])
def test_runs_that_the_scheduler_of_flyte_2_started_have_these_names(file: str) -> None:
    found = recorded(file)
    project = found["steps"][0]["request"]["project"]["id"]

    assert found["runs"]
    for run in found["runs"]:
        name = identity.run_name(
            project=project,
            domain="development",
            task="env.t",
            trigger=run["trigger"],
            scheduled_at=datetime.fromisoformat(run["start"]),
        )
        assert run["name"] == name


def test_executions_that_the_scheduler_of_flyte_1_started_have_these_names() -> None:
    found = recorded("flyte1.json")
    project = found["steps"][0]["request"]["project"]["id"]

    assert found["executions"]
    for execution in found["executions"]:
        name = identity.execution_name(
            project=project,
            domain="development",
            name=execution["plan"],
            version=execution["version"],
            scheduled_at=datetime.fromisoformat(execution["scheduledAt"]),
        )
        assert execution["name"] == name
