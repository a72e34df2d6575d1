"""Events of a watching thread reach the loop all, in order, whatever the listener does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.operator.watching import Handover


async def test_events_of_a_thread_arrive_all_and_in_order() -> None:
    heard: list[int] = []
    done = asyncio.Event()

    def listen(_kind: str, found: Mapping[str, Any]) -> None:
        heard.append(found["number"])
        if found["number"] == 4999:
            done.set()

    handover = Handover(asyncio.get_running_loop(), listen)

    def send() -> None:
        for number in range(5000):
            handover.put("ADDED", {"number": number})

    await asyncio.to_thread(send)
    await asyncio.wait_for(done.wait(), 10)
    assert heard == list(range(5000))


async def test_what_waits_together_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, woken = asyncio.get_running_loop(), []
    wake = loop.call_soon_threadsafe

    def counted(*given: Any) -> Any:
        woken.append(given)
        return wake(*given)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    heard: list[str] = []
    handover = Handover(loop, lambda kind, _found: heard.append(kind))
    for kind in ("ADDED", "MODIFIED", "DELETED"):
        handover.put(kind, {})
    await asyncio.sleep(0)
    assert heard == ["ADDED", "MODIFIED", "DELETED"]
    handover.put("ADDED", {})
    await asyncio.sleep(0)
    assert len(heard) == 4
    assert len(woken) == 2


async def test_event_that_breaks_the_listener_keeps_back_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []

    def listen(kind: str, found: Mapping[str, Any]) -> None:
        heard.append(found["metadata"]["name"] + kind)

    handover = Handover(asyncio.get_running_loop(), listen)
    handover.put("ADDED", {})
    handover.put("ADDED", {"metadata": {"name": "daily"}})
    with caplog.at_level(logging.ERROR):
        await asyncio.sleep(0)
    assert heard == ["dailyADDED"]
    assert "an event was not taken in" in caplog.text
