"""Tasks of Flyte 2, read back as a package: the same digests wherever it is applied."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import grpc.aio
import pytest
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2, project_service_pb2_grpc
from flyteidl2.task import task_service_pb2_grpc
from flyteidl2.trigger import trigger_service_pb2, trigger_service_pb2_grpc
from package_files import HERE, opened
from package_flyte2 import (
    ELSEWHERE,
    SHOP,
    World2,
    digests,
    open_world2,
    requests,
    rewritten,
    task,
)
from world2 import trigger_document

from reconciler.engine import packages
from reconciler.engine.inventory import Export, Selection
from reconciler.errors import UsageError
from reconciler.model.key import Key, Place
from reconciler.model.packaged import Packaged, Wanted
from reconciler.server.flyte2 import dataproxy, tasks
from reconciler.sources.archive import Archive, read

Stub = task_service_pb2_grpc.TaskServiceStub
THERE = Place("elsewhere", "production")
STAGING = Place(HERE.project, "staging")
SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  defaults: {project: flytesnacks, domain: development}
  scopes: [{project: flytesnacks, domains: ["*"]}, {project: elsewhere, domains: ["*"]}]
"""
AT = {"project": HERE.project, "domain": HERE.domain}


@pytest.fixture
async def opened_world(tmp_path: Path) -> AsyncIterator[tuple[World2, Stub]]:
    async with open_world2(tmp_path) as (world, stub):
        async with grpc.aio.insecure_channel(world.endpoint) as channel:
            asked = project_service_pb2.Project(id=THERE.project, name=THERE.project)
            await project_service_pb2_grpc.ProjectServiceStub(channel).CreateProject(
                project_service_pb2.CreateProjectRequest(project=asked)
            )
        yield world, stub


@pytest.fixture
def world(opened_world: tuple[World2, Stub]) -> World2:
    return opened_world[0]


@pytest.fixture
def stub(opened_world: tuple[World2, Stub]) -> Stub:
    return opened_world[1]


def declare(world: World2, archive: Path | Archive, place: Place, *more: dict[str, Any]) -> None:
    world.package(archive, *more, project=place.project, domain=place.domain)
    world.write({"reconcile.yaml": SYNC})


async def exported(world: World2, place: Place = HERE, **wanted: Any) -> Packaged:
    async with world.session(read_only=True) as session:
        return await session.backend.package(place, Wanted(**wanted))


async def versions(world: World2, place: Place) -> dict[str, str]:
    """The digest of every task that the set registered in a place, by what is live."""
    found = (await world.plan()).live.objects
    return {
        key.name: version.rpartition(".")[2]
        for key, one in found.items()
        if key.place == place
        for version in getattr(one, "registered", {})
    }


async def deploy(stub: Stub, name: str, version: str, image: str = "v1", **spec: Any) -> None:
    """Deploy a task behind our back."""
    made = task(name, version, **AT)
    made.spec.task_template.container.image = f"registry.example.com/app:{image}"
    if spec:
        made.spec.task_template.container.args[:] = spec["args"]
    await stub.DeployTask(made)


async def trigger(world: World2, name: str, task_name: str, version: str, **more: Any) -> None:
    """Deploy a trigger behind our back."""
    request = trigger_service_pb2.DeployTriggerRequest(
        name=identifier_pb2.TriggerName(task_name=task_name, name=name, **AT)
    )
    request.spec.task_version = version
    request.spec.active = more.get("active", True)
    request.automation_spec.schedule.cron.expression = "0 6 * * *"
    async with grpc.aio.insecure_channel(world.endpoint) as channel:
        await trigger_service_pb2_grpc.TriggerServiceStub(channel).DeployTrigger(request)


def key(name: str, kind: str = "FlyteTask") -> Key:
    return Key(kind, HERE.project, HERE.domain, name)


@pytest.mark.parametrize("path", [SHOP, ELSEWHERE], ids=["here", "elsewhere"])
async def test_package_goes_out_and_comes_back_with_the_same_digests(
    world: World2, path: Path
) -> None:
    declare(world, path, HERE)
    assert (await world.reconcile()).is_complete
    before = world.calls()
    first = await exported(world)
    sent = {name for name in world.calls() - before if name.startswith(("Create", "Deploy"))}
    assert sent <= {"CreateDownloadLink"}, "reading writes nothing"
    assert first == await exported(world)
    found = digests(read(first.content))
    assert found == digests(opened(path))
    assert {key.name: version.partition(".")[2] for key, version in first.versions.items()} == found

    declare(world, read(first.content), THERE)
    uploads = world.calls()["CreateUploadLocation"]
    assert (await world.reconcile()).is_complete
    assert world.calls()["CreateUploadLocation"] == uploads, "the code stays where it is"
    assert (await world.plan()).plan.is_empty
    assert await versions(world, THERE) == found
    again = await exported(world, THERE)
    assert again.content == first.content

    declare(world, path, HERE)
    assert (await world.plan()).plan.is_empty


