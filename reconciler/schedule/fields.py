"""One field of a cron expression, as robfig/cron v3.0.1 reads it, which Flyte's scheduler uses.

    field = item {"," item}      an empty item is passed over, so "," alone matches nothing
    item  = range ["/" step]
    range = "*" | "?" | value ["-" value]
    value = digits | name        "n/step" means from n to the maximum

`*` and `?` are the same; what stands after them and a hyphen is ignored. A field with `*` and a
step greater than 1 does not count as a star in the rule that joins day and weekday.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.schedule import rules
from reconciler.schedule.rules import ScheduleError

_INTEGER = re.compile(r"[+-]?[0-9]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LARGEST = (1 << 63) - 1
_DIGITS = len(str(_LARGEST))  # more are too large, and Python converts no text of any length


@dataclass(frozen=True, slots=True)
class Unit:
    """What a field counts: its name in messages, its range and its value names."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict, hash=False)


MINUTE = Unit("minute", 0, 59)
HOUR = Unit("hour", 0, 23)
DAY = Unit("day of month", 1, 31)
MONTH = Unit("month", 1, 12, {name: place for place, name in enumerate(_MONTHS, start=1)})
WEEKDAY = Unit("weekday", 0, 6, {name: place for place, name in enumerate(_WEEKDAYS)})
UNITS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)


@dataclass(frozen=True, slots=True)
class Item:
    """One read item of a field: the values from `low` to `high` by `step`.

    `has_star`: it was written with `*` or `?`. `ignored` is the text after the star that has no
    effect.
    """

    low: int
    high: int
    step: int
    has_star: bool
    ignored: str = ""

    @property
    def bits(self) -> int:
        """One bit for each value."""
        return sum(1 << value for value in range(self.low, self.high + 1, self.step))


@dataclass(frozen=True, slots=True)
class Field:
    """A read field."""

    unit: Unit
    text: str
    items: tuple[Item, ...]

    @property
    def bits(self) -> int:
        """One bit for each matching value; 0 when nothing matches."""
        bits = 0
        for item in self.items:
            bits |= item.bits
        return bits

    @property
    def is_star(self) -> bool:
        """Whether the field places no restriction of its own on the day."""
        return any(item.has_star and item.step == 1 for item in self.items)

    @property
    def is_full(self) -> bool:
        """Whether every value matches."""
        return self.bits.bit_count() == self.unit.high - self.unit.low + 1


def read(text: str, unit: Unit) -> Field:
    """The field that `text` writes.

    Raises:
        ScheduleError: it is unreadable or out of range; the message names the field.
    """
    return Field(unit, text, tuple(_items(text, unit)))


def _items(text: str, unit: Unit) -> Iterator[Item]:
    for part in text.split(","):
        if part:
            yield _item(part, unit)


def _item(text: str, unit: Unit) -> Item:
    span, slash, step_text = text.partition("/")
    if "/" in step_text:
        raise _fault(text, unit, "has more than one slash", "write at most one step, such as */5")
    first, hyphen, last = span.partition("-")
    has_star = first in ("*", "?")
    if has_star:
        low, high = unit.low, unit.high
    else:
        if "-" in last:
            raise _fault(text, unit, "has more than one hyphen", "write one range, such as 1-5")
        low = _value(first, text, unit)
        high = _value(last, text, unit) if hyphen else low
    step = 1
    if slash:
        step = _step(step_text, text, unit)
        if not hyphen:
            high = unit.high
    _check_range(low, high, text, unit)
    if step == 0:
        raise _fault(text, unit, "has step 0", "write a step of 1 or more")
    return Item(low, high, step, has_star, hyphen + last if has_star else "")


def _check_range(low: int, high: int, text: str, unit: Unit) -> None:
    if unit is WEEKDAY and high == 7:
        raise _weekday_seven(low, text)
    if low < unit.low:
        raise _fault(text, unit, f"has {low}, below {unit.low}", _advice(unit))
    if high > unit.high:
        raise _fault(text, unit, f"has {high}, above {unit.high}", _advice(unit))
    if low > high:
        split = f"{_span(low, unit.high)},{_span(unit.low, high)}"
        raise _fault(text, unit, "runs backwards", f"write it as two ranges, {split}")


def _value(text: str, item: str, unit: Unit) -> int:
    named = unit.names.get(text.lower())
    if named is not None:
        return named
    return _integer(text, item, unit)


def _step(text: str, item: str, unit: Unit) -> int:
    step = _integer(text, item, unit)
    if step < 0:
        raise _fault(item, unit, f"has the negative step {step}", "write a step of 1 or more")
    return step


def _integer(text: str, item: str, unit: Unit) -> int:
    if not _INTEGER.fullmatch(text):
        raise _unreadable(text, item, unit)
    if len(text.lstrip("+-0")) > _DIGITS or not -_LARGEST <= (value := int(text)) <= _LARGEST:
        raise _fault(item, unit, "has a number that is too large", _advice(unit))
    return value


def _unreadable(text: str, item: str, unit: Unit) -> ScheduleError:
    special = next((letter for letter in ("#", "W", "L") if letter in item.upper()), "")
    if special and unit in (DAY, WEEKDAY) and item.upper().strip("LW#-0123456789") in _SPECIAL:
        return _fault(
            item,
            unit,
            f"uses {special}, which Flyte's scheduler does not know",
            "fire on more days and test the date in the workflow",
        )
    if not text:
        return _fault(item, unit, "lacks a number", _advice(unit))
    return _fault(item, unit, f'has "{text}", which is no value', _advice(unit))


_SPECIAL = frozenset({"", *(name.upper() for name in _WEEKDAYS)})


def _weekday_seven(low: int, text: str) -> ScheduleError:
    if "/" in text:
        fix = "write a range that ends with 6, or list the days"
    elif low == 7:
        fix = "write 0 for Sunday"
    elif low <= 1:
        fix = "write * for every day"
    else:
        fix = f"write {_span(low, 6)},0"
    return ScheduleError(
        rules.WEEKDAY_SEVEN,
        f'{WEEKDAY.name} "{text}" has 7, and weekdays run from 0 (Sunday) to 6',
        fix,
    )


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _advice(unit: Unit) -> str:
    if unit is WEEKDAY:
        return "write 0 (Sunday) to 6 or SUN to SAT"
    if unit is MONTH:
        return "write 1 to 12 or JAN to DEC"
    return f"write a number from {unit.low} to {unit.high}"


def _fault(text: str, unit: Unit, wrong: str, fix: str) -> ScheduleError:
    return ScheduleError(rules.FIELD, f'{unit.name} "{text}" {wrong}', fix)
