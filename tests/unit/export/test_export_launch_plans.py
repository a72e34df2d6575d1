"""Every live plan that is exported resolves to the normal form that it was read with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core import execution_pb2, identifier_pb2, literals_pb2, security_pb2, types_pb2
from google.protobuf import json_format
from world import DOMAIN, PROJECT, World, integer, open_world

from reconciler.api import exporting
from reconciler.api.connecting import Choice
from reconciler.engine import inventory
from reconciler.engine.inventory import Export, Selection
from reconciler.export import launch_plan
from reconciler.export.launch_plan import LivePlan
from reconciler.model.key import Key
from reconciler.model.live import LiveVersion, Versions
from reconciler.plan.plan import Effect

Spec = launch_plan_pb2.LaunchPlanSpec


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        yield opened


async def register(
    world: World, name: str, spec: Spec, *, version: str = "v1", domain: str = DOMAIN
) -> None:
    """Register and activate a plan on workflow etl v1 of a domain."""
    spec.workflow_id.CopyFrom(
        identifier_pb2.Identifier(
            resource_type=identifier_pb2.WORKFLOW,
            project=PROJECT,
            domain=domain,
            name="etl",
            version="v1",
        )
    )
    identifier = identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project=PROJECT,
        domain=DOMAIN,
        name=name,
        version=version,
    )
    await world.stub.CreateLaunchPlan(
        launch_plan_pb2.LaunchPlanCreateRequest(id=identifier, spec=spec)
    )
    await world.set_state(name, version, active=True)


def scheduled(cron: str = "0 6 * * *", **inputs: int) -> Spec:
    """Make a plan that fires, with the scheduled time as its day."""
    spec = Spec()
    spec.entity_metadata.schedule.cron_schedule.schedule = cron
    spec.entity_metadata.schedule.kickoff_time_input_arg = "day"
    for name, value in (inputs or {"count": 1}).items():
        add_default(spec, name, integer(value))
    return spec


def add_default(spec: Spec, name: str, value: literals_pb2.Literal) -> None:
    parameter = spec.default_inputs.parameters[name]
    parameter.var.type.simple = types_pb2.INTEGER
    parameter.default.CopyFrom(value)


def corpus() -> dict[str, Spec]:
    """Plans of every sort that Flyte takes, by name."""
    plain = Spec()
    add_default(plain, "count", integer(7))
    plans = {
        "plain": plain,
        "daily": scheduled(),
        "zoned": scheduled("CRON_TZ=Europe/Berlin 30 2 * * 1", count=3),
        "alias": scheduled("@daily", count=3),
        "same-as-workflow": scheduled(count=7),
        "Odd_Name.X/y": scheduled(count=3),
        "odd-name.x-y": scheduled(count=4),
    }
    fixed = plans["fixed"] = scheduled()
    fixed.ClearField("default_inputs")
    fixed.fixed_inputs.literals["count"].CopyFrom(integer(5))
    rate = plans["rate"] = Spec()
    rate.entity_metadata.schedule.rate.value = 90
    add_default(rate, "count", integer(3))
    json_format.ParseDict(
        {"scalar": {"primitive": {"datetime": "2026-01-01T00:00:00Z"}}},
        rate.fixed_inputs.literals["day"],
    )
    rich = plans["rich"] = scheduled("*/5 * * * *", count=0)
    rich.labels.values["team"] = "ranking"
    rich.annotations.values["example.com/owner"] = "yes: # no"
    rich.envs.values.add(key="MODE", value="on")
    rich.raw_output_data_config.output_location_prefix = "s3://bucket/raw"
    rich.max_parallelism = 20
    rich.interruptible.value = False
    rich.overwrite_cache = True
    rich.security_context.run_as.k8s_service_account = "flyte"
    rich.security_context.run_as.iam_role = "arn:aws:iam::1:role/x"
    rich.concurrency_policy.max = 2
    rich.concurrency_policy.behavior = launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP
    notice = rich.entity_metadata.notifications.add()
    notice.phases.append(execution_pb2.WorkflowExecution.FAILED)
    notice.email.recipients_email.append("oncall@example.com")
    return plans


def inexpressible() -> dict[str, tuple[Spec, str]]:
    """Plans that the language cannot say, with a word of the reason."""
    offset = scheduled()
    offset.entity_metadata.schedule.cron_schedule.offset = "PT1H"
    secret = scheduled()
    secret.security_context.secrets.append(security_pb2.Secret(group="g", key="k"))
    prefix = scheduled()
    prefix.raw_output_data_config.output_location_prefix = "no scheme"
    hashed = scheduled()
    add_default(hashed, "count", integer(3))
    hashed.default_inputs.parameters["count"].default.hash = "abc"
    return {
        "offset": (offset, "schedule.offset"),
        "secret": (secret, "securityContext"),
        "prefix": (prefix, "rawOutputPrefix"),
        "hashed": (hashed, "hash"),
        "open": (Spec(), "leaves input count open"),
    }


async def exported(world: World, **selection: object) -> Export:
    selection.setdefault("kinds", ("FlyteLaunchPlan",))
    async with world.session(read_only=True) as session:
        return await inventory.export(
            session.backend,
            Selection(**selection),  # type: ignore[arg-type]  # fields by name
            set_name="team",
            now=world.now,
        )


def choice(world: World) -> Choice:
    return Choice(chosen_by="test", endpoint=world.endpoint, insecure=True)


def write(world: World, found: Export) -> None:
    files = exporting.files(found, choice(world), folder=world.root)
    exporting.write(files, folder=world.root)


async def test_everything_is_adopted_and_nothing_else_is_written(world: World) -> None:
    for name, spec in corpus().items():
        await register(world, name, spec)
    for name, (spec, _) in inexpressible().items():
        await register(world, name, spec)
    world.declare()
    found = await exported(world, kinds=())
    assert {item.key.name for item in found.exported} == {"", *corpus(), *inexpressible()}
    (world.root / "reconcile.yaml").unlink()
    write(world, found)
    before = world.calls()
    planned = await world.plan()
    assert {change.effect for change in planned.plan.changes} == {Effect.ADOPT}
    assert len(planned.plan.changes) == len(found.exported) - 1, "the project is as declared"
    await world.reconcile()
    assert (await world.plan()).plan.is_empty
    written = {name for name in world.calls() - before if "List" not in name and "Get" not in name}
    assert written == {"CreateTask"}, "the ledger's write and no other"


async def test_what_can_be_said_is_said_in_words(world: World) -> None:
    for name, spec in corpus().items():
        await register(world, name, spec)
    world.declare()
    found = (await exported(world)).exported
    assert {item.key.name: item.notes for item in found if item.notes} == {}
    specs = {item.key.name: item.document["spec"] for item in found}
    assert "inputs" not in specs["same-as-workflow"], "the workflow's own default is left out"
    assert specs["zoned"] == {
        "workflow": {"name": "etl", "version": "v1"},
        "schedule": {"timezone": "Europe/Berlin", "cron": "30 2 * * 1", "kickoffInput": "day"},
        "inputs": {"count": 3},
    }
    assert specs["plain"]["state"] == "Active"
    assert specs["rate"]["schedule"] == {"every": "90m"}
    assert specs["rich"]["interruptible"] is False


async def test_what_cannot_be_said_is_an_existing_version_with_the_reason(world: World) -> None:
    for name, (spec, _) in inexpressible().items():
        await register(world, name, spec)
    world.declare()
    found = await exported(world)
    for item in found.exported:
        assert item.document["spec"] == {"existing": {"version": "v1"}}
        assert inexpressible()[item.key.name][1] in item.notes[0]


async def test_names_are_kubernetes_names_and_each_once(world: World) -> None:
    await register(world, "Odd_Name.X/y", scheduled())
    await register(world, "odd-name.x-y", scheduled())
    world.declare()
    found = await exported(world)
    names = {item.key.name: item.document["metadata"]["name"] for item in found.exported}
    assert len(set(names.values())) == 2
    files = exporting.files(found, choice(world), folder=world.root)
    folder = f"{PROJECT}/{DOMAIN}"
    assert len([path for path in files if str(path.parent) == folder]) == 2


async def test_what_a_set_made_and_what_is_reserved_is_left_out(world: World) -> None:
    await register(world, "theirs", scheduled(), version="other-set.amx3w5b2m7qd4ztr")
    await register(world, ".flytegen.etl", scheduled())
    await register(world, "mine", scheduled())
    world.declare()
    found = await exported(world)
    assert [item.key.name for item in found.exported] == ["mine"]
    assert {item.key.name: item.reason for item in found.left_out} == {
        "theirs": "it belongs to set other-set",
        ".flytegen.etl": "its name is reserved; Flyte or the reconciler made it",
    }


async def test_inactive_names_give_their_newest_version_only_when_asked(world: World) -> None:
    for version in ("v1", "v2", "v3"):
        await register(world, "sleeping", scheduled(count=int(version[1])), version=version)
    await world.set_state("sleeping", "v3", active=False)
    world.declare()
    assert not (await exported(world)).exported
    found = await exported(world, inactive=True)
    assert [item.document["spec"] for item in found.exported] == [
        {"existing": {"version": "v3"}, "state": "Inactive"}
    ]
    assert [item.key.name for item in found.left_out] == ["etl"], "the workflow's default plan"
    (world.root / "reconcile.yaml").unlink()
    write(world, found)
    assert (await world.plan()).plan.is_empty


async def test_of_two_active_versions_the_newest_is_exported_and_the_other_named() -> None:
    key = Key("FlyteLaunchPlan", PROJECT, DOMAIN, "twice")
    old = LiveVersion("v2", {}, "2026-01-01T00:00:00Z")
    new = LiveVersion("v1", {}, "2026-02-01T00:00:00Z")
    found = launch_plan.choose(key, Versions(active=(old, new)))
    assert isinstance(found, LivePlan)
    assert (found.version, found.others) == (new, ("v2",))


async def test_a_workflow_of_another_domain_is_named_with_its_place(world: World) -> None:
    await world.register_workflow(domain="staging", defaults={"count": 1})
    spec = scheduled(count=3)
    await register(world, "promoted", spec, domain="staging")
    world.declare()
    (item,) = (await exported(world)).exported
    assert item.document["spec"]["workflow"] == {
        "name": "etl",
        "version": "v1",
        "domain": "staging",
    }


async def test_a_plan_on_a_workflow_of_a_set_is_only_named(world: World) -> None:
    version = "other-set.amx3w5b2m7qd4ztr"
    await world.register_workflow("ours", version)
    await world.register_plan(
        "foreign", "v1", workflow="ours", workflow_version=version, defaults={"count": 1}
    )
    await world.set_state("foreign", "v1", active=True)
    world.declare()
    (item,) = (await exported(world)).exported
    assert item.document["spec"] == {"existing": {"version": "v1"}}
    assert "registered by a set" in item.notes[0]


async def name_says(world: World, name: str, text: str, *, archived: bool = False) -> None:
    """Keep a description at a name, and hide it."""
    states = common_pb2.NAMED_ENTITY_ARCHIVED, common_pb2.NAMED_ENTITY_ACTIVE
    await world.stub.UpdateNamedEntity(
        common_pb2.NamedEntityUpdateRequest(
            resource_type=identifier_pb2.LAUNCH_PLAN,
            id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN, name=name),
            metadata=common_pb2.NamedEntityMetadata(
                description=text, state=states[0] if archived else states[1]
            ),
        )
    )


async def test_descriptions_are_exported_unless_declaring_one_would_unhide_a_name(
    world: World,
) -> None:
    await register(world, "told", scheduled(count=3))
    await name_says(world, "told", "every morning")
    world.declare()
    (item,) = (await exported(world)).exported
    assert item.document["spec"]["description"] == "every morning"
    await register(world, "hidden", scheduled(count=3))
    await name_says(world, "hidden", "", archived=True)
    found = await exported(world)
    assert not any("description" in item.document["spec"] for item in found.exported)
    assert "hidden: is archived and still active" in found.warnings[0]
    (world.root / "reconcile.yaml").unlink()
    write(world, found)
    assert {change.effect for change in (await world.plan()).plan.changes} == {Effect.ADOPT}


async def test_existing_files_are_not_overwritten_and_none_is_written(world: World) -> None:
    await register(world, "one", scheduled())
    await register(world, "two", scheduled())
    world.declare()
    found = await exported(world)
    (world.root / "reconcile.yaml").unlink()
    kept = world.root / PROJECT / DOMAIN / "two.yaml"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(exporting.UsageError, match=r"two\.yaml: exists already"):
        write(world, found)
    assert [path for path in world.root.rglob("*") if path.is_file()] == [kept]
    files = exporting.files(found, choice(world), folder=world.root)
    exporting.write(files, folder=world.root, force=True)
    assert "FlyteLaunchPlan" in kept.read_text(encoding="utf-8")


async def test_one_stream_holds_the_set_and_reads_back(world: World, tmp_path: Path) -> None:
    await register(world, "daily", scheduled(count=3))
    world.declare()
    found = await exported(world)
    (world.root / "reconcile.yaml").unlink()
    text = "".join(exporting.stream(found, choice(world), folder=world.root))
    (world.root / "all.yaml").write_text(text, encoding="utf-8")
    planned = await world.plan(str(world.root / "all.yaml"))
    assert [change.effect for change in planned.plan.changes] == [Effect.ADOPT]
    listed = exporting.documents(found, choice(world), folder=world.root)
    (world.root / "all.yaml").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": listed}), encoding="utf-8"
    )
    planned = await world.plan(str(world.root / "all.yaml"))
    assert [change.effect for change in planned.plan.changes] == [Effect.ADOPT]
