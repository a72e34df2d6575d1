"""Takes the operator's finalizers away without an operator: before or after it is uninstalled.

Nothing on Flyte is touched, and no object is deleted; what waits for its finalizer goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from reconciler.backends.kubernetes.client import Cluster
from reconciler.backends.kubernetes.faults import NotServedError
from reconciler.errors import ConflictError
from reconciler.operator import words
from reconciler.operator.resources import Ref
from reconciler.specs.registry import KINDS

_TRIES = 5


async def find(cluster: Cluster, namespaces: Sequence[str]) -> AsyncIterator[Ref]:
    """Yield the objects that carry our finalizer; no namespace is all of them.

    Kinds that are not installed have none. Raises BackendError for what may not be listed.
    """
    for kind in KINDS:
        for namespace in namespaces or ("",):
            try:
                found = await cluster.list(words.path(kind, namespace))
            except NotServedError:
                continue
            for item in found.items:
                if words.FINALIZER in (item["metadata"].get("finalizers") or ()):
                    yield Ref(kind, item["metadata"]["namespace"], item["metadata"]["name"])


async def release(cluster: Cluster, refs: Sequence[Ref]) -> int:
    """Take the finalizer of these objects away; returns how many had one still."""
    slots = asyncio.Semaphore(16)

    async def one(ref: Ref) -> bool:
        async with slots:
            return await _release(cluster, ref)

    return sum(await asyncio.gather(*(one(ref) for ref in refs)))


async def _release(cluster: Cluster, ref: Ref) -> bool:
    for attempt in range(_TRIES):
        found: dict[str, Any] | None = await cluster.get(ref.path)
        if found is None:
            return False
        metadata = found["metadata"]
        others = [name for name in metadata.get("finalizers") or () if name != words.FINALIZER]
        if len(others) == len(metadata.get("finalizers") or ()):
            return False
        change = {"resourceVersion": metadata["resourceVersion"], "finalizers": others}
        try:
            await cluster.merge(ref.path, {"metadata": change})
        except ConflictError:
            if attempt == _TRIES - 1:
                raise
            continue
        return True
    return False
