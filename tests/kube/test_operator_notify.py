"""Who wants to know is told of a FlyteSync of the cluster, once, where the owner allows it."""

from __future__ import annotations

from notify_kit import Inbox, inbox, told
from operator_kit import Team, message


def said(box: Inbox) -> list[tuple[str, str]]:
    return [(one["occasion"], one["reason"]) for one in (told(body) for body, _ in box.got)]


async def test_failure_and_its_end_are_told_once_across_restarts(team: Team) -> None:
    async with inbox() as box:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"}}
        await team.apply(secret | {"stringData": {"url": f"{box.url}/secret-canary"}})
        notify = [{"webhook": {"secretRef": {"name": "hook"}}}]
        wrong = team.plan("a", inputs={"nothing": 1})
        await team.apply(team.connection(), team.sync(notify=notify), wrong)
        for _ in range(2):
            async with team.operator() as operator:
                await team.settled(
                    "flytelaunchplan", "a", lambda found: "nothing" in message(found)
                )
        assert [occasion for occasion, _ in said(box)] == ["Failed"]
        async with team.operator():
            await team.apply(team.plan("a"))
            await team.ready("flytesync", "default")
        assert [occasion for occasion, _ in said(box)] == ["Failed", "Recovered"]
        assert "secret-canary" not in operator.log()


async def test_neighbours_of_the_operator_are_not_written_to(team: Team) -> None:
    """What leads to the operator's own machine needs --allow-host, under any name."""
    async with inbox() as box:
        url = box.url.replace("127.0.0.1", "localhost")
        notify = [{"webhook": {"url": url}, "occasions": ["Applied"]}]
        await team.apply(team.connection(), team.sync(notify=notify), team.plan("a"))
        async with team.operator() as operator:
            await team.ready("flytelaunchplan", "a")
        assert "was not told" in operator.log()
        assert box.got == []
