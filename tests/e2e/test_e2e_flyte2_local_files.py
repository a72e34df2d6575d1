"""Local files as inputs of triggers: in the store before the trigger, by their content, silent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Shell
from world2 import World2, key, open_world2, trigger_document

from reconciler.apply.outcome import Status
from reconciler.errors import SpecError
from reconciler.plan.encode import decode, encode
from reconciler.plan.plan import Effect

FILE: dict[str, Any] = {"blob": {}}
TYPES: dict[str, Any] = {
    "rows": FILE,
    "table": {"structuredDatasetType": {}},
    "parts": {"blob": {"dimensionality": "MULTIPART"}},
    "many": {
        "mapValueType": {"collectionType": {"unionType": {"variants": [FILE, {"simple": "NONE"}]}}}
    },
}
INPUTS: dict[str, Any] = {
    "count": 3,
    "rows": {"path": "data/rows.csv"},
    "table": {"path": "data/rows.csv"},
    "parts": {"path": "data/parts"},
    "many": {"eu": [{"path": "data/rows.csv"}, None, "s3://b/k"], "us": []},
}
SLOT = datetime(2026, 5, 2, 6, tzinfo=UTC)
UPLOADS = ("CreateUploadLocation", "UploadInputs")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as opened:
        await opened.deploy_task(types=TYPES)
        opened.write(
            {
                "data/rows.csv": "id\n1\n",
                "data/parts/a.csv": "a\n",
                "data/parts/day=2/b.csv": "b\n",
            }
        )
        yield opened


def declare(world: World2, *names: str, **spec: Any) -> None:
    given = {"inputs": INPUTS, **spec}
    world.declare(*(trigger_document(name, **given) for name in names or ("daily",)))


async def received(world: World2, name: str = "daily", run: str = "r1") -> dict[str, Any]:
    """The literals that a run of the trigger gets, by name."""
    found = await world.fire(name, SLOT, run=run)
    return {one["name"]: one["value"] for one in found["literals"]}


def stored(world: World2, url: str) -> bytes | None:
    return world.server.store.objects.read(url)


def puts(world: World2) -> dict[str, float]:
    """When each object of the store was written last."""
    folder = world.root.parent / "data" / "objects"
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


async def test_runs_get_the_locations_of_files_that_are_there(world: World2) -> None:
    declare(world, "daily", "weekly")

    assert (await world.reconcile()).is_complete

    # The file, the two of the folder, and a place for the inputs of each trigger.
    assert world.calls()["CreateUploadLocation"] == 3 + 2
    inputs = await received(world)
    rows = inputs["rows"]["scalar"]["blob"]["uri"]
    assert rows.startswith("s3://")
    assert rows.endswith("/rows.csv")
    assert stored(world, rows) == b"id\n1\n"
    table = inputs["table"]["scalar"]["structuredDataset"]
    assert table["uri"] == rows
    assert table["metadata"]["structuredDatasetType"]["format"] == "csv"
    parts = inputs["parts"]["scalar"]["blob"]["uri"]
    assert stored(world, f"{parts}/a.csv") == b"a\n"
    assert stored(world, f"{parts}/day=2/b.csv") == b"b\n"
    listed = inputs["many"]["map"]["literals"]["eu"]["collection"]["literals"]
    uris = [one["scalar"]["union"]["value"]["scalar"].get("blob", {}).get("uri") for one in listed]
    assert uris == [rows, None, "s3://b/k"]
    assert await received(world, "weekly", "r2") == inputs


async def test_second_plan_is_silent_and_a_second_apply_transfers_nothing(world: World2) -> None:
    declare(world)
    await world.reconcile()
    before = world.calls()

    assert (await world.plan()).plan.is_empty
    await world.reconcile()

    assert not (world.calls() - before).keys() & {*UPLOADS, "DeployTrigger"}


async def test_edit_of_a_file_is_a_change_and_the_run_gets_it(world: World2) -> None:
    declare(world)
    await world.reconcile()
    first = (await received(world))["rows"]["scalar"]["blob"]["uri"]

    world.write({"data/rows.csv": "id\n2\n"})
    (change,) = (await world.plan()).plan.changes
    assert change.effect is Effect.UPDATE
    assert [item.path.partition(".")[0] for item in change.fields] == ["inputs"]
    assert (await world.reconcile()).is_complete

    second = (await received(world, run="r2"))["rows"]["scalar"]["blob"]["uri"]
    assert second != first
    assert stored(world, second) == b"id\n2\n"
    assert (await world.plan()).plan.is_empty


async def test_content_that_the_live_trigger_has_is_not_sent_again(world: World2) -> None:
    declare(world)
    await world.reconcile()
    first, sent = await received(world), puts(world)

    declare(world, description="other words")
    assert (await world.reconcile()).is_complete

    assert (await received(world, run="r2")) == first
    again = puts(world)
    repeated = {name for name in sent if again[name] != sent[name]}
    contents = {stored(world, url) for url in _urls(first)}
    folder = world.root.parent / "data" / "objects"
    assert not {(folder / name).read_bytes() for name in repeated} & contents


def _urls(inputs: dict[str, Any]) -> list[str]:
    parts = inputs["parts"]["scalar"]["blob"]["uri"]
    return [inputs["rows"]["scalar"]["blob"]["uri"], f"{parts}/a.csv", f"{parts}/day=2/b.csv"]


async def test_file_elsewhere_with_the_same_content_is_no_change(world: World2) -> None:
    declare(world)
    await world.reconcile()

    world.write({"copy/rows.csv": "id\n1\n"})
    declare(world, inputs={**INPUTS, "rows": {"path": "copy/rows.csv"}})

    assert (await world.plan()).plan.is_empty


async def test_scheduled_time_reaches_the_run_beside_a_file(world: World2) -> None:
    declare(world, schedule={"cron": "0 6 * * *", "kickoffInput": "day"})
    await world.reconcile()

    found = await world.fire("daily", SLOT, run="r1")

    assert {one["name"] for one in found["literals"]} >= {"rows", "count"}
    assert {one["key"]: one["value"] for one in found["context"]} == {
        "_u_kickoff_time_input_arg": "day"
    }


async def test_plan_says_what_goes_by_reference_and_writes_nothing(world: World2) -> None:
    declare(world)
    shell = Shell(world)
    before = world.calls()

    text = await shell("--dry-run")
    shown = (await shell("plan", "-o", "json")).json()

    note = (
        "inputs by reference: many (data/rows.csv, 5 B; uploaded unless Flyte has it), "
        "parts (data/parts, 4 B; uploaded unless Flyte has it), "
        "rows (data/rows.csv, 5 B; uploaded unless Flyte has it), "
        "table (data/rows.csv, 5 B; uploaded unless Flyte has it); by value: count, ratio"
    )
    assert f"note: {note}" in text.out
    assert note in shown["changes"][0]["notes"]
    assert not (world.calls() - before).keys() & {*UPLOADS, "DeployTrigger"}


async def test_switch_alone_says_nothing_of_uploads_and_sends_none(world: World2) -> None:
    declare(world)
    await world.reconcile()
    declare(world, state="Inactive")
    before = world.calls()

    (change,) = (await world.plan()).plan.changes
    await world.reconcile()

    assert not [note for note in change.notes if "by reference" in note]
    assert not (world.calls() - before).keys() & set(UPLOADS)


async def test_missing_file_is_an_error_at_its_place_and_removes_nothing(world: World2) -> None:
    declare(world, "daily", "weekly")
    await world.reconcile()
    (world.root / "data" / "rows.csv").unlink()
    declare(world)

    with pytest.raises(SpecError) as caught:
        await world.reconcile()

    (problem, *_) = caught.value.problems
    assert problem.path == "spec.inputs.rows.path"
    assert "data/rows.csv: does not exist" in problem.message
    assert {name: active for name, (_, active) in (await world.standing()).items()} == {
        "daily": True,
        "weekly": True,
    }


async def test_saved_plan_needs_the_files_as_they_were(world: World2) -> None:
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


async def test_file_that_changes_before_it_is_sent_is_refused(world: World2) -> None:
    declare(world)
    async with world.session() as session:
        planned = await session.plan(now=world.now)
        world.write({"data/rows.csv": "id\n8\n"})
        applied = await session.apply(planned)

    failed = applied.report.failures[0]
    assert "rows.csv: has changed since it was read; run again" in failed.detail
    assert await world.standing() == {}
    assert (await world.reconcile()).is_complete


async def test_deploy_that_crashed_after_the_upload_is_repeated_without_harm(
    world: World2,
) -> None:
    async def crash(method: str, _request: Any) -> None:
        if method == "DeployTrigger" and _request.name.name == "daily":
            raise RuntimeError("crash")

    declare(world)
    world.server.on_call = crash
    assert not (await world.reconcile()).is_complete
    world.server.on_call = None

    assert (await world.reconcile()).is_complete
    assert stored(world, (await received(world))["rows"]["scalar"]["blob"]["uri"]) == b"id\n1\n"
    assert (await world.plan()).plan.is_empty


async def test_trigger_that_names_such_a_location_is_exported_by_it_and_adopted(
    world: World2,
) -> None:
    declare(world)
    await world.reconcile()
    inputs = await world.fire("daily", SLOT, run="r1")
    await world.deploy("theirs", inputs=inputs)
    await world.fire("theirs", SLOT, run="r2")

    exported = await Shell(world)("export", "--name", "theirs", "-o", "json")

    written = next(one for one in exported.json()["items"] if one["kind"] == "FlyteTrigger")
    rows = next(one for one in inputs["literals"] if one["name"] == "rows")
    assert written["spec"]["inputs"]["rows"] == rows["value"]["scalar"]["blob"]["uri"]
    world.declare(trigger_document("daily", inputs=INPUTS), written)
    (change,) = (await world.plan()).plan.changes
    assert (change.key, change.effect) == (key("theirs"), Effect.ADOPT)


async def test_uri_in_place_of_the_file_that_is_there_is_no_change(world: World2) -> None:
    """The inputs that were sent are the same; the hash that Flyte returns proves it."""
    declare(world)
    await world.reconcile()
    located = {one: value for one, value in (await received(world)).items() if one in INPUTS}
    uris = {
        "rows": located["rows"]["scalar"]["blob"]["uri"],
        "table": {
            "uri": located["table"]["scalar"]["structuredDataset"]["uri"],
            "format": "csv",
        },
        "parts": located["parts"]["scalar"]["blob"]["uri"],
    }
    many = {"eu": [uris["rows"], None, "s3://b/k"], "us": []}
    revision = (await world.standing())["daily"]

    declare(world, inputs={"count": 3, **uris, "many": many})

    assert (await world.plan()).plan.is_empty
    await world.reconcile()
    assert (await world.standing())["daily"] == revision


async def test_path_of_a_folder_where_a_file_is_taken_says_so(world: World2) -> None:
    declare(world, inputs={**INPUTS, "rows": {"path": "data/parts"}})

    with pytest.raises(SpecError) as caught:
        await world.plan()

    (problem,) = caught.value.problems
    assert problem.message == "is a folder, and the input takes a file"
