"""Runs of a Flyte 1 on the command line: its engine is played, the program is a process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli_kit import ended, on_terminal, run, start
from flyteidl.core import catalog_pb2, execution_pb2, literals_pb2, types_pb2
from played_shell_kit import PlayedShell, shell_in
from published_kit import validator
from running_kit import ENDPOINT, NodePhase, Phase, Played, TaskPhase, broken, cached, open_played

from reconciler.api import runs
from reconciler.api.connecting import Target
from reconciler.errors import UsageError

HIT = catalog_pb2.CACHE_HIT


@pytest.fixture
async def flyte(tmp_path: Path) -> AsyncIterator[Played]:
    async with open_played(tmp_path) as played:
        yield played


@pytest.fixture
def shell(flyte: Played, tmp_path: Path) -> PlayedShell:
    return shell_in(tmp_path, flyte)


async def play_failure(flyte: Played, name: str) -> None:
    """Play an execution whose node succeeds from the cache, and whose second one fails twice."""
    log = execution_pb2.TaskLog(name="Kubernetes Logs", uri="https://logs/n1")
    await flyte.start(name)
    await flyte.tell(name, Phase.RUNNING, 1)
    await flyte.node(name, "n0", NodePhase.SUCCEEDED, 2, task_node_metadata=cached(HIT))
    await flyte.node(name, "n1", NodePhase.RUNNING, 3)
    for attempt in (0, 1):
        await flyte.task(name, "n1", TaskPhase.RUNNING, 4, attempt=attempt, logs=[log])
        await flyte.task(name, "n1", TaskPhase.FAILED, 9, attempt=attempt, error=broken("bad"))
    await flyte.node(name, "n1", NodePhase.FAILED, 10, error=broken("bad"))
    await flyte.tell(name, Phase.FAILED, 11, error=broken("n1 failed"))


async def test_executions_are_listed_and_described(flyte: Played, shell: PlayedShell) -> None:
    await play_failure(flyte, "first")
    await flyte.start("second")
    listed = await shell("get", "executions", "-o", "json")
    assert listed.code == 0, listed.err
    found = listed.json()
    validator("get").validate(found)
    assert [(one["name"], one["phase"]) for one in found["items"]] == [
        ("second", "undefined"),
        ("first", "failed"),
    ]
    failed = await shell("get", "runs", "--phase", "FAILED", "--launchplan", "etl", "-o", "name")
    assert failed.out == "first\n"

    told = await shell("describe", "run", "first", "-o", "json")
    assert told.code == 0, told.err
    described = told.json()
    validator("run").validate(described)
    nodes = {step["id"]: step for step in described["steps"]}
    assert (described["phase"], nodes["n0"]["phase"]) == ("failed", "succeeded")
    assert "n1 failed" in described["cause"]
    assert [one["phase"] for one in nodes["n1"]["attempts"]] == ["failed", "failed"]
    assert nodes["n1"]["attempts"][0]["links"][0]["url"] == "https://logs/n1"
    assert "hit" in nodes["n0"]["cache"]

    flat = await shell("get", "nodes", "first", "-o", "name")
    assert flat.out.split() == ["n0", "n1"]
    missing = await shell("describe", "run", "fist")
    assert missing.code == 1
    assert missing.err == (f"error: run fist: is not there in {flyte.place}; did you mean first?\n")


async def test_links_to_logs_stand_for_logs(flyte: Played, shell: PlayedShell) -> None:
    await play_failure(flyte, "first")
    said = await shell("logs", "first", "--attempt", "1")
    assert said.code == 0, said.err
    assert "https://logs/n1" in said.out
    assert "Flyte 1" in said.err


async def test_wait_ends_when_the_engine_says_so(flyte: Played, shell: PlayedShell) -> None:
    await flyte.start("good")
    await flyte.start("bad")
    waiting = asyncio.create_task(shell("wait", "good", "bad"))
    await flyte.tell("good", Phase.RUNNING, 1)
    await asyncio.sleep(0.5)
    await flyte.tell("good", Phase.SUCCEEDED, 2)
    await flyte.tell("bad", Phase.FAILED, 3, error=broken("bad data"))
    found = await waiting
    assert found.code == 1, found.err
    place = flyte.place
    first, second = sorted(found.out.splitlines())
    assert first.startswith(f"{place}/bad: failed: ")
    assert second == f"{place}/good: succeeded"
    assert (await shell("wait", "good")).code == 0


async def test_terminated_run_keeps_its_cause(flyte: Played, shell: PlayedShell) -> None:
    await flyte.start("first")
    said = await shell("terminate", "first", "--cause", "wrong day")
    assert (said.code, said.out) == (0, f"{flyte.place}/first: terminated\n")
    told = (await shell("describe", "run", "first", "-o", "json")).json()
    assert (told["phase"], told["cause"]) == ("aborting", "wrong day")
    await flyte.tell("first", Phase.ABORTED, 1, error=broken("wrong day"))
    again = await shell("terminate", "first", "--cause", "twice")
    assert (again.code, again.out) == (0, f"{flyte.place}/first: had ended before\n")


async def test_watch_shows_nodes_as_they_come_and_ends_with_the_run(
    flyte: Played, shell: PlayedShell
) -> None:
    await flyte.start("first")
    await flyte.tell("first", Phase.RUNNING, 1)
    watching = asyncio.create_task(shell("watch", "first", "--interval", "50ms"))
    await asyncio.sleep(1.5)
    await flyte.node("first", "n0", NodePhase.RUNNING, 2)
    await asyncio.sleep(0.5)
    await flyte.node("first", "n0", NodePhase.SUCCEEDED, 3)
    await flyte.tell("first", Phase.SUCCEEDED, 4)
    said = await watching
    assert said.code == 0, said.err
    shown = [line.split(" ", 1)[1] for line in said.out.splitlines()]
    assert shown[-1] == f"{flyte.place}/first: succeeded"
    assert any(line.startswith("n0") and line.endswith(": succeeded") for line in shown)


@pytest.mark.parametrize("command", ["watch", "wait"])
async def test_ctrl_c_leaves_the_run_alone(flyte: Played, shell: PlayedShell, command: str) -> None:
    await flyte.start("first")
    await flyte.tell("first", Phase.RUNNING, 1)
    process = await start(command, "first", *shell.connection, cwd=shell.root)
    stream = process.stdout if command == "watch" else process.stderr
    assert stream is not None
    await asyncio.wait_for(stream.readline(), 30)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    found = ended(process, out, err)
    assert found.code == 130
    assert found.err == ("interrupted; first left alone, `reconcile terminate` ends runs\n")
    assert (await shell("get", "runs", "first", "-o", "json")).json()["items"][0]["phase"] == (
        "running"
    )


async def test_terminal_shows_the_tree(flyte: Played, shell: PlayedShell) -> None:
    await play_failure(flyte, "first")
    said = await on_terminal("watch", "first", *shell.connection, cwd=shell.root)
    assert said.code == 1
    assert f"{flyte.place}/first: failed" in said.err
    assert "2 attempts" in said.err or "attempt 2: failed" in said.err


async def test_server_that_is_gone_is_4(tmp_path: Path) -> None:
    for command in (("get", "runs"), ("wait", "x"), ("terminate", "x", "--cause", "y")):
        said = await run(
            *command,
            *("--endpoint", "127.0.0.1:9", "--insecure", "--project", "p", "--domain", "d"),
            cwd=tmp_path,
        )
        assert said.code == 4, said.err


def integers(**values: int) -> literals_pb2.LiteralMap:
    made = literals_pb2.LiteralMap()
    for name, value in values.items():
        made.literals[name].scalar.primitive.integer = value
    return made


async def test_values_are_read_and_put_in_place_of_others(
    flyte: Played, shell: PlayedShell
) -> None:
    await flyte.start("first", inputs=integers(count=5))
    await flyte.tell("first", Phase.RUNNING, 1)
    early = (await shell("describe", "run", "first", "-o", "json")).json()
    assert early["inputs"]["count"] == {"type": "int", "value": 5}
    assert early["inputs"]["day"]["type"] == "datetime"
    assert "outputs" not in early
    await flyte.tell("first", Phase.SUCCEEDED, 2, output_data=integers(o0=6))
    late = await shell("describe", "run", "first", "-o", "json")
    assert late.json()["outputs"]["o0"]["value"] == 6

    said = await shell("relaunch", "first", "--name", "second", "-i", "count=9")
    assert (said.code, said.out) == (0, f"{flyte.place}/second\n"), said.err
    again = (await shell("describe", "run", "second", "-o", "json")).json()
    assert (again["mode"], again["inputs"]["count"]["value"]) == ("relaunched", 9)
    assert again["inputs"]["day"] == early["inputs"]["day"]
    wrong = await shell("relaunch", "first", "-i", "count=x")
    assert wrong.code == 1
    assert wrong.err.startswith('--input count: expected int, found the text "x"')


async def test_gate_is_answered(flyte: Played, shell: PlayedShell) -> None:
    await flyte.start("first")
    await flyte.tell("first", Phase.RUNNING, 1)
    await flyte.gate("first", "go", types_pb2.LiteralType(simple=types_pb2.BOOLEAN))
    await flyte.gate("first", "rows", types_pb2.LiteralType(simple=types_pb2.INTEGER))
    assert (await shell("signal", "list", "-o", "name")).out.split() == ["go", "rows"]
    said = await shell("signal", "approve", "first", "go")
    assert (said.code, said.out) == (0, f"{flyte.place}/first: go: approved\n"), said.err
    assert (await shell("signal", "set", "first", "rows", "--value", "7")).code == 0
    listed = (await shell("get", "signals", "first", "-o", "json")).json()
    validator("get").validate(listed)
    assert [(one["signal"], one["value"]) for one in listed["items"]] == [("go", True), ("rows", 7)]
    assert (await shell("get", "signals", "-o", "name")).out == ""


async def test_library_finds_waits_reads_and_answers(flyte: Played) -> None:
    target = Target(endpoint=flyte.channel.endpoint, insecure=True, flyte="Flyte1")
    async with runs.client(target, project=flyte.project, domain=flyte.place.domain) as opened:
        await flyte.start("first", inputs=integers(count=5))
        run_ = await opened.run("first")
        assert (await run_.inputs())["count"] == 5
        with pytest.raises(UsageError, match="has no outputs yet"):
            await run_.outputs()
        await flyte.tell("first", Phase.RUNNING, 1)
        await flyte.gate("first", "go", types_pb2.LiteralType(simple=types_pb2.BOOLEAN))
        assert [gate.signal for gate in await run_.gates()] == ["go"]
        assert await run_.approve() is True
        await flyte.node("first", "n0", NodePhase.SUCCEEDED, 2, output_data=integers(o0=6))
        await flyte.tell("first", Phase.SUCCEEDED, 3, output_data=integers(o0=7))
        assert (await run_.wait(timeout=30)).phase == "succeeded"
        assert (await run_.outputs())["o0"] == 7
        assert (await run_.outputs("n0"))["o0"] == 6
        assert [step.id for step in await run_.steps()] == ["n0"]
        second = await run_.relaunch("second", {"count": 8})
        assert (await second.inputs())["count"] == 8
        assert [one.id.name async for one in opened.recent(2)] == ["second", "first"]
        assert await second.terminate("enough") is True
        assert (await second.refresh()).cause == "enough"


async def test_file_of_an_output_is_handed_out_by_flyte(flyte: Played, shell: PlayedShell) -> None:
    if ENDPOINT:
        pytest.skip("the store of a real Flyte is not the test's to write to")
    objects = flyte.server.store.objects
    uri = objects.native_url("metadata", flyte.project, "model.bin")
    objects.put(uri, b"model" * 1000)
    outputs = literals_pb2.LiteralMap()
    outputs.literals["model"].scalar.blob.uri = uri
    await flyte.start("first")
    await flyte.tell("first", Phase.RUNNING, 1)
    await flyte.tell("first", Phase.SUCCEEDED, 2, output_data=outputs)
    said = await shell("download", "first", "--out", "here")
    assert (said.code, said.out) == (0, "here/model/model.bin\n"), said.err
    assert (shell.root / "here" / "model" / "model.bin").read_bytes() == b"model" * 1000
    async with runs.client(
        Target(endpoint=flyte.channel.endpoint, insecure=True, flyte="Flyte1")
    ) as opened:
        run_ = await opened.run(f"{flyte.place}/first")
        assert await (await run_.outputs()).ref("model").head(7) == b"modelmo"
