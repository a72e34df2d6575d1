"""The port for executions, on flyteadmin; see `backends.running` for the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NoReturn
from urllib.parse import quote

from flyteidl.admin import execution_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.run import follow, lists, rows, steps
from reconciler.backends.wire import console
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, UnsupportedError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.model.run import Data, Gate, Launch, Line, Run, RunId, Span, Started, Step

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
        found = await self._get(run_id)
        return None if found is None else rows.run(found)

    async def steps(self, run_id: RunId) -> tuple[Step, ...]:
        """Read the node executions as a tree; raises BackendError when there is no such run."""
        found = await self._existing(run_id)
        return await steps.steps(self._channel, run_id, found.closure.workflow_id)

    def follow(self, run_id: RunId) -> AsyncIterator[Run]:
        """Yield the execution whenever it changed; it is asked for at growing intervals."""
        return follow.follow(self.run, run_id, self._sleep, self._pace)

    async def terminate(self, run_id: RunId, cause: str, step: str = "") -> bool:
        """Stop an execution: it is aborting until its engine has stopped it."""
        if step:
            raise UnsupportedError(
                f"run {run_id}: step {step}: Flyte 1 stops whole runs only; leave the step out"
            )
        request = execution_pb2.ExecutionTerminateRequest(id=rows.identifier(run_id), cause=cause)
        try:
            await self._channel.call(methods.TERMINATE_EXECUTION, request)
        except BackendError as error:
            if faults.has_ended(error):
                return False
            raise
        return True

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
        """Read inputs and outputs."""
        self._not_yet(run_id, step)

    def logs(self, run_id: RunId, step: str = "", attempt: int = 0) -> AsyncIterator[Line]:
        """Refuse: Flyte 1 has links only."""
        self._not_yet(run_id, step, attempt)

    async def report(self, run_id: RunId, step: str = "") -> bytes:
        """Fetch a deck."""
        self._not_yet(run_id, step)

    async def spans(self, run_id: RunId) -> Span:
        """Read where the time went."""
        self._not_yet(run_id)

    async def start(self, launch: Launch) -> Started:
        """Start an execution once."""
        self._not_yet(launch)

    async def recover(self, run_id: RunId, name: str = "") -> Run:
        """Run again what did not succeed."""
        self._not_yet(run_id, name)

    async def relaunch(
        self, run_id: RunId, name: str = "", inputs: Mapping[str, Json] | None = None
    ) -> Run:
        """Start the same once more."""
        self._not_yet(run_id, name, inputs)

    async def gates(self, run_id: RunId) -> tuple[Gate, ...]:
        """Read the gates."""
        self._not_yet(run_id)

    async def answer(self, gate: Gate, literal: Mapping[str, Json]) -> None:
        """Answer a gate."""
        self._not_yet(gate, literal)

    async def waiting(self, place: Place) -> tuple[Gate, ...]:
        """Read the open gates of a place."""
        self._not_yet(place)

    def _not_yet(self, *_: object) -> NoReturn:
        raise UnsupportedError("runs of Flyte 1: this is not served yet")

    async def _get(self, run_id: RunId) -> execution_pb2.Execution | None:
        request = execution_pb2.WorkflowExecutionGetRequest(id=rows.identifier(run_id))
        try:
            return await self._channel.call(methods.GET_EXECUTION, request)
        except BackendError as error:
            if faults.is_not_found(error):
                return None
            raise

    async def _existing(self, run_id: RunId) -> execution_pb2.Execution:
        found = await self._get(run_id)
        if found is None:
            raise follow.missing(run_id)
        return found
