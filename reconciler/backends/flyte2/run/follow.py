"""Following a run by the stream of its root action, which is opened again when it breaks.

Facts from the open-source manager 2.0.43: the stream tells the state at once, then each change,
without the run's settings; it ends when the last attempt has, so that one of a run that was aborted
before it ran never does. What phase a run is in and why it failed come by two ways, and a failure
may be told before its cause.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta

from flyteidl2.common import phase_pb2
from flyteidl2.workflow import run_definition_pb2 as wire
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2.run import details, methods, rows
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.faults import passes
from reconciler.errors import BackendError
from reconciler.model.run import Run, RunId

_FAILED = phase_pb2.ACTION_PHASE_FAILED

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How to go on after a break, in seconds.

    `first` is the pause before a stream is opened again, which grows to `longest` while nothing
    comes, for at most `patience` on end. `life` is how long one stream is trusted. `grace` is how
    long the cause of a failure is waited for.
    """

    first: float = 0.5
    longest: float = 30.0
    factor: float = 2.0
    patience: float = 900.0
    life: timedelta = timedelta(minutes=15)
    grace: float = 5.0


async def follow(channel: Channel, run_id: RunId, sleep: Sleep, pace: Pace) -> AsyncIterator[Run]:
    """Yield the run at once and whenever it changed, until it has ended."""
    shown: Run | None = None
    pause, silent = pace.first, 0.0
    while True:
        try:
            settings = (await details.existing(channel, run_id)).run_spec
            async with aclosing(_watched(channel, run_id, pace)) as watched:
                async for found in watched:
                    run = rows.detailed(found, settings)
                    silent = 0.0
                    if run != shown:
                        shown, pause = run, pace.first
                        yield run
                    if run.phase.is_terminal:
                        return
        except BackendError as error:
            if shown is None or not passes(error) or silent >= pace.patience:
                raise
        silent += pause
        await sleep(pause)
        pause = min(pause * pace.factor, pace.longest)


async def _watched(
    channel: Channel, run_id: RunId, pace: Pace
) -> AsyncGenerator[wire.ActionDetails]:
    """Yield what one stream tells; a failure once its cause is there, or was waited for."""
    request = run_service_pb2.WatchActionDetailsRequest(action_id=rows.action(run_id))
    opened = channel.stream(
        methods.WATCH_ACTION_DETAILS, request, answers_at_once=True, life=pace.life
    )
    async with aclosing(opened) as stream:
        async for answer in stream:
            found = answer.details
            if found.status.phase == _FAILED and not rows.cause(found):
                yield await _with_cause(stream, found, pace.grace)
                return
            yield found


async def _with_cause(
    stream: AsyncIterator[run_service_pb2.WatchActionDetailsResponse],
    found: wire.ActionDetails,
    grace: float,
) -> wire.ActionDetails:
    """Wait for a failure to be told with its cause, a while."""
    with suppress(TimeoutError, BackendError):
        async with asyncio.timeout(grace):
            async for answer in stream:
                found = answer.details
                if rows.cause(found):
                    break
    return found
