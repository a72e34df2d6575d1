"""`--base REF`: what a branch changes, apart from drift and from what others have merged."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Shell
from world import SYNC, World, ledger_of, open_world, plan_document


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow()
        git(opened, "init", "--quiet", "--initial-branch=main")
        yield opened


def git(world: World, *words: str) -> str:
    """Run git in the set's directory."""
    who = ("-c", "user.name=tester", "-c", "user.email=tester@example.com")
    done = subprocess.run(
        ["git", *who, *words], cwd=world.root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(world: World, *documents: dict[str, Any]) -> str:
    """Commit these documents and no others."""
    world.declare(*documents)
    git(world, "add", "--all")
    git(world, "commit", "--quiet", "--message", "change")
    return git(world, "rev-parse", "HEAD")


async def keys(shell: Shell, *arguments: str) -> dict[str, str]:
    """Plan, and return the effects by name."""
    planned = await shell("plan", "-o", "json", *arguments)
    assert planned.code == 0, planned.err
    return {item["key"].rpartition("/")[2]: item["effect"] for item in planned.json()["changes"]}


async def test_drift_and_what_others_merged_are_left_out(world: World) -> None:
    shell = Shell(world)
    commit(world, plan_document("a"), plan_document("drifts"))
    assert (await shell("--yes")).code == 0
    active = await world.active()
    await world.set_state("drifts", active["drifts"], active=False)
    base = commit(world, plan_document("a"), plan_document("drifts"), plan_document("merged"))
    commit(
        world,
        plan_document("a", inputs={"count": 9}),
        plan_document("drifts"),
        plan_document("merged"),
        plan_document("new"),
    )
    snapshot = str(world.root.parent / "live.snapshot")
    assert (await shell("snapshot", "--out", snapshot)).code == 0

    everything = await keys(shell)
    mine = await keys(shell, "--base", "main~1")
    text = await shell("--dry-run", "--base", base)
    saved = str(world.root.parent / "plan.json")
    await shell("plan", "--base", base, "--out", saved)
    applied = await shell("apply", saved)

    assert everything == {"a": "update", "drifts": "update", "merged": "create", "new": "create"}
    assert mine == {"a": "update", "new": "create"}
    assert f"beside {base} ({base[:12]}), which itself would change 2 objects" in text.out
    assert applied.code == 3
    assert "make one without --base" in applied.err


async def test_a_base_that_tells_nothing_is_an_error_with_its_reason(world: World) -> None:
    shell = Shell(world)
    world.write({"README": "nothing yet"})
    git(world, "add", "--all")
    git(world, "commit", "--quiet", "--message", "empty")
    broken = plan_document("a", schedule={"cron": "nonsense"})
    commit(world, broken)
    commit(world, plan_document("a"))

    unknown = await shell("plan", "--base", "nowhere")
    option = await shell("plan", "--base=--upload-pack=touch x")
    empty = await shell("plan", "--base", "main~2")
    faulty = await shell("plan", "--base", "main~1")
    written = await shell("--base", "main", "--yes")

    assert "nowhere: git knows no such commit here" in unknown.err
    assert "git knows no such commit here" in option.err
    assert "has no reconcile.yaml here yet" in empty.err
    assert "the documents of the base have errors" in faulty.err
    assert "00000.json:1:" in faulty.err
    assert "--base: only shows a difference; add --dry-run" in written.err
    assert {one.code for one in (unknown, option, empty, faulty, written)} == {1}


async def test_a_saved_plan_survives_a_squash_and_no_other_content(world: World) -> None:
    shell = Shell(world)
    commit(world, plan_document("a"))
    assert (await shell("--yes")).code == 0
    git(world, "checkout", "--quiet", "-b", "feature")
    commit(world, plan_document("a", inputs={"count": 8}))
    commit(world, plan_document("a", inputs={"count": 9}))
    saved = str(world.root.parent / "plan.json")
    assert (await shell("plan", "--out", saved)).code == 0
    git(world, "checkout", "--quiet", "main")
    before = await shell("apply", saved)
    git(world, "merge", "--quiet", "--squash", "feature")
    git(world, "commit", "--quiet", "--message", "squashed")
    merged = git(world, "rev-parse", "HEAD")
    (world.root / "reconcile.yaml").write_text("# edited\n" + SYNC)
    edited = await shell("apply", saved)
    git(world, "checkout", "--quiet", "--", ".")
    squashed = await shell("apply", saved)

    assert (before.code, edited.code, squashed.code) == (3, 3, 0), squashed.err
    assert "was made of tree" in before.err
    assert "this is files that were edited" in edited.err
    entry = (await ledger_of(world)).entry
    assert entry.commit == merged
    assert entry.source.startswith("git:")
