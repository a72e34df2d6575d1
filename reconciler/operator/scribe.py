"""What the operator writes into the cluster: statuses, finalizers and events, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reconciler.backends.kubernetes.client import Cluster
from reconciler.errors import BackendError, ConflictError, ReconcilerError
from reconciler.model.document import Json
from reconciler.operator import words
from reconciler.operator.conditions import Verdict, reason_before, status_of
from reconciler.operator.metrics import Metrics
from reconciler.operator.resources import Custom
from reconciler.operator.store import Store
from reconciler.specs.registry import API_VERSION

log = logging.getLogger(__name__)

_AT_ONCE = 24
_TRIES = 4
_NOTE_CHARACTERS = 1000
_MOST_EVENTS = 5000
_LAST_SECONDS = 5.0

EVENTS_AT_ONCE = 4
"""How many tasks `deliver`."""


class Scribe:
    """Writes to the API server, a bounded number of calls at once."""

    def __init__(self, cluster: Cluster, store: Store, metrics: Metrics, instance: str) -> None:
        self._cluster = cluster
        self._store = store
        self._metrics = metrics
        self._instance = instance
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._events: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(_MOST_EVENTS)

    async def tell(self, custom: Custom, verdict: Verdict, *, now: datetime) -> None:
        """Write the status of an object where it is another one; warn of what is newly wrong."""
        current = self._store.get(custom.ref)
        if current is None or current.uid != custom.uid:
            return
        status = status_of(_seen(custom, current), verdict, now=now)
        if status == current.status:
            return
        if not verdict.is_ready and str(verdict.reason) != reason_before(current):
            await self.event(custom, str(verdict.reason), verdict.message, is_warning=True, now=now)
        body = {**_head(custom), "status": status}
        async with self._slots:
            try:
                written = await self._cluster.apply(
                    custom.ref.path,
                    body,
                    manager=words.STATUS_MANAGER,
                    force=True,
                    subresource="status",
                )
            except BackendError as error:
                if _is_gone(error):
                    return
                raise
        self._metrics.status_patches.inc()
        self._store.put(written)

    async def hold(self, custom: Custom) -> bool:
        """Add the finalizer; False when the object is gone or on its way."""
        return await self._finalizers(custom, is_held=True)

    async def release(self, custom: Custom) -> None:
        """Take the finalizer away, so that the object can go."""
        await self._finalizers(custom, is_held=False)

    async def _finalizers(self, custom: Custom, *, is_held: bool) -> bool:
        found = self._store.get(custom.ref) or custom
        for _ in range(_TRIES):
            if found.uid != custom.uid:
                return False
            if found.has_finalizer is is_held:
                return True
            if is_held and found.deleted:
                return False
            others = [name for name in found.finalizers if name != words.FINALIZER]
            metadata: dict[str, Json] = {
                "uid": found.uid,
                "resourceVersion": found.version,
                "finalizers": [*others, *([words.FINALIZER] if is_held else [])],
            }
            async with self._slots:
                try:
                    written = await self._cluster.merge(custom.ref.path, {"metadata": metadata})
                except ConflictError:
                    written = await self._cluster.get(custom.ref.path)
                except BackendError as error:
                    if not _is_gone(error):
                        raise
                    written = None
            self._metrics.finalizer_patches.inc()
            if written is None:
                self._store.drop(custom.ref, custom.uid)
                return False
            _, found = self._store.put(written)
            if found.deleted and not found.finalizers:
                self._store.drop(custom.ref, custom.uid)
        return found.has_finalizer is is_held

    async def event(
        self,
        custom: Custom,
        reason: str,
        note: str,
        *,
        now: datetime,
        is_warning: bool = False,
    ) -> None:
        """Write an event about an object; one that cannot be written is only logged.

        A warning is written at once. Others wait for their turn, so that no pass waits for them,
        and the latest are dropped where too many wait.
        """
        namespace = custom.ref.namespace
        body: Mapping[str, Any] = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{custom.ref.name[:200]}.{secrets.token_hex(6)}",
                "namespace": namespace,
            },
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": words.CONTROLLER,
            "reportingInstance": self._instance,
            "action": "Reconcile",
            "reason": reason,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": custom.ref.kind,
                "namespace": namespace,
                "name": custom.ref.name,
                "uid": custom.uid,
            },
            "note": note[:_NOTE_CHARACTERS] or reason,
            "type": "Warning" if is_warning else "Normal",
        }
        if is_warning:
            async with self._slots:
                await self._post(body)
            return
        try:
            self._events.put_nowait(body)
        except asyncio.QueueFull:
            self._metrics.events_dropped.inc()

    async def deliver(self) -> None:
        """Write the events that tell of no fault, for ever: nobody waits for them."""
        while True:
            body = await self._events.get()
            try:
                await self._post(body)
            finally:
                self._events.task_done()

    async def close(self) -> None:
        """Write what is left, as long as that takes no time worth speaking of."""
        writers = [asyncio.create_task(self.deliver()) for _ in range(EVENTS_AT_ONCE)]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._events.join(), _LAST_SECONDS)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)

    async def _post(self, body: Mapping[str, Any]) -> None:
        about = body["regarding"]
        path = f"/apis/events.k8s.io/v1/namespaces/{about['namespace']}/events"
        try:
            await self._cluster.create(path, dict(body))
        except ReconcilerError as error:
            log.info(
                "event %s about %s/%s was not written: %s",
                *(body["reason"], about["kind"], about["name"], error),
            )


def _seen(custom: Custom, current: Custom) -> Custom:
    """A verdict is about the generation that was looked at, not about one that came meanwhile."""
    if current.generation == custom.generation:
        return current
    return Custom(
        ref=custom.ref,
        uid=custom.uid,
        version=current.version,
        generation=custom.generation,
        created=custom.created,
        annotations=custom.annotations,
        status=current.status,
    )


def _head(custom: Custom) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": custom.ref.kind,
        "metadata": {
            "name": custom.ref.name,
            "namespace": custom.ref.namespace,
            "uid": custom.uid,
        },
    }


def _is_gone(error: BackendError) -> bool:
    """Say whether there is no such object any more: of another uid counts as none."""
    return error.code == "NotFound" or (
        isinstance(error, ConflictError) and "uid" in str(error).lower()
    )
