"""Makes Flyte like a commit: declared, planned and applied under the set's own ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.backends.port import Backend
from reconciler.engine import applying, planning
from reconciler.engine.applying import Applied, Run
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Options, Planned
from reconciler.engine.reach import Reach
from reconciler.engine.remote import Tree, declare_for
from reconciler.errors import RefusedError
from reconciler.git.job import Job
from reconciler.git.source import Found

Fence = Callable[[Planned], Awaitable[Planned]]
"""Holds back what a plan would do beyond what it may; raises where nothing may be done."""


Prepare = Callable[[Declaration], Awaitable[Declaration]]
"""Gives a declaration what it needs before it is planned; raises where it may not be."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """How a pass is run: what documents may reach, who it is, when it is to end early.

    `prepare` is asked before anything is planned, `fence` before anything is written; None where
    all may be.
    """

    reach: Reach
    by: str
    stop: asyncio.Event | None = None
    options: Options = planning.NO_OPTIONS
    prepare: Prepare | None = None
    fence: Fence | None = None
    parallel: int = 16
    clock: Callable[[], datetime] = _now


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a pass did with a commit."""

    found: Found
    planned: Planned
    applied: Applied

    @property
    def is_complete(self) -> bool:
        """Say whether Flyte is like the commit, as far as nothing is held back."""
        return self.applied.is_complete


async def sync(job: Job, found: Found, backend: Backend, doing: Doing) -> Synced:
    """Plan and apply a commit that was found.

    Raises SourceError for what is no folder to read, SpecError for faulty documents: nothing is
    done then. Raises RefusedError where the commit does not follow the last applied one, where the
    set is claimed by somebody else, or where a policy fails; BackendError where Flyte fails.
    """
    async with written(job, found) as tree:
        planned = await plan(job, found, tree, backend, doing)
        if doing.fence is not None:
            planned = await doing.fence(planned)
        if planned.plan.doable:
            # From its first write on the ledger names the commit, whatever becomes of the branch.
            await asyncio.to_thread(job.keep, found)
        run = Run(now=doing.clock(), by=doing.by, parallel=doing.parallel, stop=doing.stop)
        applied = await applying.apply_planned(planned, backend, run)
    return Synced(found=found, planned=planned, applied=applied)


@asynccontextmanager
async def written(job: Job, found: Found) -> AsyncIterator[Tree]:
    """Write the folder of a commit to a temporary place, beside what else the loop does."""
    writing = job.written(found)
    tree = await asyncio.to_thread(writing.__enter__)
    try:
        yield tree
    finally:
        await asyncio.to_thread(writing.__exit__, None, None, None)


async def plan(job: Job, found: Found, tree: Tree, backend: Backend, doing: Doing) -> Planned:
    """Plan a folder that was written from a commit; fetches more history where that decides."""
    declaration = await asyncio.to_thread(declare_for, job.sync, tree, doing.reach)
    if doing.prepare is not None:
        declaration = await doing.prepare(declaration)
    options = replace(doing.options, reset_to=job.wanted.reset)
    try:
        return await planning.plan(declaration, backend, now=doing.clock(), options=options)
    except RefusedError:
        if not await asyncio.to_thread(job.deepen, found):
            raise
    return await planning.plan(declaration, backend, now=doing.clock(), options=options)
