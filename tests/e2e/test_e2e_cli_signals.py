"""Signals, broken pipes, closed streams: no traceback, nothing half done, the next converges."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli_kit import PROGRAM, Shell, ended, environment, on_terminal, run, start, until
from world import World, open_world, plan_document

PLANS = 40


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        opened.declare(*(plan_document(f"p{index}") for index in range(PLANS)))
        yield opened


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"]
)
async def test_signal_in_an_apply_ends_it_after_the_calls_under_way(
    world: World, number: signal.Signals, code: int
) -> None:
    shell = Shell(world)

    def has_begun(calls: Counter[str]) -> bool:
        return calls["CreateLaunchPlan"] >= 4

    ended = await shell.signalled(number, "--yes", "--parallel", "2", when=has_begun)
    assert ended.code == code
    assert ended.err.startswith("stopping after the calls under way")
    assert "not started; run again" in ended.err
    assert ended.err.count("\n") <= 3
    begun = world.calls()["CreateLaunchPlan"]
    assert begun < PLANS
    active = await world.active()
    assert f"Applied: {len(active)} objects changed by" in ended.out, "every call's end is known"

    again = await shell("--yes")
    assert again.code == 0, again.err
    assert len(await world.active()) == PLANS
    assert world.calls()["CreateLaunchPlan"] == PLANS + 1, "nothing was registered twice"
    assert (await shell("--dry-run", "--detailed-exitcode")).code == 0


async def test_second_signal_ends_at_once_and_the_next_run_converges(world: World) -> None:
    shell = Shell(world)
    process = await start("--yes", "--parallel", "1", *shell.connection, cwd=world.root)
    await until(lambda: world.calls()["CreateLaunchPlan"] >= 4, process)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    first = await process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    last = ended(process, out, first + err)
    assert last.code == 130
    assert (await shell("--yes")).code == 0
    assert len(await world.active()) == PLANS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
async def test_signal_while_it_plans_writes_nothing(world: World, number: signal.Signals) -> None:
    shell = Shell(world)
    before = shell.writes()
    ended = await shell.signalled(number, "--yes", when=lambda calls: calls["GetVersion"] > 0)
    assert ended.code == 128 + number
    assert ended.err.strip() == "interrupted; nothing further was started"
    assert shell.writes() == before


async def test_terminated_dev_releases_its_directory_and_stays_readable(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    where = tmp_path / "set"
    for number in (signal.SIGTERM, signal.SIGINT):
        process = await start("dev", "--port", "0", cwd=where)
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        assert "embedded Flyte at 127.0.0.1:" in line
        endpoint = line.split()[3]
        assert (where / ".reconcile/embedded/endpoint.json").is_file()
        seen = await run("export", "--connection", "embedded", cwd=where)
        assert seen.code == 0, seen.err
        taken = await run("dev", "--port", "0", cwd=where)
        assert taken.code == 1
        assert f"it already runs at {endpoint}" in taken.err
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 20)
        assert ended(process, out, err).code == (143 if number is signal.SIGTERM else 0)
        assert not (where / ".reconcile/embedded/endpoint.json").exists()
    assert (await run("export", "--connection", "embedded", cwd=where)).code == 0


async def test_killed_dev_is_not_believed(tmp_path: Path) -> None:
    process = await start("dev", "--port", "0", cwd=tmp_path)
    assert process.stderr is not None
    await process.stderr.readline()
    process.kill()
    await process.communicate()
    assert (tmp_path / ".reconcile/embedded/endpoint.json").exists()
    assert (await run("export", "--connection", "embedded", cwd=tmp_path)).code == 0


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("schema",), ("plan", "-o", "json"), ("--dry-run",), ("explain", "FlyteSync")],
    ids=" ".join,
)
async def test_reader_that_goes_away_ends_it_silently(
    world: World, arguments: tuple[str, ...]
) -> None:
    where = Shell(world).connection if arguments[0] in {"plan", "--dry-run"} else ()
    process = await start(*arguments, *where, cwd=world.root)
    assert process.stdout is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]
    err = await process.stderr.read() if process.stderr else b""
    assert await process.wait() in {0, 1}
    assert err == b""


async def test_apply_goes_on_when_nobody_reads_its_talk(world: World) -> None:
    shell = Shell(world)
    process = await start("--yes", "-o", "json", *shell.connection, cwd=world.root)
    assert process.stderr is not None
    process.stderr._transport.close()  # type: ignore[attr-defined]
    assert process.stdout is not None
    await process.stdout.read()
    assert await process.wait() == 0
    assert len(await world.active()) == PLANS


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
async def test_closed_streams_are_no_fault(world: World, closed: str) -> None:
    command = f"{PROGRAM} --yes {' '.join(Shell(world).connection)} {closed}"
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=world.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(world.root),
    )
    out, err = await process.communicate()
    assert ended(process, out, err).code == 0
    assert len(await world.active()) == PLANS


async def test_closed_stdin_is_read_as_nothing(world: World) -> None:
    command = f"{PROGRAM} validate -f - <&-"
    process = await asyncio.create_subprocess_shell(
        command, cwd=world.root, stdout=-1, stderr=-1, env=environment(world.root)
    )
    out, err = await process.communicate()
    assert ended(process, out, err).code in {0, 1}


@pytest.mark.parametrize("arguments", ["--help", "--dry-run", "--dry-run -o json", "status"])
async def test_full_disk_says_so(world: World, arguments: str) -> None:
    where = "" if arguments == "--help" else " ".join(Shell(world).connection)
    process = await asyncio.create_subprocess_shell(
        f"{PROGRAM} {arguments} {where} > /dev/full",
        cwd=world.root,
        stderr=subprocess.PIPE,
        env=environment(world.root),
    )
    _, err = await process.communicate()
    full = ended(process, b"", err)
    assert full.code == 1
    assert full.err.startswith("error: standard output: No space left on device; ")
    assert full.err.count("\n") == 1


async def test_ctrl_c_at_the_question_ends_at_once(world: World) -> None:
    shell = Shell(world)
    assert (await shell("--yes")).code == 0
    world.declare(*(plan_document(f"p{index}") for index in range(1, PLANS)))
    before = shell.writes()
    ended = await on_terminal(*shell.connection, cwd=world.root, answer="\x03")
    assert ended.code == 130
    assert shell.writes() == before
