"""The cluster that runs the tasks of a Flyte 1, opened when the first secret is looked at."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import assert_never

from reconciler.backends.auth import secret
from reconciler.backends.flyte1.secret.kept import ABSENT, Kept
from reconciler.backends.flyte1.secret.spec import MISSING
from reconciler.backends.kubernetes import access
from reconciler.backends.kubernetes.access import Access
from reconciler.backends.kubernetes.client import DEADLINE_SECONDS, Cluster, open_cluster
from reconciler.backends.settings import DataPlane
from reconciler.errors import BackendError, DeniedError, ReconcilerError, UsageError
from reconciler.model.health import Check, Health
from reconciler.model.key import Key, Place
from reconciler.model.secret import Content

_CHECK = "cluster of tasks"
_SINGLE_READS = 8
_AT_ONCE = 16


@dataclass(slots=True)
class Vault:
    """Reads and writes Kubernetes Secrets; `contents` are what declared secrets are to hold."""

    plane: DataPlane
    permit: Callable[[], None] | None = None
    deadline: float = DEADLINE_SECONDS
    contents: dict[Key, Content] = field(default_factory=dict, repr=False)
    is_read_only: bool = False
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _cluster: Cluster | None = None

    async def close(self) -> None:
        """Close what was opened."""
        await self._stack.aclose()

    @property
    def is_known(self) -> bool:
        """Whether somebody named a cluster."""
        return self.plane.is_known

    def lock(self, name: str) -> asyncio.Lock:
        """Return the lock of a group; one write of it is under way at a time."""
        return self._locks[name]

    def namespace(self, place: Place) -> str:
        """Name the namespace of a project-domain."""
        return self.plane.namespace_of(place.project, place.domain)

    def path(self, place: Place, group: str = "") -> str:
        """Return the path of a Secret, or of the list of a namespace."""
        base = f"/api/v1/namespaces/{self.namespace(place)}/secrets"
        return f"{base}/{group}" if group else base

    async def cluster(self) -> Cluster:
        """Open the cluster; raises UsageError when there is no way to it."""
        async with self._opening:
            if self._cluster is None:
                found = await asyncio.to_thread(_access, self.plane)
                opened = open_cluster(found, permit=self._may_write, deadline=self.deadline)
                self._cluster = await self._stack.enter_async_context(opened)
        return self._cluster

    async def read(self, place: Place, group: str) -> Kept:
        """Read one Kubernetes Secret, now."""
        cluster = await self.cluster()
        found = await cluster.get(self.path(place, group))
        return ABSENT if found is None else Kept(found)

    async def read_many(self, place: Place, groups: Collection[str]) -> Mapping[str, Kept]:
        """Read Secrets of a namespace: each by itself, or all in one list where there are many.

        A list needs a right of its own; without it they are read one by one.
        """
        if len(groups) > _SINGLE_READS:
            cluster = await self.cluster()
            try:
                listing = await cluster.list(self.path(place))
            except DeniedError as error:
                if error.code != "Forbidden":
                    raise
            else:
                found = {str(item["metadata"]["name"]): Kept(item) for item in listing.items}
                return {group: found[group] for group in groups if group in found}
        limit = asyncio.Semaphore(_AT_ONCE)

        async def read(group: str) -> tuple[str, Kept]:
            async with limit:
                return group, await self.read(place, group)

        answers = await asyncio.gather(*(read(group) for group in sorted(groups)))
        return {group: kept for group, kept in answers if kept is not ABSENT}

    async def check(self) -> Check:
        """Say whether the cluster answers, and who chose it."""
        try:
            cluster = await self.cluster()
            found = await cluster.get("/version") or {}
        except (BackendError, UsageError) as error:
            fix = "correct secrets of the FlyteConnection"
            return Check(_CHECK, Health.ERROR, str(error), fix, error.exit_code)
        way = cluster.access
        detail = f"{way.server} is Kubernetes {found.get('gitVersion') or '(no version)'}"
        return Check(_CHECK, Health.OK, f"{detail}, by {way.origin}")

    def _may_write(self) -> None:
        if self.is_read_only:
            raise ReconcilerError(
                "a Secret would be written on a read-only connection and was not; this is a "
                "defect of the reconciler, report it"
            )
        if self.permit is not None:
            self.permit()


def _access(plane: DataPlane) -> Access:
    if plane.access is not None:
        return plane.access
    source = plane.kubeconfig
    match source:
        case None:
            raise UsageError(f"{MISSING}; write secrets.kubeconfig in the FlyteConnection")
        case secret.FromFile(path):
            return access.kubeconfig(path, plane.context)
        case secret.Given(value, origin):
            return access.kubeconfig_text(value, origin, plane.context)
        case secret.FromEnv() | secret.FromKubernetes():
            text = secret.resolve(source, purpose="secrets.kubeconfigSecretKeyRef")
            return access.kubeconfig_text(text, str(source), plane.context)
        case _:
            assert_never(source)
