"""The port for runs, on a Flyte 2; see `backends.running` for the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from reconciler.backends.flyte2 import console
from reconciler.backends.flyte2.declared.starting import with_task
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.run import (
    data,
    details,
    follow,
    gates,
    lists,
    rows,
    spans,
    start,
    steps,
)
from reconciler.backends.flyte2.run.logs import Tail
from reconciler.errors import UnsupportedError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.model.run import (
    Data,
    Gate,
    Launch,
    Line,
    Run,
    RunId,
    Span,
    Started,
    Step,
    Stopping,
    Values,
)

_PACE = follow.Pace()


class Flyte2Running:
    """The runs of a Flyte 2 over one link; `sleep` and `pace` are how it follows one."""

    def __init__(
        self, link: Link, *, sleep: follow.Sleep = asyncio.sleep, pace: follow.Pace = _PACE
    ) -> None:
        self._link = link
        self._sleep = sleep
        self._pace = pace

    def runs(self, asked: AskedRuns) -> AsyncIterator[Run]:
        """Yield the runs that match, the newest first."""
        return lists.runs(self._link.channel, asked)

    async def run(self, run_id: RunId) -> Run | None:
        """Read one run."""
        return await details.run(self._link.channel, run_id)

    async def steps(self, run_id: RunId) -> tuple[Step, ...]:
        """Read the actions as a tree; raises BackendError when there is no such run."""
        await details.existing(self._link.channel, run_id)
        return await steps.steps(self._link.channel, run_id)

    async def data(self, run_id: RunId, step: str = "") -> Data:
        """Read inputs and outputs."""
        return await data.read(self._link, run_id, step)

    def content(self, uri: str) -> AsyncIterator[bytes]:
        """Refuse: Flyte 2 signs no addresses but those of reports."""
        raise UnsupportedError(
            f"{uri}: Flyte 2 hands no files out; read it from the store with rights of your own"
        )

    def follow(self, run_id: RunId) -> AsyncIterator[Run]:
        """Yield the run whenever it changed, by the stream of its root action."""
        return follow.follow(self._link.channel, run_id, self._sleep, self._pace)

    def logs(self, run_id: RunId, step: str = "", attempt: int = 0) -> AsyncIterator[Line]:
        """Yield the lines of a log until it ends."""
        return Tail(self._link, run_id, step, self._sleep, self._pace).lines(attempt)

    async def report(self, run_id: RunId, step: str = "") -> bytes:
        """Fetch a report."""
        return await data.report(self._link, run_id, step)

    async def addressed(self, address: str) -> Values | bytes | None:
        """Refuse: Flyte 2 has no such addresses."""
        raise UnsupportedError(
            f"{address}: is an address of Flyte 1; name the run and the action instead"
        )

    async def spans(self, run_id: RunId) -> Span:
        """Read where the time went."""
        return await spans.spans(self._link.channel, run_id)

    async def there(self, launch: Launch) -> Run | None:
        """Read the run of a name, which must be this launch's."""
        return await start.there(self._link, launch)

    async def start(self, launch: Launch) -> Started:
        """Start a run once, with the overrides of its task."""
        return await start.start(self._link, await with_task(self._link, launch))

    async def terminate(self, run_id: RunId, cause: str, step: str = "") -> Stopping:
        """Abort a run, or one action of it."""
        return await start.terminate(self._link.channel, run_id, cause, step)

    async def recover(self, run_id: RunId, name: str = "") -> Run:
        """Refuse: the open-source server stores what a recovery says and starts anew."""
        del name
        raise UnsupportedError(
            f"run {run_id}: Flyte 2 does not recover runs; relaunch it, and let the cache of its "
            "tasks keep what succeeded"
        )

    async def relaunch(
        self, run_id: RunId, name: str = "", inputs: Mapping[str, Json] | None = None
    ) -> Run:
        """Start the same once more."""
        return await start.relaunch(self._link, run_id, name, inputs)

    async def gates(self, run_id: RunId) -> tuple[Gate, ...]:
        """Read the conditions of a run."""
        await details.existing(self._link.channel, run_id)
        return await gates.gates(self._link.channel, run_id)

    async def answer(self, gate: Gate, literal: Mapping[str, Json]) -> None:
        """Answer a condition."""
        await gates.answer(self._link.channel, gate, literal)

    def url(self, run_id: RunId, step: str = "") -> str:
        """Address the run, or an action of it, in Flyte 2's console."""
        settings = self._link.channel.settings
        base = settings.console or console.guess(settings)
        if not base:
            return ""
        place = run_id.place
        parts = ["domain", place.domain, "project", place.project, "runs", run_id.name]
        path = "/".join(quote(part, safe="") for part in parts)
        chosen = f"?i={quote(step, safe='')}" if step and step != rows.ROOT else ""
        return f"{base.rstrip('/').removesuffix('/v2')}/v2/{path}{chosen}"

    async def waiting(self, place: Place) -> tuple[Gate, ...]:
        """Read the open conditions of a place."""
        return await gates.waiting(self._link.channel, place)
