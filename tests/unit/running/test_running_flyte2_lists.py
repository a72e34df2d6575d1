"""Lists of runs of Flyte 2: each filter, and what a list does not tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import engine2_kit as engine
import flyte2_messages as make
import pytest
from flyteidl2.core import types_pb2
from flyteidl2.project import project_service_pb2_grpc
from flyteidl2.task import run_pb2, task_service_pb2_grpc
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from running2_kit import Played2

from reconciler.backends.flyte2 import paging
from reconciler.backends.flyte2.run import lists
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import What
from reconciler.model.run import Mode, Phase, Stopping

SLOT = datetime(2026, 5, 1, 6, tzinfo=UTC)
STAMP = Timestamp(seconds=int(SLOT.timestamp()))
SCHEDULE = run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER


async def test_runs_come_the_newest_first_with_what_a_list_tells(flyte2: Played2) -> None:
    await flyte2.deploy()
    await flyte2.start("a", source=run_definition_pb2.RUN_SOURCE_CLI)
    await flyte2.start("b", trigger_name=make.trigger_name(flyte2.project), source=SCHEDULE)

    second, first = await flyte2.all()

    assert [second.id, first.id] == [flyte2.id("b"), flyte2.id("a")]
    assert (first.mode, second.mode) == (Mode.MANUAL, Mode.SCHEDULED)
    assert (first.entity, first.workflow) == (flyte2.task, None)
    assert (second.entity, second.workflow) == (flyte2.trigger, flyte2.task)
    assert second.facts["triggerRevision"] == 1
    assert (first.facts["source"], first.facts["environment"]) == ("cli", "env")
    assert first.created_at is not None
    assert (first.ended_at, first.scheduled_at, dict(first.labels)) == (None, None, {})


async def test_run_is_read_whole_with_labels_tick_and_cause(flyte2: Played2) -> None:
    await flyte2.deploy()
    await flyte2.start(
        "a",
        trigger_name=make.trigger_name(flyte2.project),
        source=SCHEDULE,
        run_start_time=STAMP,
        run_spec=run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "ranking"})),
    )
    assert await flyte2.running.terminate(flyte2.id("a"), "wrong day") is Stopping.ASKED

    found = await flyte2.running.run(flyte2.id("a"))

    assert found is not None
    assert (found.phase, found.cause) == (Phase.ABORTED, "wrong day")
    assert (found.scheduled_at, dict(found.labels)) == (SLOT, {"team": "ranking"})
    assert found.ended_at is not None
    assert await flyte2.running.run(flyte2.id("z")) is None


async def test_run_that_is_no_tick_has_none(flyte2: Played2) -> None:
    await flyte2.start("a", run_start_time=STAMP)

    found = await flyte2.running.run(flyte2.id("a"))

    assert found is not None
    assert found.scheduled_at is None
    assert found.facts["runStartTime"] == "2026-05-01T06:00:00Z"


async def test_failure_is_told_with_its_cause(flyte2: Played2) -> None:
    await flyte2.record("a")
    await flyte2.event("a", engine.FAILED, error_info=engine.failure("no such column"))
    await flyte2.tell("a", engine.FAILED, began=10, ended=70)

    found = await flyte2.running.run(flyte2.id("a"))

    assert found is not None
    assert (found.phase, found.cause) == (Phase.FAILED, "no such column")
    assert found.started_at == datetime.fromtimestamp(engine.EPOCH + 10, UTC)
    assert found.ended_at == datetime.fromtimestamp(engine.EPOCH + 70, UTC)


@pytest.fixture
async def four(flyte2: Played2) -> Played2:
    """Runs a (failed), b (paused), c (of a trigger, running) and d (of another task version)."""
    await flyte2.deploy()
    root = flyte2.action("a")
    for name in ("a", "b"):
        await flyte2.record(name, task=engine.task(root, make.TASK))
    await flyte2.tell("a", engine.FAILED, began=10, ended=70)
    await flyte2.record("b", "b1", "a0", condition=engine.condition(simple=types_pb2.BOOLEAN))
    await flyte2.tell("b", engine.PAUSED, "b1")
    await flyte2.start("c", trigger_name=make.trigger_name(flyte2.project), source=SCHEDULE)
    stub = task_service_pb2_grpc.TaskServiceStub(flyte2.wire)
    await stub.DeployTask(make.task(flyte2.project, "v2"))
    await flyte2.start("d", task_id=make.task_id(flyte2.project, "v2"))
    return flyte2


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["d", "c", "b", "a"]),
        ({"phases": frozenset({Phase.FAILED})}, ["a"]),
        ({"phases": frozenset({Phase.FAILED, Phase.ABORTED})}, ["a"]),
        ({"phases": frozenset({Phase.SKIPPED})}, []),
        ({"modes": frozenset({Mode.SCHEDULED})}, ["c"]),
        ({"modes": frozenset({Mode.CHILD})}, []),
        ({"entity": (What.TRIGGERS, "env.t/nightly")}, ["c"]),
        ({"entity": (What.TRIGGERS, "env.t/other")}, []),
        ({"entity": (What.TASKS, "env.t")}, ["d", "c", "b", "a"]),
        ({"entity": (What.TASKS, "env.t"), "version": "v2"}, ["d"]),
        ({"entity": (What.LAUNCH_PLANS, "env.t")}, []),
        ({"tags": frozenset({"nightly"})}, []),
        ({"domain": "staging"}, []),
        ({"limit": 2}, ["d", "c"]),
        ({"archived": True}, ["d", "c", "b", "a"]),
        ({"created_by": "somebody"}, []),
    ],
    ids=lambda given: ",".join(given) or "none",
)
async def test_runs_are_found_by_each_filter(
    four: Played2, asked: dict[str, Any], names: list[str]
) -> None:
    assert await four.names(**asked) == names


async def test_runs_are_found_by_name(four: Played2) -> None:
    project = four.project
    assert await four.names(names=(f"{project}a",)) == ["a"]
    assert await four.names(names=(f"{project}a", f"{project}c", "other")) == ["c", "a"]
    assert await four.names(names=(f"{project}[ab]", f"{project}d")) == ["d", "b", "a"]


async def test_times_include_their_beginning_and_exclude_their_end(four: Played2) -> None:
    _d, c, b, _a = [run.created_at for run in await four.all()]
    assert b is not None
    assert c is not None
    assert await four.names(created_after=b, created_before=c) == ["b"]
    assert await four.names(created_before=b) == ["a"]


async def test_time_of_change_is_the_servers(four: Played2) -> None:
    await four.tell("b", engine.RUNNING)
    now = datetime.now(UTC)
    recent = await four.names(updated_after=now - timedelta(hours=1))
    assert set(recent) == {"a", "b", "c", "d"}
    assert await four.names(updated_after=now + timedelta(hours=1)) == []


async def test_runs_are_found_by_label_though_no_list_tells_any(flyte2: Played2) -> None:
    for name, team in (("a", "ranking"), ("b", "ads"), ("c", "ranking")):
        labels = run_pb2.Labels(values={"team": team, "tier": "1"})
        await flyte2.start(name, run_spec=run_pb2.RunSpec(labels=labels))

    assert await flyte2.names(labels={"team": "ranking"}) == ["c", "a"]
    assert await flyte2.names(labels={"team": "ads", "tier": "2"}) == []


async def test_pages_miss_nothing_while_runs_go_on(
    flyte2: Played2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "LIMIT", 2)
    assert paging.LIMIT == 200
    for name in "abcdefg":
        await flyte2.record(name)
    seen = []
    async for run in flyte2.running.runs(_asked(flyte2)):
        seen.append(run.id.name.removeprefix(flyte2.project))
        # A newer run, and one that leaves the list, move all rows behind them.
        if len(seen) == 2:
            await flyte2.record("z")
            await flyte2.tell("g", engine.SUCCEEDED)

    assert seen == list("gfedcba")


def _asked(flyte2: Played2) -> Any:
    return AskedRuns(project=flyte2.project, phases=frozenset({Phase.QUEUED}))


async def test_runs_of_one_moment_fill_more_than_a_page(
    flyte2: Played2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "LIMIT", 2)
    for name in "abcde":
        await flyte2.record(name)
        await flyte2.tell(name, engine.RUNNING, began=10)

    assert sorted(await flyte2.names()) == list("abcde")


async def test_runs_of_several_places_are_one_list(flyte2: Played2) -> None:
    other = f"{flyte2.project}x"
    stub = project_service_pb2_grpc.ProjectServiceStub(flyte2.wire)
    await stub.CreateProject(make.project(other))
    for owner, name in ((flyte2.project, "a"), (other, "b"), (flyte2.project, "c")):
        await flyte2.pause()
        request = make.run(owner, name, task_spec=make.spec())
        await flyte2.service.CreateRun(request)
    found = await flyte2.all(project=f"{flyte2.project}*")

    assert [run.id.name[-1] for run in found] == ["c", "b", "a"]
