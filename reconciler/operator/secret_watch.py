"""Watches single Secrets by name, so that a rotated credential is seen and no other is read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

from reconciler.backends.kubernetes.client import Cluster
from reconciler.errors import BackendError

log = logging.getLogger(__name__)

Changed = Callable[[str, str], None]
_PAUSE_SECONDS = 5.0


class SecretWatch:
    """One watch for each Secret that is wanted; values are not kept."""

    def __init__(self, cluster: Cluster, changed: Changed) -> None:
        self._cluster = cluster
        self._changed = changed
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def want(self, names: frozenset[tuple[str, str]]) -> None:
        """Watch these Secrets, by namespace and name, and no others."""
        for gone in self._tasks.keys() - names:
            self._tasks.pop(gone).cancel()
        for name in names - self._tasks.keys():
            self._tasks[name] = asyncio.create_task(self._watch(*name))

    async def close(self) -> None:
        """End all watches."""
        tasks = list(self._tasks.values())
        self.want(frozenset())
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, namespace: str, name: str) -> None:
        seen = ""
        while True:
            try:
                path = f"/api/v1/namespaces/{namespace}/secrets"
                stream = self._cluster.watch(path, fields=f"metadata.name={name}")
                async with aclosing(stream) as events:
                    async for event in events:
                        if event.type == "BOOKMARK":
                            continue
                        version = str(event.object["metadata"]["resourceVersion"])
                        if seen not in {"", version} or event.type == "DELETED":
                            self._changed(namespace, name)
                        seen = version
            except BackendError as error:
                log.debug("watching Secret %s/%s: %s", namespace, name, error)
            await asyncio.sleep(_PAUSE_SECONDS)
