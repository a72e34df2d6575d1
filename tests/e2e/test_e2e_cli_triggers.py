"""The commands on a set of triggers, as a person at a terminal types them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli_kit import Ended, run
from world2 import World2, at, key, open_world2, trigger_document


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as opened:
        await opened.deploy_task()
        yield opened


async def reconcile(world: World2, *arguments: str) -> Ended:
    """Run the program on the set's directory and the world's server."""
    where = ("--endpoint", world.endpoint, "--insecure", "--flyte", "Flyte2")
    return await run(*arguments, *where, cwd=world.root)


async def offline(world: World2, *arguments: str) -> Ended:
    return await run(*arguments, cwd=world.root, environ={"RECONCILE_CONNECTION": None})


async def test_trigger_lives_and_dies_by_commands(world: World2) -> None:
    world.declare(trigger_document("daily"))

    planned = await reconcile(world, "--dry-run")
    assert planned.code == 0, planned.err
    assert "+ FlyteTrigger/flytesnacks/development/etl.load/daily  create" in planned.out
    assert '    schedule: {"cron": "0 6 * * *", "kickoffInput": "day"}' in planned.out
    applied = await reconcile(world, "--yes")
    assert applied.code == 0, applied.err
    assert "Applied: 1 object changed by 1 call." in applied.out
    again = await reconcile(world, "--dry-run", "--detailed-exitcode")
    assert again.code == 0
    assert "No changes." in again.out

    status = await reconcile(world, "status")
    assert "ready  FlyteTrigger/flytesnacks/development/etl.load/daily  Active" in status.out
    explained = await reconcile(world, "explain", str(key("daily")))
    assert "active:     revision 1" in explained.out
    assert "written at revision 1" in explained.out
    live = await reconcile(world, "next", "--live", "daily")
    assert '"0 6 * * *" UTC' in live.out


async def test_pause_stops_a_trigger_by_its_name_and_resume_starts_it(world: World2) -> None:
    world.declare(trigger_document("daily"), trigger_document("other"))
    assert (await reconcile(world, "--yes")).code == 0

    paused = await reconcile(world, "pause", "daily", "--for", "1h", "--reason", "maintenance")
    assert paused.code == 0, paused.err
    assert {name: active for name, (_, active) in (await world.standing()).items()} == {
        "daily": False,
        "other": True,
    }
    held = await reconcile(world, "status")
    assert "held" in held.out
    resumed = await reconcile(world, "resume", "daily")
    assert resumed.code == 0, resumed.err
    assert (await world.standing())["daily"] == (3, True)


async def test_pin_writes_the_version_that_latest_resolved_to(world: World2) -> None:
    world.write(
        {
            "reconcile.yaml": """
                apiVersion: flyte.reconciler.dev/v1alpha1
                kind: FlyteSync
                metadata: {name: team}
                spec:
                  defaults: {project: flytesnacks, domain: development}
                """,
            "daily.yaml": """
                apiVersion: flyte.reconciler.dev/v1alpha1
                kind: FlyteTrigger
                metadata: {name: daily}
                spec:
                  task: {name: etl.load, version: {latest: true, matching: "v*"}}
                  schedule: {cron: "0 6 * * *", kickoffInput: day}
                  inputs: {count: 3}
                """,
        }
    )
    await world.deploy_task(version="v7")

    pinned = await reconcile(world, "pin")

    assert pinned.code == 0, pinned.err
    text = (world.root / "daily.yaml").read_text(encoding="utf-8")
    assert "version: v7" in text.replace('"', "")


async def test_validate_and_next_need_no_backend(world: World2) -> None:
    world.declare(
        trigger_document("daily", schedule=at(6) | {"timezone": "Europe/Berlin"}),
        trigger_document("rate", schedule={"every": "6h", "from": "2026-01-01T00:30:00Z"}),
        trigger_document("manual", schedule=None),
    )

    validated = await offline(world, "validate")
    assert validated.code == 0, validated.err
    assert "0 errors." in validated.out
    assert "The inputs of 3 objects were not checked" in validated.out
    shown = await offline(world, "next", "--from", "2026-05-01T00:00:00Z", "-n", "1")
    assert shown.code == 0, shown.err
    assert "etl.load/daily" in shown.out
    assert "Fri 2026-05-01 06:00:00 CEST (+0200)" in shown.out
    assert "every 6h from 2026-01-01T00:30:00Z" in shown.out
    assert "Fri 2026-05-01 00:30:00 UTC (+0000)" in shown.out
    assert "1 plan has no schedule." in shown.out


async def test_validate_goes_by_the_connection_that_the_set_names(world: World2) -> None:
    world.declare(trigger_document("daily"))
    world.write(
        {
            "reconcile.yaml": """
                apiVersion: flyte.reconciler.dev/v1alpha1
                kind: FlyteSync
                metadata: {name: team}
                spec:
                  connection: prod
                  defaults: {project: flytesnacks, domain: development}
                ---
                apiVersion: flyte.reconciler.dev/v1alpha1
                kind: FlyteConnection
                metadata: {name: prod}
                spec: {endpoint: flyte.example.com, flyte: Flyte1}
                """
        }
    )

    refused = await offline(world, "validate")

    assert refused.code == 1
    assert "FlyteTrigger is not served by Flyte 1" in refused.err
    assert "declare a FlyteLaunchPlan" in refused.err


async def test_export_of_an_installation_is_adopted_by_commands(
    world: World2, tmp_path: Path
) -> None:
    await world.deploy("theirs", automation={"type": "TYPE_NONE"})
    folder = tmp_path / "exported"
    where = ("--endpoint", world.endpoint, "--insecure", "--flyte", "Flyte2")

    written = await run("export", *where, "--out", str(folder), cwd=tmp_path)
    assert written.code == 0, written.err
    adopted = await run("adopt", str(folder), *where, cwd=tmp_path)

    assert adopted.code == 0, adopted.err
    assert await world.standing() == {"theirs": (1, True)}
