"""Go durations, as `@every` takes them: `1h30m`, `1.5h`, `-5s`, `0`.

Accepts and refuses what `time.ParseDuration` of Go does, and rounds as it does, since the
scheduler's delay is what that function returns.
"""

from __future__ import annotations

import re

SECOND = 1_000_000_000
"""Nanoseconds."""

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\N{MICRO SIGN}s": 1_000,
    "\N{GREEK SMALL LETTER MU}s": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")
_LIMIT = 1 << 63


def parse(text: str) -> int:
    """Nanoseconds of a Go duration; may be zero or negative.

    Raises:
        ValueError: `text` is no Go duration, or is longer than 292 years.
    """
    is_negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f'"{text}" is not a duration')
    total = 0
    while rest:
        part = _PART.match(rest)
        assert part is not None  # every group may be empty
        whole, fraction, unit = part.groups()
        if not whole and not fraction:
            raise ValueError(f'"{text}" is not a duration')
        if unit not in _UNITS:
            raise ValueError(
                f'unit "{unit}" in "{text}" is unknown' if unit else f'"{text}" lacks a unit'
            )
        if len(whole.lstrip("0")) > len(str(_LIMIT)):
            raise ValueError(f'"{text}" is longer than 292 years')
        total += _scaled(whole, fraction or "", _UNITS[unit])
        if total > _LIMIT:
            raise ValueError(f'"{text}" is longer than 292 years')
        rest = rest[part.end() :]
    if is_negative:
        return -total
    if total == _LIMIT:
        raise ValueError(f'"{text}" is longer than 292 years')
    return total


def _scaled(whole: str, fraction: str, unit: int) -> int:
    # Go keeps fraction digits while they fit 63 bits, drops the rest, and multiplies in floats.
    digits, scale = 0, 1.0
    for digit in fraction:
        longer = digits * 10 + int(digit)
        if digits > (_LIMIT - 1) // 10 or longer > _LIMIT:
            break
        digits, scale = longer, scale * 10
    return int(whole or "0") * unit + int(float(digits) * (unit / scale))
