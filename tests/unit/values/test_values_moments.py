from __future__ import annotations

import pytest
from google.protobuf import duration_pb2, timestamp_pb2
from hypothesis import given
from hypothesis import strategies as st

from reconciler.values.moments import MomentError, parse_datetime, parse_duration, show_duration

LONGEST = 315_576_000_000


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("2024-01-02t03:04:05z", "2024-01-02T03:04:05Z"),
        ("2024-01-02 03:04:05+02:00", "2024-01-02T01:04:05Z"),
        ("2024-01-01T00:30:00+05:30", "2023-12-31T19:00:00Z"),
        ("2024-01-02T03:04:05.1Z", "2024-01-02T03:04:05.100Z"),
        ("2024-01-02T03:04:05.1234Z", "2024-01-02T03:04:05.123400Z"),
        ("2024-01-02T03:04:05.123456789-00:00", "2024-01-02T03:04:05.123456789Z"),
        ("2024-02-29T00:00:00.000Z", "2024-02-29T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_datetime_is_printed_as_protobuf_does(written: str, printed: str) -> None:
    stamp = timestamp_pb2.Timestamp()
    stamp.FromJsonString(printed)

    assert parse_datetime(written) == printed
    assert stamp.ToJsonString() == printed


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("2024-01-02", 'write the time and the zone too, "2024-01-02T00:00:00Z"'),
        ("2024-01-02T03:04:05", 'add the zone, for example "2024-01-02T03:04:05Z" for UTC'),
        ("2024-01-02 03:04", 'add the zone, for example "2024-01-02T03:04:00Z" for UTC'),
        ("now", 'write it as RFC 3339, for example "2024-05-01T06:00:00Z"'),
        ("2024-13-01T00:00:00Z", 'write one such as "2024-05-01T06:00:00Z"'),
        ("2023-02-29T00:00:00Z", 'write one such as "2024-05-01T06:00:00Z"'),
        ("2024-01-01T23:59:60Z", 'write one such as "2024-05-01T06:00:00Z"'),
        ("0001-01-01T00:00:00+01:00", 'write one such as "2024-05-01T06:00:00Z"'),
        ("2024-01-01T00:00:00+24:00", 'write one such as "2024-05-01T06:00:00Z"'),
        (
            "2024-01-01T00:00:00.1234567890Z",
            'write it as RFC 3339, for example "2024-05-01T06:00:00Z"',
        ),
        ("٢٠٢٤-01-01T00:00:00Z", 'write it as RFC 3339, for example "2024-05-01T06:00:00Z"'),
    ],
)
def test_wrong_datetime_says_what_to_write(written: str, fix: str) -> None:
    with pytest.raises(MomentError) as caught:
        parse_datetime(written)

    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("1h30m", "5400s"),
        ("90s", "90s"),
        ("0", "0s"),
        ("0s", "0s"),
        ("-0s", "0s"),
        ("-1.5s", "-1.500s"),
        ("+2m", "120s"),
        (".5h", "1800s"),
        ("1.h", "3600s"),
        ("300ms", "0.300s"),
        ("1us", "0.000001s"),
        ("1µs", "0.000001s"),
        ("1μs", "0.000001s"),
        ("1ns", "0.000000001s"),
        ("PT1H30M", "5400s"),
        ("P1DT2H", "93600s"),
        ("P2W", "1209600s"),
        ("-PT1,5S", "-1.500s"),
        ("PT0.5M", "30s"),
        (f"{LONGEST}s", f"{LONGEST}s"),
    ],
)
def test_duration_is_printed_as_protobuf_does(written: str, printed: str) -> None:
    duration = duration_pb2.Duration()
    duration.FromJsonString(printed)

    assert parse_duration(written) == printed
    assert duration.ToJsonString() == printed


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "is not a duration"),
        ("90", "is not a duration"),
        ("1 h", "is not a duration"),
        ("1d", "is not a duration"),
        ("P", "is not a duration"),
        ("PT", "is not a duration"),
        ("P1DT", "is not a duration"),
        ("P1Y", "is not a duration"),
        ("--1s", "is not a duration"),
        ("0.1ns", "is finer than a nanosecond"),
        (f"{LONGEST + 1}s", "is longer than 10,000 years"),
        ("9" * 500 + "s", "is not a duration"),
    ],
)
def test_wrong_duration_is_refused(written: str, message: str) -> None:
    with pytest.raises(MomentError, match=f"^{message}$"):
        parse_duration(written)


@given(st.integers(-LONGEST * 10**9, LONGEST * 10**9))
def test_durations_shown_parse_to_themselves(nanos: int) -> None:
    duration = duration_pb2.Duration()
    seconds, rest = divmod(abs(nanos), 10**9)
    sign = -1 if nanos < 0 else 1
    duration.seconds, duration.nanos = sign * seconds, sign * rest
    printed = duration.ToJsonString()

    assert parse_duration(show_duration(printed)) == printed


@given(st.datetimes(timezones=st.timezones()))
def test_datetimes_with_any_zone_are_the_moment_that_protobuf_reads(moment: object) -> None:
    written = moment.isoformat()  # type: ignore[attr-defined]
    stamp = timestamp_pb2.Timestamp()
    try:
        stamp.FromJsonString(written)
        printed = stamp.ToJsonString()
    except ValueError:
        # old zones have offsets with seconds, and a shift can leave the years 1 to 9999
        with pytest.raises(MomentError):
            parse_datetime(written)
        return

    assert parse_datetime(written) == printed
