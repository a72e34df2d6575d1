"""The operator as a process: waits for the lease, watches, and lets workers run passes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from aiohttp import web

from reconciler.backends.kubernetes.access import Access
from reconciler.backends.kubernetes.client import Cluster, open_cluster
from reconciler.backends.kubernetes.faults import NotServedError
from reconciler.errors import BackendError, ReconcilerError, RefusedError
from reconciler.git import scratch
from reconciler.notify.notifier import Notifier
from reconciler.operator import health, trust, units, words
from reconciler.operator.connections import Connections, Rules
from reconciler.operator.ending import Departures
from reconciler.operator.lease import Lease, Terms
from reconciler.operator.measures import Measures
from reconciler.operator.metrics import Metrics
from reconciler.operator.passes import Ended, Passes, Setup
from reconciler.operator.queue import Queue
from reconciler.operator.resources import Custom, Ref
from reconciler.operator.scribe import EVENTS_AT_ONCE, Scribe
from reconciler.operator.secret_watch import SecretWatch
from reconciler.operator.store import Store
from reconciler.operator.units import UnitId
from reconciler.operator.watching import Watched, Watcher
from reconciler.specs.registry import KINDS

log = logging.getLogger(__name__)

Result = TypeVar("Result")
_FAILED = Ended(None, is_failed=True)

_PULSE_SECONDS = 5.0
_STANDSTILL_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the operator runs; see `reconcile operator --help`.

    `namespaces` empty means all. `home` is the operator's own namespace, which holds its Lease.
    """

    namespaces: tuple[str, ...] = ()
    home: str = "default"
    setup: Setup = field(default_factory=Setup)
    allowed: trust.Allowed = field(default_factory=trust.Allowed)
    workers: int = 4
    elects: bool = True
    lease_seconds: float = 30.0
    listen: str = "0.0.0.0:8080"
    beside: Callable[[Operator, Cluster], Beside] | None = None


class Beside(Protocol):
    """What else runs with an operator: more that is served, and work while it is in charge."""

    @property
    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """What is served beside probes and metrics."""

    async def work(self) -> None:
        """Go on for ever."""


