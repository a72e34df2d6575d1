"""Following, terminating and addressing executions of Flyte 1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc.aio
import pytest
from flyteidl.admin import event_pb2 as admin_event
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.event import event_pb2
from flyteidl.service import admin_pb2_grpc
from running_kit import Phase, Played, at, broken
from world import DOMAIN, PROJECT, World

from reconciler.backends.flyte1.channel import connect
from reconciler.backends.flyte1.run import rows
from reconciler.backends.flyte1.run.follow import Pace, follow
from reconciler.backends.flyte1.run.running import Flyte1Running
from reconciler.backends.settings import for_endpoint
from reconciler.errors import BackendError, DeniedError, UnavailableError, UnsupportedError
from reconciler.model.key import Place
from reconciler.model.run import Phase as Told
from reconciler.model.run import Run, RunId, Stopping
from reconciler.server.embedded import Server, open_server

RUN = Run(id=RunId(Place("p", "d"), "r"), phase=Told.QUEUED)
RUNNING = replace(RUN, phase=Told.RUNNING)
DONE = replace(RUN, phase=Told.SUCCEEDED)
DOWN = UnavailableError("down")


class Script:
    """Answers reads one after the other, and notes the pauses between them."""

    def __init__(self, *answers: Run | UnavailableError | None) -> None:
        self.answers = list(answers)
        self.pauses: list[float] = []

    async def read(self, run_id: RunId) -> Run | None:
        assert run_id == RUN.id
        answer = self.answers.pop(0)
        if isinstance(answer, BackendError):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def phases(self, **pace: float) -> list[Told]:
        runs = follow(self.read, RUN.id, self.sleep, Pace(**pace))
        return [run.phase async for run in runs]


async def test_run_comes_at_once_and_whenever_it_changed_until_it_ended() -> None:
    script = Script(RUN, RUN, RUNNING, RUNNING, DONE)

    assert await script.phases() == [Told.QUEUED, Told.RUNNING, Told.SUCCEEDED]
    assert script.answers == []


async def test_pauses_grow_to_a_bound_and_start_anew_after_a_change() -> None:
    script = Script(*([RUN] * 5), RUNNING, RUNNING, DONE)

    await script.phases(first=1, factor=2, longest=5)

    assert script.pauses == [1, 2, 4, 5, 5, 1, 2]


async def test_broken_connections_are_outlived_for_a_while() -> None:
    script = Script(RUN, DOWN, DOWN, RUNNING, DOWN, DONE)

    assert await script.phases() == [Told.QUEUED, Told.RUNNING, Told.SUCCEEDED]


async def test_database_that_fails_for_a_while_is_outlived_and_a_refusal_is_not() -> None:
    failed = BackendError("failed database operation", code="UNKNOWN")
    refused = DeniedError("who are you", code="UNAUTHENTICATED")

    assert await Script(RUN, failed, DONE).phases() == [Told.QUEUED, Told.SUCCEEDED]
    with pytest.raises(DeniedError, match="who are you"):
        await Script(RUN, refused, DONE).phases()


async def test_server_that_stays_away_ends_it() -> None:
    script = Script(RUN, *([DOWN] * 50))

    with pytest.raises(UnavailableError, match="down"):
        await script.phases(first=10, longest=10, patience=60)
    assert len(script.pauses) == 7


async def test_server_that_never_answered_ends_it_at_once() -> None:
    script = Script(DOWN)

    with pytest.raises(UnavailableError, match="down"):
        await script.phases()


async def test_run_that_is_not_there_is_an_error(flyte: Played) -> None:
    with pytest.raises(BackendError, match=r"^run runs/development/none: is not there; list those"):
        await anext(flyte.running.follow(RunId(Place("runs", "development"), "none")))


async def test_run_is_followed_on_a_server_to_its_end(flyte: Played) -> None:
    await flyte.start("one")
    acts = [
        lambda: flyte.tell("one", Phase.RUNNING, 0),
        lambda: flyte.tell("one", Phase.FAILED, 60, error=broken("late")),
    ]

    async def sleep(_seconds: float) -> None:
        await acts.pop(0)()

    running = Flyte1Running(flyte.channel, sleep=sleep)
    runs = [run async for run in running.follow(flyte.id("one"))]

    assert [run.phase for run in runs] == [Told.UNDEFINED, Told.RUNNING, Told.FAILED]
    assert runs[-1].cause == "late"


async def test_run_is_followed_across_a_restart_of_its_server(tmp_path: Path) -> None:
    """The server goes away while the run is followed, and comes back with the run at its end."""
    folder = tmp_path / "data"
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_server(folder))
        port = int(opened.grpc_address.rpartition(":")[2])
        settings = for_endpoint(opened.grpc_address, chosen_by="test", insecure=True)
        channel = await stack.enter_async_context(connect(settings, read_only=False))
        world = World(opened, tmp_path, await stack.enter_async_context(stub(opened)))
        await world.register_workflow(defaults={"count": 1})
        run_id = RunId(Place(PROJECT, DOMAIN), "one")
        request = execution_pb2.ExecutionCreateRequest(
            project=PROJECT, domain=DOMAIN, name="one", inputs=day()
        )
        plan = request.spec.launch_plan
        plan.project, plan.domain, plan.name, plan.version = PROJECT, DOMAIN, "etl", "v1"
        plan.resource_type = identifier_pb2.LAUNCH_PLAN
        await world.stub.CreateExecution(request)
        outages = 0

        async def sleep(_seconds: float) -> None:
            nonlocal opened, outages
            outages += 1
            if outages == 1:
                await opened.stop()
            elif outages == 3:
                opened = await stack.enter_async_context(open_server(folder, port=port))
                event = event_pb2.WorkflowExecutionEvent(
                    execution_id=rows.identifier(run_id), phase=Phase.SUCCEEDED, occurred_at=at(9)
                )
                again = await stack.enter_async_context(stub(opened))
                await again.CreateWorkflowEvent(
                    admin_event.WorkflowExecutionEventRequest(event=event)
                )

        running = Flyte1Running(channel, sleep=sleep)
        phases = [run.phase async for run in running.follow(run_id)]

    assert phases == [Told.UNDEFINED, Told.SUCCEEDED]
    assert outages >= 3


@asynccontextmanager
async def stub(server: Server) -> AsyncIterator[admin_pb2_grpc.AdminServiceStub]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(server.grpc_address, options=options) as wire:
        yield admin_pb2_grpc.AdminServiceStub(wire)


def day() -> literals_pb2.LiteralMap:
    found = literals_pb2.LiteralMap()
    found.literals["day"].scalar.primitive.datetime.seconds = 1
    return found


async def test_terminated_run_is_aborting_with_its_cause_until_its_engine_stopped_it(
    flyte: Played,
) -> None:
    await flyte.start("one")

    assert await flyte.running.terminate(flyte.id("one"), "wrong day") is Stopping.ASKED
    run = await flyte.running.run(flyte.id("one"))
    assert run is not None
    assert (run.phase, run.cause, run.ended_at) == (Told.ABORTING, "wrong day", None)
    # Once more while it is aborting is no error, and Kubernetes is asked again.
    before = flyte.channel.calls.copy()
    assert await flyte.running.terminate(flyte.id("one"), "twice") is Stopping.UNDER_WAY
    assert (flyte.channel.calls - before)["AdminService.TerminateExecution"] == 1
    await flyte.tell("one", Phase.ABORTED, 9)
    ended = await flyte.running.run(flyte.id("one"))
    assert ended is not None
    assert (ended.phase, ended.cause) == (Told.ABORTED, "wrong day")
    assert ended.ended_at is not None
    assert await flyte.running.terminate(flyte.id("one"), "again") is Stopping.OVER


async def test_terminating_what_is_not_there_is_an_error(flyte: Played) -> None:
    with pytest.raises(BackendError, match="it does not exist"):
        await flyte.running.terminate(flyte.id("none"), "x")


async def test_single_steps_are_not_terminated_on_flyte_1(flyte: Played) -> None:
    with pytest.raises(UnsupportedError, match="step n0: Flyte 1 stops whole runs only; leave"):
        await flyte.running.terminate(flyte.id("one"), "x", "n0")


def test_address_of_a_run_is_that_of_flytekit(flyte: Played) -> None:
    endpoint = flyte.channel.endpoint
    here = f"http://{endpoint}/console/projects/{flyte.project}/domains/development/executions/one"

    assert flyte.running.url(flyte.id("one")) == here
    assert flyte.running.url(flyte.id("one"), "n0") == here


@pytest.mark.parametrize(
    "console", ["https://flyte.example.com", "https://flyte.example.com/console/"]
)
def test_address_of_a_run_follows_the_console_of_the_connection(
    flyte: Played, console: str
) -> None:
    flyte.channel.settings = replace(flyte.channel.settings, console=console)
    found = flyte.running.url(RunId(Place("a b", "d"), "r"))

    assert found == "https://flyte.example.com/console/projects/a%20b/domains/d/executions/r"
