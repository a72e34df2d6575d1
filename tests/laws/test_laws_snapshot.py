"""A plan made on a snapshot is the plan made on the Flyte, whatever the world was before."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from laws_world import (
    DECLARED,
    DOMAINS,
    HISTORIES,
    LAW,
    SYNCS,
    Declared,
    Flyte,
    Step,
    Wanted,
    open_flyte,
)
from laws_world2 import open_flyte2

from reconciler.api import session, snapshots
from reconciler.api.connecting import Target
from reconciler.engine.planning import Planned
from reconciler.plan.plan import Plan

OPENING = {"flyte1": open_flyte, "flyte2": open_flyte2}


ANCHORS = tuple(((domain, "z"), Wanted(tick=1, state="Unmanaged")) for domain in DOMAINS)
"""What refers to the code in both domains, so that a snapshot of any declaration knows it."""


async def take(flyte: Flyte) -> Path:
    """Make a snapshot from what is declared now."""
    async with flyte.world.session(read_only=True) as opened:
        made = await snapshots.take(opened.declaration, opened.backend, now=flyte.world.now)
    path = flyte.world.root.parent / "snapshot"
    path.write_text(json.dumps(made))
    return path


async def plan_on(flyte: Flyte, path: Path) -> Planned:
    """Plan what is declared on a snapshot."""
    root = flyte.world.root
    async with session([str(root)], connection=Target(against=path), cwd=root) as opened:
        return await opened.plan(now=flyte.world.now)


def comparable(plan: Plan) -> Plan:
    """Leave out what a snapshot hides or says itself: values before, and who chose it.

    Inputs that a Flyte 2 keeps in its store are hidden as a whole, and so shown as changed.
    """
    changes = tuple(
        replace(
            change,
            fields=tuple(
                replace(item, before=None)
                for item in change.fields
                if change.key.kind != "FlyteTrigger" or not item.path.startswith("inputs")
            ),
        )
        for change in plan.changes
    )
    return replace(plan, backend={**plan.backend, "chosenBy": ""}, changes=changes, warnings=())


@pytest.mark.parametrize("generation", OPENING)
@LAW
@given(HISTORIES, DECLARED, DECLARED, SYNCS)
def test_the_plan_from_a_snapshot_is_the_live_plan(
    generation: str, history: list[Step], base: Declared, branch: Declared, sync: str
) -> None:
    if generation == "flyte2":
        sync = sync.replace("Archive", "Delete")

    async def law() -> None:
        async with OPENING[generation]() as flyte:
            await flyte.play(history, sync)
            flyte.declare((*base, *ANCHORS), sync)
            path = await take(flyte)
            flyte.declare((*branch, *ANCHORS), sync)
            writes = flyte.world.server.writes
            live = await flyte.plan()
            offline = (await plan_on(flyte, path)).plan

            assert offline.id == live.id
            assert comparable(offline) == comparable(live)
            assert flyte.world.server.writes == writes

    asyncio.run(law())
