"""Findings about schedules, the traps T4, T5, T7 and T21 of Flyte 1 among them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.schedule import rules
from reconciler.schedule.lint import Written, check
from reconciler.schedule.rules import RULES, Level
from reconciler.schedule.scheduler import FLYTE2

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ids(written: Written) -> list[str]:
    return [finding.id for finding in check(written, now=NOW)]


def only(written: Written) -> tuple[str, str, str]:
    (finding,) = check(written, now=NOW)
    return finding.field, finding.message, finding.fix


def test_rule_ids_are_unique_and_in_order() -> None:
    found = [rule.id for rule in RULES]

    assert found == sorted(set(found))
    declared = {rule.id for rule in vars(rules).values() if isinstance(rule, rules.Rule)}
    assert declared == set(found)


@pytest.mark.parametrize(
    "written",
    [
        Written(),
        Written(cron="0 6 * * 1-5", timezone="Europe/Berlin", kickoff_input="day"),
        Written(cron="CRON_TZ=UTC 0 2 * * *"),
        Written(cron="CRON_TZ=UTC 0 2 * * *", timezone="UTC"),
        Written(cron="*/15 * * * *"),
        Written(cron="*/15,7 */4 1 * *", timezone="UTC"),
        Written(cron="0 * * * *", timezone="Europe/Berlin"),
        Written(every="6h"),
    ],
)
def test_sound_schedule_has_no_finding(written: Written) -> None:
    assert check(written, now=NOW) == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (Written(cron="* * * *"), ["S001"]),
        (Written(cron="61 * * * *"), ["S002"]),
        (Written(cron="0 0 * * 7"), ["S003"]),
        (Written(cron="hourly"), ["S004"]),
        (Written(cron="@every 1d"), ["S005"]),
        (Written(cron="0 0 31 2 *"), ["S006"]),
        (Written(cron="TZ=Mars 0 0 * * *"), ["S007"]),
        (Written(cron="0 0 * * *", timezone="Mars"), ["S007"]),
        (Written(cron="0 0 * * 7", timezone="Mars"), ["S003", "S007"]),
        (Written(cron="TZ=UTC"), ["S008"]),
        (Written(cron="TZ=UTC 0 0 * * *", timezone="Europe/Berlin"), ["S009"]),
        (Written(every="6h", kickoff_input="day"), ["S010"]),
        (Written(every="6x", kickoff_input="day"), ["S010", "S013"]),
        (Written(every="6h", offset="PT1H"), ["S011"]),
        (Written(cron_expression="0 6 * * *"), ["S012"]),
        (Written(every="30s"), ["S013"]),
        (Written(cron="@every 0"), ["S014"]),
        (Written(cron="@every 6h"), ["S015"]),
        (Written(cron="@every 5s"), ["S015", "S016"]),
        (Written(cron="* * * * *"), ["S017"]),
        (Written(every="1m"), ["S017"]),
        (Written(cron="30 2 * * *", timezone="Europe/Berlin"), ["S018", "S019"]),
        (Written(cron="30 2 * * *"), ["S020"]),
        (Written(cron="0-59/5 *-5 * * *"), ["S021"]),
        (Written(cron="TZ=UTC 0 0 13 * 5"), ["S022"]),
        (Written(cron="*/45 * * * *"), ["S023"]),
        (Written(every="6h", follows_code=True), ["S024"]),
    ],
)
def test_each_rule_is_found_by_its_id(written: Written, expected: list[str]) -> None:
    assert ids(written) == expected


def test_kickoff_on_rate_refused() -> None:
    assert only(Written(every="6h", kickoff_input="day")) == (
        "kickoffInput",
        (
            'the scheduler passes no kickoff time on a fixed rate, so "day" stays unbound, and a '
            "missed tick that fails stops the schedules of everybody"
        ),
        'write cron: "0 */6 * * *" in place of every, or leave kickoffInput out',
    )


def test_offset_refused() -> None:
    assert only(Written(every="6h", offset="PT5M"))[0] == "offset"


def test_deprecated_cron_expression_offers_the_cron_to_write() -> None:
    field, _, fix = only(Written(cron_expression="0  6 * * *"))

    assert (field, fix) == ("cron_expression", 'write cron: "0 6 * * *"')


def test_deprecated_cron_expression_in_the_form_of_aws_is_translated() -> None:
    _, _, fix = only(Written(cron_expression="0 6 ? * 2-6 *"))

    assert fix.endswith('write "0 6 ? * 1-5"')


def test_rate_that_follows_code_offers_the_equal_cron() -> None:
    assert only(Written(every="15m", follows_code=True)) == (
        "every",
        (
            'the timer of "15m" starts anew with each version, and the version follows the code; '
            "deployed more often than that, it never fires"
        ),
        'write cron: "*/15 * * * *", or pin the version',
    )


def test_missing_zone_is_said_as_information_only() -> None:
    (finding,) = check(Written(cron="0 6 * * *"), now=NOW)

    assert (finding.id, finding.severity, finding.field) == ("S020", Level.INFO, "timezone")


def test_step_that_exceeds_its_range_says_that_it_matches_once() -> None:
    assert only(Written(cron="*/90 * * * *"))[1:] == (
        'minute "*/90" matches 0 alone, since steps start anew each hour',
        "write every: 90m for equal distances, or list the values you want",
    )


def test_uneven_step_says_where_it_is_uneven() -> None:
    assert only(Written(cron="*/45 * * * *"))[1] == (
        'minute "*/45" is 45 minutes apart but only 15 from 45 to the next hour'
    )


def test_skipped_and_repeated_local_times_are_named_with_their_dates() -> None:
    skipped, repeated = check(Written(cron="30 2 * * *", timezone="Europe/Berlin"), now=NOW)

    assert skipped.message == (
        "02:30 does not exist on 2026-03-29 in Europe/Berlin and will not fire"
    )
    assert repeated.message == (
        "02:30 occurs twice on 2026-10-25 in Europe/Berlin and will fire twice"
    )


def test_several_disturbed_times_are_said_in_one_sentence() -> None:
    skipped, repeated = check(Written(cron="0,30 0-3 * * *", timezone="America/New_York"), now=NOW)

    assert skipped.message == (
        "02:00 to 02:30 do not exist on 2026-03-08 in America/New_York and will not fire"
    )
    assert repeated.message == (
        "01:00 to 01:30 occur twice on 2026-11-01 in America/New_York and will fire twice"
    )


def test_every_minute_of_one_hour_is_told_from_every_minute() -> None:
    assert only(Written(cron="TZ=UTC * 6 * * *"))[1] == (
        'minute "*" fires sixty times in each hour that matches'
    )


def test_clock_changes_in_the_past_are_not_mentioned() -> None:
    summer = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    skipped, repeated = check(Written(cron="30 2 * * *", timezone="Europe/Berlin"), now=summer)

    assert "2026-10-25" in repeated.message
    assert "2027-03-28" in skipped.message


def test_weekly_run_on_a_day_without_midnight_is_known_to_be_passed_over() -> None:
    assert only(Written(cron="0 12 * * 5", timezone="Africa/Cairo")) == (
        "cron",
        (
            "12:00 will not fire on 2026-04-24 in Africa/Cairo: clocks skip midnight, and the "
            "scheduler passes over that day"
        ),
        "write timezone: UTC, whose clocks never change",
    )


def test_day_that_the_expression_does_not_name_is_not_disturbed() -> None:
    assert ids(Written(cron="30 2 * * 3", timezone="Europe/Berlin")) == []
    assert ids(Written(cron="30 2 1 * *", timezone="Europe/Berlin")) == []


def test_errors_come_before_warnings() -> None:
    found = check(Written(cron="* * * * *", offset="PT1H"), now=NOW)

    assert [finding.severity for finding in found] == [Level.ERROR, Level.WARNING]


texts = st.text("0123456789*/-,?@ TZ=UCLW#amevryhd.", max_size=24)


@given(st.none() | texts, st.none() | texts, st.none() | texts, st.none() | texts)
def test_nothing_that_can_be_written_crashes_the_linter(
    cron: str | None, timezone: str | None, every: str | None, cron_expression: str | None
) -> None:
    written = Written(cron=cron, timezone=timezone, every=every, cron_expression=cron_expression)

    assert all(finding.message and finding.fix for finding in check(written, now=NOW))


def test_numbers_without_end_are_findings() -> None:
    digits = "9" * 5000

    assert ids(Written(cron=f"{digits} * * * *")) == ["S002"]
    assert ids(Written(cron=f"@every {digits}h")) == ["S005"]
    assert ids(Written(every=f"{digits}h")) == ["S013"]


def of_flyte2(**written: object) -> Written:
    return Written(**written, scheduler=FLYTE2)  # type: ignore[arg-type]


def test_rate_of_flyte_2_may_pass_the_scheduled_time() -> None:
    assert ids(of_flyte2(every="6h", kickoff_input="day")) == ["S027"]


def test_cron_of_flyte_2_is_read_in_utc() -> None:
    assert ids(of_flyte2(cron="30 2 * * *")) == ["S027"]
    assert "S020" in ids(Written(cron="30 2 * * *"))


def test_never_firing_cron_starts_a_run_at_each_change_of_flyte_2() -> None:
    field, message, _ = only_error(of_flyte2(cron="0 0 31 2 *"))

    assert field == "cron"
    assert message == (
        '"0 0 31 2 *" never fires within five years; '
        "the scheduler starts a run at once each time it takes such a schedule up"
    )


def test_timer_of_flyte_2_counts_from_the_last_firing() -> None:
    messages = [one.message for one in check(of_flyte2(cron="@every 30s"), now=NOW)]

    assert messages[0].endswith("a timer: it counts from the last firing, or from the activation")
    assert messages[1].endswith("up to 100 missed ones of all triggers together are started")


@pytest.mark.parametrize(
    ("every", "start", "expected"),
    [
        ("1m", datetime(2025, 12, 1, tzinfo=UTC), []),
        ("1m", datetime(2030, 1, 1, tzinfo=UTC), []),
        ("1m", datetime(2020, 1, 1, tzinfo=UTC), ["S025"]),
        ("1h", datetime(2020, 1, 1, tzinfo=UTC), []),
        ("1m", datetime(1700, 1, 1, tzinfo=UTC), ["S026"]),
        ("unreadable", datetime(1700, 1, 1, tzinfo=UTC), ["S013"]),
    ],
)
def test_start_far_in_the_past_is_walked_slot_by_slot(
    every: str, start: datetime, expected: list[str]
) -> None:
    found = ids(of_flyte2(every=every, start=start))

    assert [one for one in found if one not in {"S017", "S027"}] == expected


def test_rates_that_would_hang_flyte_2_are_refused() -> None:
    for every in ("0m", "0h", "0d"):
        assert ids(of_flyte2(every=every))[0] == "S013"


def only_error(written: Written) -> tuple[str, str, str]:
    (finding,) = (one for one in check(written, now=NOW) if one.severity is Level.ERROR)
    return finding.field, finding.message, finding.fix
