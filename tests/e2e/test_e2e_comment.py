"""The comment and the status of a pull request, against stand-ins of the forges' APIs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cli_kit import PROGRAM, Ended, environment, run
from forge_kit import COMMIT, TOKEN, StandIn, open_forge
from world import SYNC

from reconciler.report.markdown import LIMIT

ROOT = Path(__file__).parents[2]
KINDS = ["github", "gitlab", "gitea"]
HEAD = "<!-- reconcile:plan:team -->\n<!-- reconcile:state:{} {} -->\n### Flyte plan\n"


def report(
    folder: Path, text: str, state: str = "changes", headline: str = "Plan: 1 to add."
) -> str:
    (folder / "plan.md").write_text(HEAD.format(state, headline) + text)
    return "plan.md"


async def send(forge: StandIn, folder: Path, *arguments: str, **environ: str | None) -> Ended:
    number = () if forge.kind == "gitlab" else ("--number", "3")
    ended = await run(
        "comment", "plan.md", *number, *arguments, cwd=folder, environ=forge.environ(**environ)
    )
    assert TOKEN not in ended.out + ended.err
    return ended


@pytest.mark.parametrize("kind", KINDS)
async def test_comment_is_written_once_and_updated_since(kind: str, tmp_path: Path) -> None:
    async with open_forge(kind) as forge:
        forge.add("a remark", "somebody")
        for text, said in (("one", "created"), ("two", "updated"), ("two", "unchanged")):
            report(tmp_path, text)
            ended = await send(forge, tmp_path)
            assert (ended.code, said in ended.err) == (0, True), ended.err
        assert len(forge.bodies) == 2
        assert forge.bodies[1].endswith("two")
        assert len(forge.statuses) == 3
        status = forge.statuses[-1]
        assert status["state"] == "success"
        assert status["description"] == "Plan: 1 to add."
        assert status.get("context", status.get("name")) == "reconcile/plan (team)"
        assert any(COMMIT in asked for asked in forge.asked)


@pytest.mark.parametrize("kind", KINDS)
async def test_failure_is_a_status_of_its_own(kind: str, tmp_path: Path) -> None:
    async with open_forge(kind) as forge:
        report(tmp_path, "x", "failure", "No plan: " + "y" * 300)
        assert (await send(forge, tmp_path, "--no-comment")).code == 0
        (status,) = forge.statuses
        assert status["state"] == ("failed" if kind == "gitlab" else "failure")
        assert len(status["description"]) == 140
        assert forge.bodies == []


@pytest.mark.parametrize("is_job", [False, True])
async def test_somebody_elses_copy_of_our_line_is_left_alone(is_job: bool, tmp_path: Path) -> None:
    async with open_forge("github", is_job=is_job) as forge:
        forged = HEAD.format("empty", "No changes.") + "all is well"
        forge.add(forged, "mallory")
        forge.add(f"quote\n{forged}")
        report(tmp_path, "one")
        assert (await send(forge, tmp_path)).code == 0
        assert len(forge.bodies) == 3
        assert forge.bodies[0] == forged


@pytest.mark.parametrize("kind", KINDS)
async def test_doubles_become_one_and_it_is_found_on_any_page(kind: str, tmp_path: Path) -> None:
    async with open_forge(kind) as forge:
        for number in range(130):
            forge.add(f"remark {number}", "somebody")
        for text in ("old", "older"):
            forge.add(HEAD.format("changes", "x") + text)
        report(tmp_path, "new")
        assert (await send(forge, tmp_path)).code == 0
        ours = [body for body in forge.bodies if body.startswith("<!-- reconcile:plan:team")]
        assert [body.rsplit("\n", 1)[1] for body in ours] == ["new"]
        assert len(forge.bodies) == 131


@pytest.mark.parametrize(
    "faults", [["502"], ["200", "lost"], ["429"], ["200", "503"], ["200", "429"]]
)
async def test_a_fault_is_survived_without_a_double(faults: list[str], tmp_path: Path) -> None:
    async with open_forge("github") as forge:
        forge.faults = ["" if fault == "200" else fault for fault in faults]
        report(tmp_path, "one")
        ended = await send(forge, tmp_path)
        assert ended.code == 0, ended.err
        assert len(forge.bodies) == 1


async def test_a_token_that_may_not_is_told_and_not_shown(tmp_path: Path) -> None:
    async with open_forge("github") as forge:
        report(tmp_path, "one")
        ended = await send(forge, tmp_path, GITHUB_TOKEN="wrong-secret")
        assert ended.code == 4
        assert "answered 401: Bad credentials" in ended.err
        assert "wrong-secret" not in ended.err


async def test_without_a_token_nothing_is_sent(tmp_path: Path) -> None:
    async with open_forge("github") as forge:
        report(tmp_path, "one")
        ended = await send(forge, tmp_path, GITHUB_TOKEN=None)
        assert ended.code == 0
        assert "nothing is sent" in ended.err
        assert forge.asked == []


@pytest.mark.parametrize(
    ("text", "why"),
    [("hello", "is no report"), (HEAD.format("changes", "x") + "y" * LIMIT, "65,535 are the most")],
)
async def test_what_is_no_report_or_too_long_is_never_sent(
    tmp_path: Path, text: str, why: str
) -> None:
    async with open_forge("github") as forge:
        (tmp_path / "plan.md").write_text(text)
        ended = await send(forge, tmp_path)
        assert (ended.code, why in ended.err, forge.asked) == (1, True, [])


async def test_pull_request_and_its_own_commit_are_read_from_the_event(tmp_path: Path) -> None:
    async with open_forge("github") as forge:
        report(tmp_path, "one")
        event = {"pull_request": {"number": 12, "head": {"sha": "b" * 40}}}
        (tmp_path / "event.json").write_text(json.dumps(event))
        environ = forge.environ(GITHUB_EVENT_PATH=str(tmp_path / "event.json"))
        ended = await run("comment", "plan.md", cwd=tmp_path, environ=environ)
        assert ended.code == 0, ended.err
        assert "POST /repos/team/specs/issues/12/comments" in forge.asked
        assert f"POST /repos/team/specs/statuses/{'b' * 40}" in forge.asked


async def test_script_of_the_action_runs_as_a_job_does(tmp_path: Path) -> None:
    """Nothing answers here, so that there is no plan: that is reported everywhere, and fails."""
    async with open_forge("github") as forge:
        specs = tmp_path / "specs"
        specs.mkdir()
        (specs / "reconcile.yaml").write_text(SYNC)
        evil = tmp_path / "pwned"
        environ = forge.environ(
            CHECK_PATH="specs",
            CHECK_ARGUMENTS=(
                f"--endpoint\n127.0.0.1:1\n--insecure\n--deadline\n1\n--approve\n$(touch {evil})"
            ),
            CHECK_SARIF=str(tmp_path / "out.sarif"),
            RUNNER_TEMP=str(tmp_path),
            GITHUB_OUTPUT=str(tmp_path / "output"),
            GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
            RECONCILE_FORGE_TOKEN=TOKEN,
            GITHUB_TOKEN=None,
            PATH=f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}",
        )
        event = {"pull_request": {"number": 3, "head": {"sha": COMMIT}}}
        (tmp_path / "event.json").write_text(json.dumps(event))
        environ["GITHUB_EVENT_PATH"] = str(tmp_path / "event.json")
        ended = await asyncio.to_thread(
            subprocess.run,
            ["bash", str(ROOT / "ci/check.sh")],
            cwd=tmp_path,
            env=environment(tmp_path, environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 4, ended.stderr
        assert not evil.exists()
        assert TOKEN not in ended.stdout + ended.stderr
        assert "exitcode=4" in (tmp_path / "output").read_text()
        assert "No plan could be made" in (tmp_path / "summary").read_text()
        assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"
        assert ended.stdout.startswith("::error title=")
        assert len(forge.bodies) == 1
        assert forge.statuses[0]["state"] == "failure"


def test_the_parts_of_the_packaging_name_what_is_there() -> None:
    import yaml

    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = action["runs"]["steps"]
    assert step["run"] == 'bash "$GITHUB_ACTION_PATH/ci/check.sh"'
    assert "${{" not in step["run"]
    assert (ROOT / "ci/check.sh").stat().st_mode & stat.S_IXUSR
    script = (ROOT / "ci/check.sh").read_text()
    assert all(name in script for name in step["env"])
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] == "reconcile validate"
    assert ".reconcile-plan" in yaml.safe_load((ROOT / "ci/gitlab.yml").read_text())


async def test_script_plans_a_fork_against_a_snapshot_without_network_or_credentials(
    tmp_path: Path,
) -> None:
    """A network namespace of its own has no route to anything."""
    alone = ("unshare", "--map-root-user", "--net")
    probe = await asyncio.to_thread(
        subprocess.run, [*alone, "true"], capture_output=True, check=False
    )
    if probe.returncode:
        pytest.skip(f"this machine makes no network namespace: {probe.stderr.decode()}")
    folder = tmp_path / "branch"
    shutil.copytree(ROOT / "examples" / "quickstart", folder)
    (folder / ".git").mkdir()
    made = await run("snapshot", "--out", "../snapshot.json", cwd=folder)
    assert made.code == 0, made.err
    environ = {
        "GITHUB_ACTIONS": "true",
        "CHECK_ARGUMENTS": "--against\n../snapshot.json",
        "CHECK_SARIF": str(tmp_path / "out.sarif"),
        "CHECK_FOLDER": str(tmp_path),
        "PATH": f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}",
    }
    ended = await asyncio.to_thread(
        subprocess.run,
        [*alone, "bash", str(ROOT / "ci/check.sh")],
        cwd=folder,
        env=environment(folder, environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    text = (tmp_path / "plan.md").read_text()
    assert "**Plan: 22 to add, 0 to change, 0 to remove.**" in text
    lines = ended.stdout.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("::notice file=specs/heartbeat.yaml,line=6,col=3,")
