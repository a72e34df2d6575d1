"""Which plans and triggers fire when: of what is declared, without a backend, and live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import cast

from reconciler.engine.declaration import Declaration
from reconciler.engine.firings import Preview, preview_of
from reconciler.export.names import own_name
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.live import Live, Object, Versions
from reconciler.model.origin import Origin
from reconciler.model.resource import Resource, State
from reconciler.schedule import cron, rate
from reconciler.schedule.rules import ScheduleError
from reconciler.specs.launch_plan import LaunchPlanSpec, Schedule
from reconciler.specs.running import PlanState
from reconciler.specs.trigger import TriggerSchedule, TriggerSpec, key_name
from reconciler.specs.validate import Declared
from reconciler.values.moments import parse_datetime

_NO_PLACE = "?"

Scheduled = LaunchPlanSpec | TriggerSpec
"""What has a schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What to preview: `count` firings later than `after`, in `zone` or the schedule's own."""

    after: datetime
    count: int = 5
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """The next firings of one plan; `preview` is None where it has no schedule to preview.

    `note` says what keeps it from firing, or why its schedule is not known.
    """

    key: Key
    origin: Origin | None = None
    version: str = ""
    preview: Preview | None = None
    note: str = ""


def declared(
    declaration: Declaration,
    window: Window,
    names: Iterable[str] = (),
    resources: Iterable[Resource] = (),
) -> tuple[Upcoming, ...]:
    """Preview what is declared; needs no backend.

    `resources` are what was resolved without one: plans that come out of packages are among them.
    Raises ScheduleError for an unknown zone in `window`.
    """
    wanted = tuple(names)
    found: list[Upcoming] = []
    for item in declaration.declared:
        spec = item.spec
        if not isinstance(spec, LaunchPlanSpec | TriggerSpec):
            continue
        key = key_of(item, spec, declaration)
        if not is_meant(key, wanted):
            continue
        found.append(_declared(key, spec, item.at("schedule"), window))
    known = {item.key for item in found}
    found += [
        _packaged(resource, window)
        for resource in resources
        if resource.body.get("schedule")
        and resource.key not in known
        and is_meant(resource.key, wanted)
    ]
    return tuple(sorted(found, key=lambda one: one.key))


def key_of(item: Declared, spec: Scheduled, declaration: Declaration) -> Key:
    """Name the object of a document with a schedule, without looking anything up."""
    defaults = declaration.sync.defaults
    name = spec.name or item.name
    return Key(
        item.kind,
        spec.project or defaults.project or _NO_PLACE,
        spec.domain or defaults.domain or _NO_PLACE,
        key_name(spec.task.name, name) if isinstance(spec, TriggerSpec) else name,
    )


def live(observed: Live, window: Window, names: Iterable[str] = ()) -> tuple[Upcoming, ...]:
    """Preview what is active."""
    wanted = tuple(names)
    found: list[Upcoming] = []
    for key, item in sorted(observed.objects.items()):
        if not is_meant(key, wanted):
            continue
        for version, schedule in _active(item):
            shown = _preview(schedule, window)
            note = "" if shown else "has no schedule"
            found.append(Upcoming(key=key, version=version, preview=shown, note=note))
    return tuple(found)


def schedules(observed: Live) -> Mapping[Key, Mapping[str, Json]]:
    """Map what is active and has a schedule to it, in normal form."""
    return {
        key: schedule
        for key, item in observed.objects.items()
        for _, schedule in _active(item)
        if schedule
    }


def _active(item: object) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Yield the version and the schedule of what is active."""
    match item:
        case Versions(active=active):
            for version in active:
                yield version.version, schedule_of(version.body)
        case Object(is_active=True):
            yield "", schedule_of(item.body or item.listed)
        case _:
            return


def schedule_of(body: Mapping[str, Json] | None) -> Mapping[str, Json]:
    """Return the schedule of a normal form, empty where there is none."""
    return cast("dict[str, Json]", (body or {}).get("schedule") or {})


def is_meant(key: Key, names: tuple[str, ...]) -> bool:
    """Say whether a key, or its name, matches one of the names or globs; all do without any.

    A trigger is meant by its own name too, without that of its task.
    """
    called = {key.name, own_name(key), str(key)}
    return not names or any(fnmatchcase(one, name) for one in called for name in names)


def _declared(key: Key, spec: Scheduled, origin: Origin, window: Window) -> Upcoming:
    if isinstance(spec, LaunchPlanSpec) and spec.existing is not None:
        note = "its schedule is that of the version on Flyte; see `reconcile next --live`"
        return Upcoming(key=key, origin=origin, note=note)
    if spec.schedule is None:
        return Upcoming(key=key, origin=origin, note="has no schedule")
    note = "" if spec.state in {None, PlanState.ACTIVE} else f"declared {spec.state}"
    try:
        schedule = normal(spec.schedule)
    except ScheduleError as error:
        return Upcoming(key=key, origin=origin, note=f"{error.message}; {error.fix}")
    return Upcoming(key=key, origin=origin, preview=_preview(schedule, window), note=note)


def _packaged(resource: Resource, window: Window) -> Upcoming:
    schedule = cast("dict[str, Json]", resource.body["schedule"])
    note = "" if resource.state is State.ACTIVE else f"declared {resource.state.value}"
    shown = _preview(schedule, window)
    return Upcoming(key=resource.key, origin=resource.origin, preview=shown, note=note)


def normal(schedule: Schedule | TriggerSchedule) -> Mapping[str, Json]:
    """Write a schedule in normal form; raises ScheduleError where it cannot be read."""
    if schedule.every is not None:
        start = schedule.start if isinstance(schedule, TriggerSchedule) else None
        return {
            "every": rate.parse(schedule.every),
            **({} if start is None else {"from": parse_datetime(start)}),
        }
    text, zone = cron.split_zone(schedule.cron or "")
    return {"cron": text, "timezone": schedule.timezone or zone}


def _preview(schedule: Mapping[str, Json], window: Window) -> Preview | None:
    return preview_of(schedule, after=window.after, count=window.count, zone=window.zone)
