from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.schedule import cron, rate, zone
from reconciler.schedule.preview import firings, ticks_between

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def local(moments: tuple[datetime, ...]) -> list[str]:
    return [moment.isoformat(timespec="minutes") for moment in moments]


def test_firings_are_shown_in_the_zone_of_the_cron() -> None:
    berlin = cron.parse("CRON_TZ=Europe/Berlin 0 6 * * *")

    shown = firings(berlin, zone="UTC", after=datetime(2026, 3, 27, 12, tzinfo=UTC), count=2)

    assert local(shown) == ["2026-03-28T06:00+01:00", "2026-03-29T06:00+02:00"]


def test_cron_without_zone_is_read_in_the_zone_that_is_named() -> None:
    plain = cron.parse("0 6 * * *")

    shown = firings(plain, zone="Asia/Kolkata", after=NEW_YEAR, count=1)

    assert local(shown) == ["2026-01-01T06:00+05:30"]


def test_local_time_that_clocks_skip_is_left_out_and_one_that_repeats_fires_twice() -> None:
    berlin = cron.parse("CRON_TZ=Europe/Berlin 30 2 * * *")

    spring = firings(berlin, zone="UTC", after=datetime(2026, 3, 28, tzinfo=UTC), count=2)
    autumn = firings(berlin, zone="UTC", after=datetime(2026, 10, 24, 12, tzinfo=UTC), count=3)

    assert local(spring) == ["2026-03-28T02:30+01:00", "2026-03-30T02:30+02:00"]
    assert local(autumn) == [
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:30+01:00",
        "2026-10-26T02:30+01:00",
    ]


def test_rate_counts_from_the_start_of_its_timer() -> None:
    start = NEW_YEAR + timedelta(minutes=7, seconds=3)

    shown = firings(rate.to_delay(360), zone="UTC", after=start, count=2)

    assert shown == (start + timedelta(hours=6), start + timedelta(hours=12))


def test_schedule_that_never_fires_has_no_firings() -> None:
    assert firings(cron.parse("0 0 31 2 *"), zone="UTC", after=NEW_YEAR, count=3) == ()


def test_timer_ends_with_the_calendar() -> None:
    last = datetime(9999, 12, 31, 22, tzinfo=UTC)

    assert len(firings(rate.to_delay(60), zone="UTC", after=last, count=5)) == 1


def test_window_holds_its_start_and_not_its_end() -> None:
    hourly = cron.parse("0 * * * *")

    ticks = list(ticks_between(hourly, NEW_YEAR, NEW_YEAR + timedelta(hours=3)))

    assert ticks == [NEW_YEAR + timedelta(hours=hour) for hour in range(3)]


def test_adjacent_windows_share_no_tick_and_lose_none() -> None:
    often = cron.parse("*/7 * * * *")
    middle, end = NEW_YEAR + timedelta(hours=5, minutes=35), NEW_YEAR + timedelta(days=1)

    parts = [*ticks_between(often, NEW_YEAR, middle), *ticks_between(often, middle, end)]

    assert middle in parts
    assert parts == list(ticks_between(often, NEW_YEAR, end))


def test_parts_of_a_second_at_the_ends_of_a_window_count() -> None:
    hourly = cron.parse("0 * * * *")
    instant = timedelta(microseconds=1)

    assert list(ticks_between(hourly, NEW_YEAR + instant, NEW_YEAR + timedelta(minutes=5))) == []
    assert list(ticks_between(hourly, NEW_YEAR - instant, NEW_YEAR + instant)) == [NEW_YEAR]
    assert list(ticks_between(hourly, NEW_YEAR, NEW_YEAR)) == []


def test_window_that_starts_in_the_second_of_two_equal_hours_has_none_of_the_first() -> None:
    start = datetime(2026, 10, 25, 1, 30, tzinfo=UTC).astimezone(zone.load("Europe/Berlin"))
    end = datetime(2026, 10, 25, 3, 0, tzinfo=UTC)

    found = ticks_between(cron.parse("*/30 2 * * *"), start, end)

    assert [tick.astimezone(UTC).strftime("%H:%M") for tick in found] == ["01:30"]


def test_timers_first_tick_of_a_window_is_one_delay_after_its_start() -> None:
    end = NEW_YEAR + timedelta(hours=12)

    ticks = list(ticks_between(rate.to_delay(360), NEW_YEAR, end))

    assert ticks == [NEW_YEAR + timedelta(hours=6)]
    assert list(ticks_between(cron.parse("@every 6h"), NEW_YEAR, end)) == ticks


def test_naive_moments_are_refused_at_once() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the fault under test
    daily = cron.parse("@daily")

    with pytest.raises(ValueError, match="has no time zone"):
        firings(daily, zone="UTC", after=naive, count=1)
    with pytest.raises(ValueError, match="has no time zone"):
        ticks_between(daily, naive, NEW_YEAR)
    with pytest.raises(ValueError, match="has no time zone"):
        ticks_between(daily, NEW_YEAR, naive)


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match='time zone "Mars" is unknown'):
        firings(cron.parse("@daily"), zone="Mars", after=NEW_YEAR, count=1)


def test_shifts_of_a_zone_are_found_to_the_second() -> None:
    found = zone.shifts(zone.load("Europe/Berlin"), NEW_YEAR, 366)

    assert found == (
        (datetime(2026, 3, 29, 1, tzinfo=UTC), timedelta(hours=1)),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), timedelta(hours=-1)),
    )


def test_every_known_zone_loads() -> None:
    assert {str(zone.load(name)) for name in zone.names()} == zone.names()
