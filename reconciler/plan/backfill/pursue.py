"""From a declared backfill and what was read for it to its drive.

What was decided at first sight stays: a relative window, which runs were there before, and the
anchor of a fixed rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from reconciler.model.backfill import Coverage, Going, OnFailure, Order
from reconciler.model.drive import Drive, Row
from reconciler.model.run import Phase
from reconciler.plan.backfill.cover import there_before
from reconciler.plan.backfill.due import CANCELLED, drive, runs, started_of
from reconciler.plan.backfill.names import Naming
from reconciler.plan.backfill.wish import Wish
from reconciler.schedule import grid, window
from reconciler.schedule.grid import Grid
from reconciler.schedule.window import Window, WindowError, show

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.model.pursuit import Pursuit


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a backfill runs, as it is on the backend.

    `body` is what starting the run of a tick says, `scheduler` the name that Flyte's scheduler has
    for it. `last` is the last tick that the scheduler ran, for a fixed rate.
    """

    schedule: Mapping[str, Json]
    body: Callable[[datetime], dict[str, Json]]
    scheduler: Callable[[datetime], str]
    last: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was decided when the backfill, or another window of it, was first seen.

    `before` are the runs that were there, None while they were not looked at; `begun` are those
    that it started since, where a budget counts them.
    """

    window: Window
    anchor: datetime | None = None
    before: frozenset[str] | None = None
    begun: frozenset[str] = frozenset()


_NAMES = ("before", "begun")


def sight(body: Mapping[str, Json], frozen: Mapping[str, Json], now: datetime) -> Sight:
    """Recall what was decided at first sight of this window, or decide it now.

    Raises:
        WindowError: the window is empty at `now`.
    """
    start, end = str(body["from"]), str(body.get("to", window.NOW))
    explicit = body.get("anchor")
    anchor = explicit or frozen.get("anchor")
    if frozen.get("written") == [start, end]:
        seen = Window(_moment(frozen["from"]), _moment(frozen["to"]))
        before, begun = (frozenset(str(frozen.get(name, "")).split()) for name in _NAMES)
        return Sight(window=seen, anchor=_optional(anchor), before=before, begun=begun)
    return Sight(window=window.window(start, end, now=now), anchor=_optional(anchor))


def frozen_of(body: Mapping[str, Json], seen: Sight) -> dict[str, Json]:
    """Write what the ledger is to keep of a first sight."""
    found: dict[str, Json] = {
        "written": [str(body["from"]), str(body.get("to", window.NOW))],
        "from": show(seen.window.start),
        "to": show(seen.window.end),
    }
    for name, names in zip(_NAMES, (seen.before, seen.begun), strict=True):
        if names:
            found[name] = " ".join(sorted(names))
    if seen.anchor is not None and "anchor" not in body:
        found["anchor"] = show(seen.anchor)
    return found


def pursue(pursuit: Pursuit, target: Target) -> Drive:
    """Say what a declared backfill wants now."""
    body = pursuit.resource.body
    try:
        seen = sight(body, pursuit.held.frozen, pursuit.now)
        schedule = grid.read(target.schedule)
    except WindowError as error:
        return Drive(failure=str(error))
    except ValueError as error:
        return Drive(failure=f"its schedule cannot be read: {error}")
    if schedule.is_timer and schedule.anchor is None and seen.anchor is None:
        seen = replace(seen, anchor=target.last)
    failure, ticks = _ticks(schedule, seen)
    if failure:
        return Drive(failure=failure, frozen=frozen_of(body, seen))
    naming = _naming(pursuit, target)
    if seen.before is None:
        seen = replace(seen, before=_before(ticks, pursuit, seen, naming))
    found = drive(
        ticks,
        pursuit.runs.found,
        wish=_wish(body, seen, pursuit),
        naming=naming,
        now=pursuit.now,
    )
    if "maxRuns" in body:
        names = {launch.id.name for launch in found.launches}
        seen = replace(seen, begun=seen.begun | names)
    frozen = frozen_of(body, seen)
    notes = (f"window {seen.window}", *target.notes, *_anchored(schedule, seen), *found.notes)
    return replace(found, frozen=frozen, notes=notes)


def cancelled(pursuit: Pursuit, found: Drive) -> Drive:
    """End what a cancelled backfill is known to have started where its ticks cannot be told.

    The plan may be gone since, or its schedule.
    """
    body = pursuit.resource.body
    if found.rows or body.get("state") != Going.CANCELLED:
        return found
    going = started_of(pursuit.runs.found, pursuit.held.started) if body.get("terminate") else []
    return Drive(
        stops=tuple(run.id for run in going if run.phase is not Phase.ABORTING),
        cause=CANCELLED,
        rows=tuple(Row(run=run.id, phase=run.phase, attempts=1) for run in going),
        waits=f"{runs(len(going))} that it started must end" if going else "",
        is_done=not going,
        frozen=found.frozen,
        notes=found.notes,
    )


def _ticks(schedule: Grid, seen: Sight) -> tuple[str, tuple[datetime, ...]]:
    """Return the ticks of the window, or why there are none to be had."""
    if schedule.is_timer and schedule.anchor is None and seen.anchor is None:
        why = "a fixed rate has no ticks of its own, and the scheduler has run none"
        return f"{why}; write anchor, one moment at which it fires", ()
    ticks = schedule.ticks(seen.window, seen.anchor)
    if len(ticks) > grid.MOST:
        return f"the window has more than {grid.MOST:,} ticks; write a shorter one", ()
    if ticks:
        return "", ticks
    first = schedule.first_after(seen.window.end, seen.anchor)
    then = f"the first one after it is {show(first)}" if first else "none comes in five years"
    return f"{schedule.text} has no tick in {seen.window}; {then}", ()


def _anchored(schedule: Grid, seen: Sight) -> tuple[str, ...]:
    if not schedule.is_timer:
        return ()
    base = schedule.anchor or seen.anchor
    assert base is not None  # there are no ticks without one
    return (f"{schedule.text}, counted from {show(base)}",)


def _wish(body: Mapping[str, Json], seen: Sight, pursuit: Pursuit) -> Wish:
    return Wish(
        before=seen.before or frozenset(),
        parallelism=cast("int", body.get("parallelism", 1)),
        order=Order(str(body.get("order", Order.OLDEST))),
        on_failure=OnFailure(str(body.get("onFailure", OnFailure.STOP))),
        retries=cast("int", body.get("retries", 0)),
        coverage=Coverage(str(body.get("coverage", Coverage.MISSING))),
        max_runs=cast("int | None", body.get("maxRuns")),
        max_in_flight=cast("int | None", body.get("maxInFlight")),
        going=Going(str(body.get("state", Going.RUNNING))),
        is_ending=bool(body.get("terminate", False)),
        known=pursuit.held.started,
        begun=seen.begun,
    )


def _naming(pursuit: Pursuit, target: Target) -> Naming:
    """Take the scheduler's names where the runs are those that it would have started."""
    body, key = pursuit.resource.body, pursuit.resource.key
    is_again = body.get("coverage") == Coverage.ALL
    return Naming(
        place=key.place,
        body=target.body,
        scheduler=None if is_again or body.get("inputs") else target.scheduler,
        salt=str(key) if is_again else "",
    )


def _before(
    ticks: tuple[datetime, ...], pursuit: Pursuit, seen: Sight, naming: Naming
) -> frozenset[str]:
    wish = _wish(pursuit.resource.body, seen, pursuit)
    return there_before(ticks, pursuit.runs.found, wish=wish, naming=naming, now=pursuit.now)


def _optional(value: Json) -> datetime | None:
    return None if value is None else _moment(value)


def _moment(value: Json) -> datetime:
    return window.instant(str(value))
