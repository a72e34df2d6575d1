"""`reconcile audit`: who wrote what, on both Flytes and under former names of the set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli_kit import Shell
from e2e_ownership_kit import document, sync
from world import World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow()
        yield opened


async def test_history_of_a_set_is_shown_the_newest_first(world: World) -> None:
    shell = Shell(world)
    world.declare(document("a"))
    ended = await shell("audit")
    assert (ended.code, ended.out) == (0, "Nothing was written yet.\n")
    await shell("--yes")
    world.declare(document("a", 7), document("b"))
    await shell("--yes")
    await shell("pause", "a", "--reason", "too loud", "--for", "1h")
    writes = shell.writes()
    ended = await shell("audit", "-o", "json")
    entries = ended.json()["entries"]
    assert [bool(one["plan"]) for one in entries] == [True, False, True, True]
    assert [len(one["done"]) for one in entries] == [1, 0, 4, 2]
    assert all(one["by"] and one["at"] for one in entries)
    revisions = [one["revision"] for one in entries]
    assert revisions == sorted(revisions, reverse=True)
    ended = await shell("audit", "--limit", "1")
    header, *rows = ended.out.splitlines()
    assert header.split() == ["AT", "BY", "PLAN", "DONE"]
    assert len(rows) == 1
    ended = await shell("audit")
    assert " and 3 more" in ended.out
    assert shell.writes() == writes

    (world.root / "reconcile.yaml").write_text(sync("crew", previousNames=["team"]))
    await shell("--yes")
    ended = await shell("audit", "-o", "json")
    assert ended.json()["set"] == "crew"
    assert entries[-1] in ended.json()["entries"]
