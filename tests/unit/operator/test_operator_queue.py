"""Units come again: later each time while statuses cannot be written, and not all at once."""

from __future__ import annotations

import asyncio

from reconciler.operator.queue import Queue
from reconciler.operator.units import UnitId

UNIT = UnitId("team", "default")


class Clock:
    """A clock that stands until somebody moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def _takes(queue: Queue) -> bool:
    try:
        await asyncio.wait_for(queue.take(), 0.05)
    except TimeoutError:
        return False
    return True


async def _untold(times: int) -> list[bool]:
    """Say of each moment from 0.5 s on whether the unit is taken, its statuses failing before."""
    clock = Clock()
    queue = Queue(clock)
    for _ in range(times):
        queue.mark(UNIT)
        clock.now += 1
        assert await _takes(queue)
        queue.done(UNIT, again_after=3600, is_failed=False)
        queue.told(UNIT, is_told=False)
    found = []
    start = clock.now
    for moment in (0.5, 1.0, 2.0, 4.0):
        clock.now = start + moment
        found.append(await _takes(queue))
        if found[-1]:
            break
    return found


def test_the_first_time_after_a_second() -> None:
    assert asyncio.run(_untold(1)) == [False, True]


def test_then_after_twice_as_long_each_time() -> None:
    assert asyncio.run(_untold(2)) == [False, False, True]
    assert asyncio.run(_untold(3)) == [False, False, False, True]


def test_what_is_told_starts_anew_and_brings_nothing_back() -> None:
    async def run() -> bool:
        clock = Clock()
        queue = Queue(clock)
        queue.mark(UNIT)
        clock.now += 1
        await _takes(queue)
        queue.done(UNIT, again_after=None, is_failed=False)
        queue.told(UNIT, is_told=True)
        clock.now += 100
        return await _takes(queue)

    assert asyncio.run(run()) is False


def test_what_is_due_at_once_is_spread_by_a_tenth() -> None:
    async def run() -> list[int]:
        clock = Clock()
        queue: Queue[UnitId] = Queue(clock)
        units = [UnitId("team", f"set-{number}") for number in range(200)]
        for unit in units:
            queue.mark(unit)
        clock.now += 1
        for _ in units:
            unit, _stop = await queue.take()
            queue.done(unit, again_after=1000, is_failed=False)
        taken = []
        start = clock.now
        for moment in (899, 950, 1000, 1050, 1101):
            clock.now = start + moment
            count = 0
            while await _takes(queue):
                count += 1
            taken.append(count)
        return taken

    before, *spread = asyncio.run(run())
    assert before == 0
    assert sum(spread) == 200
    assert all(20 < count < 90 for count in spread)
