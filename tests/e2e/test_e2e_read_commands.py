"""The reading commands as people run them: real processes against an embedded server."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from world import DOMAIN, PROJECT, World, open_world, plan_document

KEY = f"FlyteLaunchPlan/{PROJECT}/{DOMAIN}"


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Read its stdout as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs the program in a directory, connected to a server."""

    world: World

    async def __call__(
        self, *arguments: str, cwd: Path | None = None, online: bool = True
    ) -> Ended:
        where = ("--endpoint", self.world.endpoint, "--insecure") if online else ()
        return await run(*arguments, *where, cwd=cwd or self.world.root)


async def run(*arguments: str, cwd: Path, **environ: str) -> Ended:
    """Run the program to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "reconciler",
        *arguments,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "XDG_CACHE_HOME": str(cwd / ".cache"), **environ},
    )
    out, err = await process.communicate()
    assert b"Traceback" not in err, err.decode()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        yield opened


@pytest.fixture
def shell(world: World) -> Shell:
    return Shell(world)


async def activate(world: World, name: str, version: str = "v1", *, count: int = 3) -> None:
    """Register and activate a plan as CI would."""
    await world.register_plan(
        name,
        version,
        cron="0 6 * * *",
        workflow_version="v1",
        defaults={"count": count},
    )
    await world.set_state(name, version, active=True)


async def test_day_one_export_adopt_silence(world: World, shell: Shell) -> None:
    for name in ("etl.daily", "etl.weekly", "Report_X"):
        await activate(world, name)
    made = world.root / "live"
    ended = await shell("export", "--out", str(made), "--set", "dayone")
    assert ended.code == 0, ended.err
    assert "set dayone, 4 objects" in ended.err
    assert (made / PROJECT / DOMAIN / "report-x.yaml").is_file()

    before = world.calls()
    ended = await run("adopt", "--dry-run", cwd=made)
    assert ended.code == 0, ended.err
    assert world.calls()["CreateTask"] == before["CreateTask"]
    ended = await run("adopt", cwd=made)
    assert ended.code == 0, ended.err
    assert "Adopted 3 objects into set dayone." in ended.out
    again = await run("--dry-run", "--detailed-exitcode", cwd=made)
    assert again.code == 0, again.out + again.err
    writes = {name for name in world.calls() - before if not name.startswith(("List", "Get"))}
    assert writes == {"CreateTask"}

    found = (await run("status", "-o", "json", cwd=made)).json()
    plans = [item for item in found["objects"] if item["key"].startswith("FlyteLaunchPlan")]
    assert {item["state"] for item in plans} == {"ready"}
    assert {item["owner"] for item in plans} == {"adopted"}
    assert found["ledger"]["claim"]["source"]

    every = (await shell("status", "--all", "-o", "json")).json()
    assert {item["owner"] for item in every["others"]} == {"dayone (adopted)"}
    again = await shell("export", "--kind", "FlyteLaunchPlan")
    assert again.out == ""
    assert "set dayone adopted it" in again.err

    again = await shell("export", "--out", str(made))
    assert again.code == 1
    assert "exists already; give an empty folder, or --force" in again.err


async def test_ci_activates_a_new_version_and_status_reports_it(world: World, shell: Shell) -> None:
    await activate(world, "daily")
    made = world.root / "live"
    assert (await shell("export", "--kind", "FlyteLaunchPlan", "--out", str(made))).code == 0
    assert (await run("adopt", cwd=made)).code == 0
    await activate(world, "daily", "v2", count=9)
    found = (await run("status", "-o", "json", cwd=made)).json()
    (item,) = found["objects"]
    assert item["state"] == "drift"
    assert item["owner"] == "foreign"
    assert "v2" in item["active"]
    shown = (await run("explain", f"{KEY}/daily", cwd=made)).out
    assert "adopted version v1" in shown
    assert "drift" in shown.splitlines()[0]


async def test_adopt_leaves_what_differs_and_says_what_it_needs(world: World, shell: Shell) -> None:
    await activate(world, "same")
    await activate(world, "other", count=4)
    schedule = {"cron": "0 6 * * *", "kickoffInput": "day"}
    world.declare(
        plan_document("same", schedule=schedule, inputs={"count": 3}),
        plan_document("other", schedule=schedule, inputs={"count": 3}),
        plan_document("new", schedule=schedule, inputs={"count": 3}),
    )
    ended = await shell("adopt")
    assert ended.code == 0, ended.err
    assert "Adopted 1 objects" in ended.out
    assert "set `adopt: true`" in ended.err
    assert "inputs.count" in ended.err
    assert "1 other changes are left" in ended.err
    assert await world.active() == {"same": "v1", "other": "v1"}
    found = (await shell("adopt", "-o", "json")).json()
    assert found["adopted"] == []
    assert [item["key"] for item in found["differing"]] == [f"{KEY}/other"]


async def test_adopt_needs_a_set(world: World, shell: Shell) -> None:
    world.write({"one.yaml": json.dumps(plan_document("one", project=PROJECT, domain=DOMAIN))})
    ended = await shell("adopt", "one.yaml")
    assert ended.code == 1
    assert "needs a FlyteSync" in ended.err


async def test_status_shows_every_object_and_whose_the_others_are(
    world: World, shell: Shell
) -> None:
    schedule = {"cron": "0 6 * * *", "kickoffInput": "day"}
    world.declare(
        plan_document("daily", schedule=schedule), plan_document("paused", schedule=schedule)
    )
    assert (await shell("--yes")).code == 0
    assert (await shell("pause", "paused", "--reason", "incident 7", "--for", "2h")).code == 0
    await activate(world, "stray")
    await activate(world, "theirs", "other-set.amx3w5b2m7qd4ztr")
    world.declare(
        plan_document("daily", schedule={**schedule, "cron": "0 7 * * *"}),
        plan_document("paused", schedule=schedule),
    )
    ended = await shell("status")
    assert ended.code == 0, ended.err
    rows = {
        line.split()[1].rpartition("/")[2]: line for line in ended.out.splitlines() if KEY in line
    }
    assert rows["daily"].startswith("pending")
    assert "schedule.cron" in rows["daily"]
    assert "00000.json:1" in rows["daily"]
    assert rows["paused"].startswith("held")
    assert "incident 7" in rows["paused"]
    assert rows["stray"].startswith("foreign")
    assert rows["theirs"].startswith("other-set")
    assert "06:00 UTC" in rows["stray"]
    assert "claimed by" in ended.out
    assert "2 active of others (1 foreign)" in ended.out

    every = (await shell("status", "--all", "-o", "json")).json()
    owners = {item["key"].rpartition("/")[2]: item["owner"] for item in every["others"]}
    assert owners == {"daily": "team", "stray": "foreign", "theirs": "other-set"}
    none = await shell("status", "--all", "--domain", "nope")
    assert none.code == 1
    assert "--domain: nope: there is none" in none.err


async def test_status_sends_no_write_and_asks_for_no_claim(world: World, shell: Shell) -> None:
    schedule = {"cron": "0 6 * * *", "kickoffInput": "day"}
    world.declare(plan_document("daily", schedule=schedule))
    assert (await shell("--yes")).code == 0
    other = world.root.parent / "copy"
    shutil.copytree(world.root, other)
    before = world.calls()
    assert (await shell("--dry-run", cwd=other)).code == 3, "another source may not plan it"
    ended = await shell("status", cwd=other)
    assert ended.code == 0, ended.err
    assert "and this is" in ended.out
    writes = {name for name in world.calls() - before if not name.startswith(("List", "Get"))}
    assert writes <= {"UserInfo"}


async def test_a_narrow_terminal_gets_narrow_lines(world: World) -> None:
    schedule = {"cron": "0 6 * * *", "kickoffInput": "day"}
    world.declare(plan_document("a-plan-with-a-rather-long-name", schedule=schedule))
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "reconciler", "status"),
        *("--endpoint", world.endpoint, "--insecure"),
        cwd=world.root,
        stdout=theirs,
        env={**os.environ, "COLUMNS": "60", "NO_COLOR": "1"},
    )
    assert await process.wait() == 0
    os.close(theirs)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    table = [line.rstrip() for line in text.splitlines() if line.startswith(("STATE", "pending"))]
    assert len(table) == 2
    assert max(len(line) for line in table) <= 60


async def test_explain_an_object_says_why_and_what_would_change_it(
    world: World, shell: Shell
) -> None:
    await activate(world, "daily", count=4)
    schedule = {"cron": "0 6 * * *", "kickoffInput": "day"}
    world.declare(plan_document("daily", schedule=schedule, inputs={"count": 3}))
    found = (await shell("explain", f"{KEY}/daily", "-o", "json")).json()
    assert found["object"]["state"] == "blocked"
    assert found["object"]["source"]["file"] == "00000.json"
    assert found["fields"] == [{"path": "inputs.count", "before": 4, "after": 3}]
    assert "adopt: true" in found["unblock"]
    unknown = await shell("explain", f"{KEY}/dialy")
    assert unknown.code == 1
    assert f'did you mean "{KEY}/daily"' in unknown.err
    assert (await shell("explain", "FlyteLaunchPlan/daily/")).code == 1


async def test_next_live_shows_what_really_fires(world: World, shell: Shell) -> None:
    await activate(world, "daily")
    world.declare()
    found = (await shell("next", "--live", "-n", "2", "-o", "json")).json()
    (plan,) = found["plans"]
    assert plan["version"] == "v1"
    assert len(plan["next"]["times"]) == 2


async def test_next_needs_no_backend_and_tells_clock_changes(world: World, shell: Shell) -> None:
    berlin = {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "kickoffInput": "day"}
    world.declare(
        plan_document("nightly", schedule=berlin),
        plan_document("timer", schedule={"every": "6h"}),
        {**plan_document("theirs"), "spec": {"existing": {"version": "v1"}}},
    )
    ended = await shell("next", "--from", "2026-03-28T00:00:00Z", "-n", "2", online=False)
    assert ended.code == 0, ended.err
    assert "Sat 2026-03-28 02:30:00 CET" in ended.out
    assert "2026-03-29: 02:30 does not fire, clocks change in Europe/Berlin" in ended.out
    assert "every 6h after activation (timer)" in ended.out
    assert "see `reconcile next --live`" in ended.out
    zoned = await shell(
        *("next", "nightly", "--zone", "America/New_York", "-n", "1", "--from"),
        "2026-06-01T12:00:00Z",
        online=False,
    )
    assert "20:30:00 EDT" in zoned.out
    for wrong in (("--zone", "Nowhere"), ("--from", "tomorrow"), ("nope",)):
        refused = await shell("next", *wrong, online=False)
        assert refused.code == 1, wrong
        assert refused.err.startswith("error: ")


async def test_explain_and_schema_work_without_anything(tmp_path: Path) -> None:
    field = await run("explain", "FlyteLaunchPlan.spec.schedule.cron", cwd=tmp_path)
    assert field.out.startswith("FlyteLaunchPlan.spec.schedule.cron")
    wrong = await run("explain", "FlyteLaunchPlan.spec.schedul", cwd=tmp_path)
    assert wrong.code == 1
    assert 'did you mean "schedule"' in wrong.err
    one = (await run("schema", "FlyteLaunchPlan", cwd=tmp_path)).json()
    assert one["title"] == "FlyteLaunchPlan"
    assert len((await run("schema", cwd=tmp_path)).json()["allOf"]) > 3
    assert (await run("schema", "FlyteNope", cwd=tmp_path)).code == 1
    assert (await run("schema", "--out", "schemas", cwd=tmp_path)).code == 0
    published = Path(__file__).parents[2] / "specs"
    made = sorted((tmp_path / "schemas").iterdir())
    assert len(made) > 4
    for path in made:
        assert path.read_text() == (published / path.name).read_text()


async def test_doctor_finds_nothing_wrong_where_nothing_is(world: World, shell: Shell) -> None:
    world.declare()
    found = (await shell("doctor", "-o", "json")).json()
    health = {item["name"]: item["health"] for item in found["checks"]}
    assert "error" not in health.values()
    assert {"tcp", "version", "identity", "calls", "ledger", "cache", "git"} <= set(health)


async def test_doctor_says_what_is_wrong_and_what_to_do(world: World, tmp_path: Path) -> None:
    refused = await run("doctor", "--endpoint", "127.0.0.1:1", cwd=tmp_path)
    assert refused.code == 4
    assert "the connection is refused" in refused.out
    unknown = await run("doctor", "--endpoint", "nowhere.invalid:443", cwd=tmp_path)
    assert unknown.code == 4
    assert "cannot be resolved" in unknown.out
    plaintext = await run("doctor", "--endpoint", world.endpoint, cwd=tmp_path)
    assert plaintext.code == 4
    assert "tls.insecure: true" in plaintext.out
    none = await run("doctor", cwd=tmp_path)
    assert none.code == 1
    assert "none is named" in none.out
    world.write({"reconcile.yaml": "kind: ["})
    broken = await run("doctor", "--endpoint", world.endpoint, "--insecure", cwd=world.root)
    assert broken.code == 1
    assert "reconcile.yaml:2:1: did not find" in broken.out
    assert "ok       version" in broken.out, "the rest is looked at all the same"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["reconcile", "sta"], "status"),
        (["reconcile", "--dry"], "--dry-run"),
        (["reconcile", "deploy/", "--detailed"], "--detailed-exitcode"),
        (["reconcile", "status", "--al"], "--all"),
        (["reconcile", "export", "-o", ""], "yaml json"),
    ],
)
def test_bash_completes_commands_and_options(
    tmp_path: Path, words: list[str], expected: str
) -> None:
    bash = shutil.which("bash")
    assert bash, "bash is needed to prove its completion"
    program = tmp_path / "reconcile"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m reconciler "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    quoted = " ".join(f"'{word}'" for word in words)
    script = f"""
        source <(reconcile completion bash)
        COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMPREPLY=()
        _reconcile_completion reconcile
        echo "${{COMPREPLY[*]}}"
        complete -p reconcile
    """
    ended = subprocess.run(
        [bash, "--norc", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    answer, registered = ended.stdout.splitlines()
    assert answer == expected
    assert "-F _reconcile_completion reconcile" in registered


@pytest.mark.parametrize("shell_name", ["zsh", "fish"])
async def test_other_shells_get_a_script(tmp_path: Path, shell_name: str) -> None:
    ended = await run("completion", shell_name, cwd=tmp_path)
    assert ended.code == 0
    assert f"_RECONCILE_COMPLETE={shell_name}_complete" in ended.out
