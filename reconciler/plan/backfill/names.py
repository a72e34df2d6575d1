"""What the runs of ticks are called, so that nobody runs one tick twice.

The first attempt at a tick takes the name that Flyte's own scheduler gives to it, so that the
scheduler's catch-up and a backfill exclude each other. Later attempts, other inputs and second
helpings (`coverage: All`) have names of their own, made of everything that the run is.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.digest import canonical
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.model.run import Launch, RunId
from reconciler.schedule.window import show

_LENGTH = 24
"""Characters after the first: 120 bits. Flyte 2 allows 30 in all, Flyte 1 63."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How one backfill names the runs of its ticks, in the place where they run.

    `body` is what starting the run of a tick says. `scheduler` is the scheduler's name for a tick,
    None where its names are not to be taken. `salt` sets apart what is run although it ran before.
    """

    place: Place
    body: Callable[[datetime], dict[str, Json]]
    scheduler: Callable[[datetime], str] | None = None
    salt: str = ""

    def name(self, tick: datetime, attempt: int) -> str:
        """Name one attempt at a tick; they count from 1."""
        if attempt == 1 and self.scheduler is not None:
            return self.scheduler(tick)
        made_of: dict[str, Json] = {
            "project": self.place.project,
            "domain": self.place.domain,
            "body": self.body(tick),
            "tick": show(tick),
            "attempt": attempt,
            "salt": self.salt,
        }
        hashed = hashlib.sha256(canonical(made_of)).digest()
        return "b" + base64.b32encode(hashed).decode("ascii").lower()[:_LENGTH]

    def launch(self, tick: datetime, attempt: int) -> Launch:
        """Say how one attempt at a tick is started."""
        return Launch(
            id=RunId(self.place, self.name(tick, attempt)),
            body=self.body(tick),
            scheduled_at=tick,
            attempt=attempt,
        )
