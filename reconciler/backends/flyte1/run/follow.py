"""Following an execution: flyteadmin has no stream of changes, so that it is asked again and again.

The pauses grow while nothing changes and start anew when something did. A server that does not
answer is asked on for a while, since whoever waits for hours must outlive its restart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from reconciler.backends.running import missing
from reconciler.backends.wire.faults import passes
from reconciler.errors import BackendError
from reconciler.model.run import Run, RunId

Read = Callable[[RunId], Awaitable[Run | None]]
Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to ask, in seconds, and for how many seconds on end a server may not answer."""

    first: float = 1.0
    longest: float = 30.0
    factor: float = 1.5
    patience: float = 900.0


async def follow(read: Read, run_id: RunId, sleep: Sleep, pace: Pace) -> AsyncIterator[Run]:
    """Yield the run at once and whenever it changed, until it has ended."""
    shown: Run | None = None
    pause, silent = pace.first, 0.0
    while True:
        try:
            run = await read(run_id)
        except BackendError as error:
            if shown is None or not passes(error) or silent >= pace.patience:
                raise
            silent += pause
        else:
            silent = 0.0
            if run is None:
                raise missing(run_id)
            if run != shown:
                shown, pause = run, pace.first
                yield run
            if run.phase.is_terminal:
                return
        await sleep(pause)
        pause = min(pause * pace.factor, pace.longest)
