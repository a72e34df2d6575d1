"""Capabilities that no single room proves: each from its documents to what a server then holds."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.admin.common_pb2 import NAMED_ENTITY_ACTIVE, NAMED_ENTITY_ARCHIVED
from flyteidl.core import identifier_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from world import DOMAIN, PROJECT, SYNC, World, open_world, plan_document

from reconciler import api
from reconciler.api.connecting import Target
from reconciler.errors import SpecError, UsageError
from reconciler.model.digest import split_version
from reconciler.plan.plan import Effect, Reason

PACKAGE = Path(__file__).parents[2] / "examples" / "quickstart" / "dist" / "package.tgz"
FRESH = SYNC.replace(PROJECT, "fresh")
EVERYTHING = {
    "rawOutputPrefix": "s3://bucket/raw",
    "serviceAccount": "robot",
    "iamRole": "arn:aws:iam::1:role/x",
    "labels": {"team": "data"},
    "annotations": {"example.com/owner": "data"},
    "envs": {"MODE": "fast"},
    "maxParallelism": 4,
    "interruptible": False,
    "overwriteCache": True,
    "notifications": [{"phases": ["Failed"], "email": ["oncall@example.com"]}],
    "concurrency": {"max": 1, "onLimit": "Skip"},
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        yield opened


async def read(world: World, name: str) -> launch_plan_pb2.LaunchPlan:
    """Read the active version of a plan."""
    where = common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN, name=name)
    return await world.stub.GetActiveLaunchPlan(launch_plan_pb2.ActiveLaunchPlanRequest(id=where))


async def archived(world: World, name: str) -> int:
    """Read whether the name of a plan is in the archive."""
    where = common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN, name=name)
    kind = identifier_pb2.LAUNCH_PLAN
    found = await world.stub.GetNamedEntity(
        common_pb2.NamedEntityGetRequest(resource_type=kind, id=where)
    )
    return found.metadata.state


async def command(world: World, *arguments: str) -> tuple[int, str, str]:
    """Run the program in the set's directory."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "reconciler", *arguments),
        *("--endpoint", world.endpoint, "--insecure"),
        cwd=world.root,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_everything_that_a_plan_says_reaches_the_server(world: World) -> None:
    world.declare(plan_document("daily", **EVERYTHING))
    before = world.calls()
    await world.reconcile()

    plan = await read(world, "daily")
    assert MessageToDict(plan.spec) == {
        "workflowId": {
            "resourceType": "WORKFLOW",
            "project": PROJECT,
            "domain": DOMAIN,
            "name": "etl",
            "version": "v1",
        },
        "entityMetadata": {
            "schedule": {
                "cronSchedule": {"schedule": "CRON_TZ=UTC 0 6 * * *"},
                "kickoffTimeInputArg": "day",
            },
            "notifications": [
                {"phases": ["FAILED"], "email": {"recipientsEmail": ["oncall@example.com"]}}
            ],
        },
        "defaultInputs": MessageToDict(plan.spec.default_inputs),
        "fixedInputs": {},
        "labels": {"values": {"team": "data"}},
        "annotations": {"values": {"example.com/owner": "data"}},
        "envs": {"values": [{"key": "MODE", "value": "fast"}]},
        "rawOutputDataConfig": {"outputLocationPrefix": "s3://bucket/raw"},
        "securityContext": {
            "runAs": {"k8sServiceAccount": "robot", "iamRole": "arn:aws:iam::1:role/x"}
        },
        "maxParallelism": 4,
        "interruptible": False,
        "overwriteCache": True,
        "concurrencyPolicy": {"max": 1, "behavior": "CONCURRENCY_LIMIT_BEHAVIOR_SKIP"},
    }
    assert plan.spec.default_inputs.parameters["count"].default.scalar.primitive.integer == 3
    assert (world.calls() - before)["CreateWorkflow"] == 0
    assert (await world.plan()).plan.is_empty


