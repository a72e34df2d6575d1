"""One look at one set: is there a new commit, may it be applied, is Flyte still like it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from reconciler.engine import planning
from reconciler.engine.planning import Options
from reconciler.engine.reach import Reach
from reconciler.errors import BackendError, ReconcilerError
from reconciler.git import job as jobs
from reconciler.git import secrets, syncing
from reconciler.git.faults import SourceError
from reconciler.git.history import added
from reconciler.git.job import Job
from reconciler.git.source import Found
from reconciler.git.syncing import Doing, Synced
from reconciler.notify import findings
from reconciler.operator import git_verdicts, words
from reconciler.operator.conditions import Verdict, stamp
from reconciler.operator.metrics import Metrics
from reconciler.operator.words import Reason
from reconciler.schedule import duration
from reconciler.serve import showing
from reconciler.serve.config import Config
from reconciler.serve.links import Links
from reconciler.serve.states import State, States
from reconciler.specs.sync import SyncSpec
from reconciler.specs.validate import Declared

log = logging.getLogger(__name__)


IN_FLIGHT_SECONDS = 15.0
"""How soon a set is looked at again while runs of it are in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the owner of the service allows: what is fetched, and where archives may come from.

    `shows` says that there is a page, for which more is kept of each pass.
    """

    rules: jobs.Rules = field(default_factory=jobs.Rules)
    urls: frozenset[str] = frozenset()
    by: str = "reconcile serve"
    shows: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How a pass ended: due again after so many seconds, sooner when something failed.

    `freed` are sets that may go on by it. `found` is the commit that was looked at.
    """

    again_after: float | None
    is_failed: bool = False
    freed: tuple[str, ...] = ()
    found: Found | None = None


