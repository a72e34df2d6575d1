"""Plans pull requests and tells the forge; what is in them is data, and nothing is ever written.

The plan is of what a merge would leave, beside what the branch that it goes into would do by
itself, so that neither drift nor what others have merged meanwhile is in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.api import reporting
from reconciler.engine import beside
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Options
from reconciler.engine.remote import Tree, declare_for
from reconciler.errors import ReconcilerError
from reconciler.forges.event import Event, Forge
from reconciler.forges.forge import Client, Report, header_of, read_report
from reconciler.forges.http import Http
from reconciler.git import job as jobs
from reconciler.git import pull, secrets, syncing
from reconciler.git.faults import Fault, SourceError
from reconciler.git.job import Job
from reconciler.git.pull import Merged
from reconciler.git.source import Found
from reconciler.model.secret import Secret
from reconciler.report.markdown import markdown
from reconciler.report.subject import Subject
from reconciler.serve.passes import Ended, Passes
from reconciler.serve.payloads import Pull
from reconciler.specs.git import ForgeName, GitPullRequests
from reconciler.specs.validate import Declared

log = logging.getLogger(__name__)

_TRIES = 5
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


@dataclass(slots=True)
class Pulls:
    """Plans pull requests of the sets that passes are run over."""

    passes: Passes
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: float = 1.0
    _tries: dict[tuple[str, Pull], int] = field(default_factory=dict)

    async def run(self, name: str, asked: Pull) -> Ended:
        """Plan one, and keep comment and status so; what goes wrong is tried again a few times."""
        sync = self.passes.config.syncs.get(name)
        if sync is None or jobs.spec_of(sync).pull_requests is None:
            return Ended(None)
        try:
            told = await self._told(sync, asked)
        except ReconcilerError as error:
            count = self._tries[name, asked] = self._tries.get((name, asked), 0) + 1
            log.warning("%s: pull request %d: %s", name, asked.number, error)
            if count < _TRIES:
                return Ended(None, is_failed=True)
            told = ""
        self._tries.pop((name, asked), None)
        if told:
            log.info("%s: pull request %d: %s", name, asked.number, told)
        return Ended(None)

    async def _told(self, sync: Declared, asked: Pull) -> str:
        spec = jobs.spec_of(sync)
        assert spec.webhook is not None
        assert spec.pull_requests is not None
        forge = _FORGES[spec.webhook.forge]
        job = await self.passes.job(sync)
        token = await asyncio.to_thread(self._token, spec.pull_requests)
        commit = asked.commit
        is_touched = True
        try:
            ref = _REFS.get(forge, _REF).format(asked.number)
            merged = await asyncio.to_thread(pull.merge, job, ref)
            commit, is_touched = merged.head, merged.tree != merged.base.tree
            text = await self._plan(job, merged, asked.number)
        except SourceError as error:
            if error.fault is Fault.FETCH:
                raise
            text = markdown(Subject(target=sync.name, failure=str(error)))
        report = read_report(text, f"pull request {asked.number}")
        event = Event(
            forge=forge,
            api=spec.pull_requests.api or _api(forge, job.remote.host),
            repository=spec.pull_requests.repository,
            number=str(asked.number),
            commit=commit,
        )
        return await self._send(event, token, report, is_touched=is_touched)

    async def _send(
        self, event: Event, token: Secret[str], report: Report, *, is_touched: bool
    ) -> str:
        header, value = header_of(event.forge, token)
        async with Http(event.api, header, value, pause=self.pause) as http:
            client = Client(event, http)
            told = await client.comment(report, is_new_too=is_touched)
            await client.status(report)
        return f"{report.headline}; comment {told}"

    def _token(self, spec: GitPullRequests) -> Secret[str]:
        found = secrets.read_local(
            "pullRequests.secretRef", spec.secret_ref, base=self.passes.config.base
        )
        if _TOKEN not in found:
            raise SourceError(
                Fault.CREDENTIALS, f"git.pullRequests.secretRef: has no {_TOKEN}; add it there"
            )
        return Secret(found[_TOKEN].reveal().strip())

    async def _plan(self, job: Job, merged: Merged, number: int) -> str:
        """Write the report of a plan, or of why there is none."""
        after = Found(name=merged.base.name, commit=merged.base.commit, tree=merged.tree)
        async with (
            syncing.written(job, merged.base) as old,
            syncing.written(job, after) as new,
        ):
            try:
                subject = await self._subject(job, (old, new), merged, number)
            except ReconcilerError as error:
                subject = reporting.of_error(error, target=job.sync.name, cwd=new.top)
            return markdown(subject)

    async def _subject(
        self, job: Job, trees: tuple[Tree, Tree], merged: Merged, number: int
    ) -> Subject:
        base, branch = [await self._declared(job, tree) for tree in trees]
        now = self.clock()
        async with self.passes.links.use(self.passes.config, job.sync, read_only=True) as (
            backend,
            identity,
        ):
            options = Options(identity=identity)
            found = await beside.plan_beside(base, branch, backend, now=now, options=options)
        plan = found.branch.plan
        note = (
            f"shown is what merging {merged.head[:12]} of pull request {number} into "
            f"{merged.base.name} ({merged.base.commit[:12]}) changes"
        )
        plan = replace(plan, warnings=(note, *plan.warnings))
        return reporting.of_plan(replace(found.branch, plan=plan), now=now, cwd=trees[1].top)

    async def _declared(self, job: Job, tree: Tree) -> Declaration:
        reach = self.passes.reach()
        return await asyncio.to_thread(declare_for, job.sync, tree, reach)


def _api(forge: Forge, host: str) -> str:
    """Return where the API of a forge is, as its own and hosted ones have it."""
    return _CLOUD.get(host) or f"https://{host}{_APIS[forge]}"
