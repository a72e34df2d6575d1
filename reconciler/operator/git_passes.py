"""A FlyteSync whose documents are in a Git repository: fetched, planned and applied as a unit.

Nothing of the repository becomes an object of the cluster. What it may touch is what its namespace
may, and its secrets are those of its namespace.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.backends.kubernetes.client import Cluster
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Options, Planned
from reconciler.engine.reach import Reach
from reconciler.errors import BackendError, DeniedError, ReconcilerError
from reconciler.git import history, secrets, syncing
from reconciler.git import job as jobs
from reconciler.git.job import Job
from reconciler.git.remote import Remote
from reconciler.git.source import Found
from reconciler.git.syncing import Doing, Synced
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.operator import fences, git_verdicts, members, trust, words
from reconciler.operator.bundles import read_bundle
from reconciler.operator.conditions import Verdict
from reconciler.operator.connections import Connections, Opened, UnusableError, values_of
from reconciler.operator.resources import Custom
from reconciler.operator.units import Unit, UnitId
from reconciler.operator.words import Reason
from reconciler.schedule import duration
from reconciler.specs.git import Bundle
from reconciler.specs.secret import SecretSpec
from reconciler.specs.validate import Declared

log = logging.getLogger(__name__)

_SHOWN = 5
"""Syncs that a status remembers."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a repository came to; `synced` is None where nothing was planned.

    `found` is the commit that was looked at, None where none was found.
    """

    verdict: Verdict
    due: float
    synced: Synced | None = None
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What was applied last by this process, for which spec, and when drift is looked for."""

    found: Found
    mark: tuple[object, ...]
    due: float


