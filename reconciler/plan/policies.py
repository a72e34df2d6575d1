"""Policies: what is asked of everything that a set declares, and one verdict for each.

They look at what is declared, whether it changes or not, and at what runs: schedules that are
active, images of packages, labels of plans that the set registers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from reconciler.model.document import Json, Path
from reconciler.model.key import Key
from reconciler.model.resource import State
from reconciler.model.seen import seen
from reconciler.model.traits import Shape, Traits
from reconciler.schedule import cron, rate, zone
from reconciler.schedule.walk import Calendar, Delay

if TYPE_CHECKING:
    from reconciler.model.origin import Origin
    from reconciler.model.resource import Resource

_DAY = 24 * 60
_IMAGES = frozenset({"image", "containerImage", "container_image"})
_SAMPLES = tuple(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=7 * week) for week in range(53))
"""Days of a year on which two zones are compared: clocks change between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Minutes of the day from `start` to before `end`, over midnight where `end` is smaller."""

    start: int
    end: int
    timezone: str = "UTC"

    def has(self, minute: int) -> bool:
        """Say whether a minute of the day is allowed."""
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def __str__(self) -> str:
        return f"{_clock(self.start)} to {_clock(self.end)} {self.timezone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One policy: where it holds, and the one thing that it asks for."""

    name: str
    projects: tuple[str, ...] = ("*",)
    domains: tuple[str, ...] = ("*",)
    least_interval: int | None = None
    allowed_hours: Hours | None = None
    allowed_images: tuple[str, ...] = ()
    required_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> str:
        """Name what it asks for, as in the language."""
        if self.least_interval is not None:
            return "leastInterval"
        if self.allowed_hours is not None:
            return "allowedHours"
        return "allowedImages" if self.allowed_images else "requiredLabels"

    def holds_for(self, key: Key) -> bool:
        """Say whether it is about an object of this project and domain."""
        return any(fnmatchcase(key.project, glob) for glob in self.projects) and any(
            fnmatchcase(key.domain, glob) for glob in self.domains
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What is against a policy, where, and what to do."""

    key: Key
    path: str
    message: str
    fix: str
    origin: Origin | None = None

    def __str__(self) -> str:
        place = f"{self.origin}: " if self.origin else ""
        thing = f"{self.path}: " if self.path else ""
        return seen(f"{place}{self.key}: {thing}{self.message}; {self.fix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one policy says of `checked` objects; it passes where nothing is against it."""

    policy: str
    asks: str
    checked: int
    violations: tuple[Violation, ...] = ()

    @property
    def passed(self) -> bool:
        """Say whether nothing is against it."""
        return not self.violations


Found = tuple[Path, str, str]
"""A field, what is wrong with it, and what to do."""


def judge(
    rules: Iterable[Rule], resources: Iterable[Resource], traits: Mapping[str, Traits]
) -> tuple[Verdict, ...]:
    """Give a verdict for each rule, in their order; a kind without traits has content alone."""
    every = [
        (one, traits.get(one.key.kind) or Traits(one.key.kind, Shape.VERSIONS, rank=0, calls={}))
        for one in sorted(resources, key=lambda one: one.key)
    ]
    return tuple(_judge(rule, every) for rule in rules)


def _judge(rule: Rule, resources: Iterable[tuple[Resource, Traits]]) -> Verdict:
    checked = 0
    found: list[Violation] = []
    for one, traits in resources:
        if not rule.holds_for(one.key) or not _concerns(rule, one, traits):
            continue
        checked += 1
        found += [
            Violation(
                key=one.key,
                path=".".join(str(step) for step in path),
                message=message,
                fix=fix,
                origin=one.origin,
            )
            for path, message, fix in _against(rule, one, traits)
        ]
    return Verdict(policy=rule.name, asks=rule.asks, checked=checked, violations=tuple(found))


def _concerns(rule: Rule, one: Resource, traits: Traits) -> bool:
    match rule.asks:
        case "leastInterval" | "allowedHours":
            return one.state is State.ACTIVE and bool(one.body.get("schedule"))
        case "allowedImages":
            return bool(one.group) and not traits.has_pointer
        case _:
            return bool(traits.labels) and not one.chosen


def _against(rule: Rule, one: Resource, traits: Traits) -> Iterator[Found]:
    schedule = one.body.get("schedule")
    if rule.least_interval is not None and isinstance(schedule, dict):
        yield from _too_often(schedule, rule.least_interval)
    elif rule.allowed_hours is not None and isinstance(schedule, dict):
        yield from _outside(schedule, rule.allowed_hours)
    elif rule.allowed_images:
        yield from _not_allowed(one.body, rule.allowed_images)
    else:
        yield from _unlabelled(one, traits.labels, rule.required_labels)


def _too_often(schedule: Mapping[str, Json], least: int) -> Iterator[Found]:
    word, timing = _timing(schedule)
    minutes = _shortest(timing)
    if minutes is not None and minutes < least:
        yield (
            ("schedule", word),
            f"fires {_say(minutes)} apart, and {rate.render(least)} is the least",
            "let it fire less often",
        )


def _outside(schedule: Mapping[str, Json], allowed: Hours) -> Iterator[Found]:
    word, timing = _timing(schedule)
    if not isinstance(timing, Calendar):
        if timing is not None:
            why = f"is a fixed rate, which fires at any hour; {allowed} are the hours allowed"
            yield ("schedule", word), why, "write a cron"
        return
    zone_name = str(schedule.get("timezone") or "UTC")
    wrong = sorted(
        minute for minute in _minutes(timing) if not _allowed(minute, zone_name, allowed)
    )
    if wrong:
        more = f" and {len(wrong) - 1} more times of the day" if len(wrong) > 1 else ""
        yield (
            ("schedule", word),
            f"fires at {_clock(wrong[0])} {zone_name}{more}, outside of {allowed}",
            "move it into these hours",
        )


def _not_allowed(body: Mapping[str, Json], globs: Iterable[str]) -> Iterator[Found]:
    for image in sorted(set(_images(dict(body)))):
        if not any(fnmatchcase(image, glob) for glob in globs):
            listed = ", ".join(globs)
            yield (
                ("image",),
                f"runs the image {image}, which is none of {listed}",
                "build it from an allowed one, or choose one by spec.images of the FlytePackage",
            )


def _unlabelled(one: Resource, place: Path, wanted: Mapping[str, str]) -> Iterator[Found]:
    labels = one.body.get("labels")
    given = labels if isinstance(labels, dict) else {}
    where = " to spec.options.labels of the FlytePackage" if one.group else ""
    for name, glob in sorted(wanted.items()):
        value = given.get(name)
        if value is None:
            fix = f"add {name}{where} with a value that {glob} matches"
            yield place, f"has no label {name}", fix
        elif not fnmatchcase(str(value), glob):
            yield (*place, name), f'"{value}" does not match {glob}', "correct the value"


def _timing(schedule: Mapping[str, Json]) -> tuple[str, Calendar | Delay | int | None]:
    """Read a schedule in normal form; minutes of a fixed rate, None where it never fires."""
    every = schedule.get("every")
    if isinstance(every, int):
        return "every", every
    try:
        return "cron", cron.parse(str(schedule.get("cron", ""))).timing
    except ValueError:
        return "cron", None


@lru_cache(maxsize=4096)
def _shortest(timing: Calendar | Delay | int | None) -> float | None:
    """Tell the shortest time between two firings in minutes, as clocks run without changes."""
    if timing is None or isinstance(timing, int):
        return timing
    if isinstance(timing, Delay):
        return timing.seconds / 60
    minutes = sorted(_minutes(timing))
    if not minutes:
        return None
    gaps = [late - early for early, late in pairwise(minutes)]
    return min(*gaps, _DAY * _days_between(timing) - minutes[-1] + minutes[0], _DAY * 366)


def _days_between(timing: Calendar) -> int:
    """Tell how many days lie between the two closest days on which it fires."""
    every = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=index) for index in range(4 * 366))
    days = [
        index
        for index, day in enumerate(every)
        if timing.months >> day.month & 1 and timing.matches_day(day)
    ]
    return min((late - early for early, late in pairwise(days)), default=366)


def _minutes(timing: Calendar) -> set[int]:
    return {
        hour * 60 + minute
        for hour in range(24)
        if timing.hours >> hour & 1
        for minute in range(60)
        if timing.minutes >> minute & 1
    }


@lru_cache(maxsize=16384)
def _allowed(minute: int, zone_name: str, allowed: Hours) -> bool:
    """Say whether a time of the day in one zone is within hours of another, all through a year."""
    if zone_name == allowed.timezone:
        return allowed.has(minute)
    own, other = zone.load(zone_name), zone.load(allowed.timezone)
    for day in _SAMPLES:
        wall = day.replace(hour=minute // 60, minute=minute % 60, tzinfo=own).astimezone(other)
        if not allowed.has(wall.hour * 60 + wall.minute):
            return False
    return True


def _images(value: Json) -> Iterator[str]:
    """Find images wherever a task or a node names one; a placeholder is filled in by nobody."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in _IMAGES and isinstance(part, str):
                yield part
            else:
                yield from _images(part)
    elif isinstance(value, list):
        for part in value:
            yield from _images(part)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _say(minutes: float) -> str:
    return rate.render(int(minutes)) if minutes >= 1 else "less than a minute"
