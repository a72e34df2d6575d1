"""Code that is registered, read back as a package: the same digests wherever it is applied."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import launch_plan_pb2, project_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from package_files import ARCHIVES, HERE, QUICKSTART, REALWORLD, VARIETY, digests, edited, opened
from test_package_flyte1 import declare as declare_here
from test_package_recorded import requests
from world import World, open_world

from reconciler.apply.outcome import Status
from reconciler.backends.flyte1 import task
from reconciler.backends.flyte1.package import entities, recorded
from reconciler.backends.flyte1.package import graph as graphs
from reconciler.engine import packages
from reconciler.engine.inventory import Export, Selection
from reconciler.errors import UsageError
from reconciler.model.key import Key, Place
from reconciler.model.packaged import Packaged, Wanted
from reconciler.sources.archive import Archive, read
from reconciler.specs.package import PackageOptions

WITH_CODE = ARCHIVES / "quickstart-all.tgz"
ALL = [QUICKSTART, REALWORLD, VARIETY, ARCHIVES / "frames.tgz", WITH_CODE]
THERE = Place("elsewhere", "production")
SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  defaults: {project: flytesnacks, domain: development}
  scopes: [{project: flytesnacks, domains: ["*"]}, {project: elsewhere, domains: ["*"]}]
"""
VERSIONED = "sha-1234"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened_world:
        await opened_world.stub.RegisterProject(
            project_pb2.ProjectRegisterRequest(
                project=project_pb2.Project(id=THERE.project, name=THERE.project)
            )
        )
        yield opened_world


def declare(world: World, archive: Path | Archive, place: Place = HERE, **spec: Any) -> None:
    declare_here(world, archive, project=place.project, domain=place.domain, **spec)
    world.write({"reconcile.yaml": SYNC})


async def exported(world: World, place: Place = HERE, **wanted: Any) -> Packaged:
    async with world.session(read_only=True) as session:
        return await session.backend.package(place, Wanted(**wanted))


async def versions(world: World, place: Place) -> set[str]:
    """The digests of everything that the set registered in a place, by what is live."""
    found = (await world.plan()).live.objects
    return {
        version.rpartition(".")[2]
        for key, one in found.items()
        if key.place == place
        for version in getattr(one, "registered", {})
    }


async def register_others(world: World) -> None:
    """What `variety.flows.foreign` refers to: a task and a plan that its package does not hold."""
    template = next(iter(entities.read(opened(VARIETY)).tasks.values())).template
    at = {"project": HERE.project, "domain": HERE.domain, "version": "v1"}
    spec = task_pb2.TaskSpec(template=template)
    spec.template.id.MergeFrom(
        identifier_pb2.Identifier(resource_type=identifier_pb2.TASK, name="others.task", **at)
    )
    spec.template.container.args[:] = ["run"]
    await world.stub.CreateTask(task_pb2.TaskCreateRequest(id=spec.template.id, spec=spec))
    flow = entities.read(opened(VARIETY)).workflows["variety.flows.inner"]
    own = identifier_pb2.Identifier(resource_type=identifier_pb2.WORKFLOW, name="others.flow", **at)
    flow.template.id.CopyFrom(own)
    flow.template.nodes[0].task_node.reference_id.CopyFrom(spec.template.id)
    await world.stub.CreateWorkflow(workflow_pb2.WorkflowCreateRequest(id=own, spec=flow))
    plan = launch_plan_pb2.LaunchPlanSpec(workflow_id=own)
    name = identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN, name="others.plan", **at
    )
    await world.stub.CreateLaunchPlan(launch_plan_pb2.LaunchPlanCreateRequest(id=name, spec=plan))


async def register(world: World, archive: Archive, version: str, place: Place = HERE) -> None:
    """Register entities as a client does, under one version."""
    sent = list(requests(archive))
    for one in sent:
        for identifier in graphs_identifiers(one):
            identifier.project, identifier.domain = place.project, place.domain
            identifier.version = version
    for one in _ordered(sent):
        if isinstance(one, task_pb2.TaskCreateRequest):
            await world.stub.CreateTask(one)
        elif isinstance(one, workflow_pb2.WorkflowCreateRequest):
            await world.stub.CreateWorkflow(one)
        else:
            await world.stub.CreateLaunchPlan(one)


def graphs_identifiers(message: Any) -> list[identifier_pb2.Identifier]:
    from reconciler.backends.flyte1.package.identifiers import walk

    return [one for one in walk(message) if one.version == VERSIONED]


