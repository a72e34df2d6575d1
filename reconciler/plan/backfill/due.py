"""The drive of one backfill: what starts now, how far it is, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.backfill import Going, OnFailure, Order
from reconciler.model.drive import Drive, Row
from reconciler.model.run import Phase, Run, RunId
from reconciler.plan.backfill.cover import Standing, Tick, cover
from reconciler.plan.backfill.names import Naming
from reconciler.plan.backfill.wish import GRACE, Wish
from reconciler.schedule.window import show

CANCELLED = "its backfill was cancelled"
"""Why a run was ended."""

_OPEN = frozenset({Standing.DUE, Standing.ALIVE, Standing.LATER})


@dataclass(frozen=True, slots=True)
class _Case:
    wish: Wish
    naming: Naming
    ticks: tuple[Tick, ...]
    found: tuple[Run, ...]
    now: datetime

    def of(self, standing: Standing) -> list[Tick]:
        return [tick for tick in self.ticks if tick.standing is standing]

    @property
    def in_flight(self) -> int:
        return sum(len(tick.alive) for tick in self.ticks)

    @property
    def started(self) -> int:
        """Count what was started in all; what it runs may have changed, and the names with it."""
        names = {run.id.name for tick in self.ticks for run in tick.tries}
        return len(names | {run.id.name for run in self.found if run.id.name in self.wish.begun})

    @property
    def is_stopped(self) -> bool:
        return self.wish.on_failure is OnFailure.STOP and bool(self.of(Standing.FAILED))

    @property
    def is_spent(self) -> bool:
        return self.wish.max_runs is not None and self.started >= self.wish.max_runs


def drive(
    ticks: Sequence[datetime],
    found: Iterable[Run],
    *,
    wish: Wish,
    naming: Naming,
    now: datetime,
) -> Drive:
    """Say what is due of a backfill over `ticks`, which are in order, by the runs that were read.

    `found` are all runs of what the backfill runs, of any version, that may carry one of them.
    """
    read = tuple(found)
    case = _Case(wish, naming, cover(ticks, read, wish=wish, naming=naming, now=now), read, now)
    due = _due(case)
    starting = {tick.at for tick in due}
    return Drive(
        launches=tuple(naming.launch(tick.at, tick.next) for tick in due),
        stops=_stops(case),
        cause=CANCELLED if wish.going is Going.CANCELLED else "",
        rows=tuple(_row(tick, case, is_starting=tick.at in starting) for tick in case.ticks),
        waits=_waits(case, len(due)),
        failure=_failure(case),
        is_done=_is_done(case),
        notes=_notes(case),
        estimate=_estimate(case),
    )


def _due(case: _Case) -> list[Tick]:
    wish = case.wish
    if wish.going is not Going.RUNNING or case.is_stopped:
        return []
    room = wish.parallelism - case.in_flight
    if wish.max_runs is not None:
        room = min(room, wish.max_runs - case.started)
    due = case.of(Standing.DUE)
    if wish.order is Order.NEWEST:
        due.reverse()
    return due[: max(room, 0)]


def _stops(case: _Case) -> tuple[RunId, ...]:
    """Name what is to be ended; what is ending keeps the cause that it has."""
    return tuple(run.id for run in _ending(case) if run.phase is not Phase.ABORTING)


def _ending(case: _Case) -> list[Run]:
    if case.wish.going is not Going.CANCELLED or not case.wish.is_ending:
        return []
    named = [run for tick in case.ticks for run in tick.tries if _is_own(run, tick, case)]
    known = started_of(case.found, case.wish.known)
    return list({run.id: run for run in (*named, *known)}.values())


def started_of(found: Iterable[Run], known: frozenset[str]) -> list[Run]:
    """Find what the ledger says was started and goes on, though its tick or name is another now."""
    return [run for run in found if run.id.name in known and not run.phase.is_terminal]


def _is_own(run: Run, tick: Tick, case: _Case) -> bool:
    """Tell a run that can be ended: a name of the scheduler's may stand for a run of its own."""
    scheduler = case.naming.scheduler
    is_scheduled = scheduler is not None and run.id.name == scheduler(tick.at)
    return not run.phase.is_terminal and (not is_scheduled or run.id.name in case.wish.known)


def _is_done(case: _Case) -> bool:
    if case.wish.going is Going.CANCELLED:
        return not _ending(case)
    return bool(case.ticks) and len(case.of(Standing.DONE)) == len(case.ticks)


