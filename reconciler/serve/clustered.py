"""`reconcile serve --kubernetes`: the operator, which syncs repositories too, and its webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import cast

from aiohttp import web

from reconciler.backends.kubernetes.client import Cluster
from reconciler.errors import ReconcilerError
from reconciler.forges.open_pulls import Pull
from reconciler.model.secret import Secret
from reconciler.operator import words
from reconciler.operator.bundles import read_bundle
from reconciler.operator.passes import Watched
from reconciler.operator.run import Operator
from reconciler.operator.units import UnitId
from reconciler.serve import leading
from reconciler.serve.clustered_page import ClusterPage
from reconciler.serve.clustered_pulls import ClusterGround
from reconciler.serve.hooks import Entry, Hooks
from reconciler.serve.leading import Leading, Pod
from reconciler.serve.page import Page, serving_page
from reconciler.serve.pull_plans import PullPlans, plans_pulls
from reconciler.serve.pulls import Pulls
from reconciler.specs.sync import SyncSpec

log = logging.getLogger(__name__)

_REFRESH_SECONDS = 10.0


class ClusterHooks:
    """Webhooks for the FlyteSyncs of a cluster; only the operator in charge acts on them.

    One that waits for the lease accepts none and serves no page, since it has looked at nothing.
    With `led`, a Service and this pod, whoever is in charge has that Service lead to it.
    """

    def __init__(
        self,
        operator: Operator,
        cluster: Cluster,
        page: Page | None = None,
        led: tuple[str, Pod] | None = None,
    ) -> None:
        self._operator = operator
        self._cluster = cluster
        self._leading = self._lead(page, *led) if led is not None else None
        self._hooks = Hooks[UnitId](self)
        self._page = page
        self._boards = ClusterPage()
        self._pulls = Pulls[UnitId](PullPlans(ClusterGround(operator, cluster)))
        operator.passes.watch = self._watch

    @property
    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """What is served."""
        return self._hooks.routes

    async def work(self) -> None:
        """Serve the page, plan pull requests, and read the secrets of webhooks again and again."""
        async with serving_page(self._page, self._boards.boards), asyncio.TaskGroup() as group:
            group.create_task(self._refresh())
            group.create_task(self._pulls.work())
            if self._leading is not None:
                group.create_task(self._leading.work())

    def _lead(self, page: Page | None, service: str, pod: Pod) -> Leading:
        options = self._operator.options
        ports = {leading.HOOKS: _port(options.listen)}
        if page is not None:
            ports[leading.PAGE] = _port(page.listen)
        return Leading(
            cluster=self._cluster, namespace=options.home, service=service, pod=pod, ports=ports
        )

    async def _watch(self, found: Watched) -> None:
        if self._page is not None:
            await self._boards.watch(found)
        if found.found is not None and plans_pulls(found.unit.spec.git):
            self._pulls.looked(found.unit.id, found.found.tree)

    async def _refresh(self) -> None:
        while True:
            syncs = [
                UnitId(item.ref.namespace, item.ref.name)
                for item in self._operator.store.all()
                if item.ref.kind == words.SYNC
            ]
            self._boards.keep(syncs)
            self._pulls.keep(syncs)
            try:
                self._hooks.refresh(await self._entries())
            except ReconcilerError as error:
                log.warning("webhooks: %s", error)
            await asyncio.sleep(_REFRESH_SECONDS)

    def pushed(self, name: UnitId) -> None:
        """Look at a set."""
        self._operator.queue.mark(name)

    def pulled(self, name: UnitId, pull: Pull) -> None:
        """Plan a pull request for a set."""
        self._pulls.pushed(name, pull)

    async def _entries(self) -> list[Entry[UnitId]]:
        found: list[Entry[UnitId]] = []
        for item in self._operator.store.all():
            if item.ref.kind != words.SYNC or item.declared is None or item.deleted:
                continue
            spec = cast("SyncSpec", item.declared.spec).git
            if spec is None or spec.webhook is None:
                continue
            namespace, bundle = item.ref.namespace, spec.webhook.secret_ref
            try:
                values = await read_bundle(self._cluster, namespace, "webhook.secretRef", bundle)
            except ReconcilerError as error:
                log.warning("%s: %s", item.ref, error)
                continue
            secret = values.get("secret", Secret(""))
            found.append(Entry(UnitId(namespace, item.ref.name), spec, secret))
        return found


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
