"""Declared runs and answers in a cluster: started once, followed, told, and deleted in time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from flyteidl.admin import common_pb2, execution_pb2, signal_pb2
from flyteidl.admin import event_pb2 as admin_event
from flyteidl.core import execution_pb2 as core
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2
from flyteidl.event import event_pb2
from flyteidl.service import signal_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp
from operator_kit import Team, custom, message, until
from world import DOMAIN, PROJECT, integer

PLAN = {"name": "etl", "version": "v1"}
INPUTS = {"count": 3, "day": "2026-05-01T00:00:00Z"}
Phase = core.WorkflowExecution


@pytest.fixture
async def signals(team: Team) -> AsyncIterator[signal_pb2_grpc.SignalServiceStub]:
    async with grpc.aio.insecure_channel(team.world.endpoint) as channel:
        yield signal_pb2_grpc.SignalServiceStub(channel)


async def executions(team: Team) -> list[execution_pb2.Execution]:
    answer = await team.world.stub.ListExecutions(
        common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN), limit=100
        )
    )
    return list(answer.executions)


def identifier(name: str) -> identifier_pb2.WorkflowExecutionIdentifier:
    return identifier_pb2.WorkflowExecutionIdentifier(project=PROJECT, domain=DOMAIN, name=name)


async def tell(team: Team, name: str, phase: int, **rest: object) -> None:
    """Play what Flyte's engine says of an execution."""
    moment = Timestamp()
    moment.GetCurrentTime()
    event = event_pb2.WorkflowExecutionEvent(
        execution_id=identifier(name), phase=phase, occurred_at=moment, **rest
    )
    await team.world.stub.CreateWorkflowEvent(
        admin_event.WorkflowExecutionEventRequest(request_id="r", event=event)
    )


async def ask(team: Team, name: str) -> None:
    """Ask for a pass, instead of waiting for the next one."""
    moment = Timestamp()
    moment.GetCurrentTime()
    note = f"flyte.reconciler.dev/requestedAt={moment.ToJsonString()}"
    await team.kubectl("annotate", "--overwrite", "flyterun", name, note)


async def test_run_is_followed_to_its_outputs_and_a_gate_is_answered(
    team: Team, signals: signal_pb2_grpc.SignalServiceStub
) -> None:
    run = custom("FlyteRun", "release", launchPlan=PLAN, inputs=INPUTS)
    approval = custom("FlyteSignal", "go", run={"declared": "release"}, signal="ok", approve=True)
    await team.apply(team.connection(), team.sync(), run, approval)
    async with team.operator():
        waits = await team.because("flyterun", "release", "Progressing")
        await until(lambda: _started(team), lambda: "not so: the run is started")
        (one,) = await executions(team)
        name = one.id.name
        assert name in message(waits) or "were started" in message(waits)
        await tell(team, name, Phase.RUNNING)
        await signals.GetOrCreateSignal(
            signal_pb2.SignalGetOrCreateRequest(
                id=identifier_pb2.SignalIdentifier(execution_id=identifier(name), signal_id="ok"),
                type=types_pb2.LiteralType(simple=types_pb2.BOOLEAN),
            )
        )
        await ask(team, "release")
        answered = await team.ready("flytesignal", "go")
        assert answered["status"]["key"] == f"FlyteSignal/{PROJECT}/{DOMAIN}/go"
        assert answered["status"]["run"] == name
        outputs = literals_pb2.LiteralMap(literals={"o0": integer(7)})
        await tell(team, name, Phase.SUCCEEDED, output_data=outputs)
        await ask(team, "release")
        done = await team.ready("flyterun", "release")
        assert done["status"]["run"] == name
        assert done["status"]["phase"] == "succeeded"
        assert done["status"]["outputs"] == {"o0": 7}
        await ask(team, "release")
        again = await team.ready("flyterun", "release")
        assert again["status"]["outputs"] == {"o0": 7}, "what was told stays"
        assert len(await executions(team)) == 1


async def test_failure_is_told_and_the_object_goes_after_its_ttl(team: Team) -> None:
    run = custom("FlyteRun", "migrate", launchPlan=PLAN, inputs=INPUTS, ttl="1s")
    await team.apply(team.connection(), team.sync(), run)
    async with team.operator():
        await until(lambda: _started(team), lambda: "not so: the run is started")
        (one,) = await executions(team)
        error = core.ExecutionError(code="USER", message="bad data")
        await tell(team, one.id.name, Phase.FAILED, error=error)
        await ask(team, "migrate")
        failed = await team.because("flyterun", "migrate", "RunFailed")
        assert "bad data" in message(failed)
        await ask(team, "migrate")
        await team.gone("flyterun", "migrate")


async def test_deleted_with_terminate_stops_its_run(team: Team) -> None:
    first = custom("FlyteRun", "one", launchPlan=PLAN, inputs=INPUTS, deletionPolicy="Terminate")
    other = custom("FlyteRun", "two", launchPlan=PLAN, inputs=INPUTS, deletionPolicy="Terminate")
    await team.apply(team.connection(), team.sync(), first, other)
    async with team.operator():
        await until(lambda: _started(team, 2), lambda: "not so: both runs are started")
        await team.because("flyterun", "one", "Progressing")
        await team.kubectl("delete", "flyterun", "one")
        await team.gone("flyterun", "one")
        phases = {one.id.name[:3]: one.closure.phase for one in await executions(team)}
        assert phases["one"] == Phase.ABORTING
        assert phases["two"] != Phase.ABORTING
        await team.kubectl("delete", "flyterun", "two")
        await team.gone("flyterun", "two")
        phases = {one.id.name[:3]: one.closure.phase for one in await executions(team)}
        assert phases["two"] == Phase.ABORTING, "the last one as well"


async def _started(team: Team, count: int = 1) -> bool:
    return len(await executions(team)) == count
