"""Plans pull requests and tells the forge; what is in them is data, and nothing is ever written.

The plan is of what a merge would leave, beside what the branch that it goes into would do by
itself, so that neither drift nor what others have merged meanwhile is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from reconciler.api import reporting
from reconciler.backends.port import Backend
from reconciler.engine import beside
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Options, Planned
from reconciler.engine.remote import Tree
from reconciler.errors import ReconcilerError
from reconciler.forges import open_pulls
from reconciler.forges.event import Event, Forge
from reconciler.forges.forge import Client, Report, header_of, read_report
from reconciler.forges.http import Http
from reconciler.forges.open_pulls import Pull
from reconciler.git import job as jobs
from reconciler.git import pull as merging
from reconciler.git import syncing
from reconciler.git.faults import Fault, SourceError
from reconciler.git.job import Job
from reconciler.git.pull import Merged
from reconciler.git.secrets import Values
from reconciler.git.source import Found
from reconciler.model.secret import Secret
from reconciler.report.markdown import markdown
from reconciler.report.subject import Subject
from reconciler.serve import pulls
from reconciler.specs.git import ForgeName, GitPullRequests, GitSpec

_TOKEN = "token"  # noqa: S105 - a name
_FORGES = {
    ForgeName.GITHUB: Forge.GITHUB,
    ForgeName.GITLAB: Forge.GITLAB,
    ForgeName.GITEA: Forge.GITEA,
}
_REFS = {Forge.GITLAB: "refs/merge-requests/{}/head"}
_REF = "refs/pull/{}/head"
_APIS = {Forge.GITHUB: "/api/v3", Forge.GITLAB: "/api/v4", Forge.GITEA: "/api/v1"}
_CLOUD = {"github.com": "https://api.github.com"}
_PORTS = {"https": 443, "http": 80}

U_contra = TypeVar("U_contra", contravariant=True)


class Lent(Protocol):
    """A Flyte that nothing can be written to, for the time of one plan."""

    @property
    def backend(self) -> Backend:
        """Where is planned."""

    @property
    def identity(self) -> Mapping[str, str]:
        """Who answers there."""

    async def declared(self, tree: Tree, *, is_base: bool) -> Declaration:
        """Read what a tree declares, with as much as it may name; that of the base is first."""

    def shown(self, planned: Planned) -> Planned:
        """Leave out what may not be told to whoever reads the pull request."""


class Ground(Protocol[U_contra]):
    """What pull requests are planned over: sets with their repositories, secrets and Flytes."""

    async def job(self, name: U_contra) -> Job | None:
        """Make the job of a set that pull requests are planned for; None for any other."""

    async def values(self, name: U_contra, spec: GitPullRequests) -> Values:
        """Read what the forge knows us by; raises SourceError where there is nothing."""

    async def permit(self, host: str, port: int) -> None:
        """Raise DeniedError for a host that may not be asked."""

    def lend(self, name: U_contra, job: Job, asked: Pull) -> AbstractAsyncContextManager[Lent]:
        """Lend the Flyte of a set."""


@dataclass(frozen=True, slots=True)
class PullPlans(Generic[U_contra]):
    """Plans one pull request after the other."""

    ground: Ground[U_contra]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: float = 1.0

    async def listed(self, name: U_contra) -> tuple[Pull, ...] | None:
        """List those that are open and go into what the set follows; None for no such set."""
        job = await self.ground.job(name)
        if job is None:
            return None
        spec = _asked(job)
        if not _is_branch(job):
            return ()
        base = await asyncio.to_thread(job.find)
        async with await self._http(name, job) as http:
            return await open_pulls.listed(
                http,
                _forge(job),
                spec.repository,
                target=base.name,
                forks=spec.forks,
                most=pulls.MOST,
            )

    async def told(self, name: U_contra, asked: Pull) -> pulls.Planned | None:
        """Plan one, and keep its comment and status so; None for no such set."""
        job = await self.ground.job(name)
        if job is None:
            return None
        commit, is_touched = asked.commit, True
        base = await asyncio.to_thread(job.find)
        if asked.target != base.name or (asked.is_fork and not _asked(job).forks):
            return pulls.Planned(commit, base.tree, "is none that is planned")
        try:
            ref = _REFS.get(_forge(job), _REF).format(asked.number)
            merged = await asyncio.to_thread(merging.merge, job, base, ref)
            commit, is_touched = merged.head, merged.tree != base.tree
            text = await self._text(name, job, merged, asked)
        except SourceError as error:
            if error.fault is Fault.FETCH:
                raise
            text = markdown(Subject(target=job.sync.name, failure=str(error)))
        report = read_report(text, f"pull request {asked.number}")
        event = Event(
            forge=_forge(job),
            api=_api(job),
            repository=_asked(job).repository,
            number=str(asked.number),
            commit=commit,
        )
        async with await self._http(name, job) as http:
            said = await _send(Client(event, http), report, is_touched=is_touched)
        return pulls.Planned(commit, base.tree, said)

    async def _http(self, name: U_contra, job: Job) -> Http:
        """Prepare to speak to the forge; raises what is wrong with its address or the token."""
        spec, api = _asked(job), _api(job)
        parts = urlsplit(api)
        await self.ground.permit(parts.hostname or "", parts.port or _PORTS[parts.scheme])
        found = await self.ground.values(name, spec)
        if _TOKEN not in found:
            raise SourceError(
                Fault.CREDENTIALS, f"git.pullRequests.secretRef: has no {_TOKEN}; add it there"
            )
        token = Secret(found[_TOKEN].reveal().strip())
        header, value = header_of(_forge(job), token)
        return Http(api, header, value, pause=self.pause)

    async def _text(self, name: U_contra, job: Job, merged: Merged, asked: Pull) -> str:
        """Write the report of a plan, or of why there is none."""
        after = Found(name=merged.base.name, commit=merged.base.commit, tree=merged.tree)
        async with (
            syncing.written(job, merged.base) as old,
            syncing.written(job, after) as new,
        ):
            try:
                async with self.ground.lend(name, job, asked) as lent:
                    subject = await self._subject(lent, (old, new), merged, asked.number)
            except ReconcilerError as error:
                subject = reporting.of_error(error, target=job.sync.name, cwd=new.top)
            return markdown(subject)

    async def _subject(
        self, lent: Lent, trees: tuple[Tree, Tree], merged: Merged, number: int
    ) -> Subject:
        base = await lent.declared(trees[0], is_base=True)
        branch = await lent.declared(trees[1], is_base=False)
        now = self.clock()
        options = Options(identity=lent.identity)
        found = await beside.plan_beside(base, branch, lent.backend, now=now, options=options)
        planned = lent.shown(found.branch)
        note = (
            f"shown is what merging {merged.head[:12]} of pull request {number} into "
            f"{merged.base.name} ({merged.base.commit[:12]}) changes"
        )
        plan = replace(planned.plan, warnings=(note, *planned.plan.warnings))
        return reporting.of_plan(replace(planned, plan=plan), now=now, cwd=trees[1].top)


async def _send(client: Client, report: Report, *, is_touched: bool) -> str:
    told = await client.comment(report, is_new_too=is_touched)
    await client.status(report)
    return f"{report.headline}; comment {told}"


def plans_pulls(spec: GitSpec | None) -> bool:
    """Say whether pull requests are planned for a set."""
    return spec is not None and spec.webhook is not None and spec.pull_requests is not None


def _asked(job: Job) -> GitPullRequests:
    spec = jobs.spec_of(job.sync).pull_requests
    assert spec is not None
    return spec


def _forge(job: Job) -> Forge:
    spec = jobs.spec_of(job.sync).webhook
    assert spec is not None
    return _FORGES[spec.forge]


def _is_branch(job: Job) -> bool:
    wanted = job.wanted
    return not (wanted.tag or wanted.semver or wanted.commit)


def _api(job: Job) -> str:
    """Return where the API of a forge is: as the FlyteSync says, else as forges have it."""
    host = job.remote.host
    given = _asked(job).api
    return given or _CLOUD.get(host) or f"https://{host}{_APIS[_forge(job)]}"
