"""Lists of executions of Flyte 1: each filter, and each trap of the server's own filters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flyteidl.admin import common_pb2, execution_pb2, project_pb2
from flyteidl.core import identifier_pb2
from running_kit import START, Phase, Played, at, broken, register_plan

from reconciler.errors import BackendError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import What
from reconciler.model.run import Mode
from reconciler.model.run import Phase as Told


async def test_runs_come_the_newest_first_with_what_a_list_tells(flyte: Played) -> None:
    metadata = execution_pb2.ExecutionMetadata(
        mode=execution_pb2.ExecutionMetadata.SCHEDULED, scheduled_at=at(0)
    )
    labels = common_pb2.Labels(values={"team": "ranking"})
    await flyte.start("first", metadata=metadata, labels=labels, tags=["nightly"])
    await flyte.start("second")
    await flyte.tell("first", Phase.RUNNING, 10)
    await flyte.tell("first", Phase.FAILED, 70, error=broken("no such column"))

    second, first = await flyte.all()

    assert [second.id, first.id] == [flyte.id("second"), flyte.id("first")]
    assert (second.phase, second.mode, second.entity) == (
        Told.UNDEFINED,
        Mode.MANUAL,
        first.entity,
    )
    assert first.entity is not None
    assert first.workflow is not None
    assert (first.entity.what, first.entity.name, first.entity.version) == (
        What.LAUNCH_PLANS,
        "etl",
        "v1",
    )
    assert first.workflow.what is What.WORKFLOWS
    assert (first.phase, first.mode, first.scheduled_at) == (Told.FAILED, Mode.SCHEDULED, START)
    assert first.started_at == START + timedelta(seconds=10)
    assert first.ended_at == START + timedelta(seconds=70)
    assert (first.cause, first.facts["errorCode"], first.facts["errorKind"]) == (
        "no such column",
        "USER:ValueError",
        "user",
    )
    assert (dict(first.labels), first.tags) == ({"team": "ranking"}, ("nightly",))
    assert second.created_at is not None
    assert second.ended_at is None


async def test_one_run_is_read_whole_and_a_missing_one_is_none(flyte: Played) -> None:
    await flyte.start("one")
    await flyte.tell("one", Phase.RUNNING, 0)
    await flyte.tell("one", Phase.FAILED, 5, error=broken("x" * 300))

    (listed,) = await flyte.all()
    read = await flyte.running.run(flyte.id("one"))

    assert read is not None
    assert (len(listed.cause), len(read.cause)) == (100, 300)
    assert await flyte.running.run(flyte.id("another")) is None


async def test_archived_runs_are_shown_only_when_asked_for(flyte: Played) -> None:
    await flyte.start("shown")
    await flyte.start("hidden")
    await flyte.archive("hidden")

    assert await flyte.names() == ["shown"]
    assert await flyte.names(archived=True) == ["hidden", "shown"]
    hidden, shown = await flyte.all(archived=True)
    assert (hidden.is_archived, shown.is_archived) == (True, False)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("a-1",), ["a-1"]),
        (("a-1", "ab-1"), ["ab-1", "a-1"]),
        # A range of names would miss these where the collation leaves hyphens out.
        (("a-*",), ["a-2", "a-1"]),
        (("*-1",), ["ab-1", "a-1"]),
        (("a?-1",), ["ab-1"]),
        (("a-[12]",), ["a-2", "a-1"]),
        (("a-2", "ab*"), ["ab-1", "a-2"]),
        (("zz*",), []),
    ],
    ids=["one", "two", "prefix", "ending", "middle", "class", "name-and-glob", "none"],
)
async def test_runs_are_found_by_names_and_globs(
    flyte: Played, names: tuple[str, ...], found: list[str]
) -> None:
    for name in ("a-1", "a-2", "ab-1"):
        await flyte.start(name)

    assert await flyte.names(names=names) == found


async def test_runs_are_found_by_phase_and_a_phase_of_flyte_2_costs_no_call(flyte: Played) -> None:
    for name in ("queued", "running", "failed"):
        await flyte.start(name)
    await flyte.tell("queued", Phase.QUEUED, 1)
    await flyte.tell("running", Phase.RUNNING, 1)
    await flyte.tell("failed", Phase.FAILED, 1, error=broken("x"))

    assert await flyte.names(phases=frozenset({Told.FAILED})) == ["failed"]
    both = frozenset({Told.QUEUED, Told.RUNNING, Told.WAITING})
    assert await flyte.names(phases=both) == ["running", "queued"]
    before = flyte.channel.calls.total()
    assert await flyte.names(phases=frozenset({Told.WAITING})) == []
    assert await flyte.names(entity=(What.TRIGGERS, "etl")) == []
    assert flyte.channel.calls.total() == before + 0


async def test_runs_are_found_by_mode(flyte: Played) -> None:
    await flyte.start("manual")
    mode = execution_pb2.ExecutionMetadata.SCHEDULED
    metadata = execution_pb2.ExecutionMetadata(mode=mode, scheduled_at=at(0))
    await flyte.start("scheduled", metadata=metadata)

    assert await flyte.names(modes=frozenset({Mode.SCHEDULED})) == ["scheduled"]
    assert await flyte.names(modes=frozenset({Mode.MANUAL})) == ["manual"]
    assert await flyte.names(modes=frozenset({Mode.CHILD})) == []


async def test_runs_are_found_by_what_they_run(flyte: Played) -> None:
    await register_plan(flyte, "etl", "v2")
    await register_plan(flyte, "other")
    await flyte.start("one")
    await flyte.start("two", version="v2")
    await flyte.start("three", plan="other")
    await flyte.start("four", kind=identifier_pb2.TASK, plan="etl.task")

    assert await flyte.names(entity=(What.LAUNCH_PLANS, "etl")) == ["two", "one"]
    assert await flyte.names(entity=(What.LAUNCH_PLANS, "etl"), version="v2") == ["two"]
    assert await flyte.names(entity=(What.WORKFLOWS, "etl")) == ["three", "two", "one"]
    assert await flyte.names(entity=(What.TASKS, "etl.task")) == ["four"]
    assert await flyte.names(entity=(What.LAUNCH_PLANS, "none")) == []
    # The workflow that is made round a single task is nobody's.
    (four,) = await flyte.all(entity=(What.TASKS, "etl.task"))
    assert four.workflow is None


async def test_times_are_inclusive_after_and_exclusive_before(flyte: Played) -> None:
    for name in ("one", "two", "three"):
        await flyte.start(name)
    three, two, one = await flyte.all()
    assert one.created_at
    assert two.created_at
    assert three.created_at

    assert await flyte.names(created_after=two.created_at) == ["three", "two"]
    assert await flyte.names(created_before=two.created_at) == ["one"]
    assert await flyte.names(created_after=one.created_at, created_before=three.created_at) == [
        "two",
        "one",
    ]
    await flyte.tell("one", Phase.RUNNING, 3600)
    assert await flyte.names(updated_before=START + timedelta(seconds=3600)) == []
    later = START + timedelta(seconds=3601)
    assert await flyte.names(updated_before=later) == ["one"]
    assert await flyte.names(updated_after=later) == ["three", "two"]


async def test_runs_of_single_tasks_are_found_by_marks_that_the_server_does_not_index(
    flyte: Played,
) -> None:
    labels = common_pb2.Labels(values={"team": "ranking"})
    await flyte.start("plan", labels=labels, tags=["nightly"])
    await flyte.start("plain")
    task: dict[str, Any] = {"kind": identifier_pb2.TASK, "plan": "etl.task"}
    await flyte.start("task", **task, labels=labels, tags=["nightly"])
    await flyte.start("plain-task", **task)

    assert await flyte.names(labels={"team": "ranking"}) == ["task", "plan"]
    assert await flyte.names(tags=frozenset({"nightly"})) == ["task", "plan"]
    of_task = (What.TASKS, "etl.task")
    assert await flyte.names(labels={"team": "ranking"}, entity=of_task) == ["task"]
    of_plan = (What.LAUNCH_PLANS, "etl")
    assert await flyte.names(labels={"team": "ranking"}, entity=of_plan) == ["plan"]


async def test_a_run_needs_all_labels_and_tags_though_no_row_has_two(flyte: Played) -> None:
    both = common_pb2.Labels(values={"team": "ranking", "tier": "gold"})
    await flyte.start("both", labels=both, tags=["a", "b"])
    await flyte.start("one", labels=common_pb2.Labels(values={"team": "ranking"}), tags=["a"])
    await flyte.start("other", labels=common_pb2.Labels(values={"team": "search"}))

    assert await flyte.names(labels={"team": "ranking", "tier": "gold"}) == ["both"]
    assert await flyte.names(tags=frozenset({"a", "b"})) == ["both"]
    assert await flyte.names(labels={"team": "ranking"}, tags=frozenset({"b"})) == ["both"]
    assert await flyte.names(labels={"team": "ranking"}) == ["one", "both"]


async def test_tags_of_a_run_of_the_same_name_elsewhere_count_for_none_and_double_none(
    flyte: Played,
) -> None:
    other = f"{flyte.project}x"
    await flyte.admin.RegisterProject(
        project_pb2.ProjectRegisterRequest(project=project_pb2.Project(id=other, name=other))
    )
    for project, name, tags in (
        (flyte.project, "same", []),
        (flyte.project, "twice", ["nightly"]),
        (other, "same", ["nightly"]),
        (other, "twice", ["nightly"]),
    ):
        await flyte.admin.CreateExecution(
            execution_pb2.ExecutionCreateRequest(
                project=project,
                domain="development",
                name=name,
                spec=execution_pb2.ExecutionSpec(
                    launch_plan=flyte.identifier(identifier_pb2.LAUNCH_PLAN, "etl"), tags=tags
                ),
            )
        )

    assert await flyte.names(tags=frozenset({"nightly"})) == ["twice"]
    assert await flyte.names(tags=frozenset({"nightly"}), project=other) == ["twice", "same"]


async def test_runs_of_all_places_are_merged_by_age_and_limited(flyte: Played) -> None:
    other = f"{flyte.project}x"
    await flyte.admin.RegisterProject(
        project_pb2.ProjectRegisterRequest(project=project_pb2.Project(id=other, name=other))
    )
    for project, domain, name in (
        (flyte.project, "development", "one"),
        (other, "staging", "two"),
        (flyte.project, "production", "three"),
        (flyte.project, "development", "four"),
    ):
        await flyte.admin.CreateExecution(
            execution_pb2.ExecutionCreateRequest(
                project=project,
                domain=domain,
                name=name,
                spec=execution_pb2.ExecutionSpec(
                    launch_plan=flyte.identifier(identifier_pb2.LAUNCH_PLAN, "etl")
                ),
            )
        )
    every = f"{flyte.project}*"

    assert await flyte.names(project=every) == ["four", "three", "two", "one"]
    assert await flyte.names(project=every, limit=2) == ["four", "three"]
    assert await flyte.names(project=every, domain="development") == ["four", "one"]
    assert await flyte.names(project="nobody*") == []


async def test_pages_miss_nothing_while_runs_leave_the_list(
    flyte: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a token that counts rows, each run that ended would push another one out of sight."""
    monkeypatch.setattr("reconciler.backends.flyte1.run.lists._PAGE", 2)
    names = [f"r{index}" for index in range(6)]
    for name in names:
        await flyte.start(name)
        await flyte.tell(name, Phase.RUNNING, 0)
    asked = AskedRuns(project=flyte.project, phases=frozenset({Told.RUNNING}))
    found: list[str] = []

    async for run in flyte.running.runs(asked):
        found.append(run.id.name)
        await flyte.tell(run.id.name, Phase.SUCCEEDED, 60)

    assert found == names[::-1]


