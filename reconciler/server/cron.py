"""Which cron expressions flyteadmin accepts: the standard parser of its Go cron library.

Five fields, names of months and weekdays, `?` as `*`, weekdays 0 to 6, descriptors, `@every` with a
Go duration, and a time zone in front. Only the syntax is checked: an expression that never fires
is accepted. A zone that no space follows makes the parser panic, which a client sees as INTERNAL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reconciler.server.status import internal

if TYPE_CHECKING:
    from collections.abc import Mapping

_DESCRIPTORS = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
)
_EVERY = "@every "
# Nanoseconds per unit of a Go duration.
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_AMOUNT = re.compile(r"([0-9]*)(?:\.([0-9]*))?")
_UNIT = re.compile(r"[^0-9.]+")
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


def check(expression: str) -> None:
    """CronError when the expression would be refused; StatusError INTERNAL when it panics."""
    if not expression:
        raise CronError("empty spec string")
    if expression.startswith(_ZONES):
        zone, space, rest = expression.partition(" ")
        if not space:
            raise internal()
        _zone(zone.partition("=")[2])
        expression = _SPACE.sub(" ", rest).strip(" ")
    if expression.startswith("@"):
        _descriptor(expression)
        return
    fields = [part for part in _SPACE.split(expression) if part]
    if len(fields) != len(_FIELDS):
        shown = " ".join(fields)
        raise CronError(f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{shown}]")
    for text, bounds in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if part:
                _range(part, bounds)


def _zone(name: str) -> None:
    # Go's empty name is UTC and its "Local" the process's own zone.
    if name in ("", "UTC", "Local"):
        return
    if ".." in name or name.startswith(("/", "\\")):
        raise CronError(f"provided bad location {name}: time: invalid location name")
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise CronError(f"provided bad location {name}: unknown time zone {name}") from None


def _descriptor(text: str) -> None:
    if text in _DESCRIPTORS:
        return
    if not text.startswith(_EVERY):
        raise CronError(f"unrecognized descriptor: {text}")
    wrong = _duration_fault(text.removeprefix(_EVERY))
    if wrong:
        raise CronError(f"failed to parse duration {text}: time: {wrong}")


def _duration_fault(text: str) -> str:
    """What Go says about a duration; empty when it is fine."""
    rest = text[1:] if text.startswith(("+", "-")) else text
    if rest == "0":
        return ""
    total = Fraction(0)
    invalid = f'invalid duration "{text}"'
    if not rest:
        return invalid
    while rest:
        amount = _AMOUNT.match(rest)
        if amount is None or not any(amount.groups()):
            return invalid
        rest = rest[amount.end() :]
        unit = _UNIT.match(rest)
        if unit is None:
            return f'missing unit in duration "{text}"'
        if unit[0] not in _UNITS:
            return f'unknown unit "{unit[0]}" in duration "{text}"'
        rest = rest[unit.end() :]
        total += Fraction(f"{amount[1] or 0}.{amount[2] or 0}") * _UNITS[unit[0]]
    most = _MAX_INT + 1 if text.startswith("-") else _MAX_INT
    return invalid if total > most else ""


def _range(text: str, bounds: _Field) -> None:
    span, *steps = text.split("/")
    low, *rest = span.split("-")
    if low in ("*", "?"):
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
