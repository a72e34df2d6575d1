"""Cron expressions in the dialect of Flyte's native scheduler.

That is robfig/cron v3.0.1 `ParseStandard`: five fields, eight `@` aliases, `@every` with a Go
duration, and an optional `TZ=Area/City ` or `CRON_TZ=Area/City ` before them. Nothing is accepted
here that the server refuses, and the other way round; `walk` has the rules for the next firing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from reconciler.schedule import duration, fields, foreign, rules, zone
from reconciler.schedule.fields import Field
from reconciler.schedule.foreign import ALIASES
from reconciler.schedule.rules import ScheduleError
from reconciler.schedule.walk import Calendar, Delay, following

# Go's white space, which is not Python's: U+001C to U+001F are none.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_OUTER_SPACE = re.compile(f"^[{_SPACES}]+|[{_SPACES}]+$")
_WORD = re.compile(f"[^{_SPACES}]+")
_EVERY = "@every "


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed cron expression.

    `text` is its normal form without the zone, `zone` an IANA name or None for the zone of whoever
    asks, `fields` the five that were written (empty for `@every`).
    """

    text: str
    zone: str | None
    fields: tuple[Field, ...]
    timing: Calendar | Delay

    def next(self, after: datetime) -> datetime | None:
        """The first firing later than `after`, in the zone of `after`.

        None when nothing fires within five years. Without a zone of its own the expression is
        read in the zone of `after`; `@every` counts from `after`.

        Raises:
            ValueError: `after` has no zone.
        """
        own = None if self.zone is None else zone.load(self.zone)
        return following(self.timing, after, own)


def parse(expression: str) -> Cron:
    """Read a cron expression, with or without a zone prefix.

    Raises:
        ScheduleError: a ValueError that says what is wrong and what to do.
    """
    body, name = _cut_zone(expression)
    zone_name = _zone_of(name)
    if zone_name is not None:
        zone.load(zone_name)
    if body.startswith("@"):
        return _alias(body, zone_name)
    words = _WORD.findall(body)
    if len(words) != len(fields.UNITS):
        raise foreign.count_fault(words)
    read = tuple(fields.read(word, unit) for word, unit in zip(words, fields.UNITS, strict=True))
    return Cron(" ".join(words), zone_name, read, _calendar(read))


def split_zone(expression: str) -> tuple[str, str | None]:
    """Split an expression into its normal form without zone, and the zone.

    The normal form has one space between fields. `TZ= ` is UTC and `TZ=Local` is none, as the
    scheduler reads them. Whether the rest is readable is not looked at.

    Raises:
        ScheduleError: nothing follows the zone.

    Example:
        >>> split_zone("CRON_TZ=Europe/Berlin 0  6 * * *")
        ('0 6 * * *', 'Europe/Berlin')
    """
    body, name = _cut_zone(expression)
    return " ".join(_WORD.findall(body)), _zone_of(name)


def join_zone(cron: str, zone: str | None) -> str:
    """The expression to send for a cron without zone and its zone; undone by `split_zone`.

    Example:
        >>> join_zone("0 6 * * *", "Europe/Berlin")
        'CRON_TZ=Europe/Berlin 0 6 * * *'
    """
    return f"CRON_TZ={zone} {cron}" if zone else cron


def _cut_zone(expression: str) -> tuple[str, str | None]:
    if not expression.startswith(("TZ=", "CRON_TZ=")):
        return expression, None
    prefix, space, rest = expression.partition(" ")
    if not space:
        raise ScheduleError(
            rules.ZONE_ALONE,
            f'"{expression}" has no space after the zone; the server crashes on it',
            'write the zone, a space and five fields, such as "CRON_TZ=Europe/Berlin 0 6 * * *"',
        )
    return _OUTER_SPACE.sub("", rest), prefix.partition("=")[2]


def _zone_of(name: str | None) -> str | None:
    if name is None or name == "Local":
        return None
    return name or "UTC"


def _alias(text: str, zone_name: str | None) -> Cron:
    if text.startswith(_EVERY):
        return Cron(text, zone_name, (), _delay(text))
    meaning = ALIASES.get(text)
    if meaning is None:
        raise ScheduleError(rules.ALIAS, f'alias "{text}" is unknown', foreign.alias_advice(text))
    words = zip(meaning.split(), fields.UNITS, strict=True)
    read = tuple(fields.read(word, unit) for word, unit in words)
    return Cron(text, zone_name, read, _calendar(read))


def _delay(text: str) -> Delay:
    try:
        nanoseconds = duration.parse(text.removeprefix(_EVERY))
    except ValueError as error:
        raise ScheduleError(
            rules.EVERY_UNREADABLE,
            f"@every: {error}",
            'write a Go duration such as "@every 1h30m"; its largest unit is h',
        ) from None
    # Shorter and negative delays become one second; parts of a second are dropped.
    return Delay(max(nanoseconds // duration.SECOND, 1))


def _calendar(read: tuple[Field, ...]) -> Calendar:
    minute, hour, day, month, weekday = read
    return Calendar(
        minutes=minute.bits,
        hours=hour.bits,
        days=day.bits,
        months=month.bits,
        weekdays=weekday.bits,
        is_either_day=not (day.is_star or weekday.is_star),
    )