def _ordered(sent: Iterable[recorded.Request]) -> list[recorded.Request]:
    """In the order of dependencies, which is that of a package."""
    by_name = {(type(one), one.id.name): one for one in sent}
    content = entities.read(recorded.write(by_name.values()))
    order = graphs.build(content, place=HERE, options=PackageOptions()).entities
    kinds: dict[str, Any] = {
        "FlyteTask": task_pb2.TaskCreateRequest,
        "FlyteWorkflow": workflow_pb2.WorkflowCreateRequest,
        "FlyteLaunchPlan": launch_plan_pb2.LaunchPlanCreateRequest,
    }
    return [by_name[kinds[kind], name] for kind, name in order]


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
async def test_package_goes_out_and_comes_back_with_the_same_digests(
    world: World, path: Path
) -> None:
    await register_others(world)
    declare(world, path)
    applied = await world.reconcile()
    assert {one.status for one in applied.report.outcomes} == {Status.DONE}
    before = world.calls()
    first = await exported(world)
    sent = {name for name in world.calls() - before if name.startswith(("Create", "Update"))}
    assert sent <= {"CreateDownloadLocation"}
    assert first == await exported(world)
    assert not first.warnings
    found = digests(read(first.content))
    others = {name for name in found if name[1].startswith("others.")}
    assert {name: one for name, one in found.items() if name not in others} == digests(opened(path))

    declare(world, read(first.content), THERE)
    await world.reconcile()
    assert (await world.plan()).plan.is_empty
    assert await versions(world, THERE) == set(found.values())
    again = await exported(world, THERE)
    assert again.content == first.content

    declare(world, path)
    assert (await world.plan()).plan.is_empty


async def test_what_a_client_registered_has_the_digests_of_its_package(world: World) -> None:
    await register(world, opened(QUICKSTART), "v1")
    made = await exported(world)
    assert digests(read(made.content)) == digests(opened(QUICKSTART))
    assert set(made.versions.values()) == {"v1"}
    assert not made.left_out


async def test_nothing_is_exported_where_only_a_ledger_is(world: World) -> None:
    declare(world, QUICKSTART)
    await world.reconcile()
    empty = await exported(world, Place("flytesnacks", "staging"))
    assert empty == Packaged()
    assert not [key for key in (await exported(world)).versions if "ledger" in key.name]


async def test_active_plans_decide_on_versions_and_are_named(world: World) -> None:
    def change(spec: Any) -> None:
        spec.template.metadata.retries.retries = 4

    await register(world, opened(QUICKSTART), "v1")
    await world.set_state("quickstart.beat", "v1", active=True)
    newer = edited(opened(QUICKSTART), "quickstart.report.alive_1", change)
    await register(world, newer, "v2")
    made = await exported(world)
    assert made.active == ("quickstart.beat",)
    held = {key.name: version for key, version in made.versions.items() if "Workflow" in key.kind}
    assert held["quickstart.report.heartbeat"] == "v1"
    assert held["quickstart.etl.etl"] == "v2"
    assert made.versions[Key("FlyteTask", *_at("quickstart.report.alive"))] == "v1"
    assert made.versions[Key("FlyteLaunchPlan", *_at("quickstart.report.heartbeat"))] == "v1"


def _at(name: str) -> tuple[str, str, str]:
    return HERE.project, HERE.domain, name


async def test_version_of_every_name_can_be_asked_for(world: World) -> None:
    def change(spec: Any) -> None:
        spec.template.metadata.retries.retries = 4

    newer = edited(opened(QUICKSTART), "quickstart.etl.count_1", change)
    await register(world, opened(QUICKSTART), "v1")
    await register(world, newer, "v2")
    old, new = await exported(world, version="v1"), await exported(world)
    assert digests(read(old.content)) == digests(opened(QUICKSTART))
    assert digests(read(new.content)) == digests(newer)
    assert (await exported(world, version="v3")) == Packaged()


async def test_names_bring_what_they_need_and_nothing_else(world: World) -> None:
    declare(world, QUICKSTART)
    await world.reconcile()
    made = await exported(world, names=("*.weekly",))
    found = digests(read(made.content))
    assert {name for kind, name in found if kind == "FlyteWorkflow"} == {
        "quickstart.report.weekly",
        "quickstart.etl.etl",  # run by the plan of a node
    }
    assert ("FlyteLaunchPlan", "quickstart.daily_orders") in found
    assert ("FlyteTask", "quickstart.report.alive") not in found
    assert found.items() <= digests(opened(QUICKSTART)).items()


async def test_what_needs_another_version_is_left_out_with_the_reason(world: World) -> None:
    """Half a release: v2 of one workflow needs a task that an active plan holds at v1."""

    def change(spec: Any) -> None:
        spec.template.metadata.retries.retries = 4

    await register(world, opened(QUICKSTART), "v1")
    await world.set_state("quickstart.nightly", "v1", active=True)
    await register(world, edited(opened(QUICKSTART), "quickstart.etl.count_1", change), "v2")
    made = await exported(world)
    reason = made.left_out[Key("FlyteWorkflow", *_at("quickstart.etl.etl_in_parts"))]
    assert reason.startswith(("needs FlyteLaunchPlan", "needs FlyteTask"))
    assert "version v2, and the package holds version v1" in reason
    assert made.versions[Key("FlyteWorkflow", *_at("quickstart.etl.etl"))] == "v1"


