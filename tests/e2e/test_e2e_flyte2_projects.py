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
  scopes: %s
  prune: %s
---
"""
PROJECT = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteProject
metadata: {name: home}
spec:
  displayName: Home
  description: %s
  labels: {team: home}
  state: %s
  settings: {run: {defaultQueue: shared}}
  domains: {development: {}, production: {settings: {run: {defaultQueue: critical}}}}
"""
SETTINGS = """---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSettings
metadata: {name: staging}
spec: {domain: staging, labels: {stage: staging}}
"""
OWN = "[{project: home}]"
ALL = "[{project: home}, {project: '*'}]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "set"
    found.mkdir()
    return found


def declare(
    folder: Path,
    *,
    description: str = "ours",
    state: str = "Active",
    prune: str = "Deactivate",
    scopes: str = ALL,
) -> None:
    text = CONNECTION + SYNC % (scopes, prune) + PROJECT % (description, state) + SETTINGS
    (folder / "reconcile.yaml").write_text(text, encoding="utf-8")


async def synced(folder: Path, *arguments: str) -> Ended:
    ended = await run("--yes", *arguments, cwd=folder)
    assert ended.code == 0, ended.err
    again = await run("plan", "--detailed-exitcode", cwd=folder)
    assert again.code == 0, again.out
    return ended


async def test_set_on_flyte2_converges_in_its_own_new_project(folder: Path) -> None:
    declare(folder)
    first = await synced(folder)
    for name in ("FlyteProject/home", "FlyteSettings/home/production", "FlyteSettings/*/staging"):
        assert f"+ {name}  create" in first.out
    declare(folder, description="null", state="Archived")
    assert "archiving stops nothing on Flyte 2" in (await synced(folder)).out


async def test_archive_as_a_prune_policy_is_refused_on_flyte2(folder: Path) -> None:
    declare(folder, prune="Archive")
    ended = await run("--dry-run", cwd=folder)
    assert ended.code == 1
    assert "prune: Archive needs a Flyte 1; this one archives nothing; write Delete" in ended.err


async def test_settings_of_the_installation_need_a_scope_of_their_own(folder: Path) -> None:
    declare(folder, scopes=OWN)
    ended = await run("--dry-run", cwd=folder)
    assert ended.code == 1
    assert "*/staging is outside the scope of the set; add it to spec.scopes" in ended.err
