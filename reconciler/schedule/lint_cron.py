"""Findings about a cron expression that can be read: what it will do, against what it seems to say.

Bounded by `now`: whether it fires within five years, and what clock changes do to it in a year.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import assert_never

from reconciler.schedule import clock_changes, duration, rate, rules, zone
from reconciler.schedule.clock_changes import Disturbance, Effect
from reconciler.schedule.cron import Cron
from reconciler.schedule.fields import HOUR, MINUTE, Field
from reconciler.schedule.rules import Finding, Rule
from reconciler.schedule.scheduler import FLYTE1, Scheduler
from reconciler.schedule.walk import Calendar, Delay


def check(parsed: Cron, *, now: datetime, scheduler: Scheduler = FLYTE1) -> Iterator[Finding]:
    """Everything there is to say about a parsed expression, zone included."""
    match parsed.timing:
        case Delay():
            yield from _timer(parsed, parsed.timing, scheduler)
        case Calendar():
            yield from _calendar(parsed, now, scheduler)
        case _:
            assert_never(parsed.timing)


def _timer(parsed: Cron, delay: Delay, scheduler: Scheduler) -> Iterator[Finding]:
    text = parsed.text
    if duration.parse(text.removeprefix("@every ")) < duration.SECOND:
        yield Finding(
            rules.EVERY_SECOND,
            "cron",
            f'"{text}" is shorter than a second, which the scheduler turns into every second',
            'write a longer one, such as "@every 5m"',
        )
        return
    if delay.seconds < 60:
        yield Finding(
            rules.EVERY_SHORT,
            "cron",
            f'"{text}" starts an execution every {delay.seconds} s, and {scheduler.missed}',
            "write at least a minute",
        )
    minutes, rest = divmod(delay.seconds, 60)
    equal = None if rest else rate.equal_cron(minutes)
    yield Finding(
        rules.EVERY_TIMER,
        "cron",
        f'"{text}" is a timer: {scheduler.timer}',
        f'write "{equal}"' if equal else "write five fields if the time of day matters",
    )


def _calendar(parsed: Cron, now: datetime, scheduler: Scheduler) -> Iterator[Finding]:
    zone_name = parsed.zone or scheduler.zone
    own: tzinfo | None = None if zone_name is None else zone.load(zone_name)
    if parsed.next(now) is None:
        yield Finding(
            rules.NEVER_FIRES,
            "cron",
            f'"{parsed.text}" never fires within five years; {scheduler.never}',
            "write a date that exists",
        )
        return
    yield from _readings(parsed)
    if own is None:
        if not all(field.is_full for field in parsed.fields[1:]):
            yield Finding(
                rules.NO_ZONE,
                "timezone",
                "without a time zone the cron is read in the scheduler's own zone, which is the "
                "one of its process unless useUTCTz is set",
                "write timezone, such as timezone: UTC",
            )
        return
    yield from _disturbed(parsed, own, now)


def _readings(parsed: Cron) -> Iterator[Finding]:
    minute, hour, day, _, weekday = parsed.fields
    if minute.is_full:
        if hour.is_full:
            message = f'"{parsed.text}" fires every minute'
        else:
            message = f'minute "{minute.text}" fires sixty times in each hour that matches'
        yield Finding(
            rules.EVERY_MINUTE,
            "cron",
            message,
            "write a number as the minute to fire once an hour; keep it if every minute is meant",
        )
    for field in parsed.fields:
        for item in field.items:
            if item.ignored:
                yield Finding(
                    rules.IGNORED_TEXT,
                    "cron",
                    f'{field.unit.name} "{field.text}" is read as every value; "{item.ignored}" '
                    "is ignored",
                    "write * alone, or a range between two numbers",
                )
    for field in (minute, hour):
        yield from _uneven(field)
    if not (day.is_star or weekday.is_star):
        yield Finding(
            rules.EITHER_DAY,
            "cron",
            f'day of month "{day.text}" and weekday "{weekday.text}" are joined by "or": it fires '
            "on every day that matches one of them",
            "write * in one of them if both must match, and test the other in the workflow",
        )


def _uneven(field: Field) -> Iterator[Finding]:
    unit = field.unit
    if len(field.items) != 1:
        return
    (item,) = field.items
    count = unit.high - unit.low + 1
    if item.low != unit.low or item.high != unit.high or count % item.step == 0:
        return
    values = range(item.low, item.high + 1, item.step)
    whole = "hour" if unit is MINUTE else "day"
    if len(values) == 1:
        message = f'{unit.name} "{field.text}" matches 0 alone, since steps start anew each {whole}'
    else:
        message = (
            f'{unit.name} "{field.text}" is {item.step} {unit.name}s apart but only '
            f"{count - values[-1]} from {values[-1]} to the next {whole}"
        )
    letter = "h" if unit is HOUR else "m"
    yield Finding(
        rules.UNEVEN_STEP,
        "cron",
        message,
        f"write every: {item.step}{letter} for equal distances, or list the values you want",
    )


def _disturbed(parsed: Cron, own: tzinfo, now: datetime) -> Iterator[Finding]:
    seen: set[Rule] = set()
    for disturbance in clock_changes.disturbances(parsed, own, after=now):
        rule = rules.REPEATED if disturbance.effect is Effect.REPEATED else rules.SKIPPED
        if rule not in seen:
            seen.add(rule)
            yield Finding(
                rule, "cron", _disturbance(disturbance, parsed.zone or ""), _advice(disturbance)
            )


def _advice(found: Disturbance) -> str:
    if found.effect is Effect.PASSED_OVER:
        return "write timezone: UTC, whose clocks never change"
    return "write another hour, or timezone: UTC, whose clocks never change"


def _disturbance(found: Disturbance, zone_name: str) -> str:
    first, last = found.times[0], found.times[-1]
    if first == last:
        times, does, has = f"{first:%H:%M}", "does", "occurs"
    else:
        times, does, has = f"{first:%H:%M} to {last:%H:%M}", "do", "occur"
    match found.effect:
        case Effect.SKIPPED:
            return f"{times} {does} not exist on {found.day} in {zone_name} and will not fire"
        case Effect.REPEATED:
            return f"{times} {has} twice on {found.day} in {zone_name} and will fire twice"
        case Effect.PASSED_OVER:
            return (
                f"{times} will not fire on {found.day} in {zone_name}: clocks skip midnight, and "
                "the scheduler passes over that day"
            )
        case _:
            assert_never(found.effect)
