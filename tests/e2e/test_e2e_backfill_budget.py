"""One limit for the backfills of all sets on the embedded Flyte 1."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from backfill_kit import Flyte, backfill_document, daily, open_flyte, scheduler_name
from world import SYNC, ledger_of, write_ledger

from reconciler.backends.flyte1.backend import Flyte1
from reconciler.errors import DeniedError
from reconciler.model.key import Key

KEY = Key("FlyteBackfill", "flytesnacks", "development", "february")
OTHER = SYNC.replace("team", "other")


def january() -> dict[str, Any]:
    return backfill_document("january", to="2025-01-04T00:00:00Z", parallelism=3)


def february(**budget: int) -> dict[str, Any]:
    window = {"from": "2025-02-01T00:00:00Z", "to": "2025-02-11T00:00:00Z"}
    return backfill_document("february", **window, parallelism=10, budget=budget)


async def in_flight(flyte: Flyte) -> set[str]:
    return {one.id.name for one in await flyte.executions()} - flyte.ended


async def test_runs_of_another_set_count_until_they_end(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        world.declare(january())
        await world.reconcile()
        started = {scheduler_name(tick) for tick in daily(3)}
        assert await in_flight(flyte) == started
        world.declare(february(maxInFlight=4), sync=OTHER)
        await world.reconcile()
        assert len(await in_flight(flyte)) == 4
        drive = (await world.plan()).plan.drives[KEY]
        assert not drive.launches
        assert drive.waits == (
            "at most 4 runs of all backfills may be in flight, 3 elsewhere among them"
        )
        # Nobody looks at the first set again: its ledger still names what has ended.
        await flyte.end(scheduler_name(daily(1)[0]))
        await flyte.end(scheduler_name(daily(2)[1]))
        assert sorted(started) == sorted(await _named(flyte))
        await world.reconcile()
        assert len(await in_flight(flyte)) == 4
        assert scheduler_name(daily(3)[2]) in await in_flight(flyte)


async def _named(flyte: Flyte) -> frozenset[str]:
    (driven,) = (await ledger_of(flyte.world)).runs.values()
    return driven.started


async def test_run_that_was_announced_and_never_started_holds_nobody_up(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        world.declare(january())
        await world.reconcile()
        ledger = await ledger_of(world)
        ((key, driven),) = ledger.runs.items()
        driven = replace(driven, started=driven.started | {"never1", "never2", "never3"})
        await write_ledger(world, replace(ledger, runs={key: driven}))
        world.declare(february(maxInFlight=4), sync=OTHER)
        await world.reconcile()
        assert len(await in_flight(flyte)) == 4


async def test_only_a_limit_for_all_costs_calls(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        world.declare(january())
        await world.reconcile()

        async def calls(document: dict[str, Any]) -> Counter[str]:
            world.declare(document, sync=OTHER)
            before = world.calls()
            await world.plan()
            return world.calls() - before

        without = await calls(february())
        assert await calls(february(maxRuns=5)) == without
        paused = february(maxInFlight=1)
        paused["spec"]["state"] = "Paused"
        assert await calls(paused) == without
        more = await calls(february(maxInFlight=1)) - without
        assert more["ListExecutions"] == 1
        assert more.total() < 20, more


async def test_limit_holds_launches_back_where_ledgers_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_flyte(tmp_path) as flyte:
        world = flyte.world
        world.declare(february(maxInFlight=4), backfill_document("free"), sync=OTHER)

        async def refuse(*_: object) -> None:
            raise DeniedError("no rights in finance-production")

        monkeypatch.setattr(Flyte1, "ledgers", refuse)
        applied = await world.reconcile()
        assert not applied.report.failures
        assert await in_flight(flyte) == {scheduler_name(daily(1)[0])}
        assert (await world.plan()).plan.drives[KEY].waits == (
            "what other sets have in flight is not known: no rights in finance-production"
        )
