"""Pull requests of the FlyteSyncs of a cluster: as far as their namespace may see and reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from reconciler.backends.kubernetes.client import Cluster
from reconciler.backends.port import Backend
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Planned
from reconciler.engine.reach import Reach
from reconciler.engine.remote import Tree, declare_for
from reconciler.errors import DeniedError
from reconciler.forges.open_pulls import Pull
from reconciler.git.job import Job
from reconciler.git.secrets import Values
from reconciler.operator import fences, git_passes, members, trust, units
from reconciler.operator.bundles import read_bundle
from reconciler.operator.connections import Opened, UnusableError, values_of
from reconciler.operator.run import Operator
from reconciler.operator.units import Unit, UnitId
from reconciler.operator.words import Reason
from reconciler.serve.pull_plans import plans_pulls
from reconciler.specs.git import GitPullRequests

_NOT_READ = "is not read for a pull request from a fork, unless it was named before"


@dataclass(slots=True)
class _Lent:
    """A Flyte for one plan of a unit, over a connection that can write nothing."""

    cluster: Cluster
    unit: Unit
    job: Job
    opened: Opened
    reach: Reach
    is_fork: bool
    _named: frozenset[tuple[str, str]] = field(default=frozenset())

    @property
    def backend(self) -> Backend:
        return self.opened.backend

    @property
    def identity(self) -> dict[str, str]:
        return dict(self.opened.identity)

    async def declared(self, tree: Tree, *, is_base: bool) -> Declaration:
        found = await asyncio.to_thread(declare_for, self.job.sync, tree, self.reach)
        namespace, home = self.unit.id.namespace, found.home
        why = members.unserved(self.opened, namespace, home) if home else ""
        if why:
            raise UnusableError(Reason.ACCESS, why)
        named = git_passes.secret_references(found)
        if is_base:
            self._named = named
        # Whoever writes a fork learns nothing of which Secrets a namespace has.
        read = named & self._named if self.is_fork else named
        values = await values_of(self.cluster, namespace, read)
        values = {**dict.fromkeys(named - read, _NOT_READ), **values}
        return replace(found, reach=replace(found.reach, secrets=values))

    def shown(self, planned: Planned) -> Planned:
        return fences.shown(planned, self.unit, self.opened)


@dataclass(frozen=True, slots=True)
class ClusterGround:
    """The FlyteSyncs of a cluster; secrets are those of their namespace."""

    operator: Operator
    cluster: Cluster

    async def job(self, name: UnitId) -> Job | None:
        """Make the job of a set that pull requests are planned for; None for any other."""
        unit = units.unit(name, self.operator.store)
        if unit.sync is None or unit.sync.declared is None or unit.sync.deleted:
            return None
        if not plans_pulls(unit.spec.git):
            return None
        return await self.operator.passes.git.job(name, unit.sync.declared)

    async def values(self, name: UnitId, spec: GitPullRequests) -> Values:
        """Read what the forge knows us by from a Secret of the namespace."""
        return await read_bundle(
            self.cluster, name.namespace, "pullRequests.secretRef", spec.secret_ref
        )

    async def permit(self, host: str, port: int) -> None:
        """Refuse what is, or leads to, the operator's own machine, and what it may not reach."""
        allowed = self.operator.connections.allowed
        why = trust.why_not_host(host, allowed)
        if why:
            raise DeniedError(f"git.pullRequests.api: {why}")
        await allowed.check(host, port)

    @asynccontextmanager
    async def lend(self, name: UnitId, job: Job, asked: Pull) -> AsyncIterator[_Lent]:
        """Lend the FlyteConnection of a set, over which nothing can be written."""
        unit = units.unit(name, self.operator.store)
        passes = self.operator.passes
        custom = passes.connection_of(unit)
        async with self.operator.connections.use(custom, read_only=True) as opened:
            if not opened.identity:
                opened.identity = await opened.backend.identity()
            reach = Reach(is_local=False, urls=passes.setup.urls)
            yield _Lent(self.cluster, unit, job, opened, reach, asked.is_fork)
