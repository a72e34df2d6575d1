"""Carries out a plan and settles the ledger.

Order of writes: the ledger first lists the places about to be written, then come the actions, then
the ledger records what became of them. Killed anywhere in between, the next run observes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.apply import execute
from reconciler.apply.outcome import Report
from reconciler.backends.port import Backend
from reconciler.engine import claims, policing
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Planned, View, close_former, plan_resolved
from reconciler.errors import BackendError, RefusedError, UsageError
from reconciler.model.digest import UNCLAIMED
from reconciler.model.key import Place
from reconciler.model.ledger import Claim, Entry, Ledger
from reconciler.model.live import Query
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.plan import settle
from reconciler.plan.plan import Change, Effect, Plan
from reconciler.plan.stale import stale

_LISTED = frozenset({Shape.VERSIONS, Shape.OBJECT})
POINTER_VERBS = frozenset({Verb.ACTIVATE, Verb.DEACTIVATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an apply did.

    `stale` are changes that were refused because the object had moved since the plan;
    `remaining` is what a look at the live side found still to do.
    """

    plan: Plan
    report: Report
    ledger: Ledger
    stale: tuple[Change, ...] = ()
    remaining: Plan | None = None
    ledger_error: BackendError | None = None

    @property
    def is_complete(self) -> bool:
        """Say whether everything that the plan promised was done."""
        return not self.report.failures and not self.stale and self.ledger_error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How to run an apply: `by` is who runs it, for the audit line in the ledger."""

    now: datetime
    by: str = ""
    parallel: int = 8
    progress: execute.Progress | None = None
    stop: asyncio.Event | None = None


async def apply_planned(planned: Planned, backend: Backend, run: Run) -> Applied:
    """Apply a plan that was just made, then look whether live is as declared.

    The look finds two versions active at once, which concurrent activations can leave behind, and
    the second round mends it.
    """
    policing.enforce(planned.plan)
    claim = claims.renewed(planned.declaration, planned.ledger)
    await close_former(planned.declaration, backend, planned.ledger)
    applied = await apply_plan(
        planned.plan, backend, run, ledger=planned.ledger, claim=claim, home=_home(planned)
    )
    if not any(_moved_pointer(change, applied.report.done) for change in planned.plan.doable):
        return applied
    view = View(ledger=applied.ledger, identity=planned.plan.backend, now=run.now)
    again = await plan_resolved(planned.declaration, planned.resolved, backend, view)
    touched = {change.key for change in planned.plan.doable}
    doubled = tuple(
        change
        for change in again.plan.doable
        if change.key in touched
        and change.actions
        and all(action.verb is Verb.DEACTIVATE for action in change.actions)
    )
    if not doubled or applied.report.failures:
        return replace(applied, remaining=again.plan)
    mending = again.plan.part(doubled)
    mended = await apply_plan(
        mending, backend, run, ledger=applied.ledger, claim=claim, home=_home(planned)
    )
    return replace(
        mended,
        plan=planned.plan,
        report=Report((*applied.report.outcomes, *mended.report.outcomes)),
    )


async def apply_plan(
    plan: Plan, backend: Backend, run: Run, *, ledger: Ledger, claim: Claim, home: Place | None
) -> Applied:
    """Carry out a plan on the state that it was made for."""
    has_ledger = plan.set_name != UNCLAIMED
    # Always written, known places or not: of two applies at once only one gets past it.
    opened = settle.before(ledger, plan, claim=claim) if has_ledger else ledger
    is_writing = any(change.actions for change in plan.doable)
    where = ledger.home or home or _some_place(plan)
    early, late = _split_before_home(plan, where, backend.traits)
    reports: list[Report] = []
    if early:
        reports.append(await _run(early, backend, run))
    if has_ledger and is_writing:
        ledger = await backend.write_ledger(
            replace(opened, entry=_entry(plan, claim, run, reports)), _need(where, plan)
        )
    done = {identifier for report in reports for identifier in report.done}
    ready = [_without_done(change, done) for change in late]
    reports.append(await _run(ready, backend, run))
    report = Report(tuple(item for part in reports for item in part.outcomes))
    if not has_ledger:
        return Applied(plan=plan, report=report, ledger=ledger)
    settled = settle.after(opened, plan, done=report.done, now=run.now, unsure=report.unsure)
    settled = replace(settled, revision=ledger.revision, home=ledger.home)
    if settled.same_content(ledger):
        return Applied(plan=plan, report=report, ledger=ledger)
    try:
        ledger = await backend.write_ledger(
            replace(settled, entry=_entry(plan, claim, run, [report])), _need(where, plan)
        )
    except BackendError as error:
        return Applied(plan=plan, report=report, ledger=ledger, ledger_error=error)
    return Applied(plan=plan, report=report, ledger=ledger)


async def refuse_stale(
    plan: Plan, backend: Backend, ledger: Ledger, *, now: datetime
) -> tuple[Plan, tuple[Change, ...]]:
    """Observe again what a saved plan touches, and take out what may no longer be done."""
    versions_asked = {
        change.key: frozenset(change.asked) for change in plan.changes if change.asked
    }
    shapes = {change.key: backend.traits[change.key.kind].shape for change in plan.changes}
    query = Query(
        places=frozenset(
            change.key.place
            for change in plan.changes
            if shapes[change.key] in _LISTED and change.key.place.is_single
        ),
        versions=versions_asked,
        records=frozenset(key for key, shape in shapes.items() if shape is Shape.RECORD),
        objects={
            key: ledger.objects.get(key) for key, shape in shapes.items() if shape is Shape.OBJECT
        },
    )
    live = await backend.observe(query)
    refused = stale(plan, live, ledger, backend.traits, now=now)
    keys = {change.key for change in refused}
    return plan.part(change for change in plan.changes if change.key not in keys), refused


async def _run(changes: list[Change], backend: Backend, run: Run) -> Report:
    return await execute.run(
        changes,
        backend.perform,
        parallel=run.parallel,
        progress=run.progress,
        stop=run.stop,
        together=lambda action: backend.traits[action.key.kind].together(action.key),
    )


def _split_before_home(
    plan: Plan, home: Place | None, traits: Mapping[str, Traits]
) -> tuple[list[Change], list[Change]]:
    """The ledger lives in a project: creating it, or opening it again, comes before the ledger."""
    early = [
        change
        for change in plan.doable
        if home is not None
        and not change.key.domain
        and change.key.project == home.project
        and (change.effect is Effect.CREATE or _opens(change, traits[change.key.kind]))
    ]
    keys = {change.key for change in early}
    return early, [change for change in plan.doable if change.key not in keys]


def _opens(change: Change, traits: Traits) -> bool:
    path, closed = traits.fields.closed_by
    return any(
        item.path == path and item.before in closed and item.after not in closed
        for item in change.fields
    )


def _without_done(change: Change, done: set[str]) -> Change:
    actions = tuple(action for action in change.actions if action.id not in done)
    return replace(change, actions=actions)


def _moved_pointer(change: Change, done: Container[str]) -> bool:
    return any(action.verb in POINTER_VERBS and action.id in done for action in change.actions)


def _home(planned: Planned) -> Place | None:
    return planned.declaration.home


def _some_place(plan: Plan) -> Place | None:
    places = sorted(change.key.place for change in plan.changes if change.key.place.is_single)
    return places[0] if places else None


def _need(place: Place | None, plan: Plan) -> Place:
    if place is None:
        raise UsageError(
            f"set {plan.set_name}: has no project-domain for its ledger; write "
            "spec.defaults.project and spec.defaults.domain in the FlyteSync"
        )
    return place


def _entry(plan: Plan, claim: Claim, run: Run, reports: list[Report]) -> Entry:
    """Write the audit line: what was registered is in it by version, however much it is."""
    done = [item.action for report in reports for item in report.outcomes if item.is_done]
    made = sorted(f"{one.id} {one.version}" for one in done if one.verb is Verb.REGISTER)
    others = sorted(one.id for one in done if one.verb is not Verb.REGISTER)
    failed = [item.action.id for report in reports for item in report.failures]
    return Entry(
        at=run.now,
        by=run.by,
        commit=claim.commit,
        source=claim.source,
        plan=plan.id,
        done=(*made, *others[:_AUDIT_LINES]),
        failed=tuple(failed[:_AUDIT_LINES]),
    )


_AUDIT_LINES = 1000
"""Other actions that one audit line names; the plan id stands for the rest."""


def claim_for_saved(declaration: Declaration, plan: Plan, ledger: Ledger) -> Claim:
    """Return the claim under which a saved plan may run.

    Raises RefusedError when the plan is of another set or of other files, when a policy of the set
    failed, or the set has been claimed by another source since.
    """
    if plan.set_name != declaration.set_name:
        raise RefusedError(
            f"plan {plan.id}: is of set {plan.set_name}, and {declaration.set_name} is declared "
            "here; run it in its own directory"
        )
    if plan.tree and declaration.tree != plan.tree:
        has = f"tree {declaration.tree[:12]}" if declaration.tree else "files that were edited"
        raise RefusedError(
            f"plan {plan.id}: was made of tree {plan.tree[:12]}, and this is {has}; check out what "
            "it was made of, in whatever commit, or make it again"
        )
    policing.enforce(plan)
    claims.check(declaration, ledger, "", "")
    return claims.renewed(declaration, ledger)


def with_stale(applied: Applied, plan: Plan, stale: tuple[Change, ...]) -> Applied:
    """Say which changes of the whole plan were refused."""
    return replace(applied, plan=plan, stale=stale)
