"""What declarations of all sets have in flight on a Flyte, for those that limit it together.

The ledgers name the runs that sets have started, ahead of starting them; Flyte says which of them
go on. So a set that is dead, or that has not looked for long, counts for what really runs.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from reconciler.backends.port import Backend
from reconciler.errors import BackendError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.drive import Outside
from reconciler.model.key import Place
from reconciler.model.ledger import Ledger
from reconciler.model.run import Phase, RunId
from reconciler.plan.context import Context

_IN_FLIGHT = frozenset(phase for phase in Phase if not phase.is_terminal)


async def read(kinds: Collection[str], context: Context, backend: Backend) -> Mapping[str, Outside]:
    """Read what all sets have in flight of some kinds: their ledgers, and a list per place."""
    if not kinds:
        return {}
    try:
        ledgers = await backend.ledgers(await backend.places())
        others = [one for name, one in ledgers.items() if name != context.set_name]
        named = {kind: _named(kind, (context.ledger, *others)) for kind in kinds}
        alive = await _alive(frozenset().union(*named.values()), backend)
    except BackendError as error:
        return dict.fromkeys(kinds, Outside(unread=str(error)))
    return {kind: Outside(runs=runs & alive) for kind, runs in named.items()}


def _named(kind: str, ledgers: Iterable[Ledger]) -> frozenset[RunId]:
    return frozenset(
        RunId(key.place, name)
        for ledger in ledgers
        for key, driven in ledger.runs.items()
        if key.kind == kind
        for name in driven.started
    )


async def _alive(named: frozenset[RunId], backend: Backend) -> frozenset[RunId]:
    """Leave out those that have ended, and those that were never started."""
    by_place: defaultdict[Place, list[str]] = defaultdict(list)
    for run in named:
        by_place[run.place].append(run.name)

    async def listed(place: Place, names: list[str]) -> frozenset[RunId]:
        asked = AskedRuns(
            project=place.project,
            domain=place.domain,
            names=tuple(sorted(names)),
            phases=_IN_FLIGHT,
            archived=True,
        )
        found = [run async for run in backend.running.runs(asked)]
        return frozenset(run.id for run in found if not run.phase.is_terminal) & named

    found = await asyncio.gather(*(listed(place, names) for place, names in by_place.items()))
    return frozenset().union(*found)
