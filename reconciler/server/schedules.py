"""The schedulers of both Flytes beside a server, while somebody wants schedules to fire."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciler.server.clock import now
from reconciler.server.flyte1 import scheduler as flyte1
from reconciler.server.flyte2 import scheduler as flyte2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from reconciler.server.store import Store

_LOG = logging.getLogger(__name__)
# A machine that slept, or a clock that was set, is noticed after as many seconds at the latest.
_MOST_SECONDS = 1.0


class Scheduler(Protocol):
    """What both have in common."""

    def start(self) -> None:
        """Begin, and replay what was missed."""

    def wake_at(self) -> int | None:
        """When there is something to do; None when never."""

    def wake(self) -> None:
        """Do a part of what is due."""


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """How schedules fire: `catch_up` replays at the start what was missed since the last one.

    `tell` gets a sentence about each schedule that does not run as one would think.
    """

    catch_up: bool = True
    tell: Callable[[str], None] = _LOG.warning


def schedulers(store: Store, settings: ScheduleSettings) -> list[Scheduler]:
    """Those of both Flytes, not yet started."""
    return [
        made(store, settings.tell, catch_up=settings.catch_up)
        for made in (flyte1.Scheduler, flyte2.Scheduler)
    ]


@asynccontextmanager
async def firing(store: Store, settings: ScheduleSettings | None) -> AsyncIterator[None]:
    """Fire schedules until the block ends; with None nothing fires."""
    if settings is None:
        yield
        return
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run(one)) for one in schedulers(store, settings)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _run(scheduler: Scheduler) -> None:
    try:
        await _keep_awake(scheduler)
    except Exception:  # noqa: BLE001  # calls are answered without it too
        _LOG.exception("a scheduler of the embedded Flyte broke; its schedules fire no more")


async def _keep_awake(scheduler: Scheduler) -> None:
    scheduler.start()
    while True:
        due = scheduler.wake_at()
        moment = now()
        if due is not None and due <= moment:
            scheduler.wake()
            await asyncio.sleep(0)
            continue
        wait = _MOST_SECONDS if due is None else (due - moment) / 1_000_000
        await asyncio.sleep(min(wait, _MOST_SECONDS))
