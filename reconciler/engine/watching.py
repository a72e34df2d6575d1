"""A run and its steps while it goes: a new state whenever either changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from reconciler.backends.running import Running
from reconciler.engine import waiting
from reconciler.errors import UnavailableError
from reconciler.model.run import Run, RunId, Step


@dataclass(frozen=True, slots=True)
class State:
    """A run and its steps as they were at one moment."""

    run: Run
    steps: tuple[Step, ...] = ()


async def watch(running: Running, run_id: RunId, interval: timedelta) -> AsyncIterator[State]:
    """Yield the state at once and then whenever it changed, until the run has ended.

    The run is followed as this Flyte can; its steps, which change without it, are read at the
    interval. Steps that cannot be read for a while stay as they were. Raises BackendError when
    there is no such run.
    """
    follower = _Follower(running, run_id)
    shown: State | None = None
    steps: tuple[Step, ...] = ()
    task = asyncio.create_task(follower.follow())
    try:
        while True:
            await follower.next(interval)
            if task.done():
                task.result()
            run = follower.run
            is_over = task.done() or (run is not None and run.phase.is_terminal)
            if run is not None:
                with suppress(UnavailableError):
                    steps = await running.steps(run_id)
                state = State(run, steps)
                if state != shown:
                    yield state
                    shown = state
            if is_over:
                return
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Follower:
    """Keeps the newest state of a run, and tells when there is one."""

    def __init__(self, running: Running, run_id: RunId) -> None:
        self._running = running
        self._id = run_id
        self._changed = asyncio.Event()
        self.run: Run | None = None

    async def follow(self) -> None:
        """Follow to the end."""
        try:
            async for state in self._running.follow(self._id):
                self.run = state
                self._changed.set()
            if self.run is None or not self.run.phase.is_terminal:
                self.run = await waiting.read(self._running, self._id)
        finally:
            self._changed.set()

    async def next(self, interval: timedelta) -> None:
        """Wait for a change, but no longer than the interval."""
        with suppress(TimeoutError):
            async with asyncio.timeout(interval.total_seconds()):
                await self._changed.wait()
        self._changed.clear()
        await asyncio.sleep(0)  # the follower that has set it may have come to its end by now
