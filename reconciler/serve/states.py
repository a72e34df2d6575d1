"""What is known of every set: how it is, what was applied, what happened before.

This is what a page shows and what notifications are made of; both need nothing else. A state is
replaced, never changed, and `States.watch` is called with the one before and the one after.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.git import history
from reconciler.git.history import Past
from reconciler.git.source import Found
from reconciler.model.document import Json
from reconciler.operator.words import WAITING, Reason
from reconciler.plan.plan import Plan

if TYPE_CHECKING:
    from reconciler.serve.showing import Shown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One set: its verdict, the revisions that were tried and applied, and its last syncs.

    `applied` is the commit that Flyte is like, as far as this process knows; `handled` the last one
    that was found to need nothing more, which may leave the folder as it was. `mark` tells which
    declaration that was done for. `plan` is the last plan, `missed` names ticks that nothing ran
    for, `fields` are those of a FlyteSync's status, `shown` is what the page shows besides, None
    where there is no page.
    """

    name: str
    repository: str = ""
    path: str = ""
    connection: str = ""
    reason: Reason = Reason.PROGRESSING
    message: str = "not looked at yet"
    is_suspended: bool = False
    attempted: str = ""
    applied: Found | None = None
    handled: str = ""
    mark: str = ""
    drift_due: float = 0.0
    looked: str = ""
    plan: Plan | None = field(default=None, repr=False)
    missed: frozenset[str] = frozenset()
    fields: Mapping[str, Json] = field(default_factory=dict, repr=False)
    shown: Shown | None = field(default=None, repr=False)
    history: tuple[Past, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Say whether Flyte is like the last commit."""
        return self.reason is Reason.SUCCEEDED

    @property
    def is_waiting(self) -> bool:
        """Say whether the service goes on by itself."""
        return self.reason in WAITING


Watch = Callable[[State | None, State | None], None]
"""Told of every change: the state before, None for a new set, and after, None for one that went."""


class States:
    """The states of all sets; in a folder, the history of those that ever were. `watch` hears."""

    def __init__(self, folder: Path | None = None, watch: Watch | None = None) -> None:
        self._states: dict[str, State] = {}
        self._folder = folder
        self._watch = watch

    def get(self, name: str) -> State:
        """Return what is known of a set."""
        known = self._states.get(name)
        return known if known is not None else State(name=name, history=self._remembered(name))

    def has(self, name: str) -> bool:
        """Say whether there is such a set."""
        return name in self._states

    def all(self) -> Iterator[State]:
        """Yield every state, by name."""
        for name in sorted(self._states):
            yield self._states[name]

    def put(self, state: State) -> None:
        """Replace the state of a set."""
        before = self._states.get(state.name)
        self._states[state.name] = state
        if before is None or before.history != state.history:
            self._remember(state)
        if self._watch is not None and before != state:
            self._watch(before, state)

    def drop(self, name: str) -> None:
        """Forget a set that is no longer declared; its history stays."""
        before = self._states.pop(name, None)
        if self._watch is not None and before is not None:
            self._watch(before, None)

    def _path(self, name: str) -> Path | None:
        # A file that has no sound set is known by its own path, which must lead nowhere from here.
        safe = name.replace("/", "__")
        return self._folder / f"{safe}.json" if self._folder is not None else None

    def _remembered(self, name: str) -> tuple[Past, ...]:
        path = self._path(name)
        try:
            return history.decode(json.loads(path.read_text("utf-8"))) if path is not None else ()
        except (OSError, ValueError):
            return ()

    def _remember(self, state: State) -> None:
        path = self._path(state.name)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = path.with_suffix(".new")
            made.write_text(json.dumps(history.encode(state.history)), encoding="utf-8")
            made.replace(path)
        except OSError as error:
            log.warning("%s: the history is not kept: %s", path, error.strerror)
