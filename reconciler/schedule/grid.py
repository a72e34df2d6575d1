"""All ticks of a schedule in a window, for filling what is missing of them.

A cron has its ticks wherever one looks. A fixed rate has none on Flyte, where it is a timer that
starts with a version, so that it needs an anchor: one moment at which it is to have fired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, cast

from reconciler.schedule import cron, preview, rate
from reconciler.schedule import zone as zones
from reconciler.schedule.walk import Delay, to_second

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.schedule.window import Window

SCHEDULER_ZONE = "UTC"
"""The zone in which Flyte's scheduler reads a cron that names none, unless it was given another."""

MOST = 20_000
"""As many ticks are looked at together at most: two years of every hour."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A schedule that was read: a cron with its zone, or a timer that needs an anchor.

    `anchor` is where a timer counts from, where the schedule itself says so. `text` is the schedule
    in words, `kickoff` the input that gets the tick, empty for none.
    """

    timing: cron.Cron | Delay
    text: str
    zone: str = SCHEDULER_ZONE
    anchor: datetime | None = None
    kickoff: str = ""

    @property
    def is_timer(self) -> bool:
        """Whether it has no ticks of its own."""
        return isinstance(self.timing, Delay) or isinstance(self.timing.timing, Delay)

    def ticks(self, window: Window, anchor: datetime | None = None) -> tuple[datetime, ...]:
        """The ticks in a window in UTC, in order, at most one more than `MOST`.

        Raises:
            ValueError: a timer has no anchor.
        """
        delay = self._delay()
        if delay is None:
            start = window.start.astimezone(zones.load(self.zone))
            found = preview.ticks_between(self.timing, start, window.end)
            return tuple(tick.astimezone(UTC) for tick in islice(found, MOST + 1))
        base = self.anchor or anchor
        if base is None:
            raise ValueError(f"{self.text} has no anchor")
        step = timedelta(seconds=delay)
        steps = -((to_second(base) - to_second(window.start)) // delay)
        first = base.astimezone(UTC).replace(microsecond=0) + steps * step
        count = min(-((first - window.end) // step), MOST + 1)
        return tuple(first + index * step for index in range(max(count, 0)))

    def first_after(self, moment: datetime, anchor: datetime | None = None) -> datetime | None:
        """The first tick later than a moment, in UTC; None when none comes in five years."""
        delay, base = self._delay(), self.anchor or anchor
        if delay is not None:
            if base is None:
                return None
            passed = (to_second(moment) - to_second(base)) // delay + 1
            return base.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=passed * delay)
        found = preview.firings(self.timing, zone=self.zone, after=moment, count=1)
        return found[0].astimezone(UTC) if found else None

    def _delay(self) -> int | None:
        if isinstance(self.timing, Delay):
            return self.timing.seconds
        return self.timing.timing.seconds if isinstance(self.timing.timing, Delay) else None


def read(schedule: Mapping[str, Json]) -> Grid:
    """Read a schedule in normal form.

    Raises:
        ScheduleError: a ValueError; it cannot be read, or never fires.
    """
    kickoff = str(schedule.get("kickoffInput") or "")
    if "every" in schedule:
        minutes = rate.check(cast("int", schedule["every"]), text=f"{schedule['every']}m")
        start = schedule.get("from")
        return Grid(
            rate.to_delay(minutes),
            f"every {rate.render(minutes)}",
            anchor=None if start is None else datetime.fromisoformat(str(start)),
            kickoff=kickoff,
        )
    zone = cast("str | None", schedule.get("timezone"))
    parsed = cron.parse(cron.join_zone(str(schedule.get("cron", "")), zone))
    name = zone or SCHEDULER_ZONE
    return Grid(parsed, f'"{parsed.text}" {name}', zone=name, kickoff=kickoff)
