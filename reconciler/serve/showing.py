"""What a pass found, for the page: made once after each, so that readers cost Flyte nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.backends.port import Backend
from reconciler.engine import audit as audits
from reconciler.engine import status, upcoming
from reconciler.engine.aftermath import aftermath
from reconciler.engine.applying import Applied
from reconciler.engine.audit import NOTHING, Audit
from reconciler.engine.planning import Planned
from reconciler.engine.status import ObjectStatus
from reconciler.errors import BackendError
from reconciler.git.history import Past
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.ledger import Written
from reconciler.model.run import Mode, Run
from reconciler.operator.words import WAITING, Reason
from reconciler.plan.plan import Change
from reconciler.serve.states import State
from reconciler.web import board
from reconciler.web.board import Board, Fill, Result, Sync

_PAST = timedelta(days=1)
_MOST_RUNS = 1000
_MOST_ENTRIES = 2000
_MOST_READ = 50
"""Versions of a ledger that one look reads: some of what is older each time, until all is known."""

_BACKFILL = "FlyteBackfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One set as the last pass left it; `syncs` are those that changed something or failed to."""

    objects: tuple[ObjectStatus, ...] = ()
    others: tuple[ObjectStatus, ...] = ()
    changes: Mapping[Key, Change] = field(default_factory=dict)
    schedules: Mapping[Key, Mapping[str, Json]] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    runs: tuple[Run, ...] = ()
    audit: Audit = NOTHING
    warnings: tuple[str, ...] = ()
    plans: Mapping[str, tuple[tuple[Change, ...], Mapping[Key, str]]] = field(default_factory=dict)


async def look(
    planned: Planned, applied: Applied, backend: Backend, before: Shown | None, now: datetime
) -> Shown:
    """Gather what a pass found; executions of the last day are listed for it, in pages."""
    left = aftermath(planned, applied)
    runs, warnings = await _recent(planned, backend, now)
    audit, more = await _audited(before, planned, applied, backend)
    outcomes = {
        outcome.action.key: str(outcome.status) for outcome in reversed(applied.report.outcomes)
    }
    plans = dict(before.plans) if before is not None else {}
    if planned.plan.changes:
        plans[planned.plan.id] = (planned.plan.changes, outcomes)
    return Shown(
        objects=status.of_objects(left, now=now),
        others=status.of_others(left, now=now),
        changes={change.key: change for change in left.plan.changes},
        schedules=upcoming.schedules(left.live),
        fills=tuple(
            Fill(
                key=key,
                rows=drive.rows,
                waits=drive.waits,
                failure=drive.failure,
                is_done=drive.is_done,
            )
            for key, drive in sorted(planned.plan.drives.items())
            if key.kind == _BACKFILL
        ),
        runs=runs,
        audit=audit,
        warnings=(*planned.plan.warnings, *warnings, *more),
        plans=plans,
    )


def of_state(state: State, next_at: datetime | None) -> Board:
    """Make the board of a set; what the page shows of plans is only what its history still has."""
    shown = state.shown or Shown()
    return Board(
        name=state.name,
        state=state_of(state.reason, shown, is_suspended=state.is_suspended),
        message=state.message,
        connection=state.connection,
        source=f"{state.repository}#{state.path}" if state.path else state.repository,
        revision=state.applied.revision if state.applied is not None else state.attempted,
        looked_at=_moment(state.looked),
        next_at=None if state.is_suspended else next_at,
        objects=shown.objects,
        others=shown.others,
        changes=shown.changes,
        schedules=shown.schedules,
        runs=shown.runs,
        fills=shown.fills,
        syncs=tuple(sync_of(past, shown) for past in state.history),
        audit=shown.audit,
        warnings=shown.warnings,
    )


def trimmed(shown: Shown, history: tuple[Past, ...]) -> Shown:
    """Forget the plans of syncs that the history no longer has."""
    kept = {past.plan for past in history}
    return replace(shown, plans={name: one for name, one in shown.plans.items() if name in kept})


def state_of(reason: Reason, shown: Shown, *, is_suspended: bool = False) -> board.State:
    """Say in one word how a set stands."""
    if is_suspended:
        return board.State.SUSPENDED
    if reason is Reason.SUCCEEDED:
        return board.State.PENDING if shown.changes else board.State.IN_SYNC
    if reason is Reason.PROGRESSING:
        return board.State.UNKNOWN
    return board.State.FAILED if reason in WAITING else board.State.STALLED


def sync_of(past: Past, shown: Shown) -> Sync:
    """Make a past sync as the page shows it, with its changes where they are known."""
    changes, outcomes = shown.plans.get(past.plan, ((), {}))
    return Sync(
        at=_moment(past.last),
        result=_result(past),
        revision=past.revision,
        message=past.message + (f" ({past.count} times)" if past.count > 1 else ""),
        plan=past.plan,
        changes=changes,
        outcomes=outcomes,
    )


def _result(past: Past) -> Result:
    if past.reason == Reason.SUCCEEDED:
        return Result.APPLIED if past.changes else Result.UNCHANGED
    is_refused = past.reason in {Reason.POLICY, Reason.CLAIM, Reason.SIGNATURE, Reason.APPROVAL}
    return Result.REFUSED if is_refused else Result.FAILED


async def _audited(
    before: Shown | None, planned: Planned, applied: Applied, backend: Backend
) -> tuple[Audit, tuple[str, ...]]:
    """Bring the history of the ledger up to date; a page can do without what cannot be read."""
    known, ledger = before.audit if before is not None else NOTHING, applied.ledger
    if not ledger.revision:
        return NOTHING, ()
    if known.newest and planned.ledger.revision == known.newest < ledger.revision:
        known = audits.followed(known, Written(ledger.revision, ledger.entry))
    if known.newest == ledger.revision and (known.is_whole or len(known.entries) >= _MOST_ENTRIES):
        return known, ()
    try:
        return await audits.extended(
            known, ledger, backend, most=_MOST_READ, keep=_MOST_ENTRIES
        ), ()
    except BackendError as error:
        return known, (f"the history of the ledger could not be read: {error}",)


async def _recent(
    planned: Planned, backend: Backend, now: datetime
) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """List scheduled executions of what the set declares; a page can do without them."""
    keys = planned.desired.resources.keys()
    names = {(key.place, key.name) for key in keys}
    found: list[Run] = []
    try:
        for place in sorted({key.place for key in keys if key.place.is_single}):
            asked = AskedRuns(
                project=place.project,
                domain=place.domain,
                modes=frozenset({Mode.SCHEDULED}),
                created_after=now - _PAST,
                limit=_MOST_RUNS,
            )
            async for run in backend.running.runs(asked):
                if run.entity is not None and (place, run.entity.name) in names:
                    found.append(run)
                if len(found) >= _MOST_RUNS:
                    break
    except BackendError as error:
        return tuple(found), (f"not all executions of the last day could be read: {error}",)
    return tuple(found), ()


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
