"""Which pull requests are planned, and when: at a push, and when what they go into has moved.

Known are those that a webhook told of and those that the forge lists, once a set was looked at and
now and then, so that a restart, or a webhook that got lost, leaves none without its plan.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from reconciler.errors import ReconcilerError
from reconciler.forges.open_pulls import Pull
from reconciler.operator.queue import Queue

log = logging.getLogger(__name__)

MOST = 50
"""Pull requests of one set that are kept planned; beyond them, those that changed last are."""

_WORKERS = 2
_TRIES = 5
_LIST_SECONDS = 3600.0
_LIST = 0

U = TypeVar("U", bound=Hashable)
U_contra = TypeVar("U_contra", bound=Hashable, contravariant=True)
"""What a set is called by whoever looks at it."""


class Planner(Protocol[U_contra]):
    """Speaks to the forge; None means that pull requests of the set are not planned, any more."""

    async def listed(self, name: U_contra) -> tuple[Pull, ...] | None:
        """List those that are open and go into what the set follows."""

    async def told(self, name: U_contra, pull: Pull) -> Planned | None:
        """Plan one, and keep its comment and status so."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What was planned last of a pull request: its commit, and the folder that it goes into."""

    commit: str
    tree: str
    said: str = ""


@dataclass(slots=True)
class _Known:
    pull: Pull
    planned: Planned | None = None
    is_new: bool = False
    tries: int = 0

    def is_due(self, tree: str) -> bool:
        """Say whether it was pushed to, or what it goes into moved, since it was planned."""
        done = self.planned
        return done is None or done.commit != self.pull.commit or bool(tree and done.tree != tree)


class Pulls(Generic[U]):
    """All that are known, by set; what goes wrong is tried again a few times."""

    def __init__(self, planner: Planner[U]) -> None:
        self._planner = planner
        self._queue = Queue[tuple[U, int]]()
        self._known: dict[U, dict[int, _Known]] = {}
        self._trees: dict[U, str] = {}

    def pushed(self, name: U, pull: Pull) -> None:
        """Take in what a webhook said."""
        known = self._known.setdefault(name, {})
        if pull.is_closed:
            known.pop(pull.number, None)
            return
        known.pop(pull.number, None)
        known[pull.number] = _Known(pull, is_new=True)
        while len(known) > MOST:
            del known[next(iter(known))]
        self._queue.mark((name, pull.number))

    def looked(self, name: U, tree: str) -> None:
        """Take in that the folder which they go into is this one; the first time, list them."""
        before = self._trees.get(name)
        self._trees[name] = tree
        if before is None:
            self._queue.mark((name, _LIST))
        elif before != tree:
            self._mark(name)

    def keep(self, names: Iterable[U]) -> None:
        """Forget the pull requests of all other sets."""
        for name in (self._trees.keys() | self._known.keys()) - set(names):
            self._forget(name)

    async def work(self) -> None:
        """Plan what is due, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            (name, number), _ = await self._queue.take()
            again: float | None = None
            is_failed = False
            try:
                if number == _LIST:
                    again = await self._list(name)
                else:
                    await self._plan(name, number)
            except ReconcilerError as error:
                is_failed = self._fails(name, number, error)
            except Exception:
                # One pull request that nobody foresaw must not stop the others.
                log.exception("%s: pull request %d: a fault of the service itself", name, number)
            self._queue.done((name, number), again_after=again, is_failed=is_failed)

    async def _list(self, name: U) -> float | None:
        if name not in self._trees:
            return None
        found = await self._planner.listed(name)
        if found is None:
            self._forget(name)
            return None
        known = self._known.get(name, {})
        fresh: dict[int, _Known] = {}
        for pull in reversed(found[:MOST]):
            one = known.get(pull.number)
            fresh[pull.number] = _Known(pull, one.planned if one is not None else None)
        for number, one in known.items():
            # What a webhook told of just now may not be in the list yet.
            if number not in fresh and one.is_new:
                fresh[number] = one
                one.is_new = False
        self._known[name] = fresh
        self._mark(name)
        return _LIST_SECONDS

    async def _plan(self, name: U, number: int) -> None:
        one = self._known.get(name, {}).get(number)
        if one is None or not one.is_due(self._trees.get(name, "")):
            return
        planned = await self._planner.told(name, one.pull)
        if planned is None:
            self._forget(name)
            return
        one.planned, one.tries = planned, 0
        log.info("%s: pull request %d: %s", name, number, planned.said)

    def _fails(self, name: U, number: int, error: ReconcilerError) -> bool:
        """Say what went wrong, and whether it is tried again before something changes."""
        if number == _LIST:
            log.warning("%s: open pull requests: %s", name, error)
            return True
        log.warning("%s: pull request %d: %s", name, number, error)
        one = self._known.get(name, {}).get(number)
        if one is None:
            return False
        one.tries += 1
        return one.tries < _TRIES

    def _mark(self, name: U) -> None:
        tree = self._trees.get(name, "")
        for number, one in self._known.get(name, {}).items():
            if one.is_due(tree):
                one.tries = 0
                self._queue.mark((name, number))

    def _forget(self, name: U) -> None:
        self._known.pop(name, None)
        self._trees.pop(name, None)
