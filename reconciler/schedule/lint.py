"""Check a schedule as somebody wrote it against what Flyte's scheduler will do with it.

Reports everything at once and never raises on what was written. Whether the kickoff input exists
and is a datetime is checked where the workflow's interface is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from reconciler.schedule import lint_cron, rate, rules, zone
from reconciler.schedule.cron import join_zone, parse
from reconciler.schedule.rules import Finding, Level, ScheduleError
from reconciler.schedule.scheduler import FLYTE1, Scheduler

_SLOW_SLOTS = 1_000_000
_MOST_SLOTS = 100_000_000
"""Slots that Flyte 2 walks one by one whenever a trigger changes: some 10 ms, and seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A schedule as written, in a document or in a live plan; what is absent is None.

    `start` is the moment that a fixed rate counts from. `follows_code`: its plan changes version by
    itself, with a package or with the latest version.
    """

    cron: str | None = None
    timezone: str | None = None
    every: str | None = None
    kickoff_input: str | None = None
    offset: str | None = None
    cron_expression: str | None = None
    start: datetime | None = None
    follows_code: bool = False
    scheduler: Scheduler = FLYTE1


def check(written: Written, *, now: datetime) -> list[Finding]:
    """Everything there is to say, errors first, then in the order of the rules.

    `now` bounds the search for firings and clock changes.

    Raises:
        ValueError: `now` has no zone.
    """
    found = [
        *_fields_without_use(written),
        *_rate(written),
        *_start(written, now),
        *_cron(written, now),
        *_catch_up(written),
    ]
    return sorted(found, key=lambda one: (one.severity is not Level.ERROR, one.id))


def _fields_without_use(written: Written) -> Iterator[Finding]:
    if written.offset:
        yield Finding(
            rules.OFFSET,
            "offset",
            "offset is stored by Flyte and read by nothing; it shifts no firing",
            "leave it out and write the time you want into cron",
        )
    if written.cron_expression:
        yield Finding(
            rules.CRON_EXPRESSION,
            "cron_expression",
            "the deprecated cron_expression is accepted at create and fails at activation, which "
            "leaves the plan without any schedule",
            _modern(written.cron_expression),
        )


def _modern(expression: str) -> str:
    try:
        parsed = parse(expression)
    except ScheduleError as error:
        return f"write it as cron; {error.message}; {error.fix}"
    return f'write cron: "{join_zone(parsed.text, parsed.zone)}"'


def _rate(written: Written) -> Iterator[Finding]:
    if written.every is None:
        return
    minutes = 0
    try:
        minutes = rate.parse(written.every)
    except ScheduleError as error:
        yield Finding.of(error, "every")
    equal = rate.equal_cron(minutes)
    instead = f'write cron: "{equal}"' if equal else "write a cron"
    if written.kickoff_input and not written.scheduler.has_kickoff_on_rate:
        yield Finding(
            rules.KICKOFF_ON_RATE,
            "kickoffInput",
            f'the scheduler passes no kickoff time on a fixed rate, so "{written.kickoff_input}" '
            "stays unbound, and a missed tick that fails stops the schedules of everybody",
            f"{instead} in place of every, or leave kickoffInput out",
        )
    if minutes == 1:
        yield Finding(
            rules.EVERY_MINUTE,
            "every",
            f'rate "{written.every}" fires every minute',
            "write a longer rate; keep it if every minute is meant",
        )
    if minutes and written.follows_code:
        yield Finding(
            rules.RATE_FOLLOWS_CODE,
            "every",
            f'the timer of "{written.every}" starts anew with each version, and the version '
            "follows the code; deployed more often than that, it never fires",
            f"{instead}, or pin the version",
        )


def _start(written: Written, now: datetime) -> Iterator[Finding]:
    if written.every is None or written.start is None:
        return
    try:
        minutes = rate.parse(written.every)
    except ScheduleError:
        return
    slots = int((now - written.start).total_seconds() // 60) // minutes
    if slots < _SLOW_SLOTS:
        return
    is_too_far = slots >= _MOST_SLOTS
    yield Finding(
        rules.START_TOO_FAR if is_too_far else rules.START_FAR,
        "from",
        f"lies {slots:,} firings in the past; the scheduler walks over them one by one whenever "
        "the trigger changes, and the schedules of everybody wait",
        f"write a later moment, a multiple of {written.every} after this one",
    )


def _catch_up(written: Written) -> Iterator[Finding]:
    limit = written.scheduler.catch_up
    if limit is not None and (written.cron or written.every):
        yield Finding(
            rules.CATCH_UP,
            "every" if written.cron is None else "cron",
            f"after an outage the scheduler starts at most {limit} missed runs, of all triggers "
            "together; the others are lost",
            "start what is missing by hand",
        )


def _cron(written: Written, now: datetime) -> Iterator[Finding]:
    if written.cron is None:
        return
    try:
        parsed = parse(written.cron)
    except ScheduleError as error:
        yield Finding.of(error, "cron")
        if written.timezone is not None:
            yield from _timezone(written.timezone)
        return
    if written.timezone is not None:
        unknown = list(_timezone(written.timezone))
        if unknown:
            yield from unknown
            return
        if parsed.zone not in (None, written.timezone):
            yield Finding(
                rules.ZONE_TWICE,
                "timezone",
                f'cron names the time zone "{parsed.zone}" and timezone "{written.timezone}"',
                f'write cron: "{parsed.text}" and the right zone in timezone',
            )
            return
        parsed = parse(join_zone(parsed.text, written.timezone))
    yield from lint_cron.check(parsed, now=now, scheduler=written.scheduler)


def _timezone(name: str) -> Iterator[Finding]:
    try:
        zone.load(name)
    except ScheduleError as error:
        yield Finding.of(error, "timezone")
