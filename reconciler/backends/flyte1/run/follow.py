"""Following an execution: flyteadmin has no stream of changes, so that it is asked again and again.

The pauses grow while nothing changes and start anew when something did. A server that does not
answer is asked on for a while, since whoever waits for hours must outlive its restart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from reconciler.errors import BackendError, UnavailableError
from reconciler.model.run import Run, RunId

Read = Callable[[RunId], Awaitable[Run | None]]
Sleep = Callable[[float], Awaitable[object]]


_PASSING = frozenset({"INTERNAL", "RESOURCE_EXHAUSTED", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to ask, in seconds, and for how many seconds on end a server may not answer."""

    first: float = 1.0
    longest: float = 30.0
    factor: float = 1.5
    patience: float = 900.0


def missing(run_id: RunId) -> BackendError:
    """Say that there is no such run."""
    return BackendError(f"run {run_id}: is not there; list those that are", code="NOT_FOUND")


def _passes(error: BackendError) -> bool:
    """Say whether asking again may help: nothing answered, or its database or a proxy failed."""
    return isinstance(error, UnavailableError) or error.code in _PASSING


async def follow(read: Read, run_id: RunId, sleep: Sleep, pace: Pace) -> AsyncIterator[Run]:
    """Yield the run at once and whenever it changed, until it has ended."""
    shown: Run | None = None
    pause, silent = pace.first, 0.0
    while True:
        try:
            run = await read(run_id)
        except BackendError as error:
            if shown is None or not _passes(error) or silent >= pace.patience:
                raise
            silent += pause
        else:
            silent = 0.0
            if run is None:
                raise BackendError(
                    f"run {run_id}: is not there; list those that are", code="NOT_FOUND"
                )
            if run != shown:
                shown, pause = run, pace.first
                yield run
            if run.phase.is_terminal:
                return
        await sleep(pause)
        pause = min(pause * pace.factor, pace.longest)
