"""Durations as Go writes them: `1h30m`, `1.5h`, `-300ms`."""

from __future__ import annotations

import re

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
_MAX_INT = 2**63 - 1


def nanoseconds(text: str) -> int:
    """The duration's length; ValueError in Go's words when it is none."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text.startswith(("+", "-")) else text
    if rest == "0":
        return 0
    invalid = ValueError(f'invalid duration "{text}"')
    if not rest:
        raise invalid
    total = 0
    while rest:
        amount = _AMOUNT.match(rest)
        if amount is None or not any(amount.groups()):
            raise invalid
        rest = rest[amount.end() :]
        unit = _UNIT.match(rest)
        if unit is None:
            raise ValueError(f'missing unit in duration "{text}"')
        if unit[0] not in _UNITS:
            raise ValueError(f'unknown unit "{unit[0]}" in duration "{text}"')
        rest = rest[unit.end() :]
        total += int(amount[1] or 0) * _UNITS[unit[0]] + _parts(amount[2] or "", _UNITS[unit[0]])
    if total > (_MAX_INT + 1 if sign < 0 else _MAX_INT):
        raise invalid
    return sign * total


def _parts(digits: str, unit: int) -> int:
    """A fraction of a unit, in Go's floats: digits are read as long as they fit a number of it."""
    number, scale = 0, 1.0
    for digit in digits:
        longer = number * 10 + int(digit)
        if number > _MAX_INT // 10 or longer > _MAX_INT + 1:
            break
        number, scale = longer, scale * 10
    return int(float(number) * (unit / scale))


def text(nanoseconds: int) -> str:
    """A duration as Go shows it."""
    if nanoseconds < 0:
        return "-" + text(-nanoseconds)
    if 0 < nanoseconds < _UNITS["s"]:
        unit = next(name for name in ("ms", "µs", "ns") if nanoseconds >= _UNITS[name])
        whole, rest = divmod(nanoseconds, _UNITS[unit])
        fraction = f".{rest:0{len(str(_UNITS[unit])) - 1}}".rstrip("0").rstrip(".") if rest else ""
        return f"{whole}{fraction}{unit}"
    seconds, rest = divmod(nanoseconds, 10**9)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    shown = f"{seconds}.{rest:09}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{shown}"
    return f"{minutes}m{shown}" if minutes else shown
