"""Packages on a running Flyte: registered once, whole, and silent afterwards."""

from __future__ import annotations

import asyncio
import json
import shutil
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import dataproxy_pb2, dataproxy_pb2_grpc
from package_files import ARCHIVES, QUICKSTART, edited, opened, tar
from world import World, open_world

from reconciler.apply.outcome import Status
from reconciler.backends.flyte1 import task
from reconciler.engine.applying import Run
from reconciler.errors import ConflictError, SpecError, UsageError
from reconciler.model.live import Versions
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action
from reconciler.sources.archive import Archive

WITH_CODE = ARCHIVES / "quickstart-all.tgz"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened_world:
        yield opened_world


def declare(world: World, archive: Path | Archive, *more: Any, **spec: Any) -> None:
    target = world.root / "package.tgz"
    if isinstance(archive, Archive):
        target.write_bytes(tar(archive.members))
    else:
        shutil.copy(archive, target)
    document = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlytePackage",
        "metadata": {"name": "code"},
        "spec": {"archive": "package.tgz", **spec},
    }
    world.declare(document, *more)


def plan_of(name: str, workflow: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteLaunchPlan",
        "metadata": {"name": name},
        "spec": {"workflow": {"name": workflow, "package": "code"}, **spec},
    }


async def live_task(world: World, name: str) -> Any:
    answer = await world.stub.ListTasks(
        common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(
                project="flytesnacks", domain="development", name=name
            ),
            limit=10,
        )
    )
    return answer.tasks


async def registrations(world: World) -> list[Action]:
    planned = await world.plan()
    return [action for change in planned.plan.changes for action in change.actions]


async def test_package_is_registered_whole_and_the_next_plan_is_empty(world: World) -> None:
    declare(world, QUICKSTART)
    applied = await world.reconcile()
    assert applied.is_complete
    counts = world.calls()
    assert counts["CreateTask"] == 6 + 2  # and the ledger, twice
    assert counts["CreateWorkflow"] == 4
    assert counts["CreateLaunchPlan"] == 7
    assert counts["CreateUploadLocation"] == 0
    assert (await world.plan()).plan.is_empty
    assert await world.active() == {}


async def test_code_is_uploaded_once_and_is_what_the_live_tasks_name(world: World) -> None:
    declare(world, WITH_CODE)
    assert (await world.reconcile()).is_complete
    assert world.calls()["CreateUploadLocation"] == 1
    (live,) = await live_task(world, "quickstart.etl.clean")
    template = live.closure.compiled_task.template
    url = template.container.args[2]
    assert url.endswith(".tar.gz")
    (member,) = [n for n in opened(WITH_CODE).members if n.endswith(".tar.gz")]
    assert await downloaded(world, url) == opened(WITH_CODE).members[member]
    assert (await world.plan()).plan.is_empty


async def downloaded(world: World, url: str) -> bytes:
    import grpc.aio

    async with grpc.aio.insecure_channel(world.endpoint) as channel:
        stub = dataproxy_pb2_grpc.DataProxyServiceStub(channel)
        request = dataproxy_pb2.CreateDownloadLocationRequest(native_url=url)
        signed = (await stub.CreateDownloadLocation(request)).signed_url

    def fetch() -> bytes:
        with urllib.request.urlopen(signed) as answer:
            return bytes(answer.read())

    return await asyncio.to_thread(fetch)


async def test_dry_run_uploads_nothing(world: World) -> None:
    declare(world, WITH_CODE)
    planned = await world.plan()
    assert len(planned.plan.changes) == 17
    assert world.calls()["CreateUploadLocation"] == 0


async def test_package_from_another_checkout_changes_nothing(world: World) -> None:
    declare(world, WITH_CODE)
    await world.reconcile()
    declare(world, ARCHIVES / "quickstart-all-elsewhere.tgz")
    assert (await world.plan()).plan.is_empty


async def test_edit_registers_what_depends_on_it_and_going_back_registers_nothing(
    world: World,
) -> None:
    def change(spec: Any) -> None:
        spec.template.container.image = "example.invalid/quickstart:v2"

    plan = plan_of(
        "beat", "quickstart.report.heartbeat", schedule={"cron": "0 6 * * *", "timezone": "UTC"}
    )
    declare(world, QUICKSTART, plan)
    await world.reconcile()
    first = await world.active()
    declare(world, edited(opened(QUICKSTART), "quickstart.report.alive_1", change), plan)
    planned = await world.plan()
    assert {change.key.name for change in planned.plan.changes} == {
        "quickstart.report.alive",
        "quickstart.report.heartbeat",
        "quickstart.beat",
        "beat",
    }
    await world.reconcile()
    assert await world.active() != first
    declare(world, QUICKSTART, plan)
    verbs = {action.verb for action in await registrations(world)}
    assert verbs == {Verb.ACTIVATE}
    await world.reconcile()
    assert await world.active() == first


