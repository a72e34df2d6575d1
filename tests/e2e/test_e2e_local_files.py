"""Local files as inputs on a running Flyte: uploaded once, silent afterwards, by their content."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from cli_kit import Shell
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2
from flyteidl.service import dataproxy_pb2, dataproxy_pb2_grpc
from world import DOMAIN, PROJECT, World, open_world, plan_document

from reconciler.apply.outcome import Status
from reconciler.errors import SpecError
from reconciler.plan.encode import decode, encode
from reconciler.plan.plan import Effect

FILE = types_pb2.LiteralType(blob=types_pb2.BlobType())
FOLDER = types_pb2.LiteralType(blob=types_pb2.BlobType(dimensionality=types_pb2.BlobType.MULTIPART))
TABLE = types_pb2.LiteralType(structured_dataset_type=types_pb2.StructuredDatasetType())
MAYBE = types_pb2.LiteralType(
    union_type=types_pb2.UnionType(variants=[FILE, types_pb2.LiteralType(simple=types_pb2.NONE)])
)
NESTED = types_pb2.LiteralType(map_value_type=types_pb2.LiteralType(collection_type=MAYBE))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(
            types={"rows": FILE, "table": TABLE, "parts": FOLDER, "many": NESTED}
        )
        opened.write(
            {
                "data/rows.csv": "id\n1\n",
                "data/parts/a.csv": "a\n",
                "data/parts/day=2/b.csv": "b\n",
            }
        )
        yield opened


INPUTS: dict[str, Any] = {
    "count": 3,
    "rows": {"path": "data/rows.csv"},
    "table": {"path": "data/rows.csv"},
    "parts": {"path": "data/parts"},
    "many": {"eu": [{"path": "data/rows.csv"}, None, "s3://b/k"], "us": []},
}


def declare(world: World, *names: str, **spec: Any) -> None:
    world.declare(*(plan_document(name, inputs=INPUTS, **spec) for name in names or ("daily",)))


async def stored(
    world: World, version: str, name: str = "daily"
) -> dict[str, literals_pb2.Literal]:
    """The defaults of a version as the server has them."""
    answer = await world.stub.GetLaunchPlan(
        common_pb2.ObjectGetRequest(
            id=identifier_pb2.Identifier(
                resource_type=identifier_pb2.LAUNCH_PLAN,
                project=PROJECT,
                domain=DOMAIN,
                name=name,
                version=version,
            )
        )
    )
    parameters = answer.spec.default_inputs.parameters
    return {key: one.default for key, one in parameters.items() if one.HasField("default")}


async def downloaded(world: World, url: str) -> bytes:
    async with grpc.aio.insecure_channel(world.endpoint) as channel:
        stub = dataproxy_pb2_grpc.DataProxyServiceStub(channel)
        request = dataproxy_pb2.CreateDownloadLocationRequest(native_url=url)
        signed = (await stub.CreateDownloadLocation(request)).signed_url

    def fetch() -> bytes:
        with urllib.request.urlopen(signed) as answer:
            return bytes(answer.read())

    return await asyncio.to_thread(fetch)


async def test_files_are_uploaded_once_and_named_by_their_locations(world: World) -> None:
    declare(world, "daily", "weekly")

    assert (await world.reconcile()).is_complete

    assert world.calls()["CreateUploadLocation"] == 3  # the file, and the two of the folder
    inputs = await stored(world, (await world.active())["daily"])
    rows = inputs["rows"].scalar.blob.uri
    assert rows.startswith("s3://")
    assert rows.endswith("/rows.csv")
    assert await downloaded(world, rows) == b"id\n1\n"
    assert inputs["table"].scalar.structured_dataset.uri == rows
    table = inputs["table"].scalar.structured_dataset.metadata.structured_dataset_type
    assert table.format == "csv"
    parts = inputs["parts"].scalar.blob.uri
    assert await downloaded(world, f"{parts}/a.csv") == b"a\n"
    assert await downloaded(world, f"{parts}/day=2/b.csv") == b"b\n"
    listed = inputs["many"].map.literals["eu"].collection.literals
    assert [one.scalar.union.value.scalar.blob.uri for one in listed] == [rows, "", "s3://b/k"]


async def test_second_plan_is_silent_and_a_second_apply_transfers_nothing(world: World) -> None:
    declare(world)
    await world.reconcile()
    before = world.calls()

    assert (await world.plan()).plan.is_empty
    await world.reconcile()

    calls = world.calls() - before
    assert not [name for name in calls if name.startswith(("Create", "Update"))]


async def test_edit_of_a_file_is_a_new_version_and_going_back_registers_nothing(
    world: World,
) -> None:
    declare(world)
    await world.reconcile()
    first = (await world.active())["daily"]

    world.write({"data/rows.csv": "id\n2\n"})
    planned = await world.plan()
    (change,) = planned.plan.changes
    changed = {item.path.partition("[")[0] for item in change.fields}
    assert {path.split(".")[1] for path in changed} == {"rows", "table", "many"}
    await world.reconcile()
    second = (await world.active())["daily"]
    before = world.calls()
    world.write({"data/rows.csv": "id\n1\n"})
    await world.reconcile()

    assert second != first
    uri = (await stored(world, second))["rows"].scalar.blob.uri
    assert await downloaded(world, uri) == b"id\n2\n"
    assert (await world.active())["daily"] == first
    calls = world.calls() - before
    assert (calls["CreateLaunchPlan"], calls["CreateUploadLocation"]) == (0, 0)


async def test_content_that_a_live_plan_has_is_not_uploaded_again(world: World) -> None:
    declare(world)
    await world.reconcile()
    first = await stored(world, (await world.active())["daily"])
    before = world.calls()

    declare(world, maxParallelism=5)
    assert (await world.reconcile()).is_complete

    calls = world.calls() - before
    assert (calls["CreateLaunchPlan"], calls["CreateUploadLocation"]) == (1, 0)
    assert await stored(world, (await world.active())["daily"]) == first


async def test_file_elsewhere_with_the_same_content_is_the_same_version(world: World) -> None:
    declare(world)
    await world.reconcile()

    world.write({"copy/rows.csv": "id\n1\n"})
    moved = {**INPUTS, "rows": {"path": "copy/rows.csv"}}
    world.declare(plan_document("daily", inputs=moved))

    assert (await world.plan()).plan.is_empty


async def test_location_of_a_file_may_be_named_beside_the_file(world: World) -> None:
    declare(world)
    await world.reconcile()
    uri = (await stored(world, (await world.active())["daily"]))["rows"].scalar.blob.uri
    both = {"b": [uri, {"path": "data/rows.csv"}], "a": [{"path": "data/rows.csv"}, uri]}
    world.declare(plan_document("daily", inputs={**INPUTS, "rows": uri, "many": both}))

    assert (await world.reconcile()).is_complete

    assert (await world.plan()).plan.is_empty


async def test_plan_says_what_goes_by_reference_and_writes_nothing(world: World) -> None:
    declare(world)
    shell = Shell(world)
    before = world.calls()

    text = await shell("--dry-run")
    shown = (await shell("plan", "-o", "json")).json()

    note = (
        "inputs by reference: many (data/rows.csv, 5 B; uploaded unless Flyte has it), "
        "parts (data/parts, 4 B; uploaded unless Flyte has it), "
        "rows (data/rows.csv, 5 B; uploaded unless Flyte has it), "
        "table (data/rows.csv, 5 B; uploaded unless Flyte has it); by value: count"
    )
    assert f"note: {note}" in text.out
    assert shown["changes"][0]["notes"] == [note]
    calls = world.calls() - before
    assert not [name for name in calls if name.startswith(("Create", "Update"))]


async def test_plan_that_registers_nothing_says_nothing_of_uploads(world: World) -> None:
    declare(world)
    await world.reconcile()
    declare(world, state="Inactive")
    await world.reconcile()

    declare(world)

    (change,) = (await world.plan()).plan.changes
    assert not [note for note in change.notes if "by reference" in note]


async def test_missing_file_is_an_error_at_its_place_and_removes_nothing(world: World) -> None:
    declare(world, "daily", "weekly")
    await world.reconcile()
    (world.root / "data" / "rows.csv").unlink()
    declare(world)

    with pytest.raises(SpecError) as caught:
        await world.reconcile()

    (problem, *_) = caught.value.problems
    assert problem.path == "spec.inputs.rows.path"
    assert problem.origin.line == 1
    assert "data/rows.csv: does not exist" in problem.message
    assert set(await world.active()) == {"daily", "weekly"}


async def test_saved_plan_needs_the_files_as_they_were(world: World) -> None:
    declare(world)
    saved = decode(encode((await world.plan()).plan))
    (world.root / "data" / "rows.csv").write_text("id\n7\n")

    async with world.session() as session:
        refused = await session.apply_saved(saved)
    world.write({"data/rows.csv": "id\n1\n"})
    async with world.session() as session:
        applied = await session.apply_saved(saved)

    failed = refused.report.failures[0]
    assert failed.status is Status.FAILED
    assert "its file rows.csv is not here; apply the plan where packages and files" in failed.detail
    assert applied.is_complete
    assert (await world.plan()).plan.is_empty


async def test_file_that_changes_before_it_is_sent_is_refused(world: World) -> None:
    declare(world)
    async with world.session() as session:
        planned = await session.plan(now=world.now)
        world.write({"data/rows.csv": "id\n8\n"})
        applied = await session.apply(planned)

    failed = applied.report.failures[0]
    assert "rows.csv: has changed since it was read; run again" in failed.detail
    assert await world.active() == {}
    assert (await world.reconcile()).is_complete


async def test_registration_is_repeated_without_harm_when_its_answer_was_lost(
    world: World,
) -> None:
    declare(world)
    async with world.session() as session:
        planned = await session.plan(now=world.now)
        action = planned.plan.changes[0].actions[0]
        await session.backend.perform(action)
    async with world.session() as session:
        await session.plan(now=world.now)
        await session.backend.perform(action)

    assert (await world.reconcile()).is_complete


async def test_live_plan_that_names_such_a_location_is_exported_by_it_and_adopted(
    world: World,
) -> None:
    declare(world)
    await world.reconcile()
    uri = (await stored(world, (await world.active())["daily"]))["rows"].scalar.blob.uri
    workflow = identifier_pb2.Identifier(
        resource_type=identifier_pb2.WORKFLOW,
        project=PROJECT,
        domain=DOMAIN,
        name="etl",
        version="v1",
    )
    request = launch_plan_pb2.LaunchPlanCreateRequest(id=workflow)
    request.id.resource_type = identifier_pb2.LAUNCH_PLAN
    request.id.name = "theirs"
    request.spec.workflow_id.CopyFrom(workflow)
    parameter = request.spec.default_inputs.parameters["rows"]
    parameter.var.type.CopyFrom(FILE)
    parameter.default.scalar.blob.uri = uri
    parameter.default.scalar.blob.metadata.type.SetInParent()
    await world.stub.CreateLaunchPlan(request)
    await world.set_state("theirs", "v1", active=True)

    exported = await Shell(world)("export", "--name", "theirs", "-o", "json")

    written = next(one for one in exported.json()["items"] if one["kind"] == "FlyteLaunchPlan")
    assert written["spec"]["inputs"] == {"rows": uri}
    world.declare(plan_document("daily", inputs=INPUTS), written)
    (change,) = (await world.plan()).plan.changes
    assert (change.key.name, change.effect) == ("theirs", Effect.ADOPT)
