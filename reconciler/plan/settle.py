"""What the ledger holds before and after an apply: pure, from the plan and what succeeded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.model.ledger import Driven, Flips, Held, Ledger, Removal, about, mark_of
from reconciler.model.traits import Verb
from reconciler.plan.plan import Effect, Reason

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from reconciler.model.key import Key
    from reconciler.model.ledger import Claim
    from reconciler.plan.plan import Action, Change, Plan


def before(ledger: Ledger, plan: Plan, *, claim: Claim) -> Ledger:
    """Claim the set and list every project-domain about to be written, ahead of the first write.

    Names about to be archived are listed too. A crash after it leaves too much listed, which costs
    a page; what is missing from the lists would stay hidden for ever. A mutable object about to be
    made is announced; of one about to be replaced the content is not known from here on, and one
    that stops in between is not as declared. Runs about to be started are named, and what was
    decided at first sight of their declaration is written.
    """
    places = {change.key.place for change in plan.doable}
    archived = {
        action.key
        for change in plan.doable
        for action in change.actions
        if action.verb is Verb.ARCHIVE
    }
    stopping = {mark_of(change.key) for change in plan.doable if _stops_in_between(change)}
    return replace(
        ledger,
        claim=claim,
        places=ledger.places | places | plan.keeps.places,
        archived=ledger.archived | archived,
        applied=frozenset(item for item in ledger.applied if about(item) not in stopping),
        objects={**ledger.objects, **_announced(ledger, plan)},
        runs={**ledger.runs, **plan.keeps.runs, **_pursued(plan, _starts(plan))},
    )


def _starts(plan: Plan) -> frozenset[str]:
    return frozenset(
        action.id
        for change in plan.doable
        for action in change.actions
        if action.verb is Verb.START
    )


def _pursued(plan: Plan, started: Container[str]) -> dict[Key, Driven]:
    """Add the runs of some actions to what the ledger holds of their declarations."""
    found: dict[Key, Driven] = {}
    for change in plan.doable:
        names = {item.field for item in change.actions if item.id in started}
        if change.key in plan.keeps.runs:
            driven = plan.keeps.runs[change.key]
            found[change.key] = replace(driven, started=driven.started | names)
    return found


def _stops_in_between(change: Change) -> bool:
    return {Verb.DEPLOY, Verb.ACTIVATE} <= {action.verb for action in change.actions}


def _announced(ledger: Ledger, plan: Plan) -> dict[Key, Held]:
    announced: dict[Key, Held] = {}
    for change in plan.doable:
        held = ledger.objects.get(change.key)
        for action in change.actions:
            if action.verb is not Verb.DEPLOY:
                continue
            is_replaced = held is not None and held.revision and action.revision
            announced[change.key] = (
                replace(held, digest="") if held and is_replaced else Held("", change.digest)
            )
    return announced


def after(
    ledger: Ledger,
    plan: Plan,
    *,
    done: Mapping[str, str],
    now: datetime,
    unsure: Container[str] = frozenset(),
) -> Ledger:
    """Record an apply: `done` are the actions that succeeded, with the revisions that they made.

    `unsure` are those that failed and may have been carried out all the same: what they announced
    stays announced. Nothing is tidied up where nothing else changes, so that a steady set writes
    nothing.
    """
    result = ledger
    for change in plan.doable:
        result = _record(result, change, done=done, now=now)
    result = _keep(result, plan, done)
    result = _hold(result, plan, done, unsure)
    result = _pursue(result, plan, done, unsure)
    is_complete = all(is_done(change, done) for change in plan.doable)
    if plan.is_whole and is_complete and not plan.unread:
        result = replace(result, desired=plan.desired)
    if result.same_content(ledger):
        return ledger
    if plan.is_whole and is_complete and not plan.blocked and not plan.unread:
        # An ended pause is why something is inactive until it was started again.
        result = replace(result, holds=tuple(item for item in result.holds if now < item.until))
    return result.without_old_removals(now)


def is_done(change: Change, done: Container[str]) -> bool:
    """Say whether every action of a change succeeded."""
    return all(action.id in done for action in change.actions)


def _record(ledger: Ledger, change: Change, *, done: Container[str], now: datetime) -> Ledger:
    key = change.key
    succeeded = {action.verb for action in change.actions if action.id in done}
    if Verb.DESCRIBE in succeeded:
        ledger = replace(ledger, archived=ledger.archived - {key})
    if not is_done(change, done):
        return ledger
    adopted = dict(ledger.adopted)
    flips = dict(ledger.flips)
    removals = ledger.removals
    if change.owns:
        adopted[key] = change.owns
    elif change.effect is Effect.REMOVE or Verb.ACTIVATE in succeeded:
        adopted.pop(key, None)
    if change.reason in {Reason.DRIFT, Reason.FOREIGN} and change.actions:
        known = flips.get(key)
        same = known is not None and known.digest == change.digest
        flips[key] = Flips(known.count + 1 if known and same else 1, change.digest)
    elif change.effect is Effect.REMOVE or change.reason is Reason.SPEC:
        flips.pop(key, None)
    if change.is_removal and not change.renamed_to:
        removals = (*removals, Removal(key, now))
    return replace(ledger, adopted=adopted, flips=flips, removals=removals)


def _keep(ledger: Ledger, plan: Plan, done: Container[str]) -> Ledger:
    failed = {change.key for change in plan.changes if change.block or not is_done(change, done)}
    protected = set(ledger.protected)
    for key, wanted in plan.keeps.protect.items():
        if wanted:
            protected.add(key)
        else:
            protected.discard(key)
    on_removal = dict(ledger.on_removal)
    for key, how in plan.keeps.on_removal.items():
        on_removal.pop(key, None)
        if how is not None:
            on_removal[key] = how
    for change in plan.doable:
        if change.effect is Effect.REMOVE and is_done(change, done):
            on_removal.pop(change.key, None)
    rows = {key: set(paths) for key, paths in ledger.rows.items()}
    blocked = {change.key for change in plan.blocked}
    for key, paths in plan.keeps.rows.items():
        # What was held back is not ours; a part of a set does not say what is no longer declared.
        known = rows.get(key, set())
        keeps_known = key in failed or not plan.is_whole
        rows[key] = known if key in blocked else set(paths) | (known if keeps_known else set())
    for change in plan.doable:
        for action in change.actions:
            if action.verb is Verb.CREATE and action.id in done and change.key in rows:
                body = action.body or {}
                rows[change.key] |= {path for path, value in body.items() if value is not None}
        if change.reason is Reason.UNDECLARED and change.key in rows:
            rows[change.key] -= {
                action.field for action in change.actions if action.id in done and action.field
            }
            if is_done(change, done):
                del rows[change.key]
    adopted = {
        key: version for key, version in ledger.adopted.items() if key not in plan.keeps.released
    }
    return replace(
        ledger,
        adopted=adopted,
        applied=_marks(ledger, plan, failed),
        protected=frozenset(protected),
        on_removal=on_removal,
        rows={key: frozenset(paths) for key, paths in rows.items() if paths},
    )


def _hold(ledger: Ledger, plan: Plan, done: Mapping[str, str], unsure: Container[str]) -> Ledger:
    """Record the mutable objects: as they were found, then as they were written."""
    kept = plan.keeps
    undone = {change.key for change in plan.changes if change.block or not is_done(change, done)}
    objects = {key: held for key, held in ledger.objects.items() if key not in kept.released}
    # What was not taken over is not ours, whatever else was done.
    objects.update(
        {key: held for key, held in kept.objects.items() if key in objects or key not in undone}
    )
    for change in plan.doable:
        for action in change.actions:
            if action.id in done:
                held = _written(objects.get(change.key), change, action, done[action.id])
            elif action.verb is Verb.DEPLOY and action.id not in unsure:
                held = _unannounced(objects.get(change.key))
            else:
                continue
            if held is not None:
                objects[change.key] = held
            else:
                objects.pop(change.key, None)
    return replace(ledger, objects=objects)


def _pursue(ledger: Ledger, plan: Plan, done: Mapping[str, str], unsure: Container[str]) -> Ledger:
    """Record declarations of runs, with the runs that were started here or may have been.

    One that was there under its name may be somebody else's, such as the scheduler's.
    """
    started = {name for name in _starts(plan) if done.get(name) or name in unsure}
    gone = set(plan.keeps.released)
    gone |= {
        change.key
        for change in plan.doable
        if change.effect is Effect.REMOVE and is_done(change, done)
    }
    runs = {**ledger.runs, **plan.keeps.runs, **_pursued(plan, started)}
    return replace(ledger, runs={key: one for key, one in runs.items() if key not in gone})


def _written(held: Held | None, change: Change, action: Action, revision: str) -> Held | None:
    """Tell what the ledger holds once an action succeeded; the next run finds a later revision."""
    match action.verb:
        case Verb.DEPLOY:
            return Held(revision or action.revision, change.digest)
        case Verb.DELETE:
            return None
        case _:
            return replace(held, revision=revision) if held and revision else held


def _unannounced(held: Held | None) -> Held | None:
    return held if held is not None and held.revision else None


def _marks(ledger: Ledger, plan: Plan, undone: AbstractSet[Key]) -> frozenset[str]:
    """Mark what is as declared now; what was not done, or not read, keeps the mark it had."""
    missed = {mark_of(key) for key in undone}
    told = {about(mark) for mark in plan.keeps.applied}
    gone = {mark_of(change.key) for change in plan.doable if change.effect is Effect.REMOVE}
    fresh = {mark for mark in plan.keeps.applied if about(mark) not in missed}
    kept = {
        mark
        for mark in ledger.applied
        if about(mark) in missed
        or (not plan.is_whole and about(mark) not in told and about(mark) not in gone)
    }
    return frozenset(fresh | kept)
