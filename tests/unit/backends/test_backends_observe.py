"""What is read of the live side, and how little of it is held."""

from __future__ import annotations

from pathlib import Path

from world import open_world, plan_document

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
