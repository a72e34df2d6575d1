"""The service as a process: reads what to sync, and has workers look at one set after the other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.api.connecting import Target
from reconciler.errors import ReconcilerError
from reconciler.forges.open_pulls import Pull
from reconciler.git import job as jobs
from reconciler.git import scratch, secrets
from reconciler.git.faults import SourceError
from reconciler.model.secret import Secret
from reconciler.notify.notifier import Notifier
from reconciler.operator import health
from reconciler.operator.metrics import Metrics
from reconciler.operator.queue import Queue
from reconciler.serve import config as configs
from reconciler.serve import showing, telling
from reconciler.serve.file_pulls import FileGround
from reconciler.serve.hooks import Entry, Hooks
from reconciler.serve.links import Links
from reconciler.serve.page import Page, serving_page
from reconciler.serve.passes import Ended, Passes, Setup
from reconciler.serve.pull_plans import PullPlans, plans_pulls
from reconciler.serve.pulls import Pulls
from reconciler.serve.states import State, States, Watch
from reconciler.web.board import Boards

log = logging.getLogger(__name__)

_RELOAD_SECONDS = 5.0
_PULSE_SECONDS = 5.0
_STANDSTILL_SECONDS = 60.0
_SECRETS_SECONDS = 30.0
_QUIET_SECONDS = 0.05
"""Forges tell of a push once, so that there is little to wait for."""

_END_SECONDS = 20.0
_OTHER_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the service runs; see `reconcile serve --help`. `watch` hears of every set."""

    paths: tuple[str, ...]
    cwd: Path
    target: Target = field(default_factory=Target)
    setup: Setup = field(default_factory=Setup)
    workers: int = 4
    listen: str = "0.0.0.0:8080"
    watch: Watch | None = None
    page: Page | None = None
    started: Callable[[int], None] | None = None


async def serve(options: Options, stop: asyncio.Event) -> None:
    """Run until `stop` is set; what is under way then ends at its next call."""
    service = Service(options)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(service.serving())
        log.info("serving on port %d", port)
        await stack.enter_async_context(serving_page(options.page, service.boards))
        if options.started is not None:
            options.started(port)
        working = asyncio.create_task(service.work())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await service.end(working)
    if not working.cancelled():
        working.result()


