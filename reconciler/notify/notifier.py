"""Says things once, in the background: nobody waits for a chat that does not answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import ReconcilerError, UnavailableError
from reconciler.notify import channels, occasions
from reconciler.notify.channels import Permit, Values, anywhere
from reconciler.notify.occasions import Message, Seen, Told
from reconciler.specs.notify import NotifySpec

log = logging.getLogger(__name__)

PAUSES = (5.0, 30.0, 120.0)
"""Seconds before another try; after the last one a message is given up, and the log says so."""

_MOST_WAITING = 1000
_AT_ONCE = 16

Sent = Callable[[str, str], None]
"""Told of each delivery: the way, and how it ended (`sent`, `failed` or `dropped`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Somebody to tell: how, and what gives the secrets of that when they are needed."""

    spec: NotifySpec
    values: Callable[[], Awaitable[Values]]
    permit: Permit = anywhere

    @property
    def way(self) -> str:
        """Name the way."""
        return self.spec.way


class Notifier:
    """Hears how sets are, and tells who wants to know; `folder` remembers what was told."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        sent: Sent = lambda _way, _how: None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._folder = folder
        self._sent = sent
        self._pauses = pauses
        self._told: dict[str, Told] = {}
        self._waiting: asyncio.Queue[tuple[Target, Message]] = asyncio.Queue()
        self._under_way: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def hear(self, seen: Seen, targets: Sequence[Target], *, known: Told | None = None) -> None:
        """Take in how a set is, and queue what is new of it for those who want to know.

        `known` is what was told before this process, where it remembers nothing itself.
        """
        before = self._told.get(seen.name) or known or self._remembered(seen.name)
        found, told = occasions.messages(seen, before)
        self._told[seen.name] = told
        if told != before:
            self._remember(seen.name, told)
        for message in found:
            for target in targets:
                if message.occasion in target.spec.occasions:
                    self._queue(target, message)

    def forget(self, name: str) -> None:
        """Forget a set that is no longer there."""
        self._told.pop(name, None)
        path = self._path(name)
        try:
            if path is not None:
                path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: what was told is not forgotten: %s", path, error.strerror)

    async def run(self) -> None:
        """Deliver for ever; one that has to be tried again holds up no other."""
        while True:
            target, message = await self._waiting.get()
            task = asyncio.create_task(self._deliver(target, message))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    async def close(self, seconds: float = 5.0) -> None:
        """Deliver what is left, as long as that takes no time worth speaking of."""
        while not self._waiting.empty():
            target, message = self._waiting.get_nowait()
            self._under_way.add(asyncio.create_task(self._deliver(target, message)))
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)
        for task in self._under_way:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error(
                "a message was lost by a fault of the service itself", exc_info=task.exception()
            )

    def _queue(self, target: Target, message: Message) -> None:
        if self._waiting.qsize() + len(self._under_way) < _MOST_WAITING:
            self._waiting.put_nowait((target, message))
        else:
            log.warning("%s: too many messages wait; %s is dropped", message.set_name, target.way)
            self._sent(target.way, "dropped")

    async def _deliver(self, target: Target, message: Message) -> None:
        for pause in (*self._pauses, None):
            try:
                async with self._at_once:
                    values = await target.values()
                    await channels.send(target.spec, message, values, permit=target.permit)
            except UnavailableError as error:
                if pause is not None:
                    await asyncio.sleep(pause)
                    continue
                self._lost(target, message, error)
            except ReconcilerError as error:
                self._lost(target, message, error)
            else:
                self._sent(target.way, "sent")
            return

    def _lost(self, target: Target, message: Message, error: ReconcilerError) -> None:
        log.warning("%s: %s was not told: %s", message.set_name, message.occasion, error)
        self._sent(target.way, "failed")

    def _path(self, name: str) -> Path | None:
        safe = name.replace("/", "__")
        return self._folder / f"{safe}.json" if self._folder is not None else None

    def _remembered(self, name: str) -> Told:
        path = self._path(name)
        try:
            return Told() if path is None else occasions.decode(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return Told()

    def _remember(self, name: str, told: Told) -> None:
        path = self._path(name)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = path.with_suffix(".new")
            made.write_text(json.dumps(occasions.encode(told)), encoding="utf-8")
            made.replace(path)
        except OSError as error:
            log.warning("%s: what was told is not kept: %s", path, error.strerror)