async def test_plan_of_other_hands_is_no_part_of_a_package(world: World) -> None:
    await world.register_workflow(defaults={"count": 7})
    await world.register_plan("mine", "team-2", workflow_version="v1", defaults={"count": 1})
    await world.set_state("mine", "team-2", active=True)
    made = await exported(world)
    assert made.left_out == {
        Key("FlyteLaunchPlan", *_at("mine")): (
            "was not registered together with its workflow; export without --packages declares it"
        )
    }
    assert {(key.kind, key.name) for key in made.versions} >= {("FlyteWorkflow", "etl")}


async def test_code_that_is_gone_is_a_warning_and_stays_where_it_is_named(world: World) -> None:
    declare(world, WITH_CODE)
    await world.reconcile()
    for path in (world.root.parent / "data/objects").iterdir():
        path.unlink()
    made = await exported(world)
    (warning,) = made.warnings
    assert warning.startswith("FlyteTask/flytesnacks/development/quickstart.etl.clean and 5 more")
    assert "cannot be downloaded" in warning
    assert "signature=" not in warning
    assert not [name for name in read(made.content).members if name.startswith("blobs/")]
    content = entities.read(read(made.content))
    urls = {url for one in content.tasks.values() for url in task.code_urls(one.template)}
    (url,) = urls
    assert url.startswith("s3://")
    assert url in warning
    assert digests(read(made.content)) == digests(opened(WITH_CODE))

    declare(world, read(made.content), THERE)
    uploads = world.calls()["CreateUploadLocation"]
    await world.reconcile()
    assert (await world.plan()).plan.is_empty
    assert world.calls()["CreateUploadLocation"] == uploads


async def test_digest_that_cannot_be_given_again_is_said(world: World) -> None:
    """The default plan of a workflow counts for it, and was not registered here."""
    declare(world, QUICKSTART, launchPlans={"register": "None"})
    await world.reconcile()
    made = await exported(world)
    assert any(
        one.startswith("FlyteWorkflow/flytesnacks/development/quickstart.report.heartbeat")
        and "such as a default plan that was never registered" in one
        for one in made.warnings
    )
    assert not any("FlyteTask" in one for one in made.warnings)


async def test_active_default_plan_is_said(world: World) -> None:
    await register(world, opened(QUICKSTART), "v1")
    await world.set_state("quickstart.report.heartbeat", "v1", active=True)
    made = await exported(world)
    assert made.active == ()
    (warning,) = made.warnings
    assert warning.startswith("FlyteLaunchPlan/flytesnacks/development/quickstart.report.heartbeat")
    assert "a package never makes it" in warning


async def test_archived_names_are_left_alone(world: World) -> None:
    from flyteidl.admin import common_pb2

    await register(world, opened(QUICKSTART), "v1")
    for kind in (identifier_pb2.WORKFLOW, identifier_pb2.LAUNCH_PLAN):
        await world.stub.UpdateNamedEntity(
            common_pb2.NamedEntityUpdateRequest(
                resource_type=kind,
                id=common_pb2.NamedEntityIdentifier(
                    project=HERE.project, domain=HERE.domain, name="quickstart.report.weekly"
                ),
                metadata=common_pb2.NamedEntityMetadata(state=common_pb2.NAMED_ENTITY_ARCHIVED),
            )
        )
    names = {key.name for key in (await exported(world)).versions}
    assert "quickstart.report.weekly" not in names
    assert "quickstart.report.heartbeat" in names


async def test_documents_stand_beside_archives_and_say_which_plans_are_active(
    world: World,
) -> None:
    declare(world, QUICKSTART, launchPlans={"activate": "Scheduled"})
    await world.reconcile()
    alone = await _export(world, Selection(projects=(HERE.project,)))
    (one,) = alone.exported
    assert one.document["metadata"] == {"name": "code"}
    assert one.document["spec"] == {
        "archive": "development.tgz",
        "launchPlans": {
            "plans": [
                {"name": "quickstart.beat", "state": "Active"},
                {"name": "quickstart.nightly", "state": "Active"},
            ]
        },
    }
    assert alone.defaults == HERE
    await register(world, opened(QUICKSTART), "v1", THERE)
    both = await _export(world, Selection())
    assert [one.document["metadata"] for one in both.exported] == [
        {"name": "code.elsewhere.production"},
        {"name": "code.flytesnacks.development"},
    ]
    specs: Any = [one.document["spec"] for one in both.exported]
    assert [spec["project"] for spec in specs] == ["elsewhere", "flytesnacks"]
    with pytest.raises(UsageError, match="--version: v9: nothing is registered under it there"):
        await _export(world, Selection(), version="v9")


async def _export(world: World, selection: Selection, **more: Any) -> Export:
    async with world.session(read_only=True) as session:
        return await packages.export(session.backend, selection, **more)
