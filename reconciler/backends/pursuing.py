"""Declarations of runs on either Flyte: what is read for them, and what is done for them.

A kind gives one function that reads, over the port to runs that both Flytes have.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from reconciler.backends.running import Running
from reconciler.errors import BackendError
from reconciler.model.key import Key, Place
from reconciler.model.live import Live, Query, Runs
from reconciler.model.pursuit import Asking
from reconciler.model.run import Run, RunId
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action
from reconciler.plan.runs import answer_of, launch_of

Read = Callable[[Running, Key, Asking], Awaitable[Runs]]
"""Reads what the drive of one declaration needs to know."""


async def observe(
    running: Callable[[], Running], readers: Mapping[str, Read], query: Query
) -> Live:
    """Read the runs that a query asks for; what fails is unreadable for its kind in its place."""
    asked: dict[tuple[str, Place], list[Key]] = defaultdict(list)
    for key in query.runs:
        asked[key.kind, key.place].append(key)
    found: dict[Key, Runs] = {}
    unreadable: dict[tuple[str, Place], str] = {}

    async def read(what: tuple[str, Place], keys: list[Key]) -> None:
        try:
            port = running()
            answers = await asyncio.gather(
                *(_read(port, readers[what[0]], key, query.runs[key]) for key in keys)
            )
        except BackendError as error:
            unreadable[what] = str(error)
        else:
            found.update(zip(keys, answers, strict=True))

    await asyncio.gather(*(read(what, keys) for what, keys in asked.items()))
    return Live({**found}, unreadable)


async def _read(running: Running, reader: Read, key: Key, asking: Asking) -> Runs:
    if asking.resource is not None:
        found = await reader(running, key, asking)
        bad = [run.id for run in found.found if run.phase.is_terminal and not run.phase.is_success]
        return replace(found, urls={one: url for one in bad if (url := running.url(one))})
    names = asking.held.started if asking.held is not None else ()
    return Runs(found=await named(running, key.place, names))


async def named(running: Running, place: Place, names: Iterable[str]) -> tuple[Run, ...]:
    """Read the runs of these names; those that there are not are left out."""
    runs = await asyncio.gather(*(running.run(RunId(place, name)) for name in sorted(names)))
    return tuple(run for run in runs if run is not None)


async def perform(running: Running, action: Action) -> str:
    """Carry out one action on a run; the answer names a run that was started by it."""
    match action.verb:
        case Verb.START:
            started = await running.start(launch_of(action))
            return "" if started.was_there else started.run.id.name
        case Verb.TERMINATE:
            cause = str((action.body or {}).get("cause", ""))
            await running.terminate(RunId(action.key.place, action.field), cause)
        case _:
            gate, literal = answer_of(action)
            await running.answer(gate, literal)
    return ""
