"""One run in the hands of a program: its state, its steps, its data, and what is done to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from reconciler.api import given
from reconciler.api.literals import Literals
from reconciler.api.stored import Store
from reconciler.engine import answering, waiting
from reconciler.engine.waiting import ABSENT, Goal
from reconciler.errors import BackendError, UsageError
from reconciler.model.near import hint
from reconciler.model.run import Data, Phase, Run, RunId, Step, Stopping, Values

if TYPE_CHECKING:
    from reconciler.api.runs import Runs
    from reconciler.model.document import Json
    from reconciler.model.run import Gate, Line, Span

NO_CAUSE = "terminated by reconcile"
"""Why a run was ended where nobody said it."""


@dataclass(slots=True)
class RunHandle:
    """One run; `state` is what was read last, and `refresh`, `wait` and `watch` read it anew."""

    flyte: Runs
    state: Run
    _kept: Data | None = None

    @property
    def id(self) -> RunId:
        """Which run it is."""
        return self.state.id

    @property
    def name(self) -> str:
        """Its name."""
        return self.state.id.name

    @property
    def phase(self) -> Phase:
        """Its phase when it was read last."""
        return self.state.phase

    @property
    def is_done(self) -> bool:
        """Whether nothing follows."""
        return self.phase.is_terminal

    @property
    def url(self) -> str:
        """Its page in the console; empty where none is known."""
        return self.flyte.running.url(self.id)

    async def refresh(self) -> Run:
        """Read it again."""
        self.state = await waiting.read(self.flyte.running, self.id)
        return self.state

    async def wait(
        self,
        until: Goal | str = Goal.ENDED,
        *,
        timeout: timedelta | float | None = None,  # noqa: ASYNC109 - a last look follows it
        interval: timedelta | float | None = None,
    ) -> Run:
        """Wait until it has `ended`, or `started`; plain numbers are seconds.

        Raises TimeoutError when time is up; one that reached it at the last moment has.
        """
        waited = await waiting.wait(
            self.flyte.running,
            self.id,
            Goal(until),
            timeout=_span(timeout),
            interval=_span(interval),
        )
        self.state = waited.run
        if not waited.is_reached:
            raise TimeoutError(f"run {self.id}: is still {self.phase}; wait longer")
        return self.state

    async def watch(self, *, keep_data: bool = False) -> AsyncIterator[Run]:
        """Yield it at once and then whenever it changed, until it has ended.

        With `keep_data` its inputs and outputs are read at the end, and not again after it.
        """
        async for state in self.flyte.running.follow(self.id):
            self.state = state
            if keep_data and state.phase.is_terminal:
                self._kept = await self.data()
            yield state

    async def steps(self) -> tuple[Step, ...]:
        """Read what runs inside, as a tree."""
        return await self.flyte.running.steps(self.id)

    async def step(self, name: str) -> Step:
        """Read one step by its id, or by its name where only one has it."""
        return find_step(await self.steps(), name, self.id)

    async def data(self, step: str = "") -> Data:
        """Read inputs and outputs as they came."""
        if self._kept is not None and not step:
            return self._kept
        return await self.flyte.running.data(self.id, step)

    async def inputs(self, step: str = "", **how: Any) -> Literals:
        """Read its inputs, or those of a step; `how` is what `Literals` takes besides."""
        found = (await self.data(step)).inputs
        return Literals(found or Values(), store=Store(self.flyte.running), **how)

    async def outputs(self, step: str = "", **how: Any) -> Literals:
        """Read its outputs, or those of a step.

        Raises UsageError before the end, and with the cause where it did not succeed.
        """
        phase, cause = self.phase, self.state.cause
        if step:
            found_step = await self.step(step)
            step, phase, cause = found_step.id, found_step.phase, found_step.cause
        elif not self.is_done:
            await self.refresh()
            phase, cause = self.phase, self.state.cause
        require_outputs(f"{self.id}/{step}" if step else str(self.id), phase, cause)
        found = (await self.data(step)).outputs
        return Literals(found or Values(), store=Store(self.flyte.running), **how)

    async def terminate(self, cause: str = "", step: str = "") -> bool:
        """End it, or one action of it; False when it had ended, or was being ended, before.

        The cause that was given first stays.
        """
        came_to = await self.flyte.running.terminate(self.id, cause or NO_CAUSE, step)
        return came_to is Stopping.ASKED

    async def recover(self, name: str = "") -> RunHandle:
        """Run again what did not succeed, under another name; only Flyte 1 does."""
        return RunHandle(self.flyte, await self.flyte.running.recover(self.id, name))

    async def relaunch(self, name: str = "", inputs: Mapping[str, Json] | None = None) -> RunHandle:
        """Start the same once more, under another name; `inputs` replace those of it.

        They are values by name, typed as its own inputs are. Raises SpecError for what does not
        fit.
        """
        chosen: Mapping[str, Json] | None = None
        if inputs:
            own = (await self.data()).inputs or Values()
            chosen = {**own.literals, **given.bound(inputs, given.variables(own))}
        found = await self.flyte.running.relaunch(self.id, name, chosen)
        return RunHandle(self.flyte, found)

    async def gates(self) -> tuple[Gate, ...]:
        """Read the points at which it waits, or waited, for an answer."""
        return await self.flyte.running.gates(self.id)

    async def gate(self, signal: str = "") -> Gate:
        """Read one of them; without a name the only one that is open."""
        return answering.choose(await self.gates(), signal, self.id)

    async def approve(self, signal: str = "") -> bool:
        """Let it go on; False where somebody did so before."""
        return await answering.decide(self.flyte.running, await self.gate(signal), is_yes=True)

    async def reject(self, signal: str = "") -> bool:
        """Let it fail at the gate; False where somebody did so before."""
        return await answering.decide(self.flyte.running, await self.gate(signal), is_yes=False)

    async def answer(self, signal: str, value: Json) -> bool:
        """Set the value that a gate waits for, typed by the gate."""
        return await answering.answer(self.flyte.running, await self.gate(signal), value)

    def logs(self, step: str = "", attempt: int = 0) -> AsyncIterator[Line]:
        """Yield the lines of a step's log; raises UnsupportedError where there are only links."""
        return self.flyte.running.logs(self.id, step, attempt)

    async def report(self, step: str = "") -> bytes:
        """Fetch the deck, or report, of a step as HTML."""
        return await self.flyte.running.report(self.id, step)

    async def spans(self) -> Span:
        """Read where its time went."""
        return await self.flyte.running.spans(self.id)


