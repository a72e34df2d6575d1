"""Reads the filters of lists as people write them; one grammar for every list and both Flytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconciler.errors import UsageError
from reconciler.model.asked import EVERY_STATE, FIELDS, Asked, Told
from reconciler.model.entity import What
from reconciler.schedule import duration
from reconciler.values.moments import MomentError, parse_datetime

_NAMES = {
    What.PROJECTS: ("project", "projects"),
    What.DOMAINS: ("domain", "domains"),
    What.TASKS: ("task", "tasks"),
    What.WORKFLOWS: ("workflow", "workflows", "wf"),
    What.LAUNCH_PLANS: ("launchplan", "launchplans", "launch-plan", "launch-plans", "lp"),
    What.TRIGGERS: ("trigger", "triggers"),
    What.SECRETS: ("secret", "secrets"),
}
RUNS, STEPS, SIGNALS = "runs", "steps", "signals"
"""The lists of what runs; see `model.run`."""

_OF_RUNS = {
    RUNS: ("run", "runs", "execution", "executions", "exec", "ex"),
    STEPS: ("step", "steps", "node", "nodes", "action", "actions"),
    SIGNALS: ("signal", "signals", "gate", "gates"),
}
_DAY = 24 * 3600 * duration.SECOND


def what_of(word: str) -> What:
    """Read a kind: singular, plural, or as documents name it; raises UsageError."""
    plain = word.lower().removeprefix("flyte")
    for what, names in _NAMES.items():
        if plain in names:
            return what
    known = ", ".join([*_NAMES, *_OF_RUNS])
    raise UsageError(f"{word}: is no kind that can be listed; write one of {known}")


def run_list_of(word: str) -> str:
    """Read which list of what runs is meant, in the words of either Flyte; empty for none."""
    plain = word.lower().removeprefix("flyte")
    return next((name for name, words in _OF_RUNS.items() if plain in words), "")


def moment(text: str, *, option: str, now: datetime) -> datetime:
    """Read a moment: RFC 3339 with a zone, or how long ago, such as `2h`, `90m` or `7d`."""
    try:
        return datetime.fromisoformat(parse_datetime(text))
    except MomentError as error:
        fix = error.fix
    ago = _ago(text)
    if ago is None:
        raise UsageError(
            f"{option}: {text}: is neither a time with a zone nor a duration such as 2h or 7d; "
            f"{fix}"
        )
    return now.astimezone(UTC) - ago


def instant(given: datetime | str | None, *, option: str, now: datetime) -> datetime | None:
    """Read a moment that may be a datetime already, or not be given at all."""
    if given is None or isinstance(given, str):
        return None if given is None else moment(given, option=option, now=now)
    if given.tzinfo is None:
        raise UsageError(
            f"{option}: {given.isoformat()} has no time zone; give a datetime with one"
        )
    return given


def span(text: str, *, option: str) -> timedelta:
    """Read a length of time, such as `90s`, `1h30m` or `2d`; it must be more than none."""
    found = _ago(text)
    if not found:
        raise UsageError(f"{option}: {text}: is no length of time; write one such as 90s or 1h30m")
    return found


def _ago(text: str) -> timedelta | None:
    days, rest = 0, text
    head, letter, tail = text.partition("d")
    if letter and head.isdecimal():
        days, rest = int(head), tail or "0"
    try:
        found = duration.parse(rest) + days * _DAY
        return timedelta(microseconds=found // 1000) if found >= 0 else None
    except (ValueError, OverflowError):
        return None


def check(asked: Asked, told: Told) -> None:
    """Refuse filters on what the rows of a list do not tell, instead of showing nothing."""
    given = {
        "created": asked.created_after or asked.created_before,
        "updated": asked.updated_after or asked.updated_before,
        "version": asked.version or asked.history,
    }
    shown = asked.what.value
    for field, value in given.items():
        if value and field not in told.fields:
            raise UsageError(f"{shown}: {_LACKS[field]}; leave that filter out")
    if asked.state and asked.state not in told.states | {EVERY_STATE}:
        if not told.states:
            lists = "versions of them" if asked.is_history else shown
            raise UsageError(f"--state: {lists} have no state here; leave it out")
        words = ", ".join([*sorted(told.states), EVERY_STATE])
        raise UsageError(f"--state: {asked.state}: is none of {words}")
    field = asked.sort.removeprefix("-")
    known = [name for name in FIELDS if name in told.fields]
    if asked.sort and field not in known:
        raise UsageError(
            f"--sort: {asked.sort}: {shown} are sorted by {', '.join(known)}, with - in front for "
            "the largest first"
        )


_LACKS = {
    "created": "the server does not tell when they were made",
    "updated": "the server does not tell when they changed",
    "version": "they have no versions",
}
