"""The embedded Flyte's schedulers with a clock that tests move: what fires when, and by what name.

Time stands still but in `until`, which goes from one thing that is due to the next.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from reconciler.server import clock
from reconciler.server.caller import CALLER, Caller
from reconciler.server.dispatch import Dispatch
from reconciler.server.schedules import ScheduleSettings, schedulers
from reconciler.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.message import Message

    from reconciler.server.schedules import Scheduler

SECOND = 1_000_000
MINUTE = 60 * SECOND
_MOST_WAKES = 200_000


def micros(text: str) -> int:
    """A moment in RFC 3339, as the store keeps it."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return round(moment.replace(microsecond=0).timestamp()) * SECOND + moment.microsecond


@dataclass(slots=True)
class Firing:
    """One store and its time; `told` are the sentences of its schedulers."""

    store: Store
    now: int
    told: list[str] = field(default_factory=list)
    running: list[Scheduler] = field(default_factory=list)

    def call(self, method: str, request: Message | dict[str, Any]) -> Any:
        """One call, at this moment; the first service that knows the method's name answers."""
        known = Dispatch(self.store, None).methods.values()
        found = next(one for one in known if one.name == method and one.handler is not None)
        if isinstance(request, dict):
            request = json_format.ParseDict(request, found.request_type())
        assert found.handler is not None
        CALLER.set(Caller("", ()))
        return found.handler(self.store, request)

    def start(self, *, catch_up: bool = True) -> None:
        """Start both schedulers, anew."""
        settings = ScheduleSettings(catch_up=catch_up, tell=self.told.append)
        self.running = schedulers(self.store, settings)
        for one in self.running:
            one.start()
        self.until(self.now)

    def stop(self) -> None:
        """End both, as a kill would."""
        self.running = []

    def until(self, moment: int) -> None:
        """Let time pass, and schedules fire."""
        for _ in range(_MOST_WAKES):
            due = [(at, one) for one in self.running if (at := one.wake_at()) is not None]
            at, first = min(due, key=lambda pair: pair[0], default=(moment + 1, None))
            if first is None or at > moment:
                self.now = max(self.now, moment)
                return
            self.now = max(self.now, at)
            first.wake()
        raise AssertionError("the schedulers never rest")

    def passes(self, micros: int) -> None:
        """Let so much time pass."""
        self.until(self.now + micros)


@contextmanager
def opened(folder: Path, begin: int) -> Iterator[Firing]:
    """A new store in `folder`, whose time is `begin`."""
    told = [begin]
    with clock.replaced(lambda: told[0]), closing(Store(folder / "flyte.db")) as store:
        firing = Firing(store, begin)
        with clock.replaced(lambda: firing.now):
            yield firing
