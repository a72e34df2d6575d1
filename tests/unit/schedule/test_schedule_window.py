from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.schedule import grid
from reconciler.schedule.window import Window, WindowError, moment, show, window

NOW = datetime(2026, 11, 30, 3, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-30T03:00:00Z"),
        ("-30d", "2026-10-31T03:00:00Z"),
        ("-1w2d", "2026-11-21T03:00:00Z"),
        ("+12h", "2026-11-30T15:00:00Z"),
        ("-1h30m5s", "2026-11-30T01:29:55Z"),
        ("2026-05-01T06:00:00Z", "2026-05-01T06:00:00Z"),
        ("2026-05-01t06:00:00.5+02:00", "2026-05-01T04:00:00Z"),
    ],
)
def test_moment_is_absolute_or_counts_from_now(text: str, expected: str) -> None:
    assert show(moment(text, now=NOW)) == expected


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("2026-05-01", 'add the zone, for example "2026-05-01T00:00:00Z"'),
        ("2026-05-01 06:00:00", 'add the zone, for example "2026-05-01T06:00:00Z"'),
        ("30d", "or as -30d, -12h or now"),
        ("-", "or as -30d, -12h or now"),
        ("-30", "or as -30d, -12h or now"),
        ("2026-13-01T00:00:00Z", "or as -30d, -12h or now"),
        ("-99999w99999d", "or as -30d, -12h or now"),
        ("yesterday", "or as -30d, -12h or now"),
    ],
)
def test_what_is_no_moment_is_refused_with_what_to_write(text: str, fix: str) -> None:
    with pytest.raises(WindowError) as refused:
        moment(text, now=NOW)
    assert refused.value.message == f'"{text}" is no moment'
    assert fix in refused.value.fix


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_moment_at_the_end_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(WindowError, match="is in none of the years 1900 to 9998"):
        moment(text, now=datetime(8500, 1, 1, tzinfo=UTC))


def test_window_holds_its_start_and_not_its_end() -> None:
    day = window("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z", now=NOW)
    assert day.start in day
    assert day.end not in day
    assert str(day) == "[2026-05-01T00:00:00Z, 2026-05-02T00:00:00Z)"


def test_window_without_length_is_refused() -> None:
    with pytest.raises(WindowError, match="is not before"):
        window("now", "now", now=NOW)


def test_ticks_of_a_cron_are_in_the_window_and_its_end_is_not() -> None:
    daily = grid.read({"cron": "0 6 * * *", "timezone": None})
    week = window("2026-05-01T06:00:00Z", "2026-05-08T06:00:00Z", now=NOW)
    assert [show(tick) for tick in daily.ticks(week)] == [
        f"2026-05-0{day}T06:00:00Z" for day in range(1, 8)
    ]


def test_ticks_follow_the_clocks_of_the_zone() -> None:
    berlin = grid.read({"cron": "30 2 * * *", "timezone": "Europe/Berlin"})
    autumn = window("2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z", now=NOW)
    spring = window("2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z", now=NOW)
    assert [show(tick) for tick in berlin.ticks(autumn)] == [
        "2026-10-24T00:30:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-26T01:30:00Z",
    ]
    assert [show(tick) for tick in berlin.ticks(spring)] == [
        "2026-03-28T01:30:00Z",
        "2026-03-30T00:30:00Z",
    ]


def test_fixed_rate_needs_an_anchor() -> None:
    rate = grid.read({"every": 360})
    assert rate.is_timer
    with pytest.raises(ValueError, match="every 6h has no anchor"):
        rate.ticks(window("-1d", "now", now=NOW))
    assert rate.first_after(NOW) is None


def test_every_of_cron_is_a_timer_too() -> None:
    every = grid.read({"cron": "@every 90m"})
    assert every.is_timer
    day = window("2026-05-01T00:00:00Z", "2026-05-01T04:00:00Z", now=NOW)
    assert [show(tick) for tick in every.ticks(day, day.start)] == [
        "2026-05-01T00:00:00Z",
        "2026-05-01T01:30:00Z",
        "2026-05-01T03:00:00Z",
    ]


def test_rate_that_counts_from_a_moment_is_its_own_anchor() -> None:
    rate = grid.read({"every": 60, "from": "2026-05-01T00:10:00Z"})
    hours = window("2026-04-30T22:00:00Z", "2026-04-30T23:30:00Z", now=NOW)
    assert [show(tick) for tick in rate.ticks(hours, NOW)] == [
        "2026-04-30T22:10:00Z",
        "2026-04-30T23:10:00Z",
    ]


@given(
    minutes=st.integers(1, 5000),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - bounds
    length=st.integers(1, 100_000),
    away=st.integers(-10_000_000, 10_000_000),
)
def test_ticks_of_a_rate_are_all_that_are_a_number_of_steps_from_the_anchor(
    minutes: int, start: datetime, length: int, away: int
) -> None:
    first = start.replace(tzinfo=UTC, microsecond=0)
    within = Window(first, first + timedelta(seconds=length))
    anchor = first + timedelta(seconds=away)
    step = timedelta(minutes=minutes)
    found = grid.read({"every": minutes}).ticks(within, anchor)
    offset = (anchor - first) % step
    expected = []
    while first + offset < within.end:
        expected.append(first + offset)
        offset += step
    assert list(found) == expected


def test_first_tick_after_a_window_is_told() -> None:
    monthly = grid.read({"cron": "0 0 1 * *", "timezone": "UTC"})
    after = monthly.first_after(NOW)
    assert after is not None
    assert show(after) == "2026-12-01T00:00:00Z"
    rate = grid.read({"every": 60})
    assert rate.first_after(NOW, NOW) == NOW.replace(microsecond=0) + timedelta(hours=1)


def test_ticks_are_cut_past_what_is_looked_at_together() -> None:
    minutely = grid.read({"every": 1})
    year = window("-365d", "now", now=NOW)
    assert len(minutely.ticks(year, NOW)) == grid.MOST + 1