@dataclass(slots=True)
class Passes:
    """Runs passes over the sets of a configuration, which is replaced as a whole."""

    config: Config
    states: States
    links: Links
    metrics: Metrics
    setup: Setup
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = time.monotonic

    async def run(self, name: str, stop: asyncio.Event) -> Ended:
        """Look at a set; what goes wrong is in its state, and tried again where that can help."""
        fault = self.config.faults.get(name)
        sync = self.config.syncs.get(name)
        if fault is not None and sync is None:
            self._fail(name, Verdict(reason=Reason.INVALID, message=fault), None)
            return Ended(None)
        if sync is None:
            self.states.drop(name)
            return Ended(None)
        spec = _spec(sync)
        interval = duration.parse(spec.interval) / duration.SECOND
        state = self._shown(sync)
        if spec.suspend:
            self.states.put(replace(state, is_suspended=True, message="suspended"))
            return Ended(None)
        self.states.put(replace(state, is_suspended=False))
        found: Found | None = None
        job: Job | None = None
        try:
            job = await self.job(sync)
            found = await asyncio.to_thread(job.find)
            ended = await self._on(job, found, stop)
        except ReconcilerError as error:
            if isinstance(error, SourceError) and self.setup.rules.limits.end.is_set():
                return Ended(None, is_failed=True)  # git was stopped, which says nothing of the set
            self._fail(name, git_verdicts.of_fault(error, found), found)
            if job is not None and not isinstance(error, BackendError):
                await self._stay(job, interval)
            return Ended(interval, is_failed=True, found=found)
        due = self.states.get(name).drift_due - self.seconds()
        return replace(ended, again_after=max(0.0, due), found=found)

    def reach(self) -> Reach:
        """Say what documents of repositories may name: nothing of this machine."""
        return Reach(is_local=False, urls=self.setup.urls)

    async def job(self, sync: Declared) -> Job:
        """Make the job of a set, with the secrets that it has now."""

        def make() -> Job:
            values = {
                name: secrets.read_local(name, bundle, base=self.config.base)
                for name, bundle in secrets.bundles(jobs.spec_of(sync)).items()
                if name in {"secretRef", "verify.secretRef"}
            }
            return jobs.job_of(sync, values, self.setup.rules)

        return await asyncio.to_thread(make)

    def _shown(self, sync: Declared) -> State:
        spec, git = _spec(sync), jobs.spec_of(sync)
        state = self.states.get(sync.name)
        state = replace(
            state, repository=git.url, path=git.path or "", connection=spec.connection or ""
        )
        self.states.put(state)
        return state

    async def _stay(self, job: Job, interval: float) -> None:
        """Bring Flyte back to what was applied last, while nothing newer may be applied.

        That is a drift, or what a process that was killed left half done.
        """
        state = self.states.get(job.sync.name)
        if state.drift_due > self.seconds():
            return
        self.states.put(replace(state, drift_due=self.seconds() + interval))
        try:
            good = state.applied or await self._claimed(job)
            if good is not None:
                log.info("%s: kept at %s", state.name, good.revision)
                await self._apply(job, good, asyncio.Event())
        except ReconcilerError as error:
            log.info("%s: not kept at what was applied last: %s", state.name, error)

    async def _claimed(self, job: Job) -> Found | None:
        """Find the commit that the ledger says was applied last, where the mirror has it still."""
        async with self.links.use(self.config, job.sync) as (backend, _):
            ledger = await planning.ledger_of(self.config.declaration(job.sync), backend)
        if ledger.claim is None or ledger.claim.source != job.source:
            return None
        return await asyncio.to_thread(job.known, ledger.claim.commit)

    async def _on(self, job: Job, found: Found, stop: asyncio.Event) -> Ended:
        name = job.sync.name
        waits = self._waits_for(job, found)
        if waits:
            self._fail(name, Verdict(reason=Reason.DEPENDENCY, message=waits), found)
            return Ended(None, is_failed=True)
        if await asyncio.to_thread(self._is_unchanged, job, found):
            state = self.states.get(name)
            self.states.put(
                replace(
                    state,
                    attempted=found.revision,
                    handled=found.commit,
                    applied=found,
                    looked=stamp(self.clock()),
                )
            )
            return Ended(None, freed=tuple(self._dependents(name)))
        synced = await self._apply(job, found, stop)
        verdict = git_verdicts.of_synced(synced)
        self._tell(job, synced, verdict)
        freed = tuple(self._dependents(name)) if verdict.is_ready else ()
        return Ended(None, is_failed=verdict.is_waiting, freed=freed)

    async def _apply(self, job: Job, found: Found, stop: asyncio.Event) -> Synced:
        notes = _annotations(job.sync)
        async with self.links.use(self.config, job.sync) as (backend, identity):
            doing = Doing(
                reach=self.reach(),
                by=self.setup.by,
                stop=stop,
                options=Options(
                    identity=identity,
                    approved=notes.get(words.APPROVE, ""),
                    take_over=notes.get(words.TAKE_OVER, ""),
                ),
                clock=self.clock,
            )
            synced = await syncing.sync(job, found, backend, doing)
            if self.setup.shows:
                state = self.states.get(job.sync.name)
                shown = await showing.look(
                    synced.planned, synced.applied, backend, state.shown, self.clock()
                )
                self.states.put(replace(state, shown=shown))
            return synced

    def _is_unchanged(self, job: Job, found: Found) -> bool:
        """Say whether Flyte was made like this folder already, and drift is not yet looked for.

        A commit that does not follow the last one is looked at all the same, to be refused.
        """
        state = self.states.get(job.sync.name)
        known = state.applied
        if known is None or not state.is_ready or state.drift_due <= self.seconds():
            return False
        if known.tree != found.tree or state.mark != self.config.mark(job.sync):
            return False
        if known.commit == found.commit or job.wanted.reset:
            return True
        return job.mirror.follows(known.commit, found.commit) is True

    def _waits_for(self, job: Job, found: Found) -> str:
        """Say which set has to go first; of one repository, at this very commit."""
        for name in job.spec.depends_on:
            other = self.config.syncs.get(name)
            if other is None:
                return f"it depends on {name}, which is not there; declare it, or remove it"
            if job.sync.name in _needed(name, self.config):
                return f"it depends on {name}, and {name} on it; remove one of the two"
            state = self.states.get(name)
            if not state.is_ready:
                return f"it waits for {name}: {state.message}"
            is_same = jobs.spec_of(other).url == jobs.spec_of(job.sync).url
            is_behind = is_same and jobs.spec_of(other).ref == jobs.spec_of(job.sync).ref
            if is_behind and state.handled != found.commit:
                return f"it waits for {name} to be at {found.commit[:12]}"
        return ""

    def _dependents(self, name: str) -> Iterator[str]:
        for other, sync in self.config.syncs.items():
            if name in _spec(sync).depends_on and not self.states.get(other).is_ready:
                yield other

    def _tell(self, job: Job, synced: Synced, verdict: Verdict) -> None:
        name, now = job.sync.name, self.clock()
        state = self.states.get(name)
        interval = duration.parse(job.spec.interval) / duration.SECOND
        if synced.planned.plan.is_in_flight:
            interval = min(interval, IN_FLIGHT_SECONDS)
        past = git_verdicts.past_of(verdict, synced.found.revision, synced, now)
        history = added(state.history, past)
        state = replace(
            state,
            reason=verdict.reason,
            message=verdict.message,
            attempted=synced.found.revision,
            plan=synced.planned.plan,
            missed=findings.missed(synced.planned),
            fields={**state.fields, **git_verdicts.fields_of(synced, now)},
            shown=None if state.shown is None else showing.trimmed(state.shown, history),
            history=history,
            drift_due=self.seconds() + interval,
            looked=stamp(now),
        )
        if synced.is_complete:
            state = replace(
                state,
                applied=synced.found,
                handled=synced.found.commit,
                mark=self.config.mark(job.sync),
            )
        self.states.put(state)
        self._count(name, synced)
        log.info("%s: %s: %s", name, verdict.reason, verdict.message)

    def _fail(self, name: str, verdict: Verdict, found: Found | None) -> None:
        now, state = self.clock(), self.states.get(name)
        revision = found.revision if found is not None else ""
        past = git_verdicts.past_of(verdict, revision, None, now)
        self.states.put(
            replace(
                state,
                reason=verdict.reason,
                message=verdict.message,
                attempted=revision or state.attempted,
                history=added(state.history, past),
                looked=stamp(now),
            )
        )
        log.warning("%s: %s: %s", name, verdict.reason, verdict.message)

    def _count(self, name: str, synced: Synced) -> None:
        report, plan = synced.applied.report, synced.planned.plan
        pending = git_verdicts.fields_of(synced, self.clock())["pending"]
        self.metrics.plan_changes.labels(name).set(cast("int", pending))
        for outcome in report.outcomes:
            self.metrics.actions.labels(outcome.action.key.kind, str(outcome.status)).inc()
        for change in plan.changes:
            if change.reason in findings.DRIFTS:
                self.metrics.drift.labels(change.key.kind, str(change.reason)).inc()


def _spec(sync: Declared) -> SyncSpec:
    return cast("SyncSpec", sync.spec)


def _needed(name: str, config: Config) -> set[str]:
    """List what a set needs, and what that needs."""
    found: set[str] = set()
    left = [name]
    while left:
        sync = config.syncs.get(left.pop())
        for other in _spec(sync).depends_on if sync is not None else ():
            if other not in found:
                found.add(other)
                left.append(other)
    return found


def _annotations(sync: Declared) -> Mapping[str, str]:
    metadata = sync.document.value.get("metadata")
    notes = metadata.get("annotations") if isinstance(metadata, dict) else None
    return cast("Mapping[str, str]", notes) if isinstance(notes, dict) else {}
