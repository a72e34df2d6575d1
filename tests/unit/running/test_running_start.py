"""Starting executions of Flyte 1 once, whatever happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flyteidl.admin import execution_pb2, launch_plan_pb2, project_pb2
from running_kit import DOMAIN, START, Phase, Played, register_plan

from reconciler.backends.flyte1.run import normal
from reconciler.errors import BackendError, ConflictError, LimitError, UnavailableError
from reconciler.model.entity import Reference, What
from reconciler.model.key import Place
from reconciler.model.run import Launch, Mode, RunId
from reconciler.model.run import Phase as Told

CREATE = "AdminService.CreateExecution"
GET = "AdminService.GetExecution"


def reference(flyte: Played, name: str = "etl", what: What = What.LAUNCH_PLANS) -> Reference:
    return Reference(what=what, project=flyte.project, domain=DOMAIN, name=name, version="v1")


def launch(flyte: Played, name: str = "one", *, plan: str = "etl", **rest: Any) -> Launch:
    inputs = {key: integer(value) for key, value in rest.pop("inputs", {}).items()}
    scheduled_at = rest.pop("scheduled_at", None)
    what = rest.pop("what", What.LAUNCH_PLANS)
    body = normal.body_of(
        reference(flyte, plan, what), inputs=inputs, options=rest, scheduled_at=scheduled_at
    )
    return Launch(id=flyte.id(name), body=body, scheduled_at=scheduled_at)


def integer(value: int) -> Any:
    return {"scalar": {"primitive": {"integer": str(value)}}}


def lost(flyte: Played, monkeypatch: pytest.MonkeyPatch, *, arrives: bool) -> None:
    """Lose the answer of the next creation, or the call itself."""
    call = flyte.channel.call

    async def losing(method: Any, request: Any, **rest: Any) -> Any:
        if method.name == CREATE:
            monkeypatch.setattr(flyte.channel, "call", call)
            if arrives:
                await call(method, request, **rest)
            raise UnavailableError("lost", method=method.name, code="UNAVAILABLE")
        return await call(method, request, **rest)

    monkeypatch.setattr(flyte.channel, "call", losing)


async def read(flyte: Played, name: str = "one") -> execution_pb2.Execution:
    return await flyte.admin.GetExecution(
        execution_pb2.WorkflowExecutionGetRequest(id=flyte.execution(name))
    )


async def test_run_is_started_with_all_that_its_normal_form_says(flyte: Played) -> None:
    started = await flyte.running.start(
        launch(
            flyte,
            inputs={"count": 7},
            labels={"team": "ranking"},
            annotations={"ticket": "42"},
            tags=["nightly"],
            envs={"A": "1", "B": "2"},
            runAs={"serviceAccount": "robot", "iamRole": "role"},
            rawOutputPrefix="s3://out/here",
            maxParallelism=5,
            interruptible=False,
            overwriteCache=True,
            notifications=[
                {"phases": ["FAILED"], "email": ["oncall@example.com"]},
                {"phases": ["SUCCEEDED"], "slack": ["team@example.com"]},
            ],
        )
    )

    assert (started.was_there, started.run.phase, started.run.mode) == (
        False,
        Told.UNDEFINED,
        Mode.MANUAL,
    )
    spec = (await read(flyte)).spec
    assert dict(spec.labels.values) == {"team": "ranking"}
    assert dict(spec.annotations.values) == {"ticket": "42"}
    assert list(spec.tags) == ["nightly"]
    assert [(one.key, one.value) for one in spec.envs.values] == [("A", "1"), ("B", "2")]
    assert spec.security_context.run_as.k8s_service_account == "robot"
    assert spec.security_context.run_as.iam_role == "role"
    assert spec.raw_output_data_config.output_location_prefix == "s3://out/here"
    assert (spec.max_parallelism, spec.overwrite_cache) == (5, True)
    assert spec.HasField("interruptible")
    assert spec.interruptible.value is False
    found = spec.notifications.notifications
    assert [one.WhichOneof("type") for one in found] == ["email", "slack"]
    assert not spec.disable_all


async def test_pool_and_cluster_of_a_run_are_sent(flyte: Played) -> None:
    request = normal.to_wire(launch(flyte, clusterPool="pool", clusterLabel="gpu"))

    assert request.spec.cluster_assignment.cluster_pool_name == "pool"
    assert request.spec.execution_cluster_label.value == "gpu"


async def test_notifications_and_interruptible_have_three_states(flyte: Played) -> None:
    silent = normal.to_wire(launch(flyte))
    nobody = normal.to_wire(launch(flyte, notifications=[]))

    assert not silent.spec.HasField("notifications")
    assert not silent.spec.disable_all
    assert nobody.spec.disable_all
    assert not silent.spec.HasField("interruptible")
    assert "notifications" not in launch(flyte, notifications=None).body


async def test_tick_is_scheduled_and_costs_one_call(flyte: Played) -> None:
    before = flyte.channel.calls.copy()

    started = await flyte.running.start(launch(flyte, scheduled_at=START))

    assert (flyte.channel.calls - before) == {CREATE: 1}
    assert (started.run.mode, started.run.scheduled_at) == (Mode.SCHEDULED, START)
    run = await flyte.running.run(flyte.id("one"))
    assert run is not None
    assert (run.mode, run.scheduled_at, run.entity) == (
        Mode.SCHEDULED,
        START,
        reference(flyte),
    )


async def test_run_that_is_there_is_handed_back_and_its_inputs_stay(flyte: Played) -> None:
    await flyte.running.start(launch(flyte, inputs={"count": 7}))
    await flyte.tell("one", Phase.RUNNING, 0)
    before = flyte.channel.calls.copy()

    started = await flyte.running.start(launch(flyte, inputs={"count": 7}))

    assert (started.was_there, started.run.phase) == (True, Told.RUNNING)
    assert CREATE not in flyte.channel.calls - before


async def test_name_of_other_content_is_refused_before_its_inputs_are_overwritten(
    flyte: Played,
) -> None:
    await flyte.running.start(launch(flyte, inputs={"count": 7}))

    with pytest.raises(ConflictError, match=r"its input count has another value; use another name"):
        await flyte.running.start(launch(flyte, inputs={"count": 8}))
    data = await flyte.running.data(flyte.id("one"))
    assert data.inputs is not None
    assert data.inputs.literals["count"] == integer(7)


async def test_name_of_another_plan_or_tick_is_a_conflict(flyte: Played) -> None:
    await register_plan(flyte, "other")
    await flyte.running.start(launch(flyte))

    with pytest.raises(ConflictError, match="it runs launch plan etl version v1; use another"):
        await flyte.running.start(launch(flyte, plan="other"))
    with pytest.raises(ConflictError, match="it has no tick"):
        await flyte.running.start(launch(flyte, scheduled_at=START))
    await flyte.running.start(launch(flyte, "two", scheduled_at=START))
    later = START + timedelta(days=1)
    with pytest.raises(ConflictError, match=r"it is that of 2026-05-01T06:00:00Z"):
        await flyte.running.start(launch(flyte, "two", scheduled_at=later))


async def test_tick_that_somebody_started_in_between_is_handed_back(flyte: Played) -> None:
    tick = launch(flyte, scheduled_at=START)
    await flyte.running.start(tick)
    before = flyte.channel.calls.copy()

    started = await flyte.running.start(tick)

    assert started.was_there
    assert (flyte.channel.calls - before) == {CREATE: 1, GET: 1}
    assert await flyte.names() == ["one"]


@pytest.mark.parametrize("is_tick", [True, False], ids=["tick", "run"])
async def test_of_many_writers_one_starts_the_run_and_all_have_it(
    flyte: Played, is_tick: bool
) -> None:
    one = launch(flyte, inputs={"count": 7}, scheduled_at=START if is_tick else None)

    started = await asyncio.gather(*(flyte.running.start(one) for _ in range(8)))

    assert [item.was_there for item in started].count(False) == 1
    assert {item.run.id for item in started} == {one.id}
    assert await flyte.names() == ["one"]


async def test_single_task_is_started(flyte: Played) -> None:
    started = await flyte.running.start(launch(flyte, plan="etl.task", what=What.TASKS))

    assert started.run.entity == reference(flyte, "etl.task", What.TASKS)
    assert (await flyte.running.start(launch(flyte, plan="etl.task", what=What.TASKS))).was_there


@pytest.mark.parametrize("is_tick", [True, False], ids=["tick", "run"])
async def test_lost_answer_is_read_back(
    flyte: Played, monkeypatch: pytest.MonkeyPatch, is_tick: bool
) -> None:
    lost(flyte, monkeypatch, arrives=True)

    started = await flyte.running.start(launch(flyte, scheduled_at=START if is_tick else None))

    assert (started.was_there, started.run.id) == (False, flyte.id("one"))
    assert started.run.created_at is not None


async def test_lost_call_is_unavailable_and_started_by_the_next_one(
    flyte: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(flyte, monkeypatch, arrives=False)

    with pytest.raises(UnavailableError, match="lost"):
        await flyte.running.start(launch(flyte))
    assert not (await flyte.running.start(launch(flyte))).was_there


async def limited(flyte: Played) -> None:
    policy = launch_plan_pb2.ConcurrencyPolicy(
        max=1, behavior=launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP
    )
    await register_plan(flyte, "limited", concurrency_policy=policy)
    await flyte.start("busy", plan="limited")
    await flyte.tell("busy", Phase.RUNNING, 0)


async def test_concurrency_policy_is_a_limit_for_now_and_no_success(flyte: Played) -> None:
    await limited(flyte)
    tick = launch(flyte, plan="limited", scheduled_at=START)

    with pytest.raises(LimitError, match=r"as many executions run as may run at once .*; wait"):
        await flyte.running.start(tick)
    assert await flyte.names() == ["busy"]
    await flyte.tell("busy", Phase.SUCCEEDED, 60)
    assert not (await flyte.running.start(tick)).was_there


async def test_limit_is_looked_at_before_the_name_and_the_run_is_handed_back_all_the_same(
    flyte: Played,
) -> None:
    await limited(flyte)
    busy = Launch(
        id=flyte.id("busy"),
        body=normal.body_of(reference(flyte, "limited"), inputs={}),
        scheduled_at=None,
    )
    forced = replace(busy, scheduled_at=START)  # sent without a read before
    started = await flyte.running.start(forced)

    assert (started.was_there, started.run.phase) == (True, Told.RUNNING)


async def test_tag_of_a_run_that_was_not_started_whole_is_told(
    flyte: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flyte.running.start(launch(flyte))
    call = flyte.channel.call
    answers = 0

    async def orphaned(method: Any, request: Any, **rest: Any) -> Any:
        nonlocal answers
        if method.name == GET:
            answers += 1
            request = execution_pb2.WorkflowExecutionGetRequest(id=flyte.execution("none"))
        return await call(method, request, **rest)

    monkeypatch.setattr(flyte.channel, "call", orphaned)
    with pytest.raises(BackendError, match=r"there is no such run, and its name or a tag of it is"):
        await flyte.running.start(launch(flyte))
    assert answers == 2


async def test_refusal_of_the_server_is_passed_on(flyte: Played) -> None:
    with pytest.raises(BackendError, match="it does not exist"):
        await flyte.running.start(launch(flyte, plan="none"))
    with pytest.raises(BackendError, match="invalid input none"):
        await flyte.running.start(launch(flyte, inputs={"none": 1}))


async def test_run_may_be_elsewhere_than_its_plan(flyte: Played) -> None:
    other = f"{flyte.project}x"
    await flyte.admin.RegisterProject(
        project_pb2.ProjectRegisterRequest(project=project_pb2.Project(id=other, name=other))
    )
    body = normal.body_of(reference(flyte), inputs={})
    elsewhere = Launch(id=RunId(Place(other, "staging"), "one"), body=body)

    started = await flyte.running.start(elsewhere)

    assert started.run.id == elsewhere.id
    assert normal.place_of(elsewhere) == flyte.place


def test_normal_form_is_made_of_whole_references_and_known_options(flyte: Played) -> None:
    with pytest.raises(AssertionError):
        normal.body_of(replace(reference(flyte), version=""), inputs={})
    with pytest.raises(AssertionError):
        normal.body_of(reference(flyte), inputs={}, options={"queue": "x"})
