"""Desired x live -> plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.live import Absent, Object, Record, Runs, Unreadable, Versions
from reconciler.model.traits import Shape
from reconciler.plan import keeps, objects, order, records, runs, safety, versions
from reconciler.plan.plan import Block, Change, Effect, Plan, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.model.key import Key
    from reconciler.model.live import Found, Live
    from reconciler.model.resource import Desired, Resource
    from reconciler.plan.context import Context


def compute(
    desired: Desired,
    live: Live,
    context: Context,
    *,
    backend: Mapping[str, str],
    warnings: tuple[str, ...] = (),
) -> Plan:
    """Compare, order and guard. Never raises on data: what cannot be done is a blocked change."""
    changes: list[Change] = []
    skipped: list[str] = []
    unread = 0
    drives = runs.drives(desired, live, context)
    for resource in desired.resources.values():
        observed = live.get(resource.key)
        if isinstance(observed, Unreadable):
            unread += 1
            continue
        if resource.key in drives:
            change = runs.plan_declared(resource, drives[resource.key], context)
        else:
            change = _declared(resource, observed, context, is_whole=desired.is_whole)
        change = change or _protection(resource, context)
        if change is not None:
            changes.append(change)
    unchanged = len(desired.resources) - len(changes) - unread
    undeclared, foreign = _undeclared(desired, live, context)
    given_up = [change for change in undeclared if change.key in context.given_up]
    missing = [change for change in undeclared if change.key not in context.given_up]
    removals = [*given_up, *missing] if desired.is_whole else given_up
    # A declaration that is being deleted is known to be gone, whatever else could not be read.
    changes += given_up
    if desired.is_whole:
        changes += [_near_unreadable(change, desired, live) for change in missing]
    elif missing and context.has_ledger:
        skipped.append(
            f"{len(missing)} objects of set {context.set_name} are not among what was read; "
            "only a run over the set's whole root removes anything"
        )
    kept = keeps.keeps(desired, live, context, taken=_taken(changes), drives=drives)
    broken = _broken_groups(changes, desired, live)
    ordered = order.order(
        [_in_broken_group(change, broken) for change in changes],
        context.traits,
        contents=_active_contents(removals, live, context),
        new_contents={key: (one.body, one.digest) for key, one in desired.resources.items()},
    )
    plan_id = _plan_id(ordered, context, backend)
    made = Plan(
        id=plan_id,
        set_name=context.set_name,
        backend=dict(backend),
        desired=context.desired_digest,
        changes=safety.guard(ordered, live, context, plan_id=plan_id),
        unchanged=unchanged,
        foreign=foreign,
        warnings=(*warnings, *skipped, *_unread(live)),
        unread=unread,
        keeps=kept,
        is_whole=desired.is_whole,
        drives=drives,
    )
    made = replace(made, unchanged=unchanged - len(made.waiting))
    return replace(made, bookkeeping=keeps.bookkeeping(made, context) if context.has_ledger else ())


def _declared(
    resource: Resource,
    observed: Found | Absent,
    context: Context,
    *,
    is_whole: bool,
) -> Change | None:
    shape = context.traits[resource.key.kind].shape
    match observed:
        case Runs():
            return None
        case Versions():
            return versions.plan_declared(resource, observed, context)
        case Object():
            return objects.plan_declared(resource, observed, context)
        case Record():
            return records.plan_record(resource, observed, context, is_whole=is_whole)
        case Absent() if shape is Shape.RECORD:
            return records.plan_record(resource, observed, context, is_whole=is_whole)
        case Absent() if shape is Shape.OBJECT:
            return objects.plan_declared(resource, None, context)
        case Absent():
            return versions.plan_declared(resource, Versions(), context)


def _protection(resource: Resource, context: Context) -> Change | None:
    """A declared protection that the ledger does not hold yet is a change of its own."""
    is_protected = resource.key in context.ledger.protected
    if resource.protect is None or resource.protect == is_protected or not context.has_ledger:
        return None
    return Change(
        key=resource.key,
        effect=Effect.PROTECT,
        reason=Reason.SPEC,
        fingerprint="",
        origin=resource.origin,
        digest=resource.digest,
        notes=("protected from removal" if resource.protect else "no longer protected",),
    )


def _undeclared(
    desired: Desired, live: Live, context: Context
) -> tuple[list[Change], tuple[Key, ...]]:
    removals: list[Change] = []
    foreign: list[Key] = []
    for key, item in live.objects.items():
        if key in desired.keys:
            continue
        if isinstance(item, Record):
            change = records.plan_forgotten(key, item, context)
        elif isinstance(item, Object):
            change = objects.plan_undeclared(key, item, context)
            if change is None and item.is_active:
                foreign.append(key)
        elif isinstance(item, Runs):
            change = runs.plan_undeclared(key, item, context)
        else:
            change = versions.plan_undeclared(key, item, context)
            if change is None and item.active:
                foreign.append(key)
        if change is not None:
            removals.append(change)
    return removals, tuple(sorted(foreign))


def _taken(changes: Iterable[Change]) -> frozenset[Key]:
    return frozenset(
        change.key for change in changes if change.effect in {Effect.ADOPT, Effect.HAND_OVER}
    )


def _near_unreadable(change: Change, desired: Desired, live: Live) -> Change:
    """Absence must be proven: while a part of a place is unreadable, nothing is removed there."""
    place = change.key.place
    cause = desired.unreadable.get(place) or live.unreadable_in(place)
    if cause is None or change.block is not None:
        return change
    return replace(
        change, block=Block.UNREADABLE, block_detail=f"not all of {place} could be read: {cause}"
    )


def _broken_groups(changes: Iterable[Change], desired: Desired, live: Live) -> dict[str, str]:
    """Name the packages that cannot be registered whole, with what is in the way."""
    broken = {
        change.group: f"{change.key}: {change.block_detail}"
        for change in changes
        if change.group and change.block is Block.CONFLICT
    }
    for key, resource in desired.resources.items():
        observed = live.get(key)
        if resource.group and isinstance(observed, Unreadable):
            broken.setdefault(resource.group, f"{key} could not be read: {observed.cause}")
    return broken


def _in_broken_group(change: Change, broken: Mapping[str, str]) -> Change:
    """A package is activated whole or not at all, with everything that waits for it."""
    why = broken.get(change.group or change.awaits)
    if why is None or change.block is not None:
        return change
    return replace(change, block=Block.CONFLICT, block_detail=f"its package is held back: {why}")


def _active_contents(removals: Iterable[Change], live: Live, context: Context) -> dict[Key, Json]:
    """Tell what runs under the names to remove: its body, or its digest where that was not read."""
    contents: dict[Key, Json] = {}
    for change in removals:
        item = live.objects[change.key]
        if isinstance(item, Versions) and item.active and item.active[0].body is not None:
            contents[change.key] = item.active[0].body
        elif isinstance(item, Object) and item.is_active:
            contents[change.key] = item.body or context.ledger.objects[change.key].digest
    return contents


def _unread(live: Live) -> tuple[str, ...]:
    return tuple(
        f"{kind} in {place} could not be read, so nothing is changed there: {cause}"
        for (kind, place), cause in sorted(live.unreadable.items())
    )


def _plan_id(changes: tuple[Change, ...], context: Context, backend: Mapping[str, str]) -> str:
    content: Json = {
        "set": context.set_name,
        "endpoint": backend.get("endpoint", ""),
        "desired": context.desired_digest,
        "changes": [
            list[Json](
                [
                    str(change.key),
                    change.effect.value,
                    change.fingerprint,
                    *(action.id for action in change.actions),
                ]
            )
            for change in changes
        ],
    }
    return digest(content)
