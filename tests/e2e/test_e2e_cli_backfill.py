"""`reconcile backfill` as a process, on a Flyte whose executions end by themselves."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from backfill_kit import (
    FIRST,
    PLAN,
    Flyte,
    backfill_document,
    daily,
    open_flyte,
    scheduler_name,
)
from cli_kit import Ended, run, start, until
from cli_kit import ended as gathered

WINDOW = ("--from", "2025-01-01T00:00:00Z", "--to", "2025-01-08T00:00:00Z")


async def backfill(flyte: Flyte, *arguments: str) -> Ended:
    return await run(
        "backfill",
        *arguments,
        "--endpoint",
        flyte.world.endpoint,
        "--insecure",
        cwd=flyte.world.root,
    )


def at(flyte: Flyte) -> tuple[str, ...]:
    del flyte
    return ("--project", "flytesnacks", "--domain", "development")


async def test_dry_run_prints_the_ticks_and_what_covers_each(tmp_path: Path) -> None:
    async with open_flyte(tmp_path, covered=daily(2)) as flyte:
        ended = await backfill(flyte, "launchplan", PLAN, *WINDOW, *at(flyte), "--dry-run")
        assert ended.code == 0, ended.err
        lines = ended.out.splitlines()
        assert "  7 ticks: 2 covered, 5 missing" in lines
        assert f"2025-01-02T06:00:00Z  succeeded  {scheduler_name(daily(2)[1])}" in ended.out
        assert "2025-01-03T06:00:00Z  missing" in ended.out
        assert "starts now" in ended.out
        assert len(await flyte.executions()) == 2


async def test_waiting_fills_every_tick_once(tmp_path: Path) -> None:
    async with open_flyte(tmp_path, covered=daily(2)) as flyte, flyte.engine():
        ended = await backfill(
            flyte,
            *("launchplan", PLAN, *WINDOW, *at(flyte), "--parallelism", "3"),
            *("--wait", "--interval", "100ms"),
        )
        assert ended.code == 0, ended.err
        assert ended.out.splitlines()[-8].startswith("TICK")
        assert ": done" in ended.out
        assert await flyte.by_tick() == Counter(daily(7))


async def test_without_waiting_it_starts_what_may_be_in_flight(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        ended = await backfill(
            flyte, "lp", PLAN, *WINDOW, *at(flyte), "--parallelism", "2", "-o", "json"
        )
        assert ended.code == 0, ended.err
        found = ended.json()
        assert found["waits"] == "1 of 2 runs must end first"
        assert [row.get("run") for row in found["rows"][:3]] == [
            scheduler_name(daily(2)[0]),
            scheduler_name(daily(2)[1]),
            None,
        ]


async def test_failed_tick_is_exit_code_1(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte, flyte.engine():
        flyte.failing.add(FIRST)
        ended = await backfill(
            flyte, "launchplan", PLAN, *WINDOW, *at(flyte), "--wait", "--interval", "100ms"
        )
        assert ended.code == 1
        assert "failed: 1 of 7 ticks failed, first 2025-01-01T06:00:00Z: it broke" in ended.out
        assert await flyte.by_tick() == Counter([FIRST])


async def test_declared_one_is_carried_on_by_its_name(tmp_path: Path) -> None:
    async with open_flyte(tmp_path, covered=daily(1)) as flyte, flyte.engine():
        flyte.world.declare(
            backfill_document(parallelism=4), backfill_document("other", to="2025-02-01T00:00:00Z")
        )
        ended = await backfill(flyte, "fill", "--wait", "--interval", "100ms")
        assert ended.code == 0, ended.err
        assert await flyte.by_tick() == Counter(daily(10))
        again = await backfill(flyte, "fill", "--dry-run")
        assert "10 ticks: 10 covered" in again.out


async def test_what_is_wrong_is_said_before_anything_starts(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        flyte.world.declare(backfill_document())
        for arguments, told in (
            (("launchplan", PLAN), "--from: is missing"),
            (("launchplan", PLAN, "--from", "yesterday"), '"yesterday" is no moment'),
            (("nothing",), "FlyteBackfill nothing: is not declared here; declared are: fill"),
            (("fill", "--parallelism", "3"), "fill: is a declared backfill"),
            (("launchplan", PLAN, *WINDOW, "--input", "count=x"), "inputs.count: expected int"),
            (
                ("launchplan", "no", *WINDOW, "--wait"),
                "launch plan no is not in flytesnacks/development",
            ),
        ):
            ended = await backfill(flyte, *arguments)
            assert told in ended.err + ended.out, arguments
            assert ended.code == 1
        assert await flyte.executions() == []


async def test_server_that_goes_away_while_waiting_is_exit_code_4(
    tmp_path: Path,
) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        arguments = ("launchplan", PLAN, *WINDOW, *at(flyte), "--wait", "--interval", "100ms")
        process = await start(
            "backfill", *arguments, "--endpoint", world.endpoint, "--insecure", cwd=world.root
        )
        await until(lambda: world.calls()["CreateExecution"] > 0, process)
        await world.server.stop()
        ended = gathered(process, *await asyncio.wait_for(process.communicate(), 60))
        assert ended.code == 4
        assert "the connection was refused" in ended.err