async def test_equal_content_is_registered_once_and_an_edit_is_a_new_version(world: World) -> None:
    world.declare(plan_document("daily", envs={"MODE": "a"}))
    await world.reconcile()
    first = (await world.active())["daily"]
    before = world.calls()
    await world.reconcile()
    assert not [name for name in world.calls() - before if name.startswith(("Create", "Update"))]

    world.declare(plan_document("daily", envs={"MODE": "b"}))
    await world.reconcile()
    second = (await world.active())["daily"]
    assert split_version(first)
    assert split_version(second)
    assert second != first


async def test_a_plan_that_somebody_stopped_is_found_and_started_again(world: World) -> None:
    world.declare(plan_document("daily"))
    await world.reconcile()
    version = (await world.active())["daily"]
    await world.set_state("daily", version, active=False)
    (change,) = (await world.plan()).plan.changes
    assert change.reason is Reason.FOREIGN
    await world.reconcile()
    assert await world.active() == {"daily": version}


async def test_a_name_goes_to_the_archive_and_comes_back(world: World) -> None:
    sync = SYNC + "  prune: Archive\n"
    world.declare(plan_document("daily"), plan_document("kept"), sync=sync)
    await world.reconcile()
    world.declare(plan_document("kept"), sync=sync)
    await world.reconcile(approved=(await world.plan()).plan.id)
    assert await world.active() == {"kept": (await world.active())["kept"]}
    assert await archived(world, "daily") == NAMED_ENTITY_ARCHIVED
    assert await archived(world, "kept") == NAMED_ENTITY_ACTIVE

    world.declare(plan_document("daily"), plan_document("kept"), sync=sync)
    await world.reconcile()
    assert set(await world.active()) == {"daily", "kept"}
    assert await archived(world, "daily") == NAMED_ENTITY_ACTIVE
    assert (await world.plan()).plan.is_empty


def package_documents() -> Sequence[dict[str, Any]]:
    """A plan, the package it needs and the project of both, in the wrong order."""
    head = {"apiVersion": "flyte.reconciler.dev/v1alpha1"}
    plan = plan_document(
        "weekly",
        workflow={"name": "quickstart.report.weekly", "package": "app"},
        schedule=None,
        state="Active",
        inputs={"factor": 1.5},
    )
    package = {
        **head,
        "kind": "FlytePackage",
        "metadata": {"name": "app"},
        "spec": {"archive": str(PACKAGE), "launchPlans": {"register": "Default"}},
    }
    project = {**head, "kind": "FlyteProject", "metadata": {"name": "fresh"}, "spec": {}}
    return plan, package, project


async def test_project_package_and_plan_converge_in_one_pass_whatever_their_order(
    world: World,
) -> None:
    order: list[str] = []

    async def note(method: str, _request: Message) -> None:
        order.append(method)

    world.declare(*package_documents(), sync=FRESH)
    world.server.on_call = note
    applied = await world.reconcile()
    world.server.on_call = None
    assert applied.is_complete, applied.report.failures

    firsts = [order.index(name) for name in ("RegisterProject", "CreateWorkflow")]
    lasts = [
        len(order) - 1 - order[::-1].index(name)
        for name in ("CreateWorkflow", "CreateLaunchPlan", "UpdateLaunchPlan")
    ]
    assert firsts == sorted(firsts)
    assert lasts == sorted(lasts)
    assert list(await world.active(project="fresh")) == ["weekly"]
    assert (await world.plan()).plan.is_empty


async def test_a_package_registers_its_entities_and_the_default_plans_that_are_asked_for(
    world: World,
) -> None:
    world.declare(*package_documents(), sync=FRESH)
    await world.reconcile()
    found = await versions(world)
    assert found["ListTasks"]
    assert found["ListWorkflows"]
    plans, workflows = found["ListLaunchPlans"], found["ListWorkflows"]
    assert {name: plans[name] for name in workflows if name in plans} == workflows

    quiet = [
        {**item, "spec": {**item["spec"], "launchPlans": {"register": "None"}}}
        for item in package_documents()
        if item["kind"] == "FlytePackage"
    ]
    world.declare(*quiet, sync=SYNC.replace("team", "quiet"))
    await world.reconcile()
    own = await versions(world, project=PROJECT, set_name="quiet")
    assert set(own["ListWorkflows"]) == set(workflows)
    assert not own["ListLaunchPlans"].keys() & workflows.keys()


