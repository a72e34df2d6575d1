"""Which cron expressions Flyte accepts, and what they say: the standard parser of its Go library.

Five fields, names of months and weekdays, `?` as `*`, weekdays 0 to 6, descriptors, `@every` with a
Go duration, and a time zone in front. An expression that never fires is accepted. A zone that no
space follows makes the parser panic, which a client sees as INTERNAL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.server import calendar, durations
from reconciler.server.calendar import Calendar, Delay, Timing
from reconciler.server.status import internal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
# What Go takes for white space: unlike Python's, not the four separators of ASCII.
_SPACE = re.compile(r"[^\S\x1c-\x1f]+")
_MAX_INT = 2**63 - 1
_INTEGER = re.compile(r"[+-]?[0-9]+")
_ZONES = ("TZ=", "CRON_TZ=")


class CronError(ValueError):
    """The expression is not in the grammar; the text is for the user."""


@dataclass(frozen=True, slots=True)
class _Field:
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)


def _named(words: str, *, first: int) -> dict[str, int]:
    return {word: number for number, word in enumerate(words.split(), first)}


_FIELDS = (
    _Field(0, 59),
    _Field(0, 23),
    _Field(1, 31),
    _Field(1, 12, _named("jan feb mar apr may jun jul aug sep oct nov dec", first=1)),
    _Field(0, 6, _named("sun mon tue wed thu fri sat", first=0)),
)


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of a field; `is_star` when it was written as a star that steps by one."""

    values: frozenset[int]
    is_star: bool


def check(expression: str) -> None:
    """CronError when the expression would be refused; StatusError INTERNAL when it panics."""
    parse(expression)


def parse(expression: str) -> Timing:
    """What the expression says; refuses as `check` does."""
    if not expression:
        raise CronError("empty spec string")
    zone = None
    if expression.startswith(_ZONES):
        prefix, space, rest = expression.partition(" ")
        if not space:
            raise internal()
        zone = _zone(prefix.partition("=")[2])
        expression = _SPACE.sub(" ", rest).strip(" ")
    if expression.startswith("@"):
        return _descriptor(expression, zone)
    return _calendar([part for part in _SPACE.split(expression) if part], zone)


def _calendar(fields: list[str], zone: tzinfo | None) -> Calendar:
    if len(fields) != len(_FIELDS):
        shown = " ".join(fields)
        raise CronError(f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{shown}]")
    minutes, hours, days, months, weekdays = (
        _field(text, bounds) for text, bounds in zip(fields, _FIELDS, strict=True)
    )
    return Calendar(
        minutes=minutes.values,
        hours=hours.values,
        days=days.values,
        months=months.values,
        weekdays=weekdays.values,
        either=not (days.is_star or weekdays.is_star),
        zone=zone,
    )


def _zone(name: str) -> tzinfo | None:
    # Go's empty name is UTC and its "Local" the process's own zone.
    if name == "Local":
        return None
    if ".." in name or name.startswith(("/", "\\")):
        raise CronError(f"provided bad location {name}: time: invalid location name")
    try:
        return calendar.zone(name or "UTC")
    except KeyError:
        raise CronError(f"provided bad location {name}: unknown time zone {name}") from None


def _descriptor(text: str, zone: tzinfo | None) -> Timing:
    if text in _DESCRIPTORS:
        return _calendar(_DESCRIPTORS[text].split(), zone)
    if not text.startswith(_EVERY):
        raise CronError(f"unrecognized descriptor: {text}")
    try:
        length = durations.nanoseconds(text.removeprefix(_EVERY))
    except ValueError as error:
        raise CronError(f"failed to parse duration {text}: time: {error}") from None
    return Delay(max(length // 10**9, 1))


def _field(text: str, bounds: _Field) -> _Values:
    parts = [_range(part, bounds) for part in text.split(",") if part]
    return _Values(
        frozenset[int]().union(*(part.values for part in parts)),
        any(part.is_star for part in parts),
    )


def _range(text: str, bounds: _Field) -> _Values:
    span, *steps = text.split("/")
    low, *rest = span.split("-")
    is_star = low in ("*", "?")
    if is_star:
        start, end = bounds.low, bounds.high
    else:
        start = end = _number(low, bounds.names)
        if len(rest) > 1:
            raise CronError(f"too many hyphens: {text}")
        if rest:
            end = _number(rest[0], bounds.names)
    if len(steps) > 1:
        raise CronError(f"too many slashes: {text}")
    step = 1
    if steps:
        step = _number(steps[0], {})
        if not rest:
            end = bounds.high
    if start < bounds.low:
        raise CronError(f"beginning of range ({start}) below minimum ({bounds.low}): {text}")
    if end > bounds.high:
        raise CronError(f"end of range ({end}) above maximum ({bounds.high}): {text}")
    if start > end:
        raise CronError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {text}")
    return _Values(frozenset(range(start, end + 1, step)), is_star and step == 1)


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not _INTEGER.fullmatch(text):
        raise CronError(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    number = int(text)
    if abs(number) > _MAX_INT:
        raise CronError(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": value out of range'
        )
    if number < 0:
        raise CronError(f"negative number ({number}) not allowed: {text}")
    return number