@dataclass(slots=True)
class GitPasses:
    """Looks at repositories; `sources` are told which Secrets a unit is made from."""

    cluster: Cluster
    connections: Connections
    urls: frozenset[str]
    rules: jobs.Rules
    sources: dict[UnitId, frozenset[tuple[str, str]]]
    clock: Callable[[], datetime]
    seconds: Callable[[], float] = time.monotonic
    _known: dict[UnitId, _Known] = field(default_factory=dict)
    _stay_due: dict[UnitId, float] = field(default_factory=dict)

    async def look(self, unit: Unit, custom: Custom, stop: asyncio.Event) -> Looked:
        """Look at the repository of a unit, which is written over a FlyteConnection."""
        assert unit.sync is not None
        assert unit.sync.declared is not None
        interval = duration.parse(unit.spec.interval) / duration.SECOND
        found: Found | None = None
        job: Job | None = None
        try:
            job = await self._job(unit, unit.sync.declared)
            found = await asyncio.to_thread(job.find)
            known = self._known.get(unit.id)
            mark = (unit.sync.uid, unit.sync.generation, unit.sync.annotations.get(words.APPROVE))
            if known is not None and await self._is_unchanged(job, found, known, mark):
                self._known[unit.id] = replace(known, found=found)
                left = max(0.0, known.due - self.seconds())
                return Looked(_again(unit.sync, found), left, found=found)
            async with self.connections.use(custom) as opened:
                synced = await self._sync(unit, opened, job, found, stop)
        except UnusableError:
            raise
        except ReconcilerError as error:
            verdict = git_verdicts.of_fault(error, found)
            if job is not None and not isinstance(error, BackendError):
                await self._stay(unit, custom, job, interval)
            verdict = self._with_history(unit.sync, verdict, found, None)
            return Looked(verdict, interval, found=found)
        verdict = git_verdicts.of_synced(synced)
        if verdict.is_ready:
            self._known[unit.id] = _Known(found, mark, self.seconds() + interval)
        fields = {
            "connection": f"{opened.ref.namespace}/{opened.ref.name}",
            "lastAppliedRevision": unit.sync.status.get("lastAppliedRevision"),
            "lastAppliedAt": unit.sync.status.get("lastAppliedAt"),
            **git_verdicts.fields_of(synced, self.clock()),
        }
        verdict = replace(verdict, fields=fields)
        verdict = self._with_history(unit.sync, verdict, found, synced)
        return Looked(verdict, interval, synced, found)

    def forget(self, identifier: UnitId) -> None:
        """Drop what is known of a unit that is gone."""
        self._known.pop(identifier, None)
        self._stay_due.pop(identifier, None)

    async def _stay(self, unit: Unit, custom: Custom, job: Job, interval: float) -> None:
        """Bring Flyte back to what was applied last, while nothing newer may be applied."""
        known = self._known.get(unit.id)
        due = max(self._stay_due.get(unit.id, 0.0), known.due if known is not None else 0.0)
        if due > self.seconds():
            return
        self._stay_due[unit.id] = self.seconds() + interval
        try:
            async with self.connections.use(custom) as opened:
                good = known.found if known is not None else await self._claimed(job, opened)
                if good is not None:
                    await self._sync(unit, opened, job, good, asyncio.Event())
        except ReconcilerError as error:
            log.info("%s: not kept at what was applied last: %s", unit.id, error)

    async def _claimed(self, job: Job, opened: Opened) -> Found | None:
        """Find the commit that the ledger says was applied last, where the mirror has it still."""
        defaults = job.spec.defaults
        has_home = defaults.project and defaults.domain
        home = Place(defaults.project or "", defaults.domain or "") if has_home else None
        claim = (await opened.backend.read_ledger(job.sync.name, home)).claim
        if claim is None or claim.source != job.source:
            return None
        return await asyncio.to_thread(job.known, claim.commit)

    async def _sync(
        self, unit: Unit, opened: Opened, job: Job, found: Found, stop: asyncio.Event
    ) -> Synced:
        assert unit.sync is not None
        if not opened.identity:
            opened.identity = await opened.backend.identity()
        notes = unit.sync.annotations

        async def prepare(declaration: Declaration) -> Declaration:
            home = declaration.home
            why = members.unserved(opened, unit.id.namespace, home) if home else ""
            if why:
                raise UnusableError(Reason.ACCESS, why)
            return await self._with_secrets(unit, declaration)

        async def fence(planned: Planned) -> Planned:
            return fences.within(planned, unit, opened)

        doing = Doing(
            reach=Reach(is_local=False, urls=self.urls),
            by=words.CONTROLLER,
            stop=stop,
            options=Options(
                identity=opened.identity,
                approved=notes.get(words.APPROVE, ""),
                take_over=notes.get(words.TAKE_OVER, ""),
            ),
            prepare=prepare,
            fence=fence,
            clock=self.clock,
        )
        return await syncing.sync(job, found, opened.backend, doing)

    async def _with_secrets(self, unit: Unit, declaration: Declaration) -> Declaration:
        """Read the Kubernetes Secrets that declared secrets name, all of the unit's namespace."""
        references = secret_references(declaration)
        namespace = unit.id.namespace
        self.sources[unit.id] |= {(namespace, name) for name, _ in references}
        values = await values_of(self.cluster, namespace, references)
        return replace(declaration, reach=replace(declaration.reach, secrets=values))

    async def _job(self, unit: Unit, sync: Declared) -> Job:
        namespace = unit.id.namespace
        self.sources[unit.id] = frozenset(
            (namespace, bundle.name)
            for bundle in _bundles(sync).values()
            if bundle.name is not None
        )
        return await self.job(unit.id, sync)

    async def job(self, identifier: UnitId, sync: Declared) -> Job:
        """Make the job of a set, with the secrets that its namespace has now.

        Raises SourceError for what may not be fetched, UnusableError for a host that may not be
        asked.
        """
        values = {
            name: await read_bundle(self.cluster, identifier.namespace, name, bundle)
            for name, bundle in _bundles(sync).items()
        }
        job = jobs.job_of(sync, values, self.rules)
        await self._check(job.remote)
        return job

    async def _check(self, remote: Remote) -> None:
        """Refuse a server that is, or leads to, the operator's own machine."""
        allowed = self.connections.allowed
        why = trust.why_not_host(remote.host, allowed)
        try:
            await allowed.check(remote.host, remote.port)
        except DeniedError as error:
            why = why or str(error)
        if why:
            raise UnusableError(Reason.SOURCE, f"git.url: {why}")

    async def _is_unchanged(
        self, job: Job, found: Found, known: _Known, mark: tuple[object, ...]
    ) -> bool:
        if known.due <= self.seconds() or known.mark != mark or known.found.tree != found.tree:
            return False
        if known.found.commit == found.commit or job.wanted.reset:
            return True
        follows = await asyncio.to_thread(job.mirror.follows, known.found.commit, found.commit)
        return follows is True

    def _with_history(
        self, sync: Custom, verdict: Verdict, found: Found | None, synced: Synced | None
    ) -> Verdict:
        """Add a pass to the history of a status, unless it was as the one before."""
        before = history.decode(sync.status.get("history"))
        revision = found.revision if found is not None else ""
        past = git_verdicts.past_of(verdict, revision, synced, self.clock())
        is_same = bool(before) and before[0].kind == past.kind and not past.changes
        after = before if is_same else history.added(before, past)[:_SHOWN]
        fields: dict[str, Json] = {**verdict.fields, "history": history.encode(after)}
        if revision:
            fields["lastAttemptedRevision"] = revision
        return replace(verdict, fields=fields)


def secret_references(declaration: Declaration) -> frozenset[tuple[str, str]]:
    """Name the keys of Kubernetes Secrets that declared secrets are filled from."""
    specs = (item.spec for item in declaration.declared)
    references = (spec.value_from.secret_key_ref for spec in specs if isinstance(spec, SecretSpec))
    return frozenset((item.name, item.key) for item in references if item is not None)


def _bundles(sync: Declared) -> dict[str, Bundle]:
    """Name the secrets that a repository is fetched and checked with."""
    found = secrets.bundles(jobs.spec_of(sync))
    return {name: one for name, one in found.items() if name in {"secretRef", "verify.secretRef"}}


def _again(sync: Custom, found: Found) -> Verdict:
    """Say that a commit leaves everything as it is."""
    count = sync.status.get("objects")
    what = "object is" if count == 1 else "objects are"
    return Verdict(
        reason=Reason.SUCCEEDED,
        message=f"{count} {what} as in {found.revision}",
        fields={
            "lastAttemptedRevision": found.revision,
            "lastAppliedRevision": found.revision,
        },
        is_partial=True,
    )
