"""Daily ticks with random holes, filled by a process that is killed again and again.

    BACKFILL_DAYS=365 BACKFILL_KILLS=50 pytest tests/e2e/test_e2e_backfill_killed.py

is the whole of it; a smaller one runs with all tests.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import grpc
from backfill_kit import FIRST, Flyte, backfill_document, daily, open_flyte, scheduler_name
from cli_kit import ended, start, until

DAYS = int(os.environ.get("BACKFILL_DAYS", "24"))
KILLS = int(os.environ.get("BACKFILL_KILLS", "2"))
PARALLELISM = 8


async def catch_up(flyte: Flyte, ticks: list[datetime]) -> None:
    """Do what the scheduler does at its start: run what it missed, whoever runs it too."""
    for tick in ticks:
        try:
            await flyte.scheduled(tick, None)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
        await asyncio.sleep(0.05)


async def test_killed_again_and_again_each_missing_tick_runs_once(tmp_path: Path) -> None:
    chance = random.Random(7)
    ticks = daily(DAYS)
    holes = sorted(chance.sample(ticks, DAYS * 2 // 3))
    end = (FIRST + timedelta(days=DAYS)).replace(hour=0)
    async with open_flyte(tmp_path, covered=sorted(set(ticks) - set(holes))) as flyte:
        world = flyte.world
        world.declare(backfill_document(to=f"{end:%Y-%m-%dT%H:%M:%SZ}", parallelism=PARALLELISM))
        before = {one.id.name for one in await flyte.executions()}
        chosen = chance.sample(holes, max(len(holes) // 20, 1))
        scheduler = asyncio.create_task(catch_up(flyte, chosen))
        kills = 0
        async with flyte.engine(pause=0.5):
            while True:
                process = await start(
                    *("backfill", "fill", "--wait", "--interval", "20ms"),
                    *("--endpoint", world.endpoint, "--insecure"),
                    cwd=world.root,
                )
                if kills == KILLS:
                    out, err = await asyncio.wait_for(process.communicate(), 600)
                    break
                # It has begun once it reads the plan; where it is when it ends is chance.
                looks = world.calls()["GetActiveLaunchPlan"]
                await until(lambda n=looks: world.calls()["GetActiveLaunchPlan"] > n, process)
                await asyncio.sleep(chance.uniform(0, 0.25))
                assert process.returncode is None, "it ended before it was killed often enough"
                process.kill()
                kills += 1
                await process.communicate()
        await scheduler
        assert kills == KILLS
        assert ended(process, out, err).code == 0, err.decode()
        found = await flyte.executions()
        assert {one.id.name for one in found} - before == {scheduler_name(one) for one in holes}
        assert await flyte.by_tick() == Counter(ticks), "each tick once, and none of the others"
        assert flyte.most <= PARALLELISM + len(chosen)
