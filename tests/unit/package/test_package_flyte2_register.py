"""Packages on a running Flyte 2: registered once, never over other content, then silent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2, task_service_pb2_grpc
from package_files import opened
from package_flyte2 import (
    ELSEWHERE,
    SHOP,
    Request,
    World2,
    digests,
    edited,
    open_world2,
    rewritten,
    task,
)

from reconciler.apply.outcome import Status
from reconciler.engine.applying import Run
from reconciler.errors import ConflictError, UsageError
from reconciler.model.key import Key, Place
from reconciler.model.live import Query
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action
from reconciler.sources.archive import Archive

Stub = task_service_pb2_grpc.TaskServiceStub
READS = {"GetTaskDetails": 5, "ListTasks": 1}
HERE = {"project": "flytesnacks", "domain": "development"}


@pytest.fixture(params=[False, True], ids=["loose", "strict"])
async def opened_world(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[World2, Stub]]:
    async with open_world2(tmp_path, strict=request.param) as found:
        yield found


@pytest.fixture
def world(opened_world: tuple[World2, Stub]) -> World2:
    return opened_world[0]


@pytest.fixture
def stub(opened_world: tuple[World2, Stub]) -> Stub:
    return opened_world[1]


def without_code(*names: str) -> Archive:
    """A package of tasks that bring no code."""
    return rewritten(opened(SHOP), [task(name) for name in names])


async def live(stub: Stub, name: str) -> list[Any]:
    """The specs of all versions of a task, the newest first."""
    listed = await stub.ListVersions(
        task_service_pb2.ListVersionsRequest(
            task_name=task_definition_pb2.TaskName(name=name, **HERE),
            request=list_pb2.ListRequest(limit=50),
        )
    )
    found = []
    for one in listed.versions:
        identifier = task_definition_pb2.TaskIdentifier(name=name, version=one.version, **HERE)
        answer = await stub.GetTaskDetails(
            task_service_pb2.GetTaskDetailsRequest(task_id=identifier)
        )
        found.append(answer.details.spec)
    return found


def counted(world: World2, before: Any) -> dict[str, int]:
    """Calls about tasks and their code since an earlier count."""
    about = ("Task", "Version", "Upload", "Trigger")
    now = world.calls() - before
    return {name: n for name, n in now.items() if any(word in name for word in about)}


async def test_package_is_registered_whole_and_the_next_plan_is_silent(
    world: World2, stub: Stub
) -> None:
    world.package(ELSEWHERE)
    applied = await world.reconcile()
    assert applied.is_complete
    calls = world.calls()
    assert calls["DeployTask"] == 5
    assert calls["GetTaskDetails"] == 5
    assert calls["CreateUploadLocation"] == 1

    before = world.calls()
    assert (await world.plan()).plan.is_empty
    assert counted(world, before).keys() - {"GetTriggerDetails", "ListTriggers"} == {"ListTasks"}
    assert counted(world, before)["ListTasks"] == 1
    before = world.calls()
    assert (await world.reconcile()).report.outcomes == ()
    assert not counted(world, before).keys() & {"DeployTask", "CreateUploadLocation"}


async def test_registered_task_is_what_was_recorded_with_its_place_filled_in(
    world: World2, stub: Stub
) -> None:
    world.package(ELSEWHERE)
    assert (await world.reconcile()).is_complete
    (spec,) = await live(stub, "orders.load")
    version = f"team.{digests(opened(SHOP))['orders.load']}"
    args = list(spec.task_template.container.args)
    assert args[args.index("--version") + 1] == version
    url = args[args.index("--tgz") + 1]
    assert url == spec.task_template.metadata.code_bundle_uri
    assert world.server.uploaded(url) is not None
    assert spec.task_template.id.version == version
    assert spec.task_template.id.project == "flytesnacks"
    assert spec.task_template.metadata.runtime.version == "2.11.4", "the SDK that will run it"
    env = {pair.key: pair.value for pair in spec.task_template.container.env}
    assert env["_F_SYS_PATH"] == "./.venv-sdk/bin:./.venv-sdk/lib/python3.11/site-packages:./."


async def test_triggers_that_came_along_are_never_deployed(world: World2, stub: Stub) -> None:
    world.package(ELSEWHERE)
    assert (await world.reconcile()).is_complete
    answer = await stub.ListTasks(
        task_service_pb2.ListTasksRequest(
            org="acme",
            project_id=identifier_pb2.ProjectIdentifier(
                organization="acme", name="flytesnacks", domain="development"
            ),
            request=list_pb2.ListRequest(limit=50),
        )
    )
    assert len(answer.tasks) == 5
    assert not any(one.metadata.HasField("triggers_summary") for one in answer.tasks)


async def test_edit_moves_only_what_depends_on_it_and_going_back_registers_nothing(
    world: World2, stub: Stub
) -> None:
    def change(one: Request) -> None:
        one.spec.task_template.container.image = "registry.example.com/shop:v2"

    world.package(SHOP)
    assert (await world.reconcile()).is_complete
    before = world.calls()
    world.package(edited(opened(SHOP), "orders.load", change))
    planned = await world.plan()
    assert [str(one.key) for one in planned.plan.changes] == [
        "FlyteTask/flytesnacks/development/orders.load"
    ]
    assert (await world.reconcile()).is_complete
    assert (world.calls() - before)["DeployTask"] == 1

    before = world.calls()
    world.package(SHOP)
    assert (await world.plan()).plan.is_empty
    assert (await world.reconcile()).is_complete
    assert not counted(world, before).keys() & {"DeployTask", "GetTaskDetails"}
    assert len(await live(stub, "orders.load")) == 2


async def test_same_package_from_elsewhere_changes_nothing(world: World2) -> None:
    world.package(SHOP)
    assert (await world.reconcile()).is_complete
    world.package(ELSEWHERE)
    assert (await world.plan()).plan.is_empty


async def registrations(world: World2) -> list[Action]:
    planned = await world.plan()
    return [action for change in planned.plan.changes for action in change.actions]


async def perform(world: World2, action: Action) -> None:
    async with world.session() as session:
        from reconciler.engine import planning

        found = planning.resolve_offline(
            session.declaration, session.backend.adapters, now=world.now
        )
        session.backend.offer(found.attachments)
        await session.backend.perform(action)


async def test_version_that_exists_with_other_content_is_never_overwritten(
    world: World2, stub: Stub
) -> None:
    world.package(without_code("env.work"))
    (action,) = await registrations(world)
    other = task("env.work", action.version, **HERE)
    other.spec.task_template.container.image = "registry.example.com/app:stolen"
    await stub.DeployTask(other)

    before = world.calls()
    with pytest.raises(ConflictError, match="exists with other content"):
        await perform(world, action)
    assert counted(world, before) == {"GetTaskDetails": 1}
    (kept,) = await live(stub, "env.work")
    assert kept.task_template.container.image == "registry.example.com/app:stolen"


async def test_version_that_exists_with_equal_content_is_success(world: World2) -> None:
    world.package(without_code("env.work"))
    (action,) = await registrations(world)
    await perform(world, action)
    before = world.calls()
    await perform(world, action)
    assert counted(world, before) == {"GetTaskDetails": 1}


async def test_version_made_between_our_read_and_our_write_is_compared(tmp_path: Path) -> None:
    async with open_world2(tmp_path, strict=True) as (world, stub):
        world.package(without_code("env.work"))
        (action,) = await registrations(world)
        other = task("env.work", action.version, **HERE)
        other.spec.task_template.container.image = "registry.example.com/app:stolen"

        async def first(method: str, _request: Any) -> None:
            if method == "DeployTask":
                world.server.on_call = None
                await stub.DeployTask(other)

        world.server.on_call = first
        with pytest.raises(ConflictError, match="exists with other content"):
            await perform(world, action)


async def test_failed_task_fails_alone(world: World2, stub: Stub) -> None:
    world.package(without_code("env.one", "env.two"))
    stolen = next(one for one in await registrations(world) if one.key.name == "env.one")
    other = task("env.one", stolen.version, **HERE)
    other.spec.short_name = "other"
    await stub.DeployTask(other)
    planned = await world.plan()
    assert [change.key.name for change in planned.plan.changes] == ["env.two"]


async def test_plan_without_its_package_says_where_to_apply_it(world: World2) -> None:
    world.package(SHOP)
    planned = await world.plan()
    world.declare()
    async with world.session() as session:
        applied = await session.apply_saved(planned.plan, Run(now=world.now, by="tester"))
    failed = [one for one in applied.report.outcomes if one.status is Status.FAILED]
    assert len(failed) == 5
    assert all("its spec is not here; apply the plan where" in one.detail for one in failed)
    assert world.calls()["DeployTask"] == 0


async def test_code_without_its_bytes_is_not_registered(world: World2) -> None:
    world.package(SHOP)
    action = next(one for one in await registrations(world) if one.key.name == "orders.load")
    async with world.session() as session:
        from reconciler.engine import planning

        found = planning.resolve_offline(
            session.declaration, session.backend.adapters, now=world.now
        )
        specs = {
            name: one for name, one in found.attachments.items() if not name.startswith("code:")
        }
        session.backend.offer(specs)
        with pytest.raises(UsageError, match=r"its code a[a-z2-7]{15} is not here"):
            await session.backend.perform(action)


async def test_asked_versions_are_found_though_a_list_shows_one_of_a_name(
    world: World2, stub: Stub
) -> None:
    for name, version in (("a", "v1"), ("a", "v2"), ("b", "v1"), ("a", "v3"), ("c", "v2")):
        await stub.DeployTask(task(name, version, **HERE))

    async def found(**asked: set[str]) -> dict[str, set[str]]:
        keys = {
            Key("FlyteTask", "flytesnacks", "development", name): frozenset(versions)
            for name, versions in asked.items()
        }
        async with world.session(read_only=True) as session:
            live_ = await session.backend.observe(Query(versions=keys))
        return {key.name: set(one.registered) for key, one in live_.objects.items()}  # type: ignore[union-attr]  # tasks have versions

    world.declare()
    assert await found(a={"v1"}, b={"v2"}, c={"v2"}) == {"a": {"v1"}, "c": {"v2"}}
    assert await found(a={"v1", "v2", "v9"}) == {"a": {"v1", "v2"}}
    assert await found(a={"v3"}) == {"a": {"v3"}}
    assert await found(d={"v1"}) == {}


async def test_place_that_cannot_be_read_is_unreadable(world: World2) -> None:
    import grpc

    from reconciler.server.status import StatusError

    async def fail(method: str, request: Any) -> None:
        if method == "ListTasks" and request.project_id.domain == "staging":
            raise StatusError(grpc.StatusCode.PERMISSION_DENIED, "not yours")

    world.declare()
    world.server.on_call = fail
    keys = {
        Key("FlyteTask", "flytesnacks", domain, "a"): frozenset({"v1"})
        for domain in ("development", "staging")
    }
    async with world.session(read_only=True) as session:
        live_ = await session.backend.observe(Query(versions=keys))
    assert set(live_.unreadable) == {("FlyteTask", Place("flytesnacks", "staging"))}


async def test_many_tasks_are_read_in_pages(world: World2) -> None:
    names = [f"env.t{number:04d}" for number in range(450)]
    world.package(without_code(*names))
    assert (await world.reconcile()).is_complete
    before = world.calls()
    assert (await world.plan()).plan.is_empty
    assert counted(world, before)["ListTasks"] == 3


async def test_trigger_runs_the_version_that_its_package_registers(world: World2) -> None:
    trigger = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteTrigger",
        "metadata": {"name": "daily"},
        "spec": {
            "task": {"name": "orders.load", "package": "code"},
            "schedule": {"cron": "0 6 * * *", "timezone": "UTC"},
            "inputs": {"rows": 3},
        },
    }
    world.package(SHOP, trigger)
    planned = await world.plan()
    assert len(planned.plan.changes) == 6
    assert (await world.reconcile()).is_complete
    key = Key("FlyteTrigger", "flytesnacks", "development", "orders.load/daily")
    async with world.session(read_only=True) as session:
        found = await session.backend.observe(Query(objects={key: None}))
    body = found.objects[key].body  # type: ignore[union-attr]  # triggers are objects
    assert body is not None
    assert body["task"] == {"name": "orders.load", "digest": digests(opened(SHOP))["orders.load"]}
    assert (await world.plan()).plan.is_empty


async def test_only_registering_is_done_to_tasks(world: World2) -> None:
    world.package(without_code("env.work"))
    assert (await world.reconcile()).is_complete
    world.package(without_code("env.other"))
    actions = await registrations(world)
    assert [(action.verb, action.key.name) for action in actions] == [(Verb.REGISTER, "env.other")]
    assert replace(actions[0], version="x").version == "x"
