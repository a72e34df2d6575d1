from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.schedule import cron, preview, rate
from reconciler.schedule.rate import Unit


@pytest.mark.parametrize(
    ("text", "minutes", "unit", "shortest"),
    [
        ("90m", 90, (90, Unit.MINUTE), "90m"),
        ("6h", 360, (6, Unit.HOUR), "6h"),
        ("24h", 1440, (1, Unit.DAY), "1d"),
        ("1d", 1440, (1, Unit.DAY), "1d"),
        ("1h30m", 90, (90, Unit.MINUTE), "90m"),
        ("1d12h", 2160, (36, Unit.HOUR), "36h"),
        ("0d5m", 5, (5, Unit.MINUTE), "5m"),
    ],
)
def test_rate_is_sent_in_the_largest_unit_that_divides(
    text: str, minutes: int, unit: tuple[int, Unit], shortest: str
) -> None:
    assert rate.parse(text) == minutes
    assert rate.to_unit(minutes) == unit
    assert unit[0] * unit[1].minutes == minutes
    assert rate.render(minutes) == shortest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "0m",
            (
                'rate "0m" is zero: no schedule for Flyte 1, and Flyte 2 hangs on it; '
                "write 1m or more, or leave the schedule out"
            ),
        ),
        (
            "90s",
            (
                'rate "90s" is not a whole number of minutes; '
                "write whole minutes; Flyte's smallest unit is one minute"
            ),
        ),
        ("120s", 'rate "120s" is not in whole minutes, hours or days; write 2m'),
        ("1.5h", 'rate "1.5h" is not in whole minutes, hours or days; write 90m'),
        ("-5m", 'rate "-5m" is not above zero; write 1m or more'),
        (
            "153722868m",
            (
                'rate "153722868m" is longer than 292 years, where the scheduler overflows; '
                "write at most 153722867m"
            ),
        ),
        (
            "",
            (
                'rate "" is not readable; '
                "write whole minutes, hours or days, such as 90m, 6h, 1d or 1h30m"
            ),
        ),
        (
            "1w",
            (
                'rate "1w" is not readable; '
                "write whole minutes, hours or days, such as 90m, 6h, 1d or 1h30m"
            ),
        ),
        (
            "\N{ARABIC-INDIC DIGIT FIVE}m",
            (
                'rate "\N{ARABIC-INDIC DIGIT FIVE}m" is not readable; '
                "write whole minutes, hours or days, such as 90m, 6h, 1d or 1h30m"
            ),
        ),
    ],
)
def test_bad_rate_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the whole text is compared
        rate.parse(text)

    assert str(refusal.value) == message


def test_longest_rate_fits_the_scheduler_and_the_wire() -> None:
    assert rate.parse("153722867m") == rate.LARGEST_MINUTES < 2**32


def test_digits_without_end_are_refused_and_not_a_crash() -> None:
    with pytest.raises(ValueError, match="not readable"):
        rate.parse("9" * 5000 + "m")


@given(st.integers(1, rate.LARGEST_MINUTES))
def test_every_rate_survives_its_text_and_its_unit(minutes: int) -> None:
    assert rate.parse(rate.render(minutes)) == minutes
    value, unit = rate.to_unit(minutes)
    assert value * unit.minutes == minutes


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("1m", "* * * * *"),
        ("15m", "*/15 * * * *"),
        ("1h", "0 * * * *"),
        ("6h", "0 */6 * * *"),
        ("1d", "0 0 * * *"),
        ("7d", "0 0 * * 0"),
        ("45m", None),
        ("90m", None),
        ("5h", None),
        ("2d", None),
    ],
)
def test_equal_cron_is_offered_where_one_exists(text: str, expression: str | None) -> None:
    assert rate.equal_cron(rate.parse(text)) == expression


@given(st.integers(1, 3 * 7 * 1440))
def test_equal_cron_fires_at_the_distance_of_the_rate(minutes: int) -> None:
    expression = rate.equal_cron(minutes)
    if expression is None:
        return

    ticks = preview.firings(
        cron.parse(expression), zone="UTC", after=datetime(2026, 2, 3, 4, 5, tzinfo=UTC), count=5
    )

    distances = {(later - earlier).total_seconds() for earlier, later in pairwise(ticks)}
    assert distances == {minutes * 60.0}


def test_rate_without_meaning_has_no_equal_cron() -> None:
    assert rate.equal_cron(0) is None
