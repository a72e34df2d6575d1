"""Runs of a Flyte 2 on the command line: its engine is played, the program is a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import engine2_kit as engine
import flyte2_messages as make
import pytest
from flyteidl2.core import interface_pb2, types_pb2
from flyteidl2.task import run_pb2
from played_shell_kit import PlayedShell, shell_in
from published_kit import validator
from running2_kit import Played2, open_played2

from reconciler.api import runs
from reconciler.api.connecting import Target


@pytest.fixture
async def flyte(tmp_path: Path) -> AsyncIterator[Played2]:
    async with open_played2(tmp_path) as played:
        yield played


@pytest.fixture
def shell(flyte: Played2, tmp_path: Path) -> PlayedShell:
    return shell_in(tmp_path, flyte)


async def play_failure(flyte: Played2, name: str) -> None:
    """Play a run whose first action succeeds, and whose second one fails twice."""
    await flyte.record(name)
    await flyte.record(name, "b1", "a0", group="nightly")
    await flyte.record(name, "b2", "a0")
    await flyte.event(name, engine.SUCCEEDED, "b1", when=3, outputs=engine.outputs())
    await flyte.tell(name, engine.SUCCEEDED, "b1", began=1, ended=3)
    for attempt in (1, 2):
        await flyte.event(
            name, engine.FAILED, "b2", when=4 + attempt, attempt=attempt,
            error_info=engine.failure("no such column"),
        )  # fmt: skip
    await flyte.tell(name, engine.FAILED, "b2", began=1, ended=6, attempts=2)
    await flyte.event(name, engine.FAILED, when=7, error_info=engine.failure("b2 failed"))
    await flyte.tell(name, engine.FAILED, began=1, ended=7)


async def test_runs_are_listed_by_phase_task_trigger_and_label(
    flyte: Played2, shell: PlayedShell
) -> None:
    await play_failure(flyte, "a")
    await flyte.deploy()
    labels = run_pb2.Labels(values={"team": "ranking"})
    await flyte.start("b", run_spec=run_pb2.RunSpec(labels=labels))
    await flyte.start("c", trigger_name=make.trigger_name(flyte.project))

    listed = await shell("get", "runs", "-o", "json")
    assert listed.code == 0, listed.err
    validator("get").validate(listed.json())
    assert [one["name"][-1] for one in listed.json()["items"]] == ["c", "b", "a"]
    for asked, names in (
        (("--phase", "failed"), "a"),
        (("--task", make.TASK, "--limit", "2"), "cb"),
        (("--trigger", f"{make.TASK}/nightly"), "c"),
        (("--label", "team=ranking"), "b"),
    ):
        said = await shell("get", "runs", *asked, "-o", "name")
        assert [line[-1] for line in said.out.split()] == list(names), (asked, said.err)


async def test_run_is_described_with_its_actions_attempts_and_why_it_failed(
    flyte: Played2, shell: PlayedShell
) -> None:
    await play_failure(flyte, "a")
    name = flyte.id("a").name
    told = await shell("describe", "run", name, "-o", "json")
    assert told.code == 0, told.err
    described = told.json()
    validator("run").validate(described)
    assert (described["phase"], described["cause"]) == ("failed", "b2 failed")
    (root,) = described["steps"]
    first, second = root["inside"]
    assert (root["id"], first["id"], second["id"]) == ("a0", "b1", "b2")
    assert (first["phase"], first["facts"]["group"]) == ("succeeded", "nightly")
    assert [one["cause"] for one in second["attempts"]] == ["no such column"] * 2
    one = await shell("describe", "action", f"{name}/b2", "-o", "json")
    assert (one.json()["id"], one.json()["phase"]) == ("b2", "failed")
    flat = await shell("get", "actions", name, "--phase", "failed", "-o", "name")
    assert flat.out.split() == ["a0", "b2"]
    times = await shell("metrics", name, "-o", "json")
    assert times.code == 0, times.err
    assert "attempt 2" in times.out


async def test_values_and_reports_are_read_and_a_run_is_started_once_more(
    flyte: Played2, shell: PlayedShell
) -> None:
    spec = make.spec(inputs={"x": make.INTEGER})
    entry = interface_pb2.VariableEntry(key="o0")
    entry.value.type.simple = types_pb2.INTEGER
    spec.task_template.interface.outputs.variables.append(entry)
    await flyte.start("a", task_spec=spec, inputs=make.inputs(x=7))
    name = flyte.id("a").name
    early = (await shell("describe", "run", name, "-o", "json")).json()
    assert early["inputs"] == {"x": {"type": "int", "value": 7}}
    assert "outputs" not in early
    stored = await flyte.store(o0=8)
    found = engine.outputs(f"{stored}/inputs.pb", f"{stored}/inputs.pb")
    await flyte.event("a", engine.SUCCEEDED, outputs=found)
    await flyte.tell("a", engine.SUCCEEDED)
    late = await shell("describe", "run", name, "-o", "json", "--report", "report.html")
    assert late.code == 0, late.err
    assert late.json()["outputs"]["o0"]["value"] == 8
    assert (shell.root / "report.html").read_bytes() == make.inputs(o0=8).SerializeToString()

    again = flyte.id("b").name
    said = await shell("relaunch", name, "--name", again, "-i", "x=9")
    assert (said.code, said.out) == (0, f"{flyte.place}/{again}\n"), said.err
    other = (await shell("describe", "run", again, "-o", "json")).json()
    assert (other["mode"], other["inputs"]["x"]["value"]) == ("relaunched", 9)


async def test_log_is_followed_to_its_end(flyte: Played2, shell: PlayedShell) -> None:
    await flyte.record("a")
    await flyte.tell("a", engine.RUNNING)
    assert flyte.server is not None
    pod = flyte.server.store.path.parent / "pods" / "flyte" / "p1"
    pod.mkdir(parents=True)
    (pod / "main.log").write_text("2026-05-01T06:00:01Z begin\n")
    await flyte.event("a", engine.RUNNING, log_context=engine.pod("p1"))
    name = flyte.id("a").name
    now = await shell("logs", name)
    assert (now.code, now.out) == (0, "begin\n"), now.err
    following = asyncio.create_task(shell("logs", name, "--follow", "--timestamps"))
    await asyncio.sleep(1.5)
    with (pod / "main.log").open("a") as file:
        file.write("2026-05-01T06:00:02Z end\n")
    (pod / "ended").touch()
    await flyte.event("a", engine.SUCCEEDED, log_context=engine.pod("p1"))
    await flyte.tell("a", engine.SUCCEEDED)
    said = await following
    assert (said.code, said.out) == (
        0,
        "2026-05-01T06:00:01Z begin\n2026-05-01T06:00:02Z end\n",
    ), said.err


async def test_run_is_watched_and_waited_for(flyte: Played2, shell: PlayedShell) -> None:
    await flyte.record("a")
    name = flyte.id("a").name
    watching = asyncio.create_task(shell("watch", name, "--interval", "50ms"))
    waiting = asyncio.create_task(shell("wait", name))
    await asyncio.sleep(2)
    await flyte.tell("a", engine.RUNNING)
    await flyte.record("a", "b1", "a0")
    await asyncio.sleep(0.5)
    await flyte.tell("a", engine.SUCCEEDED, "b1")
    await flyte.tell("a", engine.SUCCEEDED)
    watched, waited = await asyncio.gather(watching, waiting)
    assert watched.code == 0, watched.err
    shown = [line.split(" ", 1)[1] for line in watched.out.splitlines()]
    assert shown[-1] == f"{flyte.place}/{name}: succeeded"
    assert any("b1" in line and line.endswith(": succeeded") for line in shown)
    assert (waited.code, waited.out) == (0, f"{flyte.place}/{name}: succeeded\n")


async def test_run_and_one_action_are_ended_with_a_cause(
    flyte: Played2, shell: PlayedShell
) -> None:
    await flyte.record("a")
    for step in ("b1", "b2"):
        await flyte.record("a", step, "a0")
    name = flyte.id("a").name
    said = await shell("terminate", f"{name}/b1", "--cause", "stuck")
    assert said.code == 0, said.err
    (root,) = (await shell("describe", "run", name, "-o", "json")).json()["steps"]
    assert [(one["phase"], one.get("cause")) for one in (root, *root["inside"])] == [
        ("queued", None),
        ("aborted", "stuck"),
        ("queued", None),
    ]
    said = await shell("terminate", name, "--cause", "wrong day")
    assert (said.code, said.out) == (0, f"{flyte.place}/{name}: terminated\n")
    told = (await shell("describe", "run", name, "-o", "json")).json()
    assert (told["phase"], told["cause"]) == ("aborted", "wrong day")
    again = await shell("terminate", name, "--cause", "twice")
    assert (again.code, again.out) == (0, f"{flyte.place}/{name}: had ended before\n")


async def test_conditions_are_answered(flyte: Played2, shell: PlayedShell) -> None:
    await flyte.start("a")
    name = flyte.id("a").name
    await flyte.ask("a", "b1", engine.condition("go"))
    await flyte.ask("a", "b2", engine.condition("rows", types_pb2.INTEGER))
    assert (await shell("signal", "list", "-o", "name")).out.split() == ["go", "rows"]
    said = await shell("signal", "approve", name, "go")
    assert (said.code, said.out) == (0, f"{flyte.place}/{name}: go: approved\n"), said.err
    assert (await shell("signal", "set", name, "rows", "--value", "7")).code == 0
    listed = (await shell("get", "signals", name, "-o", "json")).json()
    assert [(one["signal"], one["value"]) for one in listed["items"]] == [("go", True), ("rows", 7)]
    assert (await shell("signal", "list", "-o", "name")).out == ""


async def test_library_walks_from_the_project_to_the_action(flyte: Played2) -> None:
    target = Target(endpoint=flyte.channel.endpoint, insecure=True, flyte="Flyte2")
    async with runs.client(target, project=flyte.project, domain=flyte.place.domain) as opened:
        await play_failure(flyte, "a")
        run_ = await opened.run(flyte.id("a").name)
        assert (run_.phase, (await run_.refresh()).cause) == ("failed", "b2 failed")
        (root,) = await run_.steps()
        assert [step.id for step in root.inside] == ["b1", "b2"]
        step = await run_.step("b2")
        assert (step.phase, step.cause) == ("failed", "no such column")
        assert [one.id async for one in opened.recent(2)] == [flyte.id("a")]
