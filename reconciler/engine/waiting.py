"""Waiting for runs: until each has started, or ended, or time is up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from reconciler.backends.running import Running
from reconciler.errors import BackendError, UnavailableError
from reconciler.model.run import Phase, Run, RunId

_NOT_STARTED = frozenset({Phase.UNDEFINED, Phase.QUEUED, Phase.WAITING, Phase.INITIALIZING})

ABSENT = "EntityNotExist"
"""The `code` of the error for a run that is not there."""

PATIENCE = timedelta(minutes=15)
"""How long on end a server may not answer before whoever waits gives up."""


class Goal(StrEnum):
    """What a run is waited for."""

    STARTED = "started"
    ENDED = "ended"

    def is_reached(self, phase: Phase) -> bool:
        """Say whether a run in this phase is waited for no more."""
        return phase.is_terminal or (self is Goal.STARTED and phase not in _NOT_STARTED)


@dataclass(frozen=True, slots=True)
class Waited:
    """A run after waiting; `is_reached` is False where time was up before."""

    run: Run
    is_reached: bool


async def wait(
    running: Running,
    run_id: RunId,
    goal: Goal = Goal.ENDED,
    *,
    timeout: timedelta | None = None,  # noqa: ASYNC109 - a last look follows it
    interval: timedelta | None = None,
    told: Callable[[Run], None] | None = None,
) -> Waited:
    """Wait for a run; each change of its phase is told.

    With an interval it is asked for that often, else followed as this Flyte can. When time is up it
    is read once more, so that one that ended on the last moment has ended. Raises BackendError when
    there is no such run, or the backend cannot be reached.
    """
    seconds = timeout.total_seconds() if timeout is not None else None
    try:
        async with asyncio.timeout(seconds):
            found = await _reached(running, run_id, goal, interval, told or _silent)
    except TimeoutError:
        found = await read(running, run_id)
    return Waited(found, goal.is_reached(found.phase))


async def read(running: Running, run_id: RunId) -> Run:
    """Read a run that must be there."""
    found = await running.run(run_id)
    if found is None:
        raise BackendError(f"run {run_id}: is not there; see `reconcile get runs`", code=ABSENT)
    return found


async def asked(running: Running, run_id: RunId, interval: timedelta) -> AsyncIterator[Run]:
    """Yield a run at equal intervals until it has ended.

    Once it was read, a server that does not answer is asked on for as long as `PATIENCE`.
    """
    heard: float | None = None
    while True:
        try:
            found = await read(running, run_id)
        except UnavailableError:
            if heard is None or time.monotonic() - heard >= PATIENCE.total_seconds():
                raise
        else:
            heard = time.monotonic()
            yield found
            if found.phase.is_terminal:
                return
        await asyncio.sleep(interval.total_seconds())


async def _reached(
    running: Running,
    run_id: RunId,
    goal: Goal,
    interval: timedelta | None,
    told: Callable[[Run], None],
) -> Run:
    seen: Phase | None = None
    states = asked(running, run_id, interval) if interval else running.follow(run_id)
    async with aclosing(states) as opened:  # type: ignore[type-var]  # they are generators
        async for found in opened:
            if found.phase is not seen:
                seen = found.phase
                told(found)
            if goal.is_reached(found.phase):
                return found
    # A stream that ended before the run did is for the port to open again; the last word counts.
    return await read(running, run_id)


def _silent(_run: Run) -> None:
    """Tell nobody."""
