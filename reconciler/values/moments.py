"""Datetimes and durations: what people write, and protobuf's JSON for Timestamp and Duration.

People write datetimes as RFC 3339 with a zone, and durations as Go (`1h30m`) or ISO 8601
(`PT1H30M`). Protobuf prints 0, 3, 6 or 9 digits of a second. A Timestamp runs from year 1 to 9999,
a Duration over 315,576,000,000 seconds either way (google/protobuf/timestamp.proto and
duration.proto). All arithmetic is on whole nanoseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction

_SECOND = 1_000_000_000
_LONGEST = 315_576_000_000 * _SECOND

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_NAIVE = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_GO = re.compile(r"(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_GO_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_GO_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_ISO = re.compile(
    r"P(?:(?P<w>\d+(?:[.,]\d+)?)W)?(?:(?P<d>\d+(?:[.,]\d+)?)D)?"
    r"(?:T(?=\d)(?:(?P<h>\d+(?:[.,]\d+)?)H)?(?:(?P<m>\d+(?:[.,]\d+)?)M)?(?:(?P<s>\d+(?:[.,]\d+)?)S)?)?",
    re.ASCII,
)
_ISO_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_ISO_CALENDAR = re.compile(r"P\d+(?:[.,]\d+)?[YM]", re.ASCII)
_LONG_TEXT = 100


class MomentError(ValueError):
    """A text is no datetime or duration; `fix` says what to write."""

    def __init__(self, message: str, fix: str) -> None:
        self.fix = fix
        super().__init__(message)


def parse_datetime(written: str) -> str:
    """Turn RFC 3339 with a zone into protobuf's JSON (UTC, `Z`); raises MomentError."""
    found = _RFC3339.fullmatch(written) if len(written) <= _LONG_TEXT else None
    if found is None:
        raise MomentError("is not a datetime with a zone", _datetime_fix(written))
    date, time, fraction, _zulu, sign, hours, minutes = found.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time}").replace(tzinfo=UTC)
        if sign:
            if int(hours) > 23 or int(minutes) > 59:
                raise ValueError("the offset is over a day")
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            moment = moment - offset if sign == "+" else moment + offset
    except (ValueError, OverflowError):
        raise MomentError(
            "is not a day and time between year 1 and 9999",
            'write one such as "2024-05-01T06:00:00Z"',
        ) from None
    nanos = int((fraction or "").ljust(9, "0"))
    return f"{moment:%H:%M:%S}".join((f"{moment.date().isoformat()}T", f"{_digits(nanos)}Z"))


def parse_duration(written: str) -> str:
    """Turn `1h30m` or `PT1H30M` into protobuf's JSON, `5400s`; raises MomentError."""
    sign = -1 if written.startswith("-") else 1
    body = written[1:] if written[:1] in {"-", "+"} else written
    if len(body) > _LONG_TEXT:
        nanos = None
    elif body == "0":
        nanos = Fraction(0)
    elif _GO.fullmatch(body):
        parts = _GO_PART.findall(body)
        nanos = sum((Fraction(number) * _GO_UNITS[unit] for number, unit in parts), Fraction(0))
    else:
        nanos = _iso_nanos(body)
    if nanos is None:
        fix = 'write it as "1h30m" or "PT1H30M"'
        if _ISO_CALENDAR.match(body):
            fix = "years and months differ in length; write days, hours, minutes or seconds"
        raise MomentError("is not a duration", fix)
    if nanos.denominator != 1:
        raise MomentError("is finer than a nanosecond", "round it")
    if nanos > _LONGEST:
        raise MomentError("is longer than 10,000 years", "write a shorter duration")
    return _duration_json(sign * int(nanos))


def show_duration(printed: str) -> str:
    """Turn protobuf's `5400s` into the Go form, `1h30m`; raises MomentError."""
    found = re.fullmatch(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", printed, re.ASCII)
    if found is None:
        raise MomentError("is not a duration", "")
    sign, whole, fraction = found.groups()
    minutes, seconds = divmod(int(whole), 60)
    hours, minutes = divmod(minutes, 60)
    tail = (fraction or "").rstrip("0")
    shown = f"{hours}h" if hours else ""
    shown += f"{minutes}m" if minutes else ""
    if seconds or tail or not shown:
        shown += f"{seconds}.{tail}s" if tail else f"{seconds}s"
    return sign + shown


def _iso_nanos(body: str) -> Fraction | None:
    found = _ISO.fullmatch(body)
    if found is None or body == "P":
        return None
    amounts = {unit: amount for unit, amount in found.groupdict().items() if amount is not None}
    return sum(
        (
            Fraction(amount.replace(",", ".")) * _ISO_UNITS[unit] * _SECOND
            for unit, amount in amounts.items()
        ),
        Fraction(0),
    )


def _duration_json(nanos: int) -> str:
    seconds, rest = divmod(abs(nanos), _SECOND)
    return f"{'-' if nanos < 0 else ''}{seconds}{_digits(rest)}s"


def _digits(nanos: int) -> str:
    if not nanos:
        return ""
    digits = f"{nanos:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f".{digits}"


def _datetime_fix(written: str) -> str:
    if _DATE.fullmatch(written):
        return f'write the time and the zone too, "{written}T00:00:00Z"'
    if len(written) <= _LONG_TEXT and (naive := _NAIVE.fullmatch(written)):
        date, time = naive.groups()
        time = f"{time}:00" if len(time) == 5 else time
        return f'add the zone, for example "{date}T{time}Z" for UTC'
    return 'write it as RFC 3339, for example "2024-05-01T06:00:00Z"'
