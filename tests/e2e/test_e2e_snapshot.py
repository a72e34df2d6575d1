"""Plans without a backend: as CI makes them for a fork, in a network namespace without routes."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import PROGRAM, Ended, Shell, ended, environment
from jsonschema import Draft202012Validator
from world import DOMAIN, SYNC, World, open_world, plan_document

SCHEMA = json.loads((Path(__file__).parents[2] / "specs/snapshot.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
CANARIES = {
    "envs": {"TOKEN": "canary-in-env"},
    "labels": {"owner": "canary-in-label"},
    "annotations": {"note": "canary-in-annotation"},
    "inputs": {"count": 86753091},
    "rawOutputPrefix": "s3://canary-bucket/out",
    "serviceAccount": "canary-account",
    "notifications": [{"phases": ["Failed"], "email": ["canary@example.com"]}],
    "description": "canary in a description",
}
ALONE = ("unshare", "--map-root-user", "--net")
"""Runs a program without any way to another one over a network, its own machine included."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow()
        yield opened


async def offline(world: World, *arguments: str, cwd: Path | None = None) -> Ended:
    """Run the program without a network."""
    assert shutil.which("unshare"), "unshare is not installed, and proves that no network is used"
    where = cwd or world.root
    process = await asyncio.create_subprocess_exec(
        *ALONE,
        PROGRAM,
        *arguments,
        cwd=where,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(where),
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return ended(process, out, err)


async def snapshot(world: World) -> Path:
    path = world.root.parent / "live.snapshot"
    made = await Shell(world)("snapshot", "--out", str(path))
    assert made.code == 0, made.err
    VALIDATOR.validate(json.loads(path.read_text()))
    return path


def plain(plan: Any) -> Any:
    """A plan without what tells where it was made."""
    del plan["connection"]["chosenBy"], plan["checksum"]
    return plan


async def test_a_fork_plans_without_credentials_or_network(world: World) -> None:
    world.declare(plan_document("a"), plan_document("b"))
    assert (await Shell(world)("--yes")).code == 0
    path = await snapshot(world)
    world.declare(plan_document("a", inputs={"count": 9}), plan_document("c", inputs={"count": 5}))
    live = await Shell(world)("plan", "-o", "json")

    alone = await offline(
        world, "plan", "-o", "json", "--detailed-exitcode", "--against", str(path)
    )
    text = await offline(world, "--dry-run", "--against", str(path))

    assert alone.code == 2, alone.err
    assert live.code == 0
    found, expected = plain(alone.json()), plain(live.json())
    hidden = found["changes"][0]["fields"][0].pop("before")
    assert expected["changes"][0]["fields"][0].pop("before") == 3
    assert hidden.startswith("(hidden ")
    removed = next(item for item in found["changes"] if item["effect"] == "remove")
    assert {item["path"]: item["before"] for item in removed["fields"]}["schedule"]["cron"] == (
        "0 6 * * *"
    )
    for plan in (found, expected):
        for change in plan["changes"]:
            del change["fields"]
    assert found == expected
    assert f"--against {path.name}, made " in text.out


def test_there_is_no_network_where_these_plans_run() -> None:
    seen = subprocess.run(
        [*ALONE, "cat", "/proc/net/route"], check=True, capture_output=True, text=True
    )

    assert seen.stdout.strip().splitlines()[1:] == []


async def test_no_value_is_in_a_snapshot(world: World) -> None:
    world.declare(plan_document("a", **CANARIES))
    assert (await Shell(world)("--yes")).code == 0
    path = await snapshot(world)
    text = path.read_text()

    assert "canary" not in text
    assert "86753091" not in text
    assert "TOKEN" in text  # names stay, so that a plan can say which value changed

    same = await offline(world, "plan", "--detailed-exitcode", "--against", str(path))
    assert same.code == 0, same.out


async def test_two_snapshots_have_nothing_in_common_that_tells_a_value(world: World) -> None:
    world.declare(plan_document("a", envs={"TOKEN": "canary"}))
    await Shell(world)("--yes")

    first = json.loads((await snapshot(world)).read_text())
    second = json.loads((await snapshot(world)).read_text())

    key = f"FlyteLaunchPlan/flytesnacks/{DOMAIN}/a"
    marks = [made["objects"][key]["versions"]["active"][0]["content"] for made in (first, second)]
    assert marks[0]["mark"] != marks[1]["mark"]
    assert marks[0]["said"]["envs"] != marks[1]["said"]["envs"]
    assert marks[0]["said"]["schedule"] == marks[1]["said"]["schedule"]


async def test_code_that_nobody_asked_for_then_is_a_problem_with_its_place(world: World) -> None:
    world.declare(plan_document("a"))
    path = await snapshot(world)
    await world.register_workflow(version="v2")
    world.declare(plan_document("a", workflow={"name": "etl", "version": "v2"}))

    refused = await offline(world, "plan", "--against", str(path))

    assert refused.code == 1
    assert "00000.json:1:" in refused.err
    assert "spec.workflow.version: could not be looked up" in refused.err
    assert "make the snapshot anew" in refused.err


async def test_a_place_that_was_not_read_is_unreadable_and_one_to_be_made_is_empty(
    world: World,
) -> None:
    narrow = SYNC + f"  scopes: [{{project: flytesnacks, domains: [{DOMAIN}]}}]\n"
    wide = SYNC + "  scopes:\n"
    wide += "".join(f"  - {{project: {name}, domains: ['*']}}\n" for name in ("flytesnacks", "new"))
    code = {"name": "etl", "version": "v1", "project": "flytesnacks", "domain": DOMAIN}
    anchor = plan_document("a", workflow=code)
    world.declare(anchor, sync=narrow)
    path = await snapshot(world)

    world.declare(anchor, plan_document("b", workflow=code, domain="staging"), sync=wide)
    unread = await offline(world, "plan", "--against", str(path))
    world.declare(anchor, plan_document("b", workflow=code, project="new"), sync=wide)
    fresh = await offline(world, "plan", "-o", "json", "--against", str(path))

    assert unread.code == 4
    assert "does not hold flytesnacks/staging; make the snapshot anew" in unread.out
    assert fresh.code == 0, fresh.err
    assert {item["key"]: item["effect"] for item in fresh.json()["changes"]} == {
        f"FlyteLaunchPlan/flytesnacks/{DOMAIN}/a": "create",
        f"FlyteLaunchPlan/new/{DOMAIN}/b": "create",
    }


async def test_secrets_are_left_out_and_said_to_be(world: World) -> None:
    secret = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSecret",
        "metadata": {"name": "db"},
        "spec": {"group": "db", "key": "password", "valueFrom": {"file": "/etc/canary"}},
    }
    world.declare(plan_document("a"), secret)
    path = await snapshot(world)

    planned = await offline(world, "plan", "--against", str(path))

    assert planned.code == 0, planned.err
    assert "1 secret is left out: a snapshot knows nothing of them" in planned.out
    assert "FlyteSecret" not in path.read_text()


async def test_a_snapshot_takes_no_write_and_no_connection(world: World) -> None:
    world.declare(plan_document("a"))
    path = await snapshot(world)

    written = await offline(world, "--against", str(path), "--yes")
    both = await offline(world, "plan", "--against", str(path), "--connection", "embedded")
    path.write_text(path.read_text().replace('"team"', '"maet"'))
    edited = await offline(world, "plan", "--against", str(path))
    path.write_text("[]")
    other = await offline(world, "plan", "--against", str(path))

    assert "a snapshot cannot be written to" in written.err
    assert "name one of the two" in both.err
    assert "it was edited; make it again" in edited.err
    assert "snapshot format unknown" in other.err
    assert {one.code for one in (written, both, edited, other)} == {1}


async def test_a_snapshot_of_another_set_is_refused(world: World) -> None:
    world.declare(plan_document("a"))
    path = await snapshot(world)
    world.declare(plan_document("a"), sync=SYNC.replace("team", "crew"))

    refused = await offline(world, "plan", "--against", str(path))

    assert refused.code == 1
    assert "is a snapshot for set team, and crew is declared here" in refused.err
