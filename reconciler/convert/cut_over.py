"""When schedules can move from Flyte 1 to Flyte 2 so that no firing is lost, and none comes twice.

Between the deactivation on one side and the activation on the other no schedule is in force, and
each scheduler takes a change up within 30 seconds; so the move needs a window in which no plan
fires. Facts: flyteadmin 1.16.8 and the manager of Flyte 2 (v2.0.43), at their defaults.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from reconciler.convert.trigger import Converted
from reconciler.model.key import Key
from reconciler.model.origin import Origin
from reconciler.schedule import cron, preview, zone
from reconciler.schedule.cron import Cron
from reconciler.schedule.rules import ScheduleError
from reconciler.schedule.walk import Delay
from reconciler.specs.launch_plan import LaunchPlanSpec, Schedule
from reconciler.specs.running import PlanState

RESYNC = timedelta(seconds=30)
"""How long a scheduler may take to see a change, on either side."""

SHORTEST_MARGIN = 2 * RESYNC
"""Both schedulers, one after the other."""

LONGEST_MARGIN = timedelta(hours=12)
"""Half of what is searched for a window."""

MARGIN = timedelta(minutes=5)
"""How far the next firing must be, by default: both schedulers, and two applies."""

_SHOWN_FOR = timedelta(hours=1)
_SHOWN_AT_LEAST = 2
_HORIZON = timedelta(days=1)
_ZONE = "UTC"
_TIMER = (
    "its next firing is known to the scheduler alone, and the timer starts anew on Flyte 2: begin "
    "right after one of its executions has started, and write `from` into the trigger to keep the "
    "phase"
)
_EXISTING = (
    "something else registers it, so nothing was converted; see `reconcile next --live` for when "
    "it fires"
)
_UNMANAGED = "it is Unmanaged: Flyte 1 alone knows whether it is active; deactivate it there too"
_INACTIVE = "it is Inactive: nothing to move; its trigger stays Inactive"
_NEVER = "it never fires within five years"
_NO_ZONE = "it names no time zone and is read in UTC here; Flyte 1 reads it in its scheduler's zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """One plan with a schedule: its firings within the next hour, or else the next two.

    `at_risk` are those nearer than the margin. `is_timer` says that nobody can tell when it fires,
    `is_active` that it may fire on Flyte 1 and is to fire on Flyte 2.
    """

    plan: Key
    trigger: Key | None
    origin: Origin
    text: str = ""
    ticks: tuple[datetime, ...] = ()
    at_risk: tuple[datetime, ...] = ()
    is_timer: bool = False
    is_active: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """When to begin, in UTC: from `start` to `last`; `tick` is the next firing, None without."""

    start: datetime
    last: datetime | None
    tick: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOver:
    """A move at `now`: its plans, and the first window of the next day that is wide enough."""

    now: datetime
    margin: timedelta
    moving: tuple[Moving, ...]
    window: Window | None

    @property
    def at_risk(self) -> tuple[Moving, ...]:
        """The plans that fire too soon."""
        return tuple(one for one in self.moving if one.at_risk)

    @property
    def is_refused(self) -> bool:
        """Say that a plan fires too soon for a move now."""
        return bool(self.at_risk)


def plan_cut_over(converted: Iterable[Converted], *, now: datetime, margin: timedelta) -> CutOver:
    """Plan to move all schedules at `now`, which has a zone."""
    now = now.astimezone(UTC)  # local times that come twice do not compare
    moving: list[Moving] = []
    calendars: dict[tuple[str, str | None], Cron] = {}
    for item in converted:
        one, calendar = _moving(item, now)
        if one is None:
            continue
        if calendar is not None and one.is_active:
            calendars[calendar.text, calendar.zone] = calendar
            one = replace(one, at_risk=tuple(_ticks(calendar, now, now + margin)))
        moving.append(one)
    window = _window(tuple(calendars.values()), now, margin)
    return CutOver(now=now, margin=margin, moving=tuple(moving), window=window)


def _moving(item: Converted, now: datetime) -> tuple[Moving | None, Cron | None]:
    plan = item.declared.spec
    assert isinstance(plan, LaunchPlanSpec)
    origin = item.declared.document.origin
    one = Moving(plan=item.plan, trigger=item.key, origin=origin)
    notes = {PlanState.UNMANAGED: (_UNMANAGED,), PlanState.INACTIVE: (_INACTIVE,)}
    is_active = plan.state is not PlanState.INACTIVE
    one = replace(one, is_active=is_active, notes=notes.get(plan.state, ()) if plan.state else ())
    if plan.existing is not None:
        return replace(one, notes=(*one.notes, _EXISTING)), None
    if plan.schedule is None:
        return None, None
    one = replace(one, origin=item.declared.key_at("schedule"))
    return _scheduled(one, plan.schedule, now)


def _scheduled(one: Moving, schedule: Schedule, now: datetime) -> tuple[Moving, Cron | None]:
    if schedule.every is not None:
        return _timer(one, f"every {schedule.every}"), None
    bare, own = cron.split_zone(schedule.cron or "")
    name = schedule.timezone or own
    text = f'"{bare}" {name or _ZONE}'
    try:
        parsed = cron.parse(cron.join_zone(bare, name or _ZONE))
    except ScheduleError as error:
        return replace(one, text=text, notes=(*one.notes, f"it never fires: {error}")), None
    if isinstance(parsed.timing, Delay):
        return _timer(one, bare.removeprefix("@")), None
    notes = one.notes if name else (*one.notes, _NO_ZONE)
    if not one.is_active:
        return replace(one, text=text, notes=notes), None
    ticks = tuple(_ticks(parsed, now, now + _SHOWN_FOR))
    if len(ticks) < _SHOWN_AT_LEAST:
        ticks = tuple(_from(parsed, now, _SHOWN_AT_LEAST))
    if not ticks:
        notes = (*notes, _NEVER)
    return replace(one, text=text, ticks=ticks, notes=notes), parsed


def _timer(one: Moving, text: str) -> Moving:
    notes = (*one.notes, _TIMER) if one.is_active else one.notes
    return replace(one, text=text, is_timer=True, notes=notes)


def _ticks(calendar: Cron, start: datetime, end: datetime) -> Iterator[datetime]:
    """The firings from `start` to `end`, excluded, in the zone of the schedule."""
    local = start.astimezone(zone.load(calendar.zone or _ZONE))
    return preview.ticks_between(calendar, local, end)


def _from(calendar: Cron, start: datetime, count: int) -> Iterator[datetime]:
    """The first firings from `start` on."""
    after = start - timedelta(microseconds=1)
    return islice(preview.firings(calendar, zone=_ZONE, after=after, count=count), count)


def _window(calendars: Sequence[Cron], now: datetime, margin: timedelta) -> Window | None:
    """Find the first moment from which no plan fires for `margin`, within a day."""
    end = now + _HORIZON
    start = now
    for tick in heapq.merge(*(map(_utc, _ticks(one, now, end)) for one in calendars)):
        if tick - margin >= start:
            return _until(start, tick, margin)
        start = max(start, tick + SHORTEST_MARGIN)
    rest = [_utc(tick) for one in calendars for tick in _from(one, max(start, end), 1)]
    if not rest:
        return Window(start, None, None)
    tick = min(rest)
    return _until(start, tick, margin) if tick - margin >= start else None


def _until(start: datetime, tick: datetime, margin: timedelta) -> Window:
    return Window(start, tick - margin, tick)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
