"""A set on the embedded Flyte 2, by the program: projects and what belongs to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_kit import Ended, run

CONNECTION = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteConnection
metadata: {name: two}
spec: {embedded: {path: data}, flyte: Flyte2}
---
"""
SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  connection: two
  defaults: {project: home, domain: development}
  prune: %s
---
"""
PROJECT = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteProject
metadata: {name: home}
spec: {displayName: Home, description: %s, labels: {team: home}, state: %s}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "set"
    found.mkdir()
    return found


def declare(folder: Path, *, description: str = "ours", state: str = "Active") -> None:
    text = CONNECTION + SYNC % "Deactivate" + PROJECT % (description, state)
    (folder / "reconcile.yaml").write_text(text, encoding="utf-8")


async def synced(folder: Path, *arguments: str) -> Ended:
    ended = await run("--yes", *arguments, cwd=folder)
    assert ended.code == 0, ended.err
    again = await run("plan", "--detailed-exitcode", cwd=folder)
    assert again.code == 0, again.out
    return ended


async def test_set_on_flyte2_converges_in_its_own_new_project(folder: Path) -> None:
    declare(folder)
    await synced(folder)
    declare(folder, description="null", state="Archived")
    assert "archiving stops nothing on Flyte 2" in (await synced(folder)).out


async def test_archive_as_a_prune_policy_is_refused_on_flyte2(folder: Path) -> None:
    text = CONNECTION + SYNC % "Archive" + PROJECT % ("ours", "Active")
    (folder / "reconcile.yaml").write_text(text, encoding="utf-8")
    ended = await run("--dry-run", cwd=folder)
    assert ended.code == 1
    assert "prune: Archive needs a Flyte 1; this one archives nothing; write Delete" in ended.err