async def test_pages_repeat_nothing_while_runs_are_started(
    flyte: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.backends.flyte1.run.lists._PAGE", 2)
    for index in range(5):
        await flyte.start(f"old{index}")
    asked = AskedRuns(project=flyte.project)
    found: list[str] = []

    async for run in flyte.running.runs(asked):
        found.append(run.id.name)
        await flyte.start(f"new{len(found)}")

    assert found == [f"old{index}" for index in range(4, -1, -1)]


async def test_pages_go_on_through_many_runs_of_one_moment(
    flyte: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    if flyte.world is None or flyte.world.server is None:
        pytest.skip("only an embedded Flyte gives two executions the same moment on demand")
    monkeypatch.setattr("reconciler.backends.flyte1.run.lists._PAGE", 2)
    monkeypatch.setattr("reconciler.server.flyte1.execution_creation.now", lambda: 1_000_000_000)
    names = [f"r{index}" for index in range(7)]
    for name in names:
        await flyte.start(name)

    assert sorted(await flyte.names()) == names


async def test_pages_that_are_too_large_are_halved_and_stay_so(
    flyte: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(7):
        await flyte.start(f"r{index}")
    call = flyte.channel.call
    limits: list[int] = []

    async def narrow(method: Any, request: Any, **rest: Any) -> Any:
        limits.append(request.limit)
        if request.limit > 3:
            raise BackendError("too large", method=method.name, code="RESOURCE_EXHAUSTED")
        return await call(method, request, **rest)

    monkeypatch.setattr("reconciler.backends.flyte1.run.lists._PAGE", 8)
    monkeypatch.setattr(flyte.channel, "call", narrow)

    assert await flyte.names(domain="development") == [f"r{index}" for index in range(6, -1, -1)]
    assert limits[:3] == [8, 4, 2]
    assert set(limits[3:]) == {2}
    limits.clear()
    assert len(await flyte.names(domain="development")) == 7
    assert set(limits) == {2}


async def test_list_that_fails_in_one_place_is_an_error_and_no_shorter_list(
    flyte: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flyte.start("one")
    call = flyte.channel.call

    async def failing(method: Any, request: Any, **rest: Any) -> Any:
        if getattr(getattr(request, "id", None), "domain", "") == "staging":
            raise BackendError("failed database operation", method=method.name, code="UNKNOWN")
        return await call(method, request, **rest)

    monkeypatch.setattr(flyte.channel, "call", failing)

    with pytest.raises(BackendError, match="failed database operation"):
        await flyte.names()
    assert await flyte.names(domain="development") == ["one"]


async def test_limit_asks_for_no_more_than_it_shows(flyte: Played) -> None:
    for index in range(3):
        await flyte.start(f"r{index}")
    before = flyte.channel.calls["AdminService.ListExecutions"]

    assert await flyte.names(limit=2, domain="development") == ["r2", "r1"]
    assert flyte.channel.calls["AdminService.ListExecutions"] == before + 1


async def test_what_cannot_stand_in_a_filter_is_looked_at_here(flyte: Played) -> None:
    await flyte.start("one")

    assert await flyte.names(entity=(What.LAUNCH_PLANS, "a+b")) == []
    assert await flyte.names(labels={"a b": "c,d"}) == []
    assert await flyte.names(tags=frozenset({"a;b"})) == []
    assert await flyte.names(names=("o(*",)) == []
    assert await flyte.names(names=("on\\*",)) == []
    assert await flyte.names(created_by="some body") == []


async def test_runs_are_found_by_who_started_them(flyte: Played) -> None:
    await flyte.start("one")
    (one,) = await flyte.all()

    assert await flyte.names(created_by="somebody-else") == []
    assert await flyte.names(created_by=one.created_by) == ["one"]
