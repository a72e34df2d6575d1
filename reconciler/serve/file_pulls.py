"""Pull requests of the sets that `serve` reads from files: over what their passes have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reconciler.backends.port import Backend
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Planned
from reconciler.engine.reach import Reach
from reconciler.engine.remote import Tree, declare_for
from reconciler.forges.open_pulls import Pull
from reconciler.git import job as jobs
from reconciler.git import secrets
from reconciler.git.job import Job
from reconciler.git.secrets import Values
from reconciler.serve.passes import Passes
from reconciler.serve.pull_plans import plans_pulls
from reconciler.specs.git import GitPullRequests


@dataclass(frozen=True, slots=True)
class _Lent:
    backend: Backend
    identity: Mapping[str, str]
    job: Job
    reach: Reach

    async def declared(self, tree: Tree, *, is_base: bool) -> Declaration:  # noqa: ARG002 - alike
        return await asyncio.to_thread(declare_for, self.job.sync, tree, self.reach)

    def shown(self, planned: Planned) -> Planned:
        return planned


@dataclass(frozen=True, slots=True)
class FileGround:
    """The sets of a configuration; its owner chose whom the service may speak to."""

    passes: Passes

    async def job(self, name: str) -> Job | None:
        """Make the job of a set that pull requests are planned for; None for any other."""
        sync = self.passes.config.syncs.get(name)
        if sync is None or not plans_pulls(jobs.spec_of(sync)):
            return None
        return await self.passes.job(sync)

    async def values(self, _name: str, spec: GitPullRequests) -> Values:
        """Read what the forge knows us by."""
        base = self.passes.config.base
        return await asyncio.to_thread(
            secrets.read_local, "pullRequests.secretRef", spec.secret_ref, base=base
        )

    async def permit(self, host: str, port: int) -> None:
        """Let every host be asked that a file names."""

    @asynccontextmanager
    async def lend(self, _name: str, job: Job, _asked: Pull) -> AsyncIterator[_Lent]:
        """Lend the connection of a set, over which nothing can be written."""
        passes = self.passes
        async with passes.links.use(passes.config, job.sync, read_only=True) as (backend, identity):
            yield _Lent(backend, identity, job, passes.reach())