class Service:
    """All parts of one service, wired."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.metrics = Metrics()
        self.boards = Boards()
        self._rules = rules = options.setup.rules.own()
        history = rules.cache.parent / "history"
        self.states = States(history, self._watch)
        self.notifier = Notifier(
            history.with_name("told"),
            sent=lambda way, how: self.metrics.notifications.labels(way, how).inc(),
        )
        self.queue = Queue[str](quiet=_QUIET_SECONDS)
        self._links = Links(options.target, os.environ, self.metrics.called)
        self.passes = Passes(
            config=configs.Config(base=options.cwd),
            states=self.states,
            links=self._links,
            metrics=self.metrics,
            setup=replace(options.setup, rules=rules, shows=options.page is not None),
        )
        self.pulls = Pulls[str](PullPlans(FileGround(self.passes)))
        self.hooks = Hooks[str](self)
        self._fingerprint = ""
        self._secrets_at = 0.0
        self._beat = time.monotonic()
        self._ended_well: dict[str, float] = {}
        self._is_read = False
        self._is_ending = False
        self._idle = asyncio.Event()

    def _watch(self, before: State | None, after: State | None) -> None:
        """Show what changed, tell whoever wants to know, and pass it on."""
        name = after.name if after is not None else before.name if before is not None else ""
        if after is None:
            self.notifier.forget(name)
            self._ended_well.pop(name, None)
            with contextlib.suppress(KeyError):  # of a set that never had a plan
                self.metrics.plan_changes.remove(name)
        elif after.looked and not after.is_suspended:
            targets = tuple(telling.targets(name, self.passes.config))
            self.notifier.hear(telling.seen_of(after), targets)
        if after is not None and self._options.page is not None:
            left = max(0.0, after.drift_due - time.monotonic())
            due = datetime.now(UTC) + timedelta(seconds=left) if after.drift_due else None
            self.boards.put(showing.of_state(after, due))
        elif before is not None and after is None:
            self.boards.drop(before.name)
        if self._options.watch is not None:
            self._options.watch(before, after)

    def serving(self) -> contextlib.AbstractAsyncContextManager[int]:
        """Serve probes, metrics and webhooks."""
        return health.serving(
            self._options.listen,
            self.metrics,
            alive=self._standstill,
            ready=lambda: "" if self._is_read else "what to sync is not read yet",
            refresh=self._measure,
            routes=self.hooks.routes,
        )

    async def work(self) -> None:
        """Read, and look at sets for ever."""
        # A worker waits in a thread for git; the files and the page must not wait for workers.
        threads = ThreadPoolExecutor(self._options.workers + _OTHER_THREADS, "serve")
        asyncio.get_running_loop().set_default_executor(threads)
        left = await asyncio.to_thread(scratch.sweep)
        if left:
            log.info("%d folders of a process that was killed are removed", left)
        await self._reload()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_reading())
            group.create_task(self._pulse())
            group.create_task(self.notifier.run())
            group.create_task(self.pulls.work())
            for _ in range(self._options.workers):
                group.create_task(self._worker())

    async def end(self, working: asyncio.Task[None]) -> None:
        """Ask what is under way to end, and close."""
        self.queue.stop()
        self._rules.end()
        self._is_ending = True
        if self.queue.running and not working.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), _END_SECONDS)
        working.cancel()
        await asyncio.wait({working}, timeout=30)
        await self.notifier.close()
        await self._links.close()

    def pushed(self, name: str) -> None:
        """Look at a set, since its repository was pushed to."""
        self.queue.mark(name)

    def pulled(self, name: str, pull: Pull) -> None:
        """Plan a pull request for a set."""
        self.pulls.pushed(name, pull)

    async def _worker(self) -> None:
        while True:
            name, stop = await self.queue.take()
            started = time.monotonic()
            ended = Ended(None, is_failed=True)
            try:
                ended = await self.passes.run(name, stop)
            except ReconcilerError as error:
                log.warning("%s: %s", name, error)
            except Exception:
                # One set that nobody foresaw must not stop the others.
                log.exception("%s: a fault of the service itself; it goes on", name)
            took = time.monotonic() - started
            self.metrics.pass_seconds.labels(name).observe(took)
            result = "error" if ended.is_failed else "success"
            self.metrics.passes.labels("git", result).inc()
            if not ended.is_failed:
                self._ended_well[name] = time.monotonic()
            self.queue.done(name, again_after=ended.again_after, is_failed=ended.is_failed)
            if self._is_ending and not self.queue.running:
                self._idle.set()
            for other in ended.freed:
                self.queue.mark(other)
            self._plan_pulls(name, ended)

    def _plan_pulls(self, name: str, ended: Ended) -> None:
        """Have pull requests planned anew where what they go into has moved."""
        sync = self.passes.config.syncs.get(name)
        if ended.found is not None and sync is not None and plans_pulls(jobs.spec_of(sync)):
            self.pulls.looked(name, ended.found.tree)

    async def _keep_reading(self) -> None:
        while True:
            await asyncio.sleep(_RELOAD_SECONDS)
            await self._reload()

    async def _reload(self) -> None:
        """Read the files anew where they may have changed, and secrets now and then."""
        paths, cwd = self._options.paths, self._options.cwd
        found = await asyncio.to_thread(configs.fingerprint, paths, cwd=cwd)
        now = time.monotonic()
        if found != self._fingerprint or not self._is_read:
            before, config = (
                self.passes.config,
                await asyncio.to_thread(configs.read, paths, cwd=cwd),
            )
            self._fingerprint, self._secrets_at = found, 0.0
            self.passes.config = config
            if before.connections != config.connections:
                await self._links.retire()
            for name, text in config.faults.items():
                log.warning("%s: %s", name, text)
            for name in {*config.syncs, *config.faults, *before.syncs, *before.faults}:
                old, new = before.syncs.get(name), config.syncs.get(name)
                if new is None or old is None or before.mark(old) != config.mark(new):
                    self.queue.mark(name)
            self.pulls.keep(config.syncs)
            self._is_read = True
        if now - self._secrets_at > _SECRETS_SECONDS or not self._secrets_at:
            self.hooks.refresh(await asyncio.to_thread(entries, self.passes.config))
            self._secrets_at = now

    async def _pulse(self) -> None:
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(_PULSE_SECONDS)

    def _standstill(self) -> str:
        stands = time.monotonic() - self._beat > _STANDSTILL_SECONDS
        return "the event loop stands" if stands and self._is_read else ""

    def _measure(self) -> None:
        """Measure what is not counted as it happens; a set that is suspended has no age."""
        now = time.monotonic()
        self.metrics.queue_depth.set(self.queue.depth)
        self.metrics.sync_age.clear()
        for state in self.states.all():
            if not state.is_suspended:
                age = now - self._ended_well.setdefault(state.name, now)
                self.metrics.sync_age.labels(state.name).set(age)


def entries(config: configs.Config) -> list[Entry[str]]:
    """Read the secrets of webhooks; one that cannot be read lets nobody in. Blocks on the disk."""
    found: list[Entry[str]] = []
    for name, sync in config.syncs.items():
        spec = jobs.spec_of(sync)
        if spec.webhook is None:
            continue
        try:
            values = secrets.read_local(
                "webhook.secretRef", spec.webhook.secret_ref, base=config.base
            )
        except SourceError as error:
            log.warning("%s: %s", name, error)
            continue
        if not values.get("secret", Secret("")).reveal().strip():
            log.warning("%s: git.webhook.secretRef: has no secret; add it there", name)
        found.append(Entry(name, spec, values.get("secret", Secret(""))))
    return found
