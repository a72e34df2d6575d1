"""Policies of a set in a cluster: what breaks one is held back, what stops something is not."""

from __future__ import annotations

from operator_kit import Team, condition, message

LEAST = {"name": "not-too-often", "leastInterval": "1h"}


async def test_failing_policy_holds_back_all_but_stops(team: Team) -> None:
    await team.apply(team.connection(), team.sync(), *map(team.plan, "abcd"))
    async with team.operator() as operator:
        await team.all_ready(4)
        before = await team.world.active()
        often = {"cron": "*/5 * * * *", "timezone": "UTC", "kickoffInput": "day"}
        await team.apply(team.sync(policies=[LEAST]), team.plan("a", schedule=often))
        await team.apply(team.plan("b", inputs={"count": 9}))
        held = await team.because("flytelaunchplan", "a", "PolicyFailed")
        assert "not-too-often" in message(held)
        assert condition(held, "Stalled") == "True"
        await team.because("flytelaunchplan", "b", "PolicyFailed")
        await team.because("flytesync", "default", "PolicyFailed")
        await team.ready("flytelaunchplan", "c")
        assert await team.world.active() == before
        assert await operator.metric("reconcile_plan_changes") == 2

        await team.kubectl("delete", "flytelaunchplan", "d")
        assert set(await team.world.active()) == {"a", "b", "c"}

        await team.apply(team.plan("a"))
        await team.ready("flytelaunchplan", "a")
        edited = await team.ready("flytelaunchplan", "b")
        await team.ready("flytesync", "default")
        assert await operator.metric("reconcile_plan_changes") == 0
        assert (await team.world.active())["b"] == edited["status"]["version"] != before["b"]
