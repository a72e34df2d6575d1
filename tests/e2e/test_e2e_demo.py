"""The demo and the examples, run as the README says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.sources.yaml import parse

ROOT = Path(__file__).parents[2]
RECONCILE = ROOT / ".venv" / "bin" / "reconcile"


def reconcile(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RECONCILE, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_demo_shows_what_it_promises_and_leaves_nothing_behind() -> None:
    done = subprocess.run(
        ["bash", "examples/demo.sh"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("somebody else activated or deactivated it") == 4
    assert "FlyteBackfill/flytesnacks/development/command-line: done" in done.stdout
    assert "train-new-york of ranking.train is inactive" in done.stdout
    assert not list((ROOT / "examples").glob("*/.reconcile"))


@pytest.mark.parametrize("name", ["quickstart", "flyte2"])
def test_example_has_pending_changes_then_is_applied_then_is_silent(
    name: str, tmp_path: Path
) -> None:
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder)

    codes = [
        reconcile(folder, *arguments).returncode
        for arguments in (
            ("--dry-run", "--detailed-exitcode"),
            ("--yes",),
            ("--dry-run", "--detailed-exitcode"),
        )
    ]

    assert codes == [2, 0, 0]


def test_saved_plan_of_a_package_with_code_is_applied(tmp_path: Path) -> None:
    folder = tmp_path / "realworld"
    shutil.copytree(ROOT / "examples" / "realworld", folder)
    dev = folder / "dev"

    planned = reconcile(dev, "plan", "--out", "plan.json")
    assert planned.returncode == 0, planned.stderr
    applied = reconcile(dev, "apply", "plan.json", "--yes")

    assert applied.returncode == 0, applied.stderr
    assert reconcile(dev, "--dry-run", "--detailed-exitcode").returncode == 0


def test_plan_reads_the_same_in_json_and_yaml(tmp_path: Path) -> None:
    folder = tmp_path / "quickstart"
    shutil.copytree(ROOT / "examples" / "quickstart", folder)

    in_json = reconcile(folder, "--dry-run", "-o", "json").stdout
    in_yaml = reconcile(folder, "--dry-run", "-o", "yaml").stdout

    (document,), problems = parse(in_yaml.encode(), file="plan.yaml")
    assert not problems
    assert document.value == json.loads(in_json)
