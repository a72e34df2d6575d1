"""What the ledger holds of a declaration besides the changes, and how a plan tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model import ledger as ledgers
from reconciler.model.live import Absent, Object, Record, Unreadable, Versions
from reconciler.model.traits import Shape
from reconciler.plan import objects, runs, settle
from reconciler.plan.plan import Keeps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from reconciler.model.drive import Drive
    from reconciler.model.key import Key
    from reconciler.model.live import Live
    from reconciler.model.resource import Desired, Resource
    from reconciler.plan.context import Context
    from reconciler.plan.plan import Plan


def keeps(
    desired: Desired,
    live: Live,
    context: Context,
    *,
    taken: AbstractSet[Key],
    drives: Mapping[Key, Drive],
) -> Keeps:
    """Collect what the ledger is to hold of the declared objects, whether they change or not.

    `taken` are those that a change makes ours, `drives` tell how far declarations of runs are.
    """
    resources = desired.resources
    return Keeps(
        protect={
            key: resource.protect
            for key, resource in resources.items()
            if resource.protect is not None
        },
        on_removal={
            key: None if resource.on_removal is context.policy.prune else resource.on_removal
            for key, resource in resources.items()
            if resource.on_removal is not None or key in context.ledger.on_removal
        },
        rows={
            key: _rows(resource, live, context)
            for key, resource in resources.items()
            if context.traits[key.kind].shape is Shape.RECORD
        },
        places=frozenset(key.place for key in resources if context.traits[key.kind].has_pointer),
        applied=frozenset(_marks(desired, live, context)),
        released=frozenset(
            (
                *_released(desired, live, context),
                *_lost(desired, live, context),
                *runs.released(desired, live, context),
            )
        ),
        objects={
            key: held
            for key, held in _held(desired, live, context, taken)
            if context.ledger.objects.get(key) != held
        },
        runs=runs.remembered(desired, live, context, drives),
    )


def _rows(resource: Resource, live: Live, context: Context) -> frozenset[str]:
    """List the fields of a record that are ours: declared, or set by us and never to be cleared."""
    observed = live.get(resource.key)
    there = observed.fields.keys() if isinstance(observed, Record) else set[str]()
    written = context.ledger.rows.get(resource.key, frozenset())
    stays = context.traits[resource.key.kind].fields.unclearable & written & there
    return stays.union(path for path, value in resource.body.items() if value is not None)


def bookkeeping(plan: Plan, context: Context) -> tuple[str, ...]:
    """Tell what the ledger gains or loses besides what the changes say."""
    ledger, kept = context.ledger, plan.keeps
    done = {action.id: action.revision for change in plan.doable for action in change.actions}
    then = settle.after(ledger, plan, done=done, now=context.now)
    lines: list[str] = []
    has_news = then.desired != ledger.desired or then.applied != ledger.applied
    if has_news or not kept.places <= ledger.places:
        lines.append("the ledger records this declaration")
    lines.extend(
        f"the ledger records which fields of {key} are managed"
        for key in sorted(kept.rows)
        if then.rows.get(key, frozenset()) - ledger.rows.get(key, frozenset())
    )
    if then.on_removal != ledger.on_removal:
        lines.append("the ledger records what happens to objects that are no longer declared")
    moved = [key for key in sorted(kept.objects) if key in ledger.objects]
    if len(moved) == 1:
        lines.append(f"the ledger records the revision of {moved[0]}")
    elif moved:
        lines.append(f"the ledger records the revisions of {len(moved)} objects")
    lines.extend(
        f"the ledger records that {key} is done"
        for key, driven in sorted(kept.runs.items())
        if set(driven.done) - set(ledger.runs.get(key, ledgers.Driven()).done)
    )
    for key in sorted(kept.released):
        how = " as adopted" if key in ledger.adopted else ""
        lines.append(f"the ledger no longer lists {key}{how}")
    return tuple(lines)


def _marks(desired: Desired, live: Live, context: Context) -> Iterator[str]:
    """Mark what is as declared, or will be; what could not be read, or resolved, keeps its mark.

    What a pause stops is not as declared, so that nothing counts as a drift when the pause ends.
    """
    unread = {ledgers.mark_of(key) for key in desired.faulty}
    for key, resource in desired.resources.items():
        if isinstance(live.get(key), Unreadable):
            unread.add(ledgers.mark_of(key))
        elif context.ledger.hold_on(key, context.now) is None:
            yield resource.mark
    for mark in context.ledger.applied:
        if ledgers.about(mark) in unread:
            yield mark


def _released(desired: Desired, live: Live, context: Context) -> Iterator[Key]:
    """Name adoptions that are over: a version that runs no more is not stopped if it runs again.

    It was replaced by one of ours, or is neither declared nor active.
    """
    if not desired.is_whole:
        return
    for key in context.ledger.adopted:
        observed = live.get(key)
        if isinstance(observed, Unreadable):
            continue
        active = observed.active if isinstance(observed, Versions) else ()
        if key not in desired.resources:
            if key in desired.faulty:
                continue
            is_over = not any(context.owns(key, version.version) for version in active)
        else:
            is_over = bool(active) and all(context.is_ours(item.version) for item in active)
        if is_over:
            yield key


def _held(
    desired: Desired, live: Live, context: Context, taken: AbstractSet[Key]
) -> Iterator[tuple[Key, ledgers.Held]]:
    """Yield the mutable objects whose content is as declared, or undeclared and as we left it."""
    for key in {*context.ledger.objects, *desired.resources}:
        observed = live.get(key)
        if not isinstance(observed, Object):
            continue
        resource = desired.resources.get(key)
        if resource is not None:
            held = objects.holding(resource, observed, context, is_taken=key in taken)
        else:
            held = objects.still_holding(key, observed, context)
        if held is not None:
            yield key, held


def _lost(desired: Desired, live: Live, context: Context) -> Iterator[Key]:
    """Name undeclared mutable objects that are gone, or were only announced and are not ours.

    What somebody makes there later is not the set's.
    """
    if not desired.is_whole:
        return
    for key in context.ledger.objects.keys() - desired.keys:
        observed = live.get(key)
        is_other = isinstance(observed, Object) and not objects.owns(key, observed, context)
        if isinstance(observed, Absent) or is_other:
            yield key
