"""Guards on removals: what a pass may stop in one project-domain.

A pass that would remove all, or more than three and more than the allowed fraction, of what a set
owns in one project-domain, or more than the allowed number in 24 hours, removes nothing there. The
rest of the plan goes on. An approval names the plan that it was given for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.model.live import Object, Record, Runs, Versions
from reconciler.model.policy import Prune
from reconciler.model.traits import Shape
from reconciler.plan import objects
from reconciler.plan.plan import Block, Change, Effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.model.key import Key, Place
    from reconciler.model.live import Found, Live
    from reconciler.plan.context import Context

FREE_REMOVALS = 3
"""Removals in one project-domain that the fraction does not look at."""


def owned_active(live: Live, context: Context) -> Counter[Place]:
    """Count the active objects of the set by project-domain, and what it may delete."""
    return Counter(
        key.place for key, item in live.objects.items() if _is_at_stake(key, item, context)
    )


def _is_at_stake(key: Key, item: Found, context: Context) -> bool:
    match item:
        case Versions():
            return any(context.owns(key, version.version) for version in item.active)
        case Object():
            is_lost = item.is_active or _deletes(key, context)
            return is_lost and objects.owns(key, item, context)
        case Record():
            return False
        case Runs():
            held = context.ledger.runs.get(key)
            is_stopped = context.prune_of(key) is Prune.TERMINATE
            return is_stopped and held is not None and bool(held.started)


def _deletes(key: Key, context: Context) -> bool:
    return context.prune_of(key) is Prune.DELETE and context.traits[key.kind].is_deletable


def guard(
    changes: Sequence[Change], live: Live, context: Context, *, plan_id: str
) -> tuple[Change, ...]:
    """Block the removals of every project-domain in which they go past a limit."""
    removals: dict[Place, list[Change]] = defaultdict(list)
    for change in changes:
        if _counts(change, context):
            removals[change.key.place].append(change)
    if not removals or context.policy.approved == plan_id:
        return tuple(changes)
    owned = owned_active(live, context)
    trips = {
        place: why
        for place, items in removals.items()
        if (why := _trips(items, owned[place], place, context))
    }
    return tuple(
        replace(
            change,
            block=Block.GUARD,
            block_detail=f"{trips[change.key.place]}; approve with `--approve {plan_id}`",
        )
        if _counts(change, context) and change.key.place in trips
        else change
        for change in changes
    )


def _counts(change: Change, context: Context) -> bool:
    """A renamed object goes on under its new name, so that nothing is lost with the old one.

    Neither do runs count whose very declaration somebody deletes, which asked for their end.
    """
    if not change.is_removal or change.block is not None or change.renamed_to:
        return False
    is_of_runs = context.traits[change.key.kind].shape is Shape.RUNS
    return not (is_of_runs and change.key in context.given_up)


def _trips(removals: Sequence[Change], owned: int, place: Place, context: Context) -> str:
    """Say which limit is passed; what is taken over counts as if it were owned already."""
    policy = context.policy
    pruned = sum(1 for change in removals if change.effect is Effect.REMOVE)
    count = len(removals)
    total = owned + count - pruned
    recent = context.ledger.removals_since(place, context.now - timedelta(days=1))
    what = "objects" if context.policy.prune is Prune.DELETE else "active objects"
    if pruned and pruned >= owned:
        them = f"all {owned} {what}" if owned > 1 else f"the only {what.removesuffix('s')}"
        return f"removes {them} of set {context.set_name} in {place}"
    if count > FREE_REMOVALS and count > total * policy.max_removal_fraction:
        return (
            f"removes {count} of {total} {what} of set {context.set_name} in {place}, "
            f"more than the fraction {policy.max_removal_fraction:g} allowed"
        )
    if recent + count > policy.max_removals:
        return (
            f"makes {recent + count} removals in {place} within 24 hours, "
            f"more than the {policy.max_removals} allowed"
        )
    return ""
