"""Day one: an installation that others filled is exported, adopted, and from then on held.

The plans come from flytekit in its own environment, by the functions of `pyflyte register
--activate-launchplans`; `reconcile` runs as people run it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from client_kit import HERE, IMAGE, KIT, Kit, check_kit, difference, open_kit, run
from flyteidl.admin import project_pb2

pytestmark = pytest.mark.clients

DOMAINS = ("development", "staging", "production")
PROJECTS = [f"team-{number:02d}" for number in range(30)]
# With the workflow's own plan 4 each, and one more in the first 40: 400 plans.
PLACES = [
    (project, domain, 4 if index < 40 else 3)
    for index, (project, domain) in enumerate(
        (project, domain) for project in PROJECTS for domain in DOMAINS
    )
]
FIRST, LAST = PLACES[0], PLACES[-1]
READS = ("Get", "List")


class Day:
    """An installation, the directory it was exported to, and `reconcile` on both."""

    def __init__(self, kit: Kit, folder: Path) -> None:
        assert kit.server is not None
        self.kit = kit
        self.folder = folder
        self.root = folder / "root"
        self.server = kit.server

    def register(self, version: str, *places: tuple[str, str, int]) -> None:
        """CI registers and activates."""
        self.kit.script("day_one.py", version=version, places=places)

    def reconcile(
        self, *arguments: str, code: int = 0, cwd: Path | None = None
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, int]]:
        """Run `reconcile`, and count the calls that are not reads."""
        before = dict(self.server.calls)
        where = ("--endpoint", self.kit.endpoint, "--insecure")
        done = self.kit.reconcile_process(*arguments, *where, cwd=cwd or self.root, code=code)
        calls = difference(before, self.server.calls)
        return done, {name: count for name, count in calls.items() if not name.startswith(READS)}

    def plan(self, code: int = 0) -> dict[str, Any]:
        """The plan, made without a write."""
        done, writes = self.reconcile("--dry-run", "--detailed-exitcode", "-o", "json", code=code)
        assert writes == {}
        return json.loads(done.stdout)

    def active(self, *places: tuple[str, str, int]) -> dict[tuple[str, str, str], str]:
        """Active versions by project, domain and name."""
        return {
            (project, domain, name): version
            for project, domain, _ in places
            for name, version in replace(self.kit, project=project).active(domain).items()
        }


@pytest.fixture
def day(tmp_path: Path) -> Any:
    with open_kit("", tmp_path) as kit:
        (tmp_path / "src").mkdir()
        for project in PROJECTS:
            kit.stub.RegisterProject(
                project_pb2.ProjectRegisterRequest(
                    project=project_pb2.Project(id=project, name=project)
                )
            )
        yield Day(kit, tmp_path)


def test_day_one(day: Day) -> None:
    day.register("ci-1", *PLACES)
    live = day.active(*PLACES)
    assert len(live) == 400
    assert set(live.values()) == {"ci-1"}

    day.reconcile("export", "--set", "day-one", "--out", "root", cwd=day.folder)
    done, writes = day.reconcile("adopt")
    assert "Adopted 400 objects into set day-one." in done.stdout
    assert writes == {"CreateTask": 1}, "the ledger is all that is written"
    assert day.plan(code=0)["changes"] == []
    _, writes = day.reconcile("--yes")
    assert writes == {}
    assert day.active(*PLACES) == live

    assert _undeclared(day) == set()
    day.register("ci-1", ("flytesnacks", "development", 1))
    assert _undeclared(day) == {
        "FlyteLaunchPlan/flytesnacks/development/day_one.daily",
        "FlyteLaunchPlan/flytesnacks/development/team.plan0",
    }

    day.register("ci-2", FIRST)
    moved = day.active(FIRST)
    assert set(moved.values()) == {"ci-2"}
    done, writes = day.reconcile("--yes", code=0)
    assert "version ci-2 was activated by somebody else" in done.stdout
    assert writes == {}
    assert day.active(FIRST) == moved, "reported, not fought"

    shutil.rmtree(day.root / LAST[0] / LAST[1])
    stopped = day.active(LAST)
    assert len(stopped) == 4
    done, _ = day.reconcile("--yes", code=3)
    plan = day.plan(code=2)
    assert f"--approve {plan['planId']}" in done.stdout
    assert day.active(LAST) == stopped, "the guard holds back what would stop a whole place"
    day.reconcile("--yes", "--approve", plan["planId"], code=0)
    assert day.active(LAST) == {}
    assert day.active(*PLACES[1:-1]) == {
        key: version for key, version in live.items() if key[:2] not in {FIRST[:2], LAST[:2]}
    }

    shutil.copytree(day.root, day.folder / "copy")
    done, writes = day.reconcile("--yes", cwd=day.folder / "copy", code=3)
    assert "set day-one: is claimed by" in done.stderr
    assert writes == {}


def _undeclared(day: Day) -> set[str]:
    done, writes = day.reconcile("status", "-o", "json")
    assert writes == {}
    listed = json.loads(done.stdout)["others"]
    return {item["key"] for item in listed if item["state"] == "undeclared"}


def test_a_package_built_in_another_directory_has_the_same_versions(tmp_path: Path) -> None:
    check_kit()
    made = []
    for name in ("here", "elsewhere/deeper"):
        folder = tmp_path / name
        shutil.copytree(
            HERE / "project", folder / "src", ignore=shutil.ignore_patterns("__pycache__")
        )
        run(
            *(str(KIT / "bin" / "pyflyte"), "--pkgs", "etl", "package", "--image", IMAGE),
            *("--copy", "auto", "-o", str(folder / "app.tgz")),
            cwd=folder / "src",
            HOME=str(tmp_path),
        )
        (folder / "reconcile.yaml").write_text(_SET)
        kit = Kit("", "", folder, None)
        done = kit.reconcile_process("--dry-run", "-o", "json", cwd=folder)
        made.append(json.loads(done.stdout))
    versions = [
        {
            change["key"]: {action["version"] for action in change["actions"]}
            for change in plan["changes"]
        }
        for plan in made
    ]
    assert len(versions[0]) == 12
    assert versions[0] == versions[1]
    assert made[0]["desired"] == made[1]["desired"]


_SET = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: packaged}
spec:
  connection: embedded
  defaults: {project: flytesnacks, domain: development}
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlytePackage
metadata: {name: app}
spec: {archive: app.tgz}
"""
