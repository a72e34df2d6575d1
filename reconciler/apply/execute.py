"""Runs the actions of a plan: each as soon as what it waits for has succeeded.

An action that fails takes down only what waits for it. Barriers (see plan.order) count the actions
that open them, so that thousands of removals waiting for thousands of activations stay linear.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.apply.outcome import ABANDONED, INTERRUPTED, Outcome, Report, Status
from reconciler.errors import DefectError, LimitError, ReconcilerError
from reconciler.model.key import Key
from reconciler.model.traits import ON_RUNS, Verb
from reconciler.plan.plan import Action, Change

Perform = Callable[[Action], Awaitable[str]]
"""Carries out one action and returns the revision that a mutable object has by it, or the name of
the run that was started by it."""
Together = Callable[[Action], str]
"""Names what an action is written with at once; empty for what is written by itself."""
Progress = Callable[[Outcome, int], None]
"""Told each outcome and how many actions the run has in all."""


class _Graph:
    """Actions and barriers as nodes of one graph; a node is free when nothing it needs is left."""

    def __init__(self, actions: Sequence[Action], together: Together) -> None:
        self.actions = {action.id: action for action in actions}
        self._index = {action.id: index for index, action in enumerate(actions)}
        self._dependents: dict[str, list[str]] = defaultdict(list)
        self._missing: dict[str, int] = defaultdict(int)
        barriers = {name for action in actions for name in action.opens}
        for action in actions:
            for name in action.waits:
                if name in self.actions or name in barriers:
                    self._edge(name, action.id)
            for name in action.opens:
                self._edge(action.id, name)
        self._ready = [self._index[name] for name in self.actions if not self._missing[name]]
        heapq.heapify(self._ready)
        self._order = list(self.actions)
        self._started: set[str] = set()
        self._together: dict[str, list[Action]] = defaultdict(list)
        self._name_of = together
        for action in actions:
            if name := together(action):
                self._together[name].append(action)

    def _edge(self, source: str, target: str) -> None:
        self._dependents[source].append(target)
        self._missing[target] += 1

    @property
    def is_ready(self) -> bool:
        while self._ready and self._order[self._ready[0]] in self._started:
            heapq.heappop(self._ready)
        return bool(self._ready)

    def pop(self, known: Container[str]) -> list[Action]:
        """Take the next free action and those written with it, without what has an outcome."""
        action = self.actions[self._order[heapq.heappop(self._ready)]]
        others = self._together.get(self._name_of(action), ())
        free = [item for item in others if not self._missing[item.id] and item is not action]
        taken = [action, *(item for item in free if item.id not in self._started)]
        self._started.update(item.id for item in taken)
        return [item for item in taken if item.id not in known]

    def succeed(self, name: str) -> None:
        """Free what waited for a node; a barrier that becomes free succeeds at once."""
        for dependent in self._dependents[name]:
            self._missing[dependent] -= 1
            if self._missing[dependent]:
                continue
            if dependent in self.actions:
                heapq.heappush(self._ready, self._index[dependent])
            else:
                self.succeed(dependent)

    def fail(self, name: str) -> list[Action]:
        """Return everything that waits for a node, directly or not."""
        lost: dict[str, None] = {}
        stack = list(self._dependents[name])
        while stack:
            dependent = stack.pop()
            if dependent not in lost:
                lost[dependent] = None
                stack += self._dependents[dependent]
        return [self.actions[item] for item in lost if item in self.actions]


async def run(
    changes: Sequence[Change],
    perform: Perform,
    *,
    parallel: int = 8,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
    together: Together = lambda _: "",
) -> Report:
    """Perform the actions of the changes that are not blocked.

    `parallel` bounds the calls under way; what is written `together` starts at once. Once `stop` is
    set those under way finish, so that their outcomes are known, and no further call starts but the
    one that activates again what was replaced while inactive. Errors become outcomes. Any other
    exception is a fault of ours: it becomes the outcome of its action, and no further call starts
    at all. A further action on a mutable object is performed with the revision that the one before
    it made. A run that a limit of the backend's keeps from starting is left for the next pass.
    """
    actions = [item for change in changes if change.block is None for item in change.actions]
    graph = _Graph(actions, together)
    outcomes: dict[str, Outcome] = {}
    running: dict[asyncio.Task[Outcome], Action] = {}
    revisions: dict[Key, str] = {}
    is_broken = False

    def note(outcome: Outcome) -> None:
        if outcome.action.id not in outcomes:
            outcomes[outcome.action.id] = outcome
            if progress is not None:
                progress(outcome, len(actions))

    try:
        while graph.is_ready or running:
            while graph.is_ready and len(running) < parallel and not is_broken:
                for action in _starting(graph, outcomes, stop):
                    work = _perform(action, perform, revisions.get(action.key))
                    running[asyncio.create_task(work)] = action
            if not running:
                break
            finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                del running[task]
                outcome = task.result()
                note(outcome)
                is_broken = is_broken or isinstance(outcome.error, DefectError)
                if outcome.revision and outcome.action.verb not in ON_RUNS:
                    revisions[outcome.action.key] = outcome.revision
                if outcome.status is Status.DONE:
                    graph.succeed(outcome.action.id)
                    continue
                for lost in graph.fail(outcome.action.id):
                    note(Outcome(lost, Status.SKIPPED, f"waits for {outcome.action.id}"))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    for action in actions:
        note(Outcome(action, Status.SKIPPED, ABANDONED if is_broken else INTERRUPTED))
    return Report(tuple(outcomes.values()))


def _starting(graph: _Graph, known: Container[str], stop: asyncio.Event | None) -> Iterator[Action]:
    """Take what may start: after the stop, only what activates an object that the run replaced."""
    is_stopping = stop is not None and stop.is_set()
    for action in graph.pop(known):
        if not is_stopping or _starts_again(action, graph.actions):
            yield action


def _starts_again(action: Action, actions: Mapping[str, Action]) -> bool:
    return action.verb is Verb.ACTIVATE and any(
        before.verb is Verb.DEPLOY and before.key == action.key
        for name in action.waits
        if (before := actions.get(name)) is not None
    )


async def _perform(action: Action, perform: Perform, revision: str | None) -> Outcome:
    try:
        made = await perform(action if revision is None else replace(action, revision=revision))
    except LimitError as error:
        status = Status.DEFERRED if action.verb is Verb.START else Status.FAILED
        return Outcome(action, status, str(error), error)
    except ReconcilerError as error:
        return Outcome(action, Status.FAILED, str(error), error)
    except Exception as error:  # noqa: BLE001 - what was done must reach the ledger all the same
        defect = DefectError(error)
        return Outcome(action, Status.FAILED, str(defect), defect)
    return Outcome(action, Status.DONE, revision=made)
