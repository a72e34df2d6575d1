"""Adopts what is live as declared: entries in the ledger, and no other write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.backends.port import Backend
from reconciler.engine import applying, planning
from reconciler.engine.applying import Applied, Run
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import NO_OPTIONS, Options, Planned
from reconciler.errors import UsageError
from reconciler.plan.plan import Block, Change, Effect, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What adopting would do.

    `plan` holds the adoptions alone. `differing` are active objects of somebody else that are not
    as declared and would need `adopt: true`; `other` is what else a reconcile has to do.
    """

    plan: Plan
    differing: tuple[Change, ...]
    other: tuple[Change, ...]
    planned: Planned

    @property
    def adoptions(self) -> tuple[Change, ...]:
        """The objects that become the set's."""
        return self.plan.changes


async def plan_adoption(
    declaration: Declaration, backend: Backend, *, now: datetime, options: Options = NO_OPTIONS
) -> Adoption:
    """Plan the adoptions of a set.

    Raises UsageError without a FlyteSync (there is no ledger then), SpecError for faulty documents,
    RefusedError for a claim of somebody else.
    """
    if not declaration.has_sync:
        raise UsageError(
            "adopt: needs a FlyteSync, whose ledger lists what is adopted; write a reconcile.yaml"
        )
    planned = await planning.plan(declaration, backend, now=now, options=options)
    return split(planned)


def split(planned: Planned) -> Adoption:
    """Take the adoptions out of a plan."""
    changes = planned.plan.changes
    adoptions = tuple(
        change for change in changes if change.effect is Effect.ADOPT and change.block is None
    )
    differing = tuple(change for change in changes if change.block is Block.ADOPTION)
    other = tuple(_without(changes, (*adoptions, *differing)))
    only = planned.plan.part(adoptions)
    return Adoption(plan=only, differing=differing, other=other, planned=planned)


async def adopt(adoption: Adoption, backend: Backend, run: Run) -> Applied:
    """Write the adoptions into the ledger; no object is touched."""
    planned = replace(adoption.planned, plan=adoption.plan)
    return await applying.apply_planned(planned, backend, run)


def _without(changes: Iterable[Change], taken: Iterable[Change]) -> Iterable[Change]:
    keys = {change.key for change in taken}
    return (change for change in changes if change.key not in keys)
