"""Parsing and firing against answers recorded from the scheduler's own library, and laws."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cron_oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.schedule import cron, rules, zone
from reconciler.schedule.walk import Calendar

TESTS = Path(__file__).parents[2]
CORPUS = TESTS / "corpus" / "cron.jsonl"


def recorded() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CORPUS.read_bytes().splitlines()]


def asked(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["after"]).astimezone(zone.load(line["zone"]))


def test_corpus_is_wide_enough_to_trust() -> None:
    lines = recorded()

    assert len(lines) >= 1500
    assert sum("error" in line for line in lines) >= 250
    assert len({line["zone"] for line in lines}) >= 30


def test_parser_accepts_and_refuses_what_the_scheduler_does() -> None:
    wrong = []
    for line in recorded():
        try:
            cron.parse(line["expression"])
        except ValueError:
            is_refused = True
        else:
            is_refused = False
        if is_refused != ("error" in line):
            wrong.append(line)

    assert wrong == []


def test_next_firings_are_those_of_the_scheduler() -> None:
    wrong = []
    for line in recorded():
        if "error" in line:
            continue
        parsed = cron.parse(line["expression"])
        moment, fired = asked(line), []
        while len(fired) < line["count"]:
            following = parsed.next(moment)
            if following is None:
                break
            moment = following
            fired.append(int(moment.timestamp()))
        if fired != line.get("next", []):
            wrong.append((line, fired))

    assert wrong == []


def test_corpus_is_what_the_library_answers_today() -> None:
    answers = cron_oracle.answers(recorded())

    # Words of refusals come from Go's own library and may change with it; that it refuses may not.
    assert [settled(line) for line in answers] == [settled(line) for line in recorded()]


def settled(line: dict[str, Any]) -> dict[str, Any]:
    return line | {"error": True} if "error" in line else line


@pytest.mark.parametrize(
    ("expression", "rule", "text"),
    [
        (
            "0 0 * * 7",
            rules.WEEKDAY_SEVEN,
            'weekday "7" has 7, and weekdays run from 0 (Sunday) to 6; write 0 for Sunday',
        ),
        (
            "0 0 * * 5-7",
            rules.WEEKDAY_SEVEN,
            'weekday "5-7" has 7, and weekdays run from 0 (Sunday) to 6; write 5-6,0',
        ),
        (
            "0 0 * * 1-7",
            rules.WEEKDAY_SEVEN,
            'weekday "1-7" has 7, and weekdays run from 0 (Sunday) to 6; write * for every day',
        ),
        (
            "0 25 * * *",
            rules.FIELD,
            'hour "25" has 25, above 23; write a number from 0 to 23',
        ),
        (
            "0 22-2 * * *",
            rules.FIELD,
            'hour "22-2" runs backwards; write it as two ranges, 22-23,0-2',
        ),
        (
            "0 0 L * *",
            rules.FIELD,
            (
                'day of month "L" uses L, which Flyte\'s scheduler does not know; '
                "fire on more days and test the date in the workflow"
            ),
        ),
        (
            "0 0 * * FRI#2",
            rules.FIELD,
            (
                'weekday "FRI#2" uses #, which Flyte\'s scheduler does not know; '
                "fire on more days and test the date in the workflow"
            ),
        ),
        (
            "0 0 * * Monday",
            rules.FIELD,
            'weekday "Monday" has "Monday", which is no value; write 0 (Sunday) to 6 or SUN to SAT',
        ),
        ("*/0 * * * *", rules.FIELD, 'minute "*/0" has step 0; write a step of 1 or more'),
        (
            "hourly",
            rules.ALIAS,
            '"hourly" is an alias that flytekit accepts and the server refuses; write "@hourly"',
        ),
        (
            "@reboot",
            rules.ALIAS,
            (
                'alias "@reboot" is unknown; '
                "start a FlyteRun for what runs once; a schedule has no such moment"
            ),
        ),
        (
            "@Daily",
            rules.ALIAS,
            (
                'alias "@Daily" is unknown; write "@daily", in small letters and without spaces '
                "around it"
            ),
        ),
        (
            "@every 1d",
            rules.EVERY_UNREADABLE,
            (
                '@every: unit "d" in "1d" is unknown; '
                'write a Go duration such as "@every 1h30m"; its largest unit is h'
            ),
        ),
        (
            "0 12 ? * 2-6 *",
            rules.FIELD_COUNT,
            (
                '"0 12 ? * 2-6 *" has 6 fields and needs five; years are a form of AWS, '
                'where weekdays count from 1 (Sunday) and here from 0: write "0 12 ? * 1-5"'
            ),
        ),
        (
            "cron(0 12 * * ? *)",
            rules.FIELD_COUNT,
            (
                '"cron(0 12 * * ? *)" has 6 fields and needs five; '
                'this is the form of AWS: write "0 12 * * ?"'
            ),
        ),
        (
            "rate(1 day)",
            rules.FIELD_COUNT,
            (
                '"rate(1 day)" has 2 fields and needs five; '
                "this is the form of AWS; write a fixed rate, such as every: 6h"
            ),
        ),
        (
            "0 30 6 * * 1",
            rules.FIELD_COUNT,
            (
                '"0 30 6 * * 1" has 6 fields and needs five; '
                'seconds do not exist here: write "30 6 * * 1"'
            ),
        ),
        (
            "*/2/3 * * * *",
            rules.FIELD,
            'minute "*/2/3" has more than one slash; write at most one step, such as */5',
        ),
        (
            "1-2-3 * * * *",
            rules.FIELD,
            'minute "1-2-3" has more than one hyphen; write one range, such as 1-5',
        ),
        (
            "0 0 * 0 *",
            rules.FIELD,
            'month "0" has 0, below 1; write 1 to 12 or JAN to DEC',
        ),
        (
            "*/-2 * * * *",
            rules.FIELD,
            'minute "*/-2" has the negative step -2; write a step of 1 or more',
        ),
        (
            "5- * * * *",
            rules.FIELD,
            'minute "5-" lacks a number; write a number from 0 to 59',
        ),
        (
            "0 0 * * 1-7/2",
            rules.WEEKDAY_SEVEN,
            (
                'weekday "1-7/2" has 7, and weekdays run from 0 (Sunday) to 6; '
                "write a range that ends with 6, or list the days"
            ),
        ),
        (
            "@every5m",
            rules.ALIAS,
            (
                'alias "@every5m" is unknown; '
                'write "@every", one space and a Go duration, such as "@every 1h30m"'
            ),
        ),
        (
            "@every 9999999h",
            rules.EVERY_UNREADABLE,
            (
                '@every: "9999999h" is longer than 292 years; '
                'write a Go duration such as "@every 1h30m"; its largest unit is h'
            ),
        ),
        (
            " TZ=UTC 0 0 * * *",
            rules.FIELD_COUNT,
            (
                '"TZ=UTC 0 0 * * *" has 6 fields and needs five; '
                "write the zone once, at the very start and in capitals: CRON_TZ=Area/City"
            ),
        ),
        (
            " @daily",
            rules.FIELD_COUNT,
            ('"@daily" has 1 field and needs five; write "@daily" with nothing before or after it'),
        ),
        (
            "0 30 6 * * 1 2026",
            rules.FIELD_COUNT,
            (
                '"0 30 6 * * 1 2026" has 7 fields and needs five; '
                'seconds and years do not exist here: write "30 6 * * 1"'
            ),
        ),
        (
            "TZ=Europe/Berlim 0 6 * * *",
            rules.ZONE_UNKNOWN,
            'time zone "Europe/Berlim" is unknown; write "Europe/Berlin"',
        ),
        (
            "",
            rules.FIELD_COUNT,
            (
                "the expression is empty; "
                "write minute, hour, day of month, month and weekday, such as 0 6 * * 1-5"
            ),
        ),
        (
            "TZ=Europe/Berlin",
            rules.ZONE_ALONE,
            (
                '"TZ=Europe/Berlin" has no space after the zone; the server crashes on it; '
                'write the zone, a space and five fields, such as "CRON_TZ=Europe/Berlin 0 6 * * *"'
            ),
        ),
        (
            "TZ=europe/berlin 0 6 * * *",
            rules.ZONE_UNKNOWN,
            'time zone "europe/berlin" is unknown; write "Europe/Berlin"',
        ),
        (
            "TZ=Berlin 0 6 * * *",
            rules.ZONE_UNKNOWN,
            'time zone "Berlin" is unknown; write "Europe/Berlin"',
        ),
    ],
)
def test_refusal_says_what_is_wrong_and_what_to_do(
    expression: str, rule: rules.Rule, text: str
) -> None:
    with pytest.raises(rules.ScheduleError) as refusal:
        cron.parse(expression)

    assert str(refusal.value) == text
    assert refusal.value.rule is rule


@pytest.mark.parametrize(
    ("expression", "split"),
    [
        (" 0  6\t* * * ", ("0 6 * * *", None)),
        ("CRON_TZ=Europe/Berlin   0 6 * * *", ("0 6 * * *", "Europe/Berlin")),
        ("TZ=UTC @daily", ("@daily", "UTC")),
        ("TZ= 0 6 * * *", ("0 6 * * *", "UTC")),
        ("TZ=Local 0 6 * * *", ("0 6 * * *", None)),
    ],
)
def test_normal_form_has_single_spaces_and_its_zone_apart(
    expression: str, split: tuple[str, str | None]
) -> None:
    assert cron.split_zone(expression) == split
    assert cron.split_zone(cron.join_zone(*split)) == split
    parsed = cron.parse(expression)
    assert (parsed.text, parsed.zone) == split


def test_star_with_step_counts_as_restricted_when_days_are_joined() -> None:
    either = cron.parse("0 0 */2 * 1").timing
    both = cron.parse("0 0 */1 * 1").timing

    assert isinstance(either, Calendar)
    assert isinstance(both, Calendar)
    assert (either.is_either_day, both.is_either_day) == (True, False)


def test_never_firing_expression_has_no_next() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert cron.parse("0 0 31 2 *").next(now) is None
    assert cron.parse(", * * * *").next(now) is None


def test_leap_day_beyond_five_years_is_none_and_within_is_found() -> None:
    leap = cron.parse("0 0 29 2 *")

    assert leap.next(datetime(1896, 3, 1, tzinfo=UTC)) is None
    assert leap.next(datetime(2024, 3, 1, tzinfo=UTC)) == datetime(2028, 2, 29, tzinfo=UTC)


def test_zone_that_left_out_a_day_does_not_hang_the_search() -> None:
    apia = zone.load("Pacific/Apia")

    assert cron.parse("0 0 31 12 *").next(datetime(2011, 12, 28, tzinfo=apia)) is None


def test_moments_past_the_last_year_are_none() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert cron.parse("* * * * *").next(last) is None
    assert cron.parse("@every 1h").next(last) is None


def test_moment_without_zone_is_refused() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the fault under test

    with pytest.raises(
        ValueError, match="2026-01-01T00:00:00 has no time zone; give a datetime with one"
    ):
        cron.parse("0 0 * * *").next(naive)


# Zones whose clocks move by whole hours and never at midnight, where firings match their fields.
PLAIN_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata")


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    span = st.tuples(value, value).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    return st.one_of(
        st.just("*"),
        value.map(str),
        span,
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.lists(value.map(str), min_size=1, max_size=3).map(",".join),
    )


expressions = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).map(
    " ".join
)
moments = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from(PLAIN_ZONES).map(zone.load),
)


@given(expressions, moments)
def test_next_is_later_and_matches_its_fields(expression: str, after: datetime) -> None:
    parsed = cron.parse(expression)
    following = parsed.next(after)

    if following is None:
        return
    assert following.timestamp() > after.timestamp()
    assert isinstance(parsed.timing, Calendar)
    assert parsed.timing.minutes >> following.minute & 1
    assert parsed.timing.hours >> following.hour & 1
    assert parsed.timing.months >> following.month & 1
    assert parsed.timing.matches_day(following)
    assert (following.second, following.microsecond) == (0, 0)


@given(expressions, moments, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_a_later_question_has_no_earlier_answer(
    expression: str, after: datetime, later: timedelta
) -> None:
    parsed = cron.parse(expression)
    zoned = after.tzinfo
    first = parsed.next(after)
    second = parsed.next((after.astimezone(UTC) + later).astimezone(zoned))

    if first is not None and second is not None:
        assert second.timestamp() >= first.timestamp()


@given(st.text("0123456789*/-,?@ TZ=UCLW#amevryhd.\t", max_size=30))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        parsed = cron.parse(text)
    except rules.ScheduleError as error:
        refusal = error
    else:
        assert cron.parse(cron.join_zone(parsed.text, parsed.zone)) == parsed
        return
    assert refusal.message
    assert refusal.fix
