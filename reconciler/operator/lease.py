"""Which of several operators is in charge: the holder of a Lease.

The leader stops writing well before the Lease can expire, and no call lasts longer than what is
left then, so that the next leader never writes beside it. Time is counted in a clock that goes on
while the process is stopped or the machine sleeps.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.backends.kubernetes.client import Cluster
from reconciler.errors import BackendError, ConflictError, RefusedError

log = logging.getLogger(__name__)

NAME = "flyte-reconciler"
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> float:
    """Seconds of a clock that is never set back and never stands still."""
    return time.clock_gettime(_BOOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a Lease is held: seconds until it expires, and between renewals.

    `margin` is how long before the end the leader stops writing; each call ends within it.
    """

    namespace: str
    identity: str
    duration: float = 30.0
    name: str = NAME

    @property
    def renewal(self) -> float:
        """Seconds between renewals."""
        return self.duration / 6

    @property
    def margin(self) -> float:
        """Seconds before the end in which nothing new is sent; the bound of every call."""
        return self.duration / 2


class Lease:
    """One Lease on the API server."""

    def __init__(self, cluster: Cluster, terms: Terms) -> None:
        self._cluster = cluster
        self._terms = terms
        self._renewed_at: float | None = None
        self._seen: tuple[str, float] = ("", 0.0)
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{terms.namespace}/leases"

    @property
    def is_held(self) -> bool:
        """Say whether this process may still write."""
        if self._renewed_at is None:
            return False
        return elapsed() < self._renewed_at + self._terms.duration - self._terms.margin

    def permit(self) -> None:
        """Raise RefusedError where this process may not write any more."""
        if not self.is_held:
            raise RefusedError(
                f"lease {self._terms.namespace}/{self._terms.name}: is not held any more, so that "
                "nothing is written; another operator takes over"
            )

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        is_ours = await self._try()
        while not is_ours:
            await asyncio.sleep(self._terms.renewal / 2)
            is_ours = await self._try()

    async def keep(self) -> None:
        """Renew until that fails for too long; returns once the Lease is lost."""
        while True:
            await asyncio.sleep(self._terms.renewal)
            if not self.is_held:
                return
            if not await self._try() and not self.is_held:
                return

    async def release(self) -> None:
        """Give the Lease up, so that another one need not wait."""
        if self._renewed_at is None:
            return
        self._renewed_at = None
        try:
            found = await self._cluster.get(f"{self._path}/{self._terms.name}")
            if found is not None and found["spec"].get("holderIdentity") == self._terms.identity:
                found["spec"].update(holderIdentity="", leaseDurationSeconds=1)
                await self._cluster.replace(f"{self._path}/{self._terms.name}", found)
        except BackendError as error:
            log.info("the lease was not given up: %s", error)

    async def _try(self) -> bool:
        """Take or renew the Lease once; False where somebody else has it or nobody answers."""
        started = elapsed()
        try:
            found = await self._cluster.get(f"{self._path}/{self._terms.name}")
            if found is None:
                await self._cluster.create(self._path, self._new())
            elif not self._may_take(found):
                self._renewed_at = None
                return False
            else:
                await self._cluster.replace(
                    f"{self._path}/{self._terms.name}", self._renewed(found)
                )
        except ConflictError:
            return False
        except BackendError as error:
            log.warning("lease: %s", error)
            return False
        # Counted from before the call: the server cannot have written it earlier.
        self._renewed_at = started
        return True

    def _may_take(self, found: dict[str, Any]) -> bool:
        """Another's Lease expires by our own clock, from when we first saw its last renewal."""
        spec = found.get("spec") or {}
        if spec.get("holderIdentity") in {self._terms.identity, "", None}:
            return True
        version = str(found["metadata"]["resourceVersion"])
        if self._seen[0] != version:
            self._seen = (version, elapsed())
        return elapsed() > self._seen[1] + float(spec.get("leaseDurationSeconds") or 0)

    def _new(self) -> dict[str, Any]:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._terms.name, "namespace": self._terms.namespace},
            "spec": {**self._holder(), "acquireTime": _now(), "leaseTransitions": 0},
        }

    def _renewed(self, found: dict[str, Any]) -> dict[str, Any]:
        spec = dict(found.get("spec") or {})
        if spec.get("holderIdentity") != self._terms.identity:
            spec["acquireTime"] = _now()
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        return {**found, "spec": {**spec, **self._holder()}}

    def _holder(self) -> dict[str, Any]:
        return {
            "holderIdentity": self._terms.identity,
            "leaseDurationSeconds": int(self._terms.duration),
            "renewTime": _now(),
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
