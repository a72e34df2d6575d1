"""A cut-over is refused near a firing, and names the next window that is wide enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from convert_files import convert, plan

from reconciler.api import converting
from reconciler.convert.cut_over import CutOver
from reconciler.errors import UsageError

MINUTES = timedelta(minutes=1)


def moved(
    folder: Path, at: str, *documents: dict[str, Any], margin: timedelta = 5 * MINUTES
) -> CutOver:
    found = convert(folder, *documents)
    now = datetime.fromisoformat(at)
    return converting.cut_over(found, now=now, margin=margin)


def cron(name: str, text: str, zone: str = "UTC", **more: Any) -> dict[str, Any]:
    return plan(name, schedule={"cron": text, "timezone": zone}, **more)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_move_far_from_every_firing_is_open_until_the_margin(tmp_path: Path) -> None:
    found = moved(tmp_path, "2026-05-01T05:30:00Z", cron("six", "0 6 * * *"))
    assert not found.is_refused
    assert found.window is not None
    assert found.window.start == utc("2026-05-01T05:30:00")
    assert found.window.last == utc("2026-05-01T05:55:00")
    assert found.window.tick == utc("2026-05-01T06:00:00")
    (one,) = found.moving
    assert one.ticks == (utc("2026-05-01T06:00:00"), utc("2026-05-02T06:00:00"))


@pytest.mark.parametrize(
    ("at", "is_refused"),
    [
        ("2026-05-01T05:55:00Z", False),
        ("2026-05-01T05:55:01Z", True),
        ("2026-05-01T06:00:00Z", True),
        ("2026-05-01T06:00:01Z", False),
    ],
)
def test_margin_is_exact(at: str, is_refused: bool, tmp_path: Path) -> None:
    assert moved(tmp_path, at, cron("six", "0 6 * * *")).is_refused is is_refused


def test_refusal_names_the_plans_and_the_window_after_them(tmp_path: Path) -> None:
    found = moved(
        tmp_path,
        "2026-05-01T05:57:00Z",
        cron("six", "0 6 * * *"),
        cron("soon-after", "4 6 * * *"),
        cron("later", "30 6 * * *"),
    )
    assert [one.plan.name for one in found.at_risk] == ["six"]
    assert found.window is not None
    assert found.window.start == utc("2026-05-01T06:05:00"), "one minute after the second firing"
    assert found.window.last == utc("2026-05-01T06:25:00")


def test_no_window_where_a_plan_always_fires_sooner(tmp_path: Path) -> None:
    found = moved(tmp_path, "2026-05-01T05:57:30Z", cron("busy", "*/3 * * * *"))
    assert found.is_refused
    assert found.window is None
    smaller = moved(tmp_path, "2026-05-01T05:57:30Z", cron("busy", "*/3 * * * *"), margin=MINUTES)
    assert not smaller.is_refused


def test_hour_shows_all_its_firings(tmp_path: Path) -> None:
    (one,) = moved(tmp_path, "2026-05-01T05:00:30Z", cron("busy", "*/10 * * * *")).moving
    assert [tick.minute for tick in one.ticks] == [10, 20, 30, 40, 50, 0]


def test_firings_are_those_of_the_zone_when_clocks_change(tmp_path: Path) -> None:
    berlin = cron("berlin", "30 2 * * *", "Europe/Berlin")
    (skipped,) = moved(tmp_path, "2026-03-29T00:00:00Z", berlin).moving
    assert skipped.ticks[0].astimezone(UTC) == utc("2026-03-30T00:30:00"), "02:30 does not exist"
    (twice,) = moved(tmp_path, "2026-10-25T00:20:00Z", berlin).moving
    assert [tick.astimezone(UTC) for tick in twice.ticks] == [
        utc("2026-10-25T00:30:00"),
        utc("2026-10-25T01:30:00"),
    ], "02:30 comes twice"
    between = moved(tmp_path, "2026-10-25T00:28:00Z", berlin)
    assert between.is_refused
    assert between.window is not None
    assert between.window.tick == utc("2026-10-25T01:30:00")


def test_timer_is_listed_and_refuses_nothing(tmp_path: Path) -> None:
    timers = (plan("rate", schedule={"every": "6h"}), cron("every", "@every 1h"))
    found = moved(tmp_path, "2026-05-01T05:30:00Z", *timers)
    assert [one.is_timer for one in found.moving] == [True, True]
    assert not found.is_refused
    assert all("known to the scheduler alone" in one.notes[0] for one in found.moving)
    assert found.window is not None
    assert found.window.tick is None


def test_inactive_plans_are_no_risk_and_unmanaged_ones_may_be(tmp_path: Path) -> None:
    at = "2026-05-01T05:59:00Z"
    off = moved(tmp_path, at, cron("off", "0 6 * * *", state="Inactive"))
    assert not off.is_refused
    assert "Inactive" in off.moving[0].notes[0]
    unknown = moved(tmp_path, at, cron("off", "0 6 * * *", state="Unmanaged"))
    assert unknown.is_refused
    assert "Unmanaged" in unknown.moving[0].notes[0]


def test_plan_of_somebody_else_is_said_to_be_unknown(tmp_path: Path) -> None:
    (one,) = moved(tmp_path, "2026-05-01T05:59:00Z", plan(existing={"version": "v1"})).moving
    assert one.trigger is None
    assert "something else registers it" in one.notes[0]


def test_cron_that_never_fires_leaves_the_window_open(tmp_path: Path) -> None:
    found = moved(tmp_path, "2026-05-01T05:59:00Z", cron("never", "0 0 30 2 *"))
    assert not found.is_refused
    assert "never fires" in found.moving[0].notes[0]


@pytest.mark.parametrize("margin", [timedelta(seconds=59), timedelta(hours=13), -MINUTES])
def test_margin_must_hold_both_waits(margin: timedelta, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--margin: is not between"):
        moved(tmp_path, "2026-05-01T05:59:00Z", plan(), margin=margin)


def test_end_of_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too far away"):
        moved(tmp_path, "9999-12-31T23:59:00Z", cron("six", "0 6 * * *"))
