"""A backfill that no document declares: passes over a declaration that this process remembers.

It is the declaration that a FlyteBackfill would be, and asks the same drive; nothing is kept on the
backend but the runs. Another process with the same window finds them by their names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.backends.port import Backend
from reconciler.errors import LimitError, ReconcilerError, UnavailableError
from reconciler.model.drive import Drive, Outside
from reconciler.model.ledger import Driven
from reconciler.model.live import Query, Runs, Unreadable
from reconciler.model.pursuit import Asking, Pursuit
from reconciler.model.resource import Resource
from reconciler.model.run import Launch, Started
from reconciler.plan.runs import driven

Told = Callable[[Drive], None]
"""Hears what each pass found."""


@dataclass(slots=True)
class Filling:
    """One backfill over an open backend; `held` is what was decided at first sight."""

    backend: Backend
    resource: Resource
    held: Driven = field(default_factory=Driven)

    async def look(self, now: datetime) -> Drive:
        """Read what there is, and say what is due; raises UnavailableError without an answer."""
        key = self.resource.key
        asking = Asking(
            resource=self.resource, held=self.held, content=self.resource.digest, now=now
        )
        observed = (await self.backend.observe(Query(runs={key: asking}))).get(key)
        if isinstance(observed, Unreadable):
            raise UnavailableError(f"{key}: {observed.cause}")
        traits = self.backend.traits[key.kind]
        pursuit = Pursuit(
            resource=self.resource,
            content=self.resource.digest,
            runs=observed if isinstance(observed, Runs) else Runs(),
            held=self.held,
            now=now,
        )
        (drive,) = traits.share([(self.resource, driven(traits, pursuit))], Outside())
        self.held = replace(self.held, frozen=drive.frozen or self.held.frozen)
        return drive

    async def start(self, drive: Drive) -> int:
        """Start what is due, and count what was; what a limit refuses is due again later.

        Raises the first other error, once all were tried.
        """
        running = self.backend.running

        async def one(launch: Launch) -> Started | ReconcilerError:
            try:
                return await running.start(launch)
            except ReconcilerError as error:
                return error

        answers = await asyncio.gather(*(one(launch) for launch in drive.launches))
        for answer in answers:
            if isinstance(answer, ReconcilerError) and not isinstance(answer, LimitError):
                raise answer
        begun = [item for item in answers if isinstance(item, Started) and not item.was_there]
        started = self.held.started | {item.run.id.name for item in begun}
        self.held = replace(self.held, started=started)
        return len(begun)


async def fill(
    filling: Filling,
    *,
    clock: Callable[[], datetime],
    interval: timedelta,
    told: Told,
    wait: Callable[[timedelta], Awaitable[None]] | None = None,
) -> Drive:
    """Go on until nothing follows, and return what the last look found."""
    while True:
        drive = await filling.look(clock())
        told(drive)
        if is_over(drive):
            return drive
        await filling.start(drive)
        await (wait or pause)(interval)


async def pause(interval: timedelta) -> None:
    """Let runs go on before they are looked at again."""
    await asyncio.sleep(interval.total_seconds())


def is_over(drive: Drive) -> bool:
    """Say whether nothing is due and nothing that was started goes on."""
    if drive.launches or drive.stops:
        return False
    if not drive.rows:  # what it runs is not there, or has no ticks
        return True
    is_alive = any(row.phase is not None and not row.phase.is_terminal for row in drive.rows)
    return drive.is_done or (bool(drive.failure) and not is_alive) or not drive.waits