async def test_plans_of_a_package_are_activated_and_pruned_as_others_are(world: World) -> None:
    declare(world, QUICKSTART, launchPlans={"activate": "Scheduled"})
    await world.reconcile()
    assert (await world.active()).keys() == {"quickstart.nightly", "quickstart.beat"}
    assert (await world.plan()).plan.is_empty
    kept = [{"name": "quickstart.beat", "state": "Active"}]
    declare(world, QUICKSTART, launchPlans={"register": "Default", "plans": kept})
    await world.reconcile()
    assert (await world.active()).keys() == {"quickstart.beat"}


async def test_unreadable_package_removes_nothing(world: World) -> None:
    declare(world, QUICKSTART, launchPlans={"activate": "Scheduled"})
    await world.reconcile()
    (world.root / "package.tgz").write_bytes(b"broken")
    with pytest.raises(SpecError, match=r"neither a tgz nor a complete tar"):
        await world.plan()
    (world.root / "package.tgz").unlink()
    with pytest.raises(SpecError, match=r"No such file"):
        await world.reconcile()
    assert len(await world.active()) == 2


async def test_registering_again_after_a_crash_is_success(world: World) -> None:
    declare(world, WITH_CODE)
    async with world.session() as session:
        planned = await session.plan(now=world.now)
        actions = [action for change in planned.plan.changes for action in change.actions]
        await session.apply(planned, Run(now=world.now))
    async with world.session() as session:
        planned = await session.plan(now=world.now)
        for action in actions:
            await session.backend.perform(action)
    assert (await world.plan()).plan.is_empty


async def test_version_with_other_content_is_a_conflict_that_names_it(world: World) -> None:
    declare(world, QUICKSTART)
    actions = await registrations(world)
    await world.reconcile()
    (action,) = [one for one in actions if one.key.name == "quickstart.report.alive"]
    body = json.loads(json.dumps(action.body))
    body["container"]["image"] = "example.invalid/other"
    async with world.session() as session:
        with pytest.raises(ConflictError, match=r"exists with other content"):
            await session.backend.perform(replace(action, body=body))
    flow = next(one for one in actions if one.key.name == "quickstart.report.weekly")
    body = json.loads(json.dumps(flow.body))
    body["template"]["interface"]["inputs"]["variables"]["day"]["description"] = "another"
    async with world.session() as session:
        with pytest.raises(ConflictError, match=r"exists with other content"):
            await session.backend.perform(replace(flow, body=body))


async def test_saved_plan_without_its_package_says_so(world: World) -> None:
    declare(world, WITH_CODE)
    actions = await registrations(world)
    action = next(one for one in actions if one.key.kind == task.KIND)
    async with world.session() as session:
        with pytest.raises(
            UsageError, match=r"code [a-z2-7]+ is not here; apply the plan where packages"
        ):
            await session.backend.perform(action)


async def test_descriptions_go_along_with_registrations(world: World) -> None:
    declare(world, QUICKSTART)
    await world.reconcile()
    (live,) = await live_task(world, "quickstart.etl.clean_in_parts")
    entity = await world.stub.GetDescriptionEntity(
        common_pb2.ObjectGetRequest(
            id=identifier_pb2.Identifier(
                resource_type=identifier_pb2.TASK,
                project="flytesnacks",
                domain="development",
                name="quickstart.etl.clean_in_parts",
                version=live.id.version,
            )
        )
    )
    assert entity.short_description.startswith("Clean each part")


async def test_failed_task_holds_back_what_needs_it_and_activations(world: World) -> None:
    """A workflow that refers to something that is not there fails; the rest is registered."""
    declare(world, ARCHIVES / "variety.tgz")
    applied = await world.reconcile()
    failed = {one.action.key.name for one in applied.report.outcomes if one.status is Status.FAILED}
    skipped = [one for one in applied.report.outcomes if one.status is Status.SKIPPED]
    assert failed == {"variety.flows.foreign"}
    assert [one.action.key.kind for one in skipped] == ["FlyteLaunchPlan"]
    planned = await world.plan()
    assert {change.key.name for change in planned.plan.changes} == {"variety.flows.foreign"}


async def test_two_domains_run_the_same_digests(world: World) -> None:
    declare(world, WITH_CODE)
    await world.reconcile()
    declare(world, WITH_CODE, domain="staging")
    await world.reconcile()
    planned = await world.plan()
    assert planned.plan.is_empty
    live = planned.live.objects
    assert all(isinstance(one, Versions) for one in live.values())
    assert {key.domain for key in live} >= {"staging"}
    assert world.calls()["CreateUploadLocation"] == 2
    digests = {one.digest for one in planned.desired.resources.values()}
    declare(world, WITH_CODE)
    again = await world.plan()
    assert {one.digest for one in again.desired.resources.values()} == digests