async def versions(
    world: World, *, project: str = "fresh", set_name: str = "team"
) -> dict[str, dict[str, str]]:
    """Map each list to the names and versions that a set registered."""
    found: dict[str, dict[str, str]] = {}
    for method, field in (
        ("ListTasks", "tasks"),
        ("ListWorkflows", "workflows"),
        ("ListLaunchPlans", "launch_plans"),
    ):
        where = common_pb2.NamedEntityIdentifier(project=project, domain=DOMAIN)
        answer = await getattr(world.stub, method)(
            common_pb2.ResourceListRequest(id=where, limit=1000, sort_by={"key": "id"})
        )
        items = [item.id for item in getattr(answer, field)]
        found[method] = {
            item.name: item.version for item in items if item.version.startswith(f"{set_name}.")
        }
    return found


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"schedule": {"cron": "0 6 * * *"}}, "day"),
        ({"inputs": {"cuont": 3}}, "count"),
        ({"inputs": {"count": "three"}}, "count"),
        ({"fixedInputs": {"day": "2026-01-01T00:00:00Z"}}, "day"),
        ({"schedule": {"cron": "0 0 30 2 *", "kickoffInput": "day"}}, "cron"),
        ({"schedule": {"cron": "0 6 * * *", "kickoffInput": "count"}}, "kickoffInput"),
        ({"schedule": {"every": "6h", "kickoffInput": "day"}}, "kickoffInput"),
    ],
)
async def test_what_the_server_would_refuse_or_run_wrong_is_refused_by_the_plan(
    world: World, spec: dict[str, Any], word: str
) -> None:
    world.declare(plan_document("daily", **spec))
    before = world.server.writes
    with pytest.raises(SpecError, match=word):
        await world.plan()
    assert world.server.writes == before


async def test_an_object_without_a_project_is_refused_with_the_field(world: World) -> None:
    text = json.dumps(plan_document("daily"))
    (world.root / "one.json").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"one\.json.*spec\.project"):
        await world.plan("one.json")


async def test_a_dry_run_writes_nothing_and_says_by_its_code_what_is_pending(world: World) -> None:
    world.declare(plan_document("daily"))
    writes = world.server.writes
    code, out, err = await command(world, "--dry-run", "--detailed-exitcode", "-o", "json")
    assert code == 2, err
    (change,) = json.loads(out)["changes"]
    assert change["key"] == f"FlyteLaunchPlan/{PROJECT}/{DOMAIN}/daily"
    assert (await command(world, "--dry-run"))[0] == 0
    assert world.server.writes == writes

    code, out, err = await command(world, "--yes", "-o", "json")
    assert code == 0, err
    did = json.loads(out)
    (change,) = did["plan"]["changes"]
    assert change["actions"][0]["version"] == (await world.active())["daily"]
    assert [item["status"] for item in did["outcomes"]] == ["done", "done"]
    code, out, err = await command(world, "--dry-run", "--detailed-exitcode")
    assert code == 0, out + err
    world.declare(plan_document("daily", schedule={"cron": "x"}))
    assert (await command(world, "--dry-run", "--detailed-exitcode"))[0] == 1


async def test_the_library_serves_async_callers_and_others(world: World) -> None:
    world.declare(plan_document("daily"))
    target = Target(endpoint=world.endpoint, insecure=True)

    async def effects() -> list[Effect]:
        async with api.session([str(world.root)], connection=target, read_only=True) as session:
            return [change.effect for change in (await session.plan()).plan.changes]

    awaited = await effects()
    assert awaited == [Effect.CREATE]
    assert await asyncio.to_thread(lambda: api.run(effects())) == awaited
    with pytest.raises(UsageError, match="await the coroutine instead"):
        api.run(effects())