def _waits(case: _Case, starting: int) -> str:
    if case.wish.going is Going.PAUSED:
        return "it is paused; write state: Running"
    if case.wish.going is Going.CANCELLED:
        ending = len(_ending(case))
        return f"{runs(ending)} that it started must end" if ending else ""
    in_flight = case.in_flight + starting
    if in_flight:
        if not _is_open(case):
            return ""
        first = in_flight - case.wish.parallelism + 1
        is_full = len(case.of(Standing.DUE)) > starting and 0 < first < in_flight
        number = f"{first} of {runs(in_flight)}" if is_full else runs(in_flight)
        return f"{number} must end first"
    later = case.of(Standing.LATER)
    if later and not case.of(Standing.DUE) and not case.is_stopped:
        return f"the tick at {show(later[0].at)} is left to the scheduler until {_until(later[0])}"
    return ""


def _is_open(case: _Case) -> bool:
    return any(case.of(standing) for standing in _OPEN)


def _until(tick: Tick) -> str:
    return show(tick.at + GRACE)


def _failure(case: _Case) -> str:
    failed = case.of(Standing.FAILED)
    if case.wish.going is Going.CANCELLED:
        return ""
    if failed and (case.is_stopped or not _is_open(case)):
        first = failed[0]
        told = first.shown.cause.strip().partition("\n")[0] if first.shown else ""
        what = f"{len(failed)} of {_ticks(len(case.ticks))} failed, first {show(first.at)}"
        return f"{what}: {told}" if told else what
    if case.is_spent and not case.in_flight and case.of(Standing.DUE):
        missing = len(case.of(Standing.DUE))
        return (
            f"its budget of {runs(case.wish.max_runs or 0)} is used up and {_ticks(missing)} "
            "missing; raise budget.maxRuns"
        )
    return ""


def _notes(case: _Case) -> tuple[str, ...]:
    done, alive = len(case.of(Standing.DONE)), len(case.of(Standing.ALIVE))
    parts = [
        f"{number} {word}"
        for number, word in (
            (done, "covered"),
            (alive, "in flight"),
            (len(case.of(Standing.DUE)), "missing"),
            (len(case.of(Standing.FAILED)), "failed"),
            (len(case.of(Standing.LATER)), "to come"),
        )
        if number
    ]
    notes = [f"{_ticks(len(case.ticks))}: {', '.join(parts)}"]
    estimate = _estimate(case)
    if estimate is not None:
        notes.append(f"about {length(estimate)} to go")
    return tuple(notes)


def _estimate(case: _Case) -> timedelta | None:
    """How long what is missing takes at the pace of the runs that succeeded."""
    missing = len(case.of(Standing.DUE)) + len(case.of(Standing.ALIVE))
    lengths = [span for tick in case.ticks for span in _lengths(tick.runs)]
    if case.wish.going is not Going.RUNNING or not missing or not lengths:
        return None
    rounds = -(-missing // case.wish.parallelism)
    return sum(lengths, timedelta()) / len(lengths) * rounds


def _lengths(runs: Iterable[Run]) -> Iterable[timedelta]:
    for run in runs:
        start = run.started_at or run.created_at
        if run.phase.is_success and start is not None and run.ended_at is not None:
            yield max(run.ended_at - start, timedelta())


def _row(tick: Tick, case: _Case, *, is_starting: bool) -> Row:
    run = tick.shown
    is_ours = run is not None and run in tick.tries
    return Row(
        scheduled_at=tick.at,
        run=None if run is None else run.id,
        phase=None if run is None else run.phase,
        attempts=len(tick.tries),
        is_covered=not is_ours and tick.standing in {Standing.DONE, Standing.ALIVE},
        why=_why(tick, case, is_starting=is_starting),
    )


def _why(tick: Tick, case: _Case, *, is_starting: bool) -> str:
    if is_starting:
        return "starts now" if tick.shown is None else f"attempt {len(tick.tries) + 1} starts now"
    if tick.standing is Standing.LATER:
        return "not due yet"
    if tick.standing is Standing.FAILED or (tick.shown and tick.standing is Standing.DONE):
        return tick.shown.cause.strip().partition("\n")[0] if tick.shown else ""
    if tick.standing is not Standing.DUE:
        return ""
    if case.wish.going is not Going.RUNNING:
        return case.wish.going.value.lower()
    if case.is_stopped:
        return "another tick failed"
    return "budget used up" if case.is_spent else "waits its turn"


def runs(number: int) -> str:
    """Write a number of runs."""
    return f"{number} run" if number == 1 else f"{number} runs"


def _ticks(number: int) -> str:
    return f"{number} tick" if number == 1 else f"{number} ticks"


def length(span: timedelta) -> str:
    """Write a length of time as people say it: its two largest parts, a minute at least."""
    minutes = max(round(span / timedelta(minutes=1)), 1)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{number}{unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "m"))]
    return "".join([part for part in parts if part[0] != "0"][:2])
