"""The port for executions, on flyteadmin; see `backends.running` for the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from urllib.parse import quote

from flyteidl.admin import execution_pb2

from reconciler.backends.flyte1.run import (
    again,
    data,
    follow,
    gates,
    lists,
    rows,
    short,
    spans,
    start,
    steps,
)
from reconciler.backends.flyte1.run.stored import Stored
from reconciler.backends.running import missing
from reconciler.backends.wire import console
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, UnsupportedError
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


class Flyte1Running:
    """The executions of a Flyte 1 over one channel; `sleep` and `pace` are how it follows one."""

    def __init__(
        self,
        channel: Channel,
        *,
        sleep: follow.Sleep = asyncio.sleep,
        pace: follow.Pace = _PACE,
    ) -> None:
        self._channel = channel
        self._sleep = sleep
        self._pace = pace

    def runs(self, asked: AskedRuns) -> AsyncIterator[Run]:
        """Yield the executions that match, the newest first."""
        return lists.runs(self._channel, asked)

    async def run(self, run_id: RunId) -> Run | None:
        """Read one execution."""
        found = await start.get(self._channel, run_id)
        return None if found is None else rows.run(found)

    async def steps(self, run_id: RunId) -> tuple[Step, ...]:
        """Read the node executions as a tree; raises BackendError when there is no such run."""
        found = await self._existing(run_id)
        return await steps.steps(self._channel, run_id, found.closure.workflow_id)

    def follow(self, run_id: RunId) -> AsyncIterator[Run]:
        """Yield the execution whenever it changed; it is asked for at growing intervals."""
        return follow.follow(self.run, run_id, self._sleep, self._pace)

    async def terminate(self, run_id: RunId, cause: str, step: str = "") -> Stopping:
        """Stop an execution: it is aborting until its engine has stopped it."""
        if step:
            raise UnsupportedError(
                f"run {run_id}: step {step}: Flyte 1 stops whole runs only; leave the step out"
            )
        return await start.terminate(self._channel, run_id, cause)

    def url(self, run_id: RunId, step: str = "") -> str:
        """Address the execution in Flyte 1's console, whose nodes have the same page."""
        del step
        settings = self._channel.settings
        base = settings.console or console.guess(settings)
        if not base:
            return ""
        place = run_id.place
        parts = ["projects", place.project, "domains", place.domain, "executions", run_id.name]
        path = "/".join(quote(part, safe="") for part in parts)
        return f"{base.rstrip('/').removesuffix('/console')}/console/{path}"

    async def data(self, run_id: RunId, step: str = "") -> Data:
        """Read inputs and outputs; raises BackendError when there is no such run or step."""
        if step:
            return await data.of_step(self._channel, run_id, step)
        return await data.of_run(self._channel, await self._existing(run_id))

    def content(self, uri: str) -> AsyncIterator[bytes]:
        """Yield a file of the store, which flyteadmin signs whatever wrote it."""
        return Stored(self._channel).stream(uri)

    async def logs(
        self, run_id: RunId, step: str = "", attempt: int = 0
    ) -> AsyncGenerator[Line, None]:
        """Refuse, and name the pages of the logs: Flyte 1 has no others."""
        urls = [
            link.url
            for one in _walked(await self.steps(run_id))
            if step in {"", one.id}
            for number, tried in enumerate(one.attempts, 1)
            if attempt == number or (attempt == 0 and number == len(one.attempts))
            for link in tried.links
        ]
        where = f"run {run_id}: {f'step {step}: ' if step else ''}logs"
        if not urls:
            which = "step" if step else "run"
            raise UnsupportedError(
                f"{where}: Flyte 1 has only links to them, and this {which} has none (yet); read "
                "them in the cluster of its tasks"
            )
        raise UnsupportedError(f"{where}: Flyte 1 has only links to them; open {', '.join(urls)}")
        yield Line(text="")  # never reached: this makes it a generator

    async def report(self, run_id: RunId, step: str = "") -> bytes:
        """Fetch the deck of a step; without one, that of the only step that has one."""
        if not step:
            step = _only_report(run_id, await self.steps(run_id))
        return await data.report(self._channel, run_id, step)

    async def addressed(self, address: str) -> Values | bytes | None:
        """Read what a short address names."""
        return await short.addressed(self._channel, address)

    async def spans(self, run_id: RunId) -> Span:
        """Read where the time went; from the steps, where flyteadmin cannot work it out."""
        try:
            return await spans.worked_out(self._channel, run_id)
        except BackendError as error:
            if error.code not in {"INTERNAL", "UNIMPLEMENTED"}:
                raise
        found = await self._existing(run_id)
        inside = await steps.steps(self._channel, run_id, found.closure.workflow_id)
        return spans.of_steps(rows.run(found), inside)

    async def there(self, launch: Launch) -> Run | None:
        """Read the execution of a name, which must be this launch's."""
        return await start.there(self._channel, launch)

    async def start(self, launch: Launch) -> Started:
        """Start an execution once."""
        return await start.start(self._channel, launch)

    async def recover(self, run_id: RunId, name: str = "") -> Run:
        """Run again what did not succeed."""
        return await again.recover(self._channel, run_id, name)

    async def relaunch(
        self, run_id: RunId, name: str = "", inputs: Mapping[str, Json] | None = None
    ) -> Run:
        """Start the same once more."""
        if inputs is None:
            return await again.relaunch(self._channel, run_id, name)
        origin = await self._existing(run_id)
        return await again.relaunch_with(self._channel, origin, name, inputs)

    async def gates(self, run_id: RunId) -> tuple[Gate, ...]:
        """Read the gates that the execution has reached."""
        return await gates.gates(self._channel, run_id)

    async def answer(self, gate: Gate, literal: Mapping[str, Json]) -> None:
        """Answer a gate."""
        await gates.answer(self._channel, gate, literal)

    async def waiting(self, place: Place) -> tuple[Gate, ...]:
        """Read the open gates of a place."""
        return await gates.waiting(self._channel, place)

    async def _existing(self, run_id: RunId) -> execution_pb2.Execution:
        found = await start.get(self._channel, run_id)
        if found is None:
            raise missing(run_id)
        return found


def _walked(found: Iterable[Step]) -> Iterator[Step]:
    for step in found:
        yield step
        yield from _walked(step.inside)


def _only_report(run_id: RunId, found: Iterable[Step]) -> str:
    having = [step.id for step in _walked(found) if step.has_report]
    if len(having) == 1:
        return having[0]
    which = f"several steps have one; name one of {', '.join(having)}" if having else ""
    raise BackendError(f"run {run_id}: deck: {which or 'no step has one; enable decks in a task'}")
