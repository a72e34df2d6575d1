"""Gap keeping: ticks of a live schedule that nothing ran, told or filled.

Only what a plan missed while it was active is a gap: ticks before its activation, or before it was
first seen active, are not. A tick with any run, whatever became of it, is none either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from reconciler.model.backfill import Gaps, Going, OnFailure
from reconciler.model.drive import Drive, Row
from reconciler.plan.backfill.due import drive
from reconciler.plan.backfill.names import Naming
from reconciler.plan.backfill.pursue import Target
from reconciler.plan.backfill.wish import GRACE, Wish
from reconciler.schedule import grid
from reconciler.schedule.window import Window, instant, show

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.model.pursuit import Pursuit

AT_ONCE = 5
"""Runs of one plan that fill gaps at once."""

_FIX = "; write gaps: Fill, or see `reconcile backfill`"


def keep(pursuit: Pursuit, target: Target, activated_at: datetime | None) -> Drive:
    """Say which ticks are missing now, and what is started of them."""
    body = pursuit.resource.body
    held = pursuit.held.frozen.get("since")
    since = instant(str(held)) if held else activated_at or pursuit.now
    back = timedelta(minutes=cast("int", body["lookBack"]))
    end = pursuit.now.replace(microsecond=0) - GRACE
    window = Window(max(since, end - back).replace(microsecond=0), end)
    frozen: dict[str, Json] = {"since": show(since)}
    try:
        schedule = grid.read(target.schedule)
    except ValueError as error:
        why = f"its schedule cannot be read: {error}"
        return Drive(failure=why, frozen=frozen, missed=())
    if schedule.is_timer or window.start >= window.end:
        return Drive(is_idle=True, frozen=frozen, missed=())
    ticks = schedule.ticks(window)
    if len(ticks) > grid.MOST:
        why = "lookBack has too many ticks; write a shorter one"
        return Drive(failure=why, frozen=frozen, missed=())
    fills = body["gaps"] == Gaps.FILL
    found = drive(
        ticks,
        pursuit.runs.found,
        wish=Wish(
            parallelism=AT_ONCE,
            on_failure=OnFailure.CONTINUE,
            is_once=True,
            going=Going.RUNNING if fills else Going.PAUSED,
        ),
        naming=Naming(
            place=pursuit.resource.key.place, body=target.body, scheduler=target.scheduler
        ),
        now=pursuit.now,
    )
    rows = tuple(row for row in found.rows if _is_open(row))
    missing = tuple(row.scheduled_at for row in rows if row.phase is None and row.scheduled_at)
    if not missing:
        return Drive(rows=rows, is_idle=True, frozen=frozen, missed=())
    told = _told(missing, window)
    return replace(
        found,
        rows=rows,
        waits=found.waits if fills else f"{told}{_FIX}",
        notes=(told,),
        frozen=frozen,
        estimate=None,
        missed=missing,
    )


def idle(pursuit: Pursuit) -> Drive:
    """Say that a plan is not active, so that it misses nothing; it is seen anew afterwards."""
    return Drive(is_idle=True, frozen={"since": ""} if pursuit.held.frozen else {}, missed=())


def _is_open(row: Row) -> bool:
    return row.phase is None or (not row.is_covered and not row.phase.is_terminal)


def _told(missing: Sequence[datetime], window: Window) -> str:
    ticks = "1 tick" if len(missing) == 1 else f"{len(missing)} ticks"
    verb = "has" if len(missing) == 1 else "have"
    return f"{ticks} since {show(window.start)} {verb} no run, first {show(missing[0])}"