def require_outputs(shown: str, phase: Phase, cause: str) -> None:
    """Raise UsageError where there can be no outputs, with why."""
    if not phase.is_terminal:
        raise UsageError(f"{shown}: has no outputs yet: it is {phase}; wait for its end")
    if not phase.is_success:
        why = f": {cause}" if cause else ""
        raise UsageError(f"{shown}: has no outputs: it {ended(phase)}{why}; look at its inputs")


def ended(phase: Phase) -> str:
    """Say how something ended in a sentence."""
    match phase:
        case Phase.ABORTED:
            return "was aborted"
        case Phase.TIMED_OUT:
            return "timed out"
        case Phase.SKIPPED | Phase.RECOVERED:
            return f"was {phase}"
        case _:
            return str(phase)


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield steps and all that is inside of them, in the order of the tree."""
    for step in steps:
        yield step
        yield from walk(step.inside)


def find_step(steps: tuple[Step, ...], name: str, run_id: RunId) -> Step:
    """Find a step by its id, or by its name where only one has it."""
    found = {step.id: step for step in walk(steps)}
    if name in found:
        return found[name]
    called = [step for step in found.values() if step.name == name]
    if len(called) == 1:
        return called[0]
    if called:
        ids = ", ".join(step.id for step in called)
        raise UsageError(f"step {name}: of {run_id}: {len(called)} have that name; name one: {ids}")
    known = [*found, *(step.name for step in found.values())]
    fix = hint(name, known, f"see `reconcile get nodes {run_id}`")
    raise BackendError(f"step {name}: is not in run {run_id}; {fix}", code=ABSENT)


def _span(given: timedelta | float | None) -> timedelta | None:
    if given is None or isinstance(given, timedelta):
        return given
    return timedelta(seconds=given)
