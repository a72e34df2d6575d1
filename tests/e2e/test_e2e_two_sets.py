"""Two sets never own one object without somebody saying so."""

from __future__ import annotations

from pathlib import Path

from world import SYNC, open_world, plan_document

from reconciler.plan.plan import Block, Effect

OTHER = SYNC.replace("name: team", "name: other")


async def test_plan_that_another_set_made_is_not_adopted_silently(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.register_workflow(defaults={"count": 1})
        plan = plan_document("daily", schedule={"cron": "0 6 * * *", "kickoffInput": "day"})
        world.declare(plan)
        await world.reconcile()
        world.declare(plan, sync=OTHER)

        (change,) = (await world.plan()).plan.changes

        assert change.effect is Effect.ADOPT
        assert change.block is Block.ADOPTION
        assert "belongs to set team" in change.block_detail


async def test_plan_that_another_set_adopted_is_not_adopted_silently(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.register_workflow(defaults={"count": 1})
        await world.register_plan(
            "nightly", "ci-1", workflow_version="v1", cron="0 2 * * *", defaults={"count": 1}
        )
        await world.set_state("nightly", "ci-1", active=True)
        plan = plan_document(
            "nightly", schedule={"cron": "0 2 * * *", "kickoffInput": "day"}, inputs={"count": 1}
        )
        world.declare(plan)
        first = await world.reconcile()
        assert set(first.ledger.adopted.values()) == {"ci-1"}
        world.declare(plan, sync=OTHER)

        (change,) = (await world.plan()).plan.changes
        assert change.block is Block.ADOPTION
        assert "belongs to set team" in change.block_detail

        plan["spec"]["adopt"] = True
        world.declare(plan, sync=OTHER)
        (change,) = (await world.plan()).plan.changes
        assert change.effect is Effect.ADOPT
        assert change.block is None