async def test_placeholders_stand_for_place_and_version(world: World2) -> None:
    declare(world, SHOP, HERE)
    await world.reconcile()
    content = read((await exported(world)).content)
    manifest = json.loads(content.members["manifest.json"])
    assert manifest["flyte"] == "Flyte2"
    assert manifest["triggers"] == []
    recorded = {one.task_id.name: one for one in requests(opened(SHOP))}
    for request in requests(content):
        assert request.task_id.project == "{{ registration.project }}"
        assert not request.triggers
        sent = request.SerializeToString()
        before = recorded[request.task_id.name].SerializeToString()
        word = b"{{ registration.version }}"
        assert sent.count(word) == before.count(word) >= 2
        assert b"team." not in sent


async def test_export_and_triggers_applied_again_plan_nothing(world: World2) -> None:
    daily = trigger_document(
        "daily",
        task={"name": "orders.load", "package": "code"},
        schedule={"cron": "0 6 * * *"},
        inputs={"rows": 3},
    )
    declare(world, SHOP, HERE, daily)
    assert (await world.reconcile()).is_complete
    made = await exported(world)
    declare(world, read(made.content), HERE, daily)
    assert (await world.plan()).plan.is_empty
    before = world.calls()
    assert (await world.reconcile()).is_complete
    written = {"DeployTask", "DeployTrigger", "UpdateTriggers", "CreateUploadLocation"}
    assert not (world.calls() - before).keys() & written


async def test_code_that_cannot_be_downloaded_is_said_and_stays_where_it_is_named(
    world: World2,
) -> None:
    declare(world, SHOP, HERE)
    await world.reconcile()
    made = await exported(world)
    (warning,) = made.warnings
    assert warning.startswith("FlyteTask/flytesnacks/development/")
    assert " and 4 more: its code s3://" in warning
    assert f"cannot be downloaded ({world.endpoint}: signs no code); the package" in warning
    assert not [name for name in read(made.content).members if name.startswith("blobs/")]


