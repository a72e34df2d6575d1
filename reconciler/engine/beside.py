"""What one declaration changes against what another one would do: two plans on one live state.

The second plan is made on the state that the first would leave, so that a drift, and what other
people have changed and nobody has applied yet, is in the first plan only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from reconciler.backends.port import Backend
from reconciler.engine import claims, planning
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import NO_OPTIONS, Options, Planned
from reconciler.errors import SpecError, UsageError
from reconciler.model.interface import Catalog, Unread, Want
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger
from reconciler.model.live import Live, Query
from reconciler.plan import predict, settle

_PLAN = "FlyteLaunchPlan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The plan of the base, and that of the branch once the base was applied."""

    base: Planned
    branch: Planned


async def plan_beside(
    base: Declaration,
    branch: Declaration,
    backend: Backend,
    *,
    now: datetime,
    options: Options = NO_OPTIONS,
) -> Beside:
    """Plan the branch on what the base would leave.

    Raises UsageError where the two are not the same set, and what `planning.plan` raises.
    """
    names = {branch.set_name, *branch.sync.previous_names}
    if base.set_name not in names:
        raise UsageError(
            f"--base: declares set {base.set_name}, and {branch.set_name} is declared here; write "
            "previousNames in the FlyteSync, or plan without --base"
        )
    asked = replace(options, is_hypothetical=True)
    try:
        first = await planning.plan(base, backend, now=now, options=replace(asked, approved=""))
    except SpecError as error:
        count = len(error.problems)
        more = f", the first of {count}" if count > 1 else ""
        raise UsageError(
            f"--base: the documents of the base have errors, so what it would do is not known; "
            f"plan without --base ({error.problems[0]}{more})"
        ) from None
    then = cast("Backend", _After(backend, first, _ledger_after(first, now)))
    second = await planning.plan(branch, then, now=now, options=asked)
    return Beside(base=first, branch=second)


def _ledger_after(first: Planned, now: datetime) -> Ledger:
    """Write the ledger as an apply in which everything succeeds would."""
    claim = claims.renewed(first.declaration, first.ledger)
    opened = settle.before(first.ledger, first.plan, claim=claim)
    done = predict.revisions(first.plan)
    ledger = settle.after(opened, first.plan, done=done, now=now)
    if ledger.revision or not (first.plan.doable or first.plan.bookkeeping):
        return ledger
    return replace(ledger, revision=1, home=ledger.home or first.declaration.home)


class _After:
    """A backend as it will be once a plan was carried out; only what planning asks of it."""

    def __init__(self, backend: Backend, first: Planned, ledger: Ledger) -> None:
        self._backend = backend
        self._first = first
        self._ledger = ledger

    def __getattr__(self, name: str) -> object:
        """Leave everything else to the backend, which is as it was."""
        return getattr(self._backend, name)

    async def read_ledger(self, set_name: str, home: Place | None) -> Ledger:
        if set_name == self._ledger.set_name:
            return self._ledger
        return await self._backend.read_ledger(set_name, home)

    async def catalog(self, wants: Collection[Want]) -> Catalog:
        found = dict(await self._backend.catalog(wants))
        moved = predict.moved(self._first.plan)
        for want in wants:
            key = Key(_PLAN, want.project, want.domain, want.plan)
            if want.plan and not want.matching and key in moved:
                found[want] = Unread(
                    f"the base itself changes what {key} runs, and has not been applied; apply it "
                    "first, or plan without --base"
                )
        return found

    async def observe(self, query: Query) -> Live:
        plan = self._first.plan
        live = await self._backend.observe(predict.asked(query, plan))
        return predict.after(live, plan, self._backend.traits, query)
