"""A backfill while Flyte's own scheduler catches up on the same ticks: none runs twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from backfill_kit import FIRST, backfill_document, daily, open_flyte

from reconciler.server import clock
from reconciler.server.flyte1.scheduler import Scheduler

if TYPE_CHECKING:
    from pathlib import Path

    from backfill_kit import Flyte

    from reconciler.server.status import StatusError

TICKS = daily(120)
END = TICKS[-1] + timedelta(hours=1)
NOW = int(END.timestamp()) * 1_000_000


class Outage:
    """The scheduler comes back at the `begin`-th execution of ours, and works between the others.

    It was away since the day before the first tick. `late` counts our executions that it had
    started before we came to them.
    """

    def __init__(self, flyte: Flyte, begin: int) -> None:
        self.told: list[str] = []
        self.late = 0
        self._calls = 0
        self._begin = begin
        server = flyte.world.server
        self._scheduler = Scheduler(server.store, self.told.append)
        since = int((FIRST - timedelta(days=1)).timestamp()) * 1_000_000
        server.store.run("UPDATE schedulable_entities SET updated_at = ?", (since,))
        server.on_call = self._on_call
        server.on_refusal = self._on_refusal

    def _on_refusal(self, method: str, _request: Any, error: StatusError) -> None:
        if method == "CreateExecution" and error.code is grpc.StatusCode.ALREADY_EXISTS:
            self.late += 1

    async def _on_call(self, method: str, _request: Any) -> None:
        if method != "CreateExecution":
            return
        self._calls += 1
        if self._calls == self._begin:
            self._scheduler.start()
        elif self._calls > self._begin and self._calls % 8 == 0:
            self._scheduler.wake()

    def ends(self) -> None:
        """Let the scheduler come to rest."""
        while (due := self._scheduler.wake_at()) is not None and due <= NOW:
            self._scheduler.wake()


@pytest.mark.parametrize("order", ["Oldest", "Newest"])
async def test_no_tick_runs_twice_while_the_scheduler_catches_up(
    tmp_path: Path, order: str
) -> None:
    with clock.replaced(lambda: NOW):
        async with open_flyte(tmp_path, covered=TICKS[40:50]) as flyte:
            flyte.world.now = END
            outage = Outage(flyte, begin=10)
            window = {"from": "2025-01-01T00:00:00Z", "to": f"{END:%Y-%m-%dT%H:%M:%SZ}"}
            flyte.world.declare(backfill_document(parallelism=120, order=order, **window))
            before = flyte.world.calls()
            for _ in range(3):
                applied = await flyte.world.reconcile()
                assert not applied.report.failures
                outage.ends()
                await flyte.end_all()

            assert await flyte.by_tick() == dict.fromkeys(TICKS, 1)
            assert (await flyte.world.plan()).plan.is_empty
            assert outage.told == []
            # Both wanted the same ticks: the scheduler was first with some, and late with others.
            assert 10 < outage.late < 110
            assert (flyte.world.calls() - before)["CreateExecution"] == 110
