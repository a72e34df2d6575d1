"""What is read of the live side, and how little of it is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from world import open_world, plan_document

from reconciler.backends.flyte1 import observe
from reconciler.model.live import Versions


async def test_body_that_is_as_declared_is_held_once(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.register_workflow(defaults={"count": 7})
        world.declare(plan_document("one"), plan_document("two"))
        await world.reconcile()
        world.declare(plan_document("one"), plan_document("two", maxParallelism=5))
        planned = await world.plan()
        bodies = {}
        for key, resource in planned.desired.resources.items():
            live = planned.live.get(key)
            assert isinstance(live, Versions)
            bodies[key.name] = (live.active[0].body, resource.body)
        assert bodies["one"][0] is bodies["one"][1]
        assert bodies["two"][0] != bodies["two"][1]
        assert [change.key.name for change in planned.plan.changes] == ["two"]


async def test_version_that_was_as_declared_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    whole = observe.live_plan

    def counted(plan: Any) -> Any:
        read.append(plan.id.name)
        return whole(plan)

    monkeypatch.setattr(observe, "live_plan", counted)
    async with open_world(tmp_path) as world:
        await world.register_workflow(defaults={"count": 7})
        world.declare(plan_document("one"), plan_document("two"))
        await world.reconcile()
        world.declare(plan_document("one"), plan_document("two", maxParallelism=5))
        async with world.session(read_only=True) as session:
            await session.plan(now=world.now)
            read.clear()
            planned = await session.plan(now=world.now)
            # The changed one is not as declared, and is read each time.
            assert read == ["two"]
            assert [change.key.name for change in planned.plan.changes] == ["two"]
