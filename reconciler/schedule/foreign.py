"""What people write who come from other schedulers, and what to write in its place.

Forms of AWS EventBridge (a year field, weekdays from 1), Quartz (a seconds field), and the bare
aliases that flytekit accepts although the server's parser refuses them.
"""

from __future__ import annotations

import re

from reconciler.schedule import fields, rules
from reconciler.schedule.rules import ScheduleError

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Aliases and what they stand for."""

_BARE_ALIASES = {
    "hourly": "@hourly",
    "hours": "@hourly",
    "daily": "@daily",
    "days": "@daily",
    "midnight": "@daily",
    "weekly": "@weekly",
    "weeks": "@weekly",
    "monthly": "@monthly",
    "months": "@monthly",
    "annually": "@yearly",
    "yearly": "@yearly",
    "years": "@yearly",
}


def alias_advice(text: str) -> str:
    """What to do about an unknown text that starts with `@`."""
    known = text.strip().lower()
    if known in ALIASES:
        return f'write "{known}", in small letters and without spaces around it'
    if known == "@reboot":
        return "start a FlyteRun for what runs once; a schedule has no such moment"
    if known.startswith("@every"):
        return 'write "@every", one space and a Go duration, such as "@every 1h30m"'
    return f"write one of {', '.join(ALIASES)}, @every <duration>, or five fields"


def count_fault(words: list[str]) -> ScheduleError:
    """The error for an expression that has not five fields."""
    text = " ".join(words)
    if text.lower() in _BARE_ALIASES:
        return ScheduleError(
            rules.ALIAS,
            f'"{text}" is an alias that flytekit accepts and the server refuses',
            f'write "{_BARE_ALIASES[text.lower()]}"',
        )
    if not words:
        message = "the expression is empty"
    else:
        noun = "field" if len(words) == 1 else "fields"
        message = f'"{text}" has {len(words)} {noun} and needs five'
    return ScheduleError(rules.FIELD_COUNT, message, _advice(words))


def _advice(words: list[str]) -> str:
    text = " ".join(words)
    if "TZ=" in text.upper():
        return "write the zone once, at the very start and in capitals: CRON_TZ=Area/City"
    if words and words[0].startswith("@"):
        return f'write "{words[0]}" with nothing before or after it'
    if text.startswith("rate("):
        return "this is the form of AWS; write a fixed rate, such as every: 6h"
    if text.startswith("cron("):
        return _offer("this is the form of AWS", _from_aws(text[5:].rstrip(")").split()))
    match len(words):
        case 6 if words[5] == "*" or re.fullmatch(r"[12][0-9]{3}\b.*", words[5]):
            return _offer(
                "years are a form of AWS, where weekdays count from 1 (Sunday) and here from 0",
                _from_aws(words),
            )
        case 6:
            return _offer("seconds do not exist here", words[1:])
        case 7:
            return _offer("seconds and years do not exist here", words[1:6])
        case _:
            return _offer("", [])


def _from_aws(words: list[str]) -> list[str]:
    weekday = words[4] if len(words) > 4 else ""
    weekday = re.sub(r"(?<![/0-9])[1-7](?![0-9])", lambda day: str(int(day[0]) - 1), weekday)
    return [*words[:4], weekday]


def _offer(why: str, words: list[str]) -> str:
    try:
        for word, unit in zip(words, fields.UNITS, strict=True):
            fields.read(word, unit)
        what = f'write "{" ".join(words)}"'
    except ValueError:  # the rest is unreadable too, or not five fields
        what = "write minute, hour, day of month, month and weekday, such as 0 6 * * 1-5"
    return f"{why}: {what}" if why else what
