"""What a branch changes beside its base: two plans, the second on what the first would leave."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from laws_world import DECLARED, HISTORIES, LAW, SYNCS, Declared, Flyte, Step, Where, open_flyte
from laws_world2 import open_flyte2

from reconciler.engine import beside
from reconciler.engine.declaration import Declaration, declare
from reconciler.plan.plan import Change, Plan

OPENING = {"flyte1": open_flyte, "flyte2": open_flyte2}


def declaration(flyte: Flyte, declared: Declared, sync: str) -> Declaration:
    flyte.declare(declared, sync)
    return declare([str(flyte.world.root)], cwd=flyte.world.root)


def comparable(plan: Plan) -> list[Change]:
    """Changes without revisions, which only the backend gives, and without who wrote last."""
    return [
        replace(
            change,
            fingerprint="",
            block_detail=change.block_detail.partition("; approve with")[0],
            notes=tuple(note for note in change.notes if "last written by" not in note),
            actions=tuple(replace(action, revision="") for action in change.actions),
        )
        for change in plan.changes
    ]


@pytest.mark.parametrize("generation", OPENING)
@LAW
@given(HISTORIES, DECLARED, DECLARED, SYNCS)
def test_what_is_shown_is_the_second_plan_and_both_lead_where_the_branch_alone_does(
    generation: str, history: list[Step], base: Declared, branch: Declared, sync: str
) -> None:
    if generation == "flyte2":
        sync = sync.replace("Archive", "Delete")

    async def shown_and_real() -> None:
        async with OPENING[generation]() as flyte:
            await flyte.play(history, sync)
            first = declaration(flyte, base, sync)
            second = declaration(flyte, branch, sync)
            async with flyte.world.backend(read_only=True) as backend:
                shown = await beside.plan_beside(first, second, backend, now=flyte.world.now)
            flyte.declare(base, sync)
            approved = (await flyte.plan()).id
            assert approved == shown.base.plan.id
            await flyte.world.reconcile()
            flyte.world.now = shown.branch.context.now
            flyte.declare(branch, sync)
            real = await flyte.plan()

            assert comparable(shown.branch.plan) == comparable(real)
            assert shown.branch.plan.foreign == real.foreign

    asyncio.run(shown_and_real())


@pytest.mark.parametrize("generation", OPENING)
@LAW
@given(HISTORIES, DECLARED, DECLARED)
def test_applying_the_base_and_then_the_branch_equals_applying_the_branch(
    generation: str, history: list[Step], base: Declared, branch: Declared
) -> None:
    managed = {where for where, wanted in branch if wanted.state != "Unmanaged"}

    async def end(*declared: Declared) -> tuple[dict[tuple[str, str], set[bytes]], set[Where]]:
        async with OPENING[generation]() as flyte:
            await flyte.play(history)
            for one in declared:
                flyte.declare(one)
                await flyte.apply()
            active: dict[tuple[str, str], set[bytes]] = {where: set() for where in managed}
            for (domain, name, _), (state, content) in (await flyte.snapshot()).items():
                if state == "ACTIVE" and (domain, name) in managed:
                    active[domain, name].add(content)
            return active, {place(change) for change in (await flyte.plan()).blocked}

    stepwise, held = asyncio.run(end(base, branch))
    at_once, held_too = asyncio.run(end(branch))

    for where, contents in at_once.items():
        # What is held back, by a pause or since somebody else runs it, depends on the way.
        if where not in held | held_too:
            assert stepwise[where] == contents


def place(change: Change) -> Where:
    """Domain and name, without the task that a trigger belongs to."""
    return change.key.domain, change.key.name.rpartition("/")[2]