async def operate(access: Access, options: Options, stop: asyncio.Event) -> None:
    """Run until `stop` is set.

    Raises RefusedError once the Lease is lost: whoever runs the process starts it again. Raises
    BackendError where the CRDs are not installed or may not be read.
    """
    async with AsyncExitStack() as stack:
        plain = await stack.enter_async_context(open_cluster(access))
        lease = Lease(plain, _terms(options))
        permit = lease.permit if options.elects else None
        cluster = await stack.enter_async_context(open_cluster(access, permit=permit))
        operator = Operator(access, cluster, options, permit)
        await stack.enter_async_context(operator.serving())
        # One that waits for the lease is alive too.
        stack.callback(asyncio.create_task(operator.pulse()).cancel)
        if options.elects:
            if not await _until(stop, lease.acquire()):
                return
            stack.push_async_callback(lease.release)
        log.info("in charge")
        operator.metrics.leader.set(1)
        keeping = asyncio.create_task(lease.keep() if options.elects else asyncio.Event().wait())
        working = asyncio.create_task(operator.work())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({keeping, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            operator.metrics.leader.set(0)
            operator.rules.end()
            for task in (keeping, working, stopping):
                task.cancel()
            await asyncio.wait({working}, timeout=options.lease_seconds)
        if working.done() and not working.cancelled():
            working.result()
        if not stop.is_set():
            lease.permit()


async def _until(stop: asyncio.Event, work: Any) -> bool:
    """Do some work unless `stop` is set before it ends; says whether it ended."""
    stopping = asyncio.create_task(stop.wait())
    doing = asyncio.create_task(work)
    await asyncio.wait({stopping, doing}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not doing.done():
        doing.cancel()
        return False
    doing.result()
    return True


def _terms(options: Options) -> Terms:
    identity = f"{os.environ.get('HOSTNAME') or socket.gethostname()}_{secrets.token_hex(4)}"
    return Terms(namespace=options.home, identity=identity, duration=options.lease_seconds)


class Operator:
    """All parts of one operator, wired."""

    def __init__(
        self, access: Access, cluster: Cluster, options: Options, permit: Any = None
    ) -> None:
        self._access = access
        self._cluster = cluster
        self._options = options
        self.store = Store()
        self.queue = Queue[units.UnitId]()
        self.metrics = Metrics()
        self.rules = options.setup.git.own()
        rules = Rules(
            allowed=options.allowed,
            permit=permit,
            observe=self.metrics.called,
            deadline=options.lease_seconds / 2,
            home=options.home,
        )
        self.connections = Connections(self.store, cluster, rules)
        self._scribe = scribe = Scribe(cluster, self.store, self.metrics, socket.gethostname())
        self.notifier = Notifier(
            sent=lambda way, how: self.metrics.notifications.labels(way, how).inc()
        )
        self.passes = Passes(
            store=self.store,
            cluster=cluster,
            connections=self.connections,
            scribe=scribe,
            departures=Departures(cluster, scribe),
            metrics=self.metrics,
            setup=replace(options.setup, git=self.rules),
            notifier=self.notifier,
        )
        self._watcher = Watcher(Watched(access=access, namespaces=options.namespaces), self._hear)
        self._secrets = SecretWatch(cluster, self._secret_changed)
        self.measures = Measures(self.store, self.queue, self.metrics)
        self._beside = options.beside(self, cluster) if options.beside is not None else None
        self._is_in_charge = False
        self._is_listed = False
        self._beat = time.monotonic()

    @property
    def options(self) -> Options:
        """How it runs."""
        return self._options

    def serving(self) -> contextlib.AbstractAsyncContextManager[int]:
        """Serve probes and metrics."""
        return health.serving(
            self._options.listen,
            self.metrics,
            alive=self._standstill,
            ready=self._unready,
            refresh=self.measures.refresh,
            routes=self._beside.routes if self._beside is not None else (),
        )

    async def work(self) -> None:
        """List, watch, and run passes for ever."""
        self._is_in_charge = True
        await asyncio.to_thread(scratch.sweep)
        await self._list(is_first=True)
        self._watcher.start()
        self._is_listed = True
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._options.workers):
                    group.create_task(self._worker())
                for _ in range(EVENTS_AT_ONCE):
                    group.create_task(self._scribe.deliver())
                group.create_task(self._relist())
                group.create_task(self.notifier.run())
                if self._beside is not None:
                    group.create_task(self._beside.work())
        finally:
            self._is_listed = False
            await self._watcher.stop()
            await self._scribe.close()
            await self.notifier.close()
            await self._secrets.close()
            await self.connections.close()

    async def _worker(self) -> None:
        while True:
            unit, stop = await self.queue.take()
            started = time.monotonic()
            ended = await _guarded(unit, self.passes.run(unit, stop)) or _FAILED
            took = time.monotonic() - started
            self.measures.passed(unit, took, is_failed=ended.is_failed)
            self.queue.done(unit, again_after=ended.again_after, is_failed=ended.is_failed)
            for other in ended.freed:
                self.queue.mark(other)
            self._secrets.want(self._wanted_secrets())
            if ended.telling is not None:
                # The unit's next pass may begin before.
                is_told = await _guarded(unit, _is_over(ended.telling))
                self.queue.told(unit, is_told=bool(is_told))

    def _hear(self, event: str, raw: Mapping[str, Any]) -> None:
        """Take an event in, and mark what it concerns."""
        if event == "DELETED":
            metadata = raw["metadata"]
            ref = Ref(str(raw["kind"]), str(metadata.get("namespace") or ""), metadata["name"])
            gone = self.store.drop(ref, metadata["uid"])
            if gone is not None:
                self._mark(gone)
            return
        before, now = self.store.put(raw)
        if before is None or before.cause != now.cause:
            self._mark(now, is_urgent=_is_urgent(before, now))
            if before is not None and before.set_name != now.set_name:
                self._mark(before)

    def _mark(self, custom: Custom, *, is_urgent: bool = False) -> None:
        for unit in units.touched(custom, self.store):
            self.queue.mark(unit, is_urgent=is_urgent)

    async def _list(self, *, is_first: bool = False) -> None:
        """Read everything anew: events can be lost, and a list cannot."""
        for kind in KINDS:
            for namespace in self._options.namespaces or ("",):
                found = await self._cluster.list(words.path(kind, namespace))
                refs = []
                for item in found.items:
                    raw = {**item, "kind": kind}
                    metadata = raw["metadata"]
                    refs.append(Ref(kind, metadata.get("namespace") or "", metadata["name"]))
                    self._hear("" if is_first else "MODIFIED", raw)
                for gone in self.store.lost(kind, namespace, refs):
                    self._mark(gone)

    async def _relist(self) -> None:
        while True:
            await asyncio.sleep(self._options.setup.interval)
            try:
                await self._list()
            except NotServedError as error:
                log.warning(
                    "a kind is not served any more, so its objects stay as known: %s", error
                )
            except BackendError as error:
                log.warning("listing: %s", error)

    async def pulse(self) -> None:
        """Say for ever that the event loop goes on."""
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(_PULSE_SECONDS)

    def _standstill(self) -> str:
        if time.monotonic() - self._beat > _STANDSTILL_SECONDS:
            return "the event loop stands"
        is_deaf = self._is_listed and not self._watcher.is_alive
        return "the thread that watches has ended" if is_deaf else ""

    def _unready(self) -> str:
        """One that waits for the lease is ready to take over; one in charge once it has read."""
        is_late = self._is_in_charge and not self._is_listed
        return "the custom resources are not read yet" if is_late else ""

    def _wanted_secrets(self) -> frozenset[tuple[str, str]]:
        needed = frozenset().union(*self.connections.needs.values(), *self.passes.sources.values())
        return frozenset(needed)

    def _secret_changed(self, namespace: str, name: str) -> None:
        for ref, needed in self.connections.needs.items():
            if (namespace, name) in needed:
                custom = self.store.get(ref)
                if custom is not None:
                    self._mark(custom)
        for unit, needed in self.passes.sources.items():
            if (namespace, name) in needed:
                self.queue.mark(unit)


async def _guarded(unit: UnitId, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Do some work for a unit; None where it failed, which is said in the log."""
    try:
        return await work
    except RefusedError:
        log.warning("%s: not in charge any more", unit)
        raise
    except ReconcilerError as error:
        log.warning("%s: %s", unit, error)
    except Exception:
        # One unit that nobody foresaw must not stop the others.
        log.exception("%s: a fault of the operator itself; it goes on", unit)
    return None


async def _is_over(task: asyncio.Task[None]) -> bool:
    await task
    return True


def _is_urgent(before: Custom | None, now: Custom) -> bool:
    """Say whether a change must not wait for what is under way: something is to stop."""
    if before is None:
        return False
    if now.deleted and not before.deleted:
        return True
    is_stopped = now.spec.get("state") == "Inactive" or bool(now.spec.get("suspend"))
    return is_stopped and now.generation != before.generation
