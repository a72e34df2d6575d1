"""A declared backfill in a cluster: started pass by pass, and counted in its status."""

from __future__ import annotations

from flyteidl.admin import common_pb2, event_pb2
from flyteidl.core import execution_pb2 as core
from flyteidl.event import event_pb2 as events
from google.protobuf.timestamp_pb2 import Timestamp
from operator_kit import Team, custom
from world import DOMAIN, PROJECT

Phase = core.WorkflowExecution


async def end_all(team: Team) -> int:
    """Let everything that was started succeed."""
    place = common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN)
    listed = await team.world.stub.ListExecutions(
        common_pb2.ResourceListRequest(id=place, limit=100)
    )
    moment = Timestamp()
    moment.GetCurrentTime()
    for one in listed.executions:
        if one.closure.phase == Phase.UNDEFINED:
            for phase in (Phase.RUNNING, Phase.SUCCEEDED):
                event = events.WorkflowExecutionEvent(
                    execution_id=one.id, phase=phase, occurred_at=moment
                )
                await team.world.stub.CreateWorkflowEvent(
                    event_pb2.WorkflowExecutionEventRequest(
                        request_id=f"{one.id.name}{phase}", event=event
                    )
                )
    return len(listed.executions)


async def test_backfill_counts_its_ticks_until_all_are_covered(team: Team) -> None:
    await team.world.register_plan(
        "orders", "v1", cron="CRON_TZ=UTC 0 6 * * *", defaults={"count": 3}
    )
    window = {"from": "2025-01-01T00:00:00Z", "to": "2025-01-05T00:00:00Z"}
    backfill = custom(
        "FlyteBackfill", "january", launchPlan={"name": "orders"}, parallelism=2, **window
    )
    await team.apply(team.connection(), team.sync(), backfill)
    async with team.operator():
        first = await team.settled(
            "flytebackfill", "january", lambda found: found["status"].get("ticks") == 4
        )
        status = first["status"]
        assert status["key"] == f"FlyteBackfill/{PROJECT}/{DOMAIN}/january"
        assert status["covered"] + status["inFlight"] + status["missing"] == 4
        assert len(status["open"]) == 4
        assert status["open"][0].startswith("2025-01-01T06:00:00Z")
        for number in range(3):
            await end_all(team)
            note = f"flyte.reconciler.dev/requestedAt={number}"
            await team.kubectl("annotate", "--overwrite", "flytebackfill", "january", note)
            if number < 2:
                await team.settled(
                    "flytebackfill",
                    "january",
                    lambda found, least=2 * (number + 1): found["status"]["covered"] >= least,
                )
        done = await team.ready("flytebackfill", "january")
        assert done["status"]["covered"] == 4
        assert done["status"]["failed"] == 0
        assert await end_all(team) == 4
