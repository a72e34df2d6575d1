"""Previews of schedules in normal form, as declared and as read from Flyte."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.engine.firings import preview_of

SPRING = datetime(2026, 3, 28, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, tzinfo=UTC)


def test_no_schedule_has_no_preview() -> None:
    assert preview_of({}, after=SPRING, count=3) is None


def test_times_are_in_the_schedules_own_zone_unless_another_is_asked_for() -> None:
    schedule = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
    own = preview_of(schedule, after=AUTUMN, count=2)
    assert own is not None
    assert [time.isoformat() for time in own.times] == [
        "2026-10-24T06:00:00+02:00",
        "2026-10-25T06:00:00+01:00",
    ]
    other = preview_of(schedule, after=AUTUMN, count=2, zone="UTC")
    assert other is not None
    assert other.times == own.times
    assert [time.hour for time in other.times] == [4, 5]


@pytest.mark.parametrize(
    ("after", "words"), [(SPRING, "02:30 does not fire"), (AUTUMN, "02:30 fires twice")]
)
def test_clock_changes_within_the_preview_are_told(after: datetime, words: str) -> None:
    shown = preview_of({"cron": "30 2 * * *", "timezone": "Europe/Berlin"}, after=after, count=3)
    assert shown is not None
    assert len(shown.notes) == 1
    assert words in shown.notes[0]


def test_clock_changes_after_the_last_firing_shown_are_not() -> None:
    shown = preview_of(
        {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}, after=SPRING.replace(month=5), count=3
    )
    assert shown is not None
    assert shown.notes == ()


@pytest.mark.parametrize("schedule", [{"every": 360}, {"cron": "@every 6h"}])
def test_a_timer_has_no_times_of_day(schedule: dict[str, Any]) -> None:
    shown = preview_of(schedule, after=SPRING, count=3)
    assert shown is not None
    assert shown.timer
    assert shown.times == ()
    assert shown.notes == ("every 6h after activation (timer)",)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"every": 0}, "never fires"),
        ({"cronExpression": "0 6 * * *"}, "refuses this deprecated field"),
        ({"cron": "0 6 31 2 *"}, "never fires within five years"),
        ({"cron": "0 6 * *"}, "never fires: "),
        ({"cron": "0 6 * * *", "timezone": "Nowhere/Town"}, "never fires: "),
    ],
)
def test_what_live_plans_may_hold_and_never_fires_is_said(
    schedule: dict[str, Any], words: str
) -> None:
    shown = preview_of(schedule, after=SPRING, count=3)
    assert shown is not None
    assert shown.times == ()
    assert words in shown.notes[0]
