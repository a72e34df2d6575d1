"""What was only adopted is the set's as much as what it wrote: its last plan can be removed."""

from __future__ import annotations

from pathlib import Path

from world import open_world, plan_document

from reconciler.plan.plan import Block, Effect


async def test_the_last_adopted_plans_of_a_place_go_with_their_documents(tmp_path: Path) -> None:
    schedule = {"cron": "0 6 * * *", "kickoffInput": "day"}
    async with open_world(tmp_path) as world:
        await world.register_workflow(defaults={"count": 7})
        for name in ("a", "b"):
            await world.register_plan(name, "v1", cron="0 6 * * *", defaults={"count": 3})
            await world.set_state(name, "v1", active=True)
        world.declare(plan_document("a", schedule=schedule), plan_document("b", schedule=schedule))
        adopted = await world.reconcile()
        assert {change.effect for change in adopted.plan.changes} == {Effect.ADOPT}
        world.declare()
        refused = (await world.plan()).plan
        assert {change.effect for change in refused.changes} == {Effect.REMOVE}
        assert {change.block for change in refused.changes} == {Block.GUARD}
        await world.reconcile(approved=refused.id)
        assert await world.active() == {}