async def test_code_is_brought_along_where_the_server_signs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its client asks a hosted Flyte; the open-source one refuses, and so does the embedded."""
    asked: list[dataproxy_service_pb2.CreateDownloadLinkRequest] = []

    def sign(store: Any, request: Any) -> Any:
        asked.append(request)
        spec = tasks.spec(store, request.task_id)
        url = spec.task_template.metadata.code_bundle_uri
        return dataproxy_service_pb2.CreateDownloadLinkResponse(
            pre_signed_urls=dataproxy_service_pb2.PreSignedURLs(
                signed_url=[store.objects.signed_url("GET", url, seconds=60)]
            )
        )

    monkeypatch.setitem(cast("dict[str, Any]", dataproxy.HANDLERS), "CreateDownloadLink", sign)
    async with open_world2(tmp_path) as (world, _):
        declare(world, SHOP, HERE)
        await world.reconcile()
        made = await exported(world)
        assert not made.warnings
        (one,) = asked
        assert one.artifact_type == dataproxy_service_pb2.ARTIFACT_TYPE_CODE_BUNDLE
        assert digests(read(made.content)) == digests(opened(SHOP))
        blobs = [name for name in read(made.content).members if name.startswith("blobs/")]
        assert len(blobs) == 1

        uploads = world.calls()["CreateUploadLocation"]
        declare(world, read(made.content), STAGING)
        assert (await world.reconcile()).is_complete
        assert world.calls()["CreateUploadLocation"] == uploads + 1, "the package has it"
        assert await versions(world, STAGING) == digests(opened(SHOP))


async def test_what_a_client_deployed_has_the_digests_of_its_package(
    world: World2, stub: Stub
) -> None:
    names = ("env.one", "env.two")
    for name in names:
        await stub.DeployTask(task(name, "v1", **AT))
    made = await exported(world)
    assert digests(read(made.content)) == digests(
        rewritten(opened(SHOP), [task(name) for name in names])
    )
    assert set(made.versions.values()) == {"v1"}
    assert not made.left_out
    assert not made.warnings


async def test_nothing_is_exported_where_only_a_ledger_is(world: World2) -> None:
    declare(world, SHOP, HERE)
    await world.reconcile()
    assert await exported(world, STAGING) == Packaged()
    assert not [one for one in (await exported(world)).versions if "ledger" in one.name]


async def test_active_triggers_decide_on_versions(world: World2, stub: Stub) -> None:
    for version in ("v1", "v2", "v3"):
        await deploy(stub, "env.work", version, version)
        await deploy(stub, "env.other", version, version)
    await trigger(world, "daily", "env.work", "v2")
    await trigger(world, "off", "env.other", "v1", active=False)
    made = await exported(world)
    assert made.versions == {key("env.work"): "v2", key("env.other"): "v3"}
    assert made.active == ()


async def test_trigger_of_another_version_is_left_behind_with_the_reason(
    world: World2, stub: Stub
) -> None:
    for version in ("v1", "v2"):
        await deploy(stub, "env.work", version, version)
    await trigger(world, "weekly", "env.work", "v1")
    await trigger(world, "daily", "env.work", "v2")
    await trigger(world, "lost", "env.work", "v9")
    made = await exported(world)
    assert made.versions == {key("env.work"): "v2"}, "the last trigger that can run decides"
    assert made.left_out == {
        key("env.work/weekly", "FlyteTrigger"): (
            "runs FlyteTask env.work version v1, and the package holds version v2; export that "
            "one by itself, by --name and --version"
        ),
        key("env.work/lost", "FlyteTrigger"): (
            "runs FlyteTask env.work version v9, which is not registered"
        ),
    }
    assert (await exported(world, version="v1")).versions == {key("env.work"): "v1"}


async def test_trigger_of_a_version_that_is_not_there_leaves_the_newest(
    world: World2, stub: Stub
) -> None:
    await deploy(stub, "env.work", "v1")
    await trigger(world, "lost", "env.work", "v9")
    await trigger(world, "nothing", "env.gone", "v1")
    made = await exported(world)
    assert made.versions == {key("env.work"): "v1"}
    assert {one.name for one in made.left_out} == {"env.work/lost", "env.gone/nothing"}


async def test_version_and_names_can_be_asked_for(world: World2, stub: Stub) -> None:
    for version in ("v1", "v2"):
        await deploy(stub, "env.work", version, version)
        await deploy(stub, "env.other", version, version)
    old, new = await exported(world, version="v1"), await exported(world)
    assert set(old.versions.values()) == {"v1"}
    assert digests(read(old.content)) != digests(read(new.content))
    assert await exported(world, version="v3") == Packaged()
    some = await exported(world, names=("*.work",))
    assert some.versions == {key("env.work"): "v2"}


async def test_version_that_a_set_made_counts_nowhere_else_in_a_task(
    world: World2, stub: Stub
) -> None:
    version = "team.aaaaaaaaaaaaaaaa"
    args = ["a0", "--version", version, "--resolver", "r", "tag", f"run-{version}"]
    await deploy(stub, "env.work", version, args=args)
    made = await exported(world)
    assert version.encode() not in b"".join(read(made.content).members.values())


async def test_digest_that_cannot_be_given_again_is_said(world: World2, stub: Stub) -> None:
    await deploy(stub, "env.work", "team.aaaaaaaaaaaaaaaa")
    (warning,) = (await exported(world)).warnings
    assert warning.startswith(
        "FlyteTask/flytesnacks/development/env.work: its version is team.aaaaaaaaaaaaaaaa and its "
        "digest from what Flyte kept of it a"
    )


async def test_task_that_no_package_can_hold_is_left_out_alone(world: World2, stub: Stub) -> None:
    await deploy(stub, "env.work", "v1")
    odd = task("env.odd", "v1", **AT)
    odd.spec.MergeFromString(b"\xba\x3f\x01x")  # a field that is not known here
    await stub.DeployTask(odd)
    made = await exported(world)
    assert set(made.versions) == {key("env.work")}
    (reason,) = made.left_out.values()
    assert "has fields that this version of reconcile does not know" in reason


async def test_many_tasks_are_read_in_pages(world: World2, stub: Stub) -> None:
    for number in range(205):
        await stub.DeployTask(task(f"env.t{number:03d}", "v1", **AT))
    before = world.calls()
    made = await exported(world)
    assert len(made.versions) == 205
    assert (world.calls() - before)["ListTasks"] == 2


async def test_documents_stand_beside_archives(world: World2, stub: Stub) -> None:
    declare(world, SHOP, HERE)
    await world.reconcile()
    alone = await _export(world, Selection(projects=(HERE.project,)))
    (one,) = alone.exported
    assert one.document["metadata"] == {"name": "code"}
    assert one.document["spec"] == {"archive": "development.tgz"}
    with pytest.raises(UsageError, match="--version: v9: nothing is registered under it there"):
        await _export(world, Selection(), version="v9")


async def _export(world: World2, selection: Selection, **more: Any) -> Export:
    async with world.session(read_only=True) as session:
        return await packages.export(session.backend, selection, **more)
