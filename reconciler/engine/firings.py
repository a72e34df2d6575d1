"""When plans fire next, of schedules as declared and of schedules as they are live.

The scheduler reads a cron without a zone in its own zone, which is UTC unless its container was
given another one; a fixed rate counts from the activation, which Flyte tells nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never, cast

from reconciler.model.document import Json
from reconciler.schedule import clock_changes, cron, preview, rate
from reconciler.schedule import zone as zones
from reconciler.schedule.clock_changes import Disturbance, Effect
from reconciler.schedule.cron import Cron
from reconciler.schedule.grid import SCHEDULER_ZONE
from reconciler.schedule.walk import Delay


@dataclass(frozen=True, slots=True)
class Preview:
    """The next firings of one schedule.

    `text` is the schedule in words; `timer` says that it counts from its activation, so that
    no time of day can be told. `notes` are about clock changes and about what never fires.
    """

    text: str
    times: tuple[datetime, ...] = ()
    timer: bool = False
    notes: tuple[str, ...] = ()


def preview_of(
    schedule: Mapping[str, Json], *, after: datetime, count: int, zone: str = ""
) -> Preview | None:
    """Preview a schedule in normal form; None for an empty one.

    Times are in the schedule's own zone, or in `zone` where it is given.

    Raises:
        ScheduleError: `zone` is unknown.
    """
    if not schedule:
        return None
    shown = cast("dict[str, Any]", schedule)
    if "every" in shown:
        return _rate(shown, after=after, count=count, zone=zone)
    written = cron.join_zone(str(shown.get("cron", "")), shown.get("timezone"))
    if "cron" not in shown:
        text = f'cron_expression "{shown.get("cronExpression", "")}"'
        return Preview(text, notes=("Flyte's scheduler refuses this deprecated field",))
    name = shown.get("timezone") or SCHEDULER_ZONE
    text = f'"{shown["cron"]}" {name}'
    try:
        parsed = cron.parse(written)
    except ValueError as error:
        return Preview(text, notes=(f"never fires: {error}",))
    if isinstance(parsed.timing, Delay):
        return _timer(parsed.text.removeprefix("@"), fires=True)
    times = preview.firings(parsed, zone=name, after=after, count=count)
    if not times:
        return Preview(text, notes=("never fires within five years",))
    notes = _clock_notes(parsed, name, after=after, until=times[-1])
    if zone:
        display = zones.load(zone)
        times = tuple(time.astimezone(display) for time in times)
    return Preview(text, times, notes=notes)


def _rate(shown: Mapping[str, Any], *, after: datetime, count: int, zone: str) -> Preview:
    """Preview a fixed rate; one that counts from a moment has times of day."""
    minutes = shown["every"]
    if minutes <= 0:
        return _timer("at a rate of 0", fires=False)
    text = f"every {rate.render(minutes)}"
    if "from" not in shown:
        return _timer(text, fires=True)
    start = datetime.fromisoformat(shown["from"])
    step = timedelta(minutes=minutes)
    first = start if start > after else start + ((after - start) // step + 1) * step
    display = zones.load(zone or SCHEDULER_ZONE)
    times = tuple((first + step * index).astimezone(display) for index in range(count))
    return Preview(f"{text} from {shown['from']}", times)


def _timer(text: str, fires: bool) -> Preview:  # noqa: FBT001 - one word of two
    if not fires:
        return Preview(text, notes=("never fires",))
    return Preview(text, timer=True, notes=(f"{text} after activation (timer)",))


def _clock_notes(parsed: Cron, zone: str, *, after: datetime, until: datetime) -> tuple[str, ...]:
    disturbed = clock_changes.disturbances(parsed, zones.load(zone), after=after)
    return tuple(_note(item, zone) for item in disturbed if item.day <= until.date())


def _note(item: Disturbance, zone: str) -> str:
    times = ", ".join(f"{time:%H:%M}" for time in item.times[:4])
    more = " and more" if len(item.times) > 4 else ""
    return f"{item.day}: {times}{more} {_happens(item.effect)}, clocks change in {zone}"


def _happens(effect: Effect) -> str:
    match effect:
        case Effect.SKIPPED:
            return "does not fire"
        case Effect.REPEATED:
            return "fires twice"
        case Effect.PASSED_OVER:
            return "does not fire, its whole day is passed over"
        case _:
            assert_never(effect)
