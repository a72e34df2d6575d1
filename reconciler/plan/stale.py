"""What of a saved plan may still be carried out: each object on its own, and what hangs on it.

An object that moved since the plan was made is refused. So is what was planned as one with it: the
activations of its package, a removal that waits for its activation, and the removals of a
project-domain in which an activation will not happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.live import Object, Record, Runs, Unreadable, Versions
from reconciler.model.traits import Shape
from reconciler.plan import objects, records, versions
from reconciler.plan.order import is_start
from reconciler.plan.plan import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from reconciler.model.key import Key
    from reconciler.model.ledger import Ledger
    from reconciler.model.live import Live, Observed
    from reconciler.model.traits import Traits
    from reconciler.plan.plan import Action, Change, Plan


def stale(
    plan: Plan, live: Live, ledger: Ledger, traits: Mapping[str, Traits], *, now: datetime
) -> tuple[Change, ...]:
    """List the changes of a plan that may not be carried out on this state."""
    refused = {
        change.key
        for change in plan.doable
        if _has_moved(change, live.get(change.key), traits[change.key.kind])
        or _is_forbidden(change, ledger, traits[change.key.kind], now)
    }
    while more := set(_hanging_on(plan, refused)) - refused:
        refused |= more
    return tuple(change for change in plan.doable if change.key in refused)


def _has_moved(change: Change, observed: Observed, traits: Traits) -> bool:
    if not change.fingerprint:
        return False
    return _fingerprint(observed, traits) != change.fingerprint


def _fingerprint(observed: Observed, traits: Traits) -> str:
    match observed:
        case Versions():
            return versions.fingerprint(observed)
        case Record(fields=fields):
            return records.fingerprint(fields)
        case Object():
            return objects.fingerprint(observed)
        case Unreadable() | Runs():
            return ""
        case _ if traits.shape is Shape.RECORD:
            return records.fingerprint(None)
        case _ if traits.shape is Shape.OBJECT:
            return objects.fingerprint(None)
        case _:
            return versions.fingerprint(Versions())


def _is_forbidden(change: Change, ledger: Ledger, traits: Traits, now: datetime) -> bool:
    """A pause or a protection that came after the plan holds, and so does giving an object up."""
    if change.effect is Effect.REMOVE:
        is_given_up = (traits.shape is Shape.OBJECT and change.key not in ledger.objects) or (
            traits.shape is Shape.RUNS and change.key not in ledger.runs
        )
        return is_given_up or change.key in ledger.protected
    starts = any(map(is_start, change.actions))
    return starts and ledger.hold_on(change.key, now) is not None


def _hanging_on(plan: Plan, refused: set[Key]) -> Iterator[Key]:
    """Name the changes that were planned together with refused ones."""
    lost = [action for change in plan.doable if change.key in refused for action in change.actions]
    gone = {action.id for action in lost} | {name for action in lost for name in action.opens}
    for change in plan.doable:
        if any(_needs(action, gone) for action in change.actions):
            yield change.key


def _needs(action: Action, gone: set[str]) -> bool:
    return not gone.isdisjoint(action.waits)
