"""The job for GitLab, run as its runner does: a shell in the checkout, the variables of the job."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from cli_kit import PROGRAM, environment, run
from forge_kit import open_forge

ROOT = Path(__file__).parents[2]
JOB: dict[str, Any] = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())[".reconcile-plan"]


async def job(folder: Path, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """Run the script of the job; what installs the package is left out."""
    path = f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"
    return await asyncio.to_thread(
        subprocess.run,
        ["bash", "-eo", "pipefail", "-c", "\n".join(JOB["script"])],
        cwd=folder,
        env=environment(folder, {**JOB["variables"], "PATH": path, **variables}),
        capture_output=True,
        text=True,
        check=False,
    )


def report(folder: Path, name: str) -> Any:
    """Read what the job hands GitLab under a name."""
    return json.loads((folder / JOB["artifacts"]["reports"][name]).read_text())


async def test_merge_request_shows_counts_lines_and_the_note(tmp_path: Path) -> None:
    folder = tmp_path / "branch"
    shutil.copytree(ROOT / "examples" / "quickstart", folder)
    (folder / ".git").mkdir()
    made = await run("snapshot", "--out", "../live.snapshot", cwd=folder)
    assert made.code == 0, made.err
    evil = tmp_path / "pwned"
    asked = f"--against\n../live.snapshot\n--approve\n$(touch {evil})`touch {evil}`"
    async with open_forge("gitlab") as forge:
        ended = await job(folder, **forge.environ(CHECK_ARGUMENTS=asked))
        assert ended.returncode == 0, ended.stderr
        assert len(forge.bodies) == 1
        assert "Plan: 22 to add, 0 to change, 0 to remove." in forge.bodies[0]
    assert not evil.exists()
    assert report(folder, "terraform") == {"create": 22, "update": 0, "delete": 0}
    found = report(folder, "codequality")
    assert len(found) == 22
    assert found[0]["location"] == {"path": "specs/heartbeat.yaml", "lines": {"begin": 6}}
    assert {one["severity"] for one in found} <= {"info", "minor", "major", "critical", "blocker"}
    assert len({one["fingerprint"] for one in found}) == len(found)
    assert all(re.fullmatch(r"plan/\w+", one["check_name"]) for one in found)
    assert all(one["description"] for one in found)


async def test_a_document_with_an_error_fails_at_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "branch"
    shutil.copytree(ROOT / "examples" / "quickstart", folder)
    plan = folder / "specs" / "heartbeat.yaml"
    plan.write_text(plan.read_text().replace("schedule:", "shedule:"))
    ended = await job(folder)
    assert ended.returncode == 1, ended.stderr
    (one,) = report(folder, "codequality")
    assert one["severity"] == "critical"
    assert one["location"]["path"] == "specs/heartbeat.yaml"
    assert "shedule" in one["description"]
    assert not (folder / JOB["artifacts"]["reports"]["terraform"]).exists()
