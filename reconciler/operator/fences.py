"""Holds back what a plan would do beyond what its namespace may, or what nobody has asked for.

What is held back is shown as a change that is reported only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.engine.planning import Planned
from reconciler.model.key import Key
from reconciler.model.traits import Verb
from reconciler.operator import members
from reconciler.operator.connections import Opened, UnusableError
from reconciler.operator.ending import Departures
from reconciler.operator.members import Cast
from reconciler.operator.units import Unit
from reconciler.operator.words import Reason
from reconciler.plan.plan import Block, Change, Effect
from reconciler.specs.registry import KINDS

_PACKAGE = "FlytePackage"


def within(planned: Planned, unit: Unit, opened: Opened) -> Planned:
    """Hold back what a set owns where its namespace has no business by now, or never had.

    A set may have been taken over from elsewhere, with all that it ever wrote. Raises
    UnusableError where its ledger itself is in such a place.
    """
    namespace, ledger = unit.id.namespace, planned.ledger
    why = members.unserved(opened, namespace, ledger.home) if ledger.home else ""
    if why:
        raise UnusableError(Reason.ACCESS, f"the ledger of the set is there: {why}")
    places = {change.key: change.key.place for change in planned.plan.doable}
    reasons = {key: members.unserved(opened, namespace, place) for key, place in places.items()}
    return _blocked(planned, reasons)


def shown(planned: Planned, unit: Unit, opened: Opened) -> Planned:
    """Leave out what is where a namespace has no business, for others to read what is left.

    Raises UnusableError where the set's ledger itself is in such a place.
    """
    namespace, plan = unit.id.namespace, within(planned, unit, opened).plan
    places = {change.key.place for change in plan.changes}
    places |= {key.place for key in (*plan.foreign, *plan.drives)}
    reasons = {place: members.unserved(opened, namespace, place) for place in places}
    if not any(reasons.values()):
        return planned
    seen = [change for change in plan.changes if not reasons[change.key.place]]
    hidden = len(plan.changes) - len(seen)
    why = next(filter(None, reasons.values()))
    more = (f"{hidden} more changes are not shown: {why}",) if hidden else ()
    plan = replace(
        plan.part(seen),
        foreign=tuple(key for key in plan.foreign if not reasons[key.place]),
        drives={key: one for key, one in plan.drives.items() if not reasons[key.place]},
        warnings=(*plan.warnings, *more),
    )
    return replace(planned, plan=plan)


async def outliving(planned: Planned, unit: Unit, departures: Departures) -> Planned:
    """Hold removals back whose objects went with their namespace or their definition."""
    removals = [
        change
        for change in planned.plan.doable
        if change.effect is Effect.REMOVE and not change.renamed_to
    ]
    kinds = {change.key.kind for change in removals} & KINDS.keys()
    # Plans that are no longer declared may have been a package's.
    kinds |= {_PACKAGE} if kinds else set()
    reasons = [await departures.why_orphaned(unit.id.namespace, kind) for kind in sorted(kinds)]
    why = next(filter(None, reasons), "")
    return _blocked(planned, dict.fromkeys((change.key for change in removals), why))


def under_policies(planned: Planned, cast: Cast) -> Planned:
    """Hold everything back but stops while a policy of the set fails: a stop breaks none."""
    refused = planned.plan.refused
    if not refused:
        return planned
    told = "; ".join(f"policy {one.policy}: {one.violations[0]}" for one in refused)
    reasons = {change.key: told for change in planned.plan.doable if not is_stop(change, cast)}
    held = _blocked(planned, reasons, Block.POLICY)
    return replace(held, plan=replace(held.plan, verdicts=()))


def is_stop(change: Change, cast: Cast) -> bool:
    """Say whether a change does nothing but stop what somebody said shall stop."""
    is_asked = change.effect in {Effect.DEACTIVATE, Effect.STOP} or (
        change.key in cast.declaration.given_up and not change.renamed_to
    )
    return (
        is_asked
        and bool(change.actions)
        and all(action.verb in {Verb.DEACTIVATE, Verb.TERMINATE} for action in change.actions)
    )


def _blocked(planned: Planned, reasons: Mapping[Key, str], block: Block = Block.REPORT) -> Planned:
    """Show changes that have a reason and do not carry them out."""
    if not any(reasons.values()):
        return planned
    changes = tuple(
        replace(change, block=block, block_detail=reasons[change.key])
        if change.block is None and reasons.get(change.key)
        else change
        for change in planned.plan.changes
    )
    return replace(planned, plan=replace(planned.plan, changes=changes))
