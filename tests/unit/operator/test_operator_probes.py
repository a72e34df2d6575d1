"""Probes: who waits for the lease is ready, who is in charge once it has read."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from reconciler.backends.kubernetes.access import Access
from reconciler.backends.kubernetes.client import Cluster, Listing
from reconciler.operator import run
from reconciler.operator.run import Operator, Options
from reconciler.operator.watching import Watcher


class Lists:
    """An API server whose lists are empty, and come when they may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def list(self, _path: str) -> Listing:
        await self.may_answer.wait()
        return Listing([], "1")


class Probed:
    """An operator, and what its probes say."""

    def __init__(self, operator: Operator, port: int) -> None:
        self.operator = operator
        self.port = port

    async def says(self, probe: str) -> tuple[int, str]:
        return await asyncio.to_thread(self._ask, f"http://127.0.0.1:{self.port}/{probe}")

    def _ask(self, url: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@asynccontextmanager
async def probed(lists: Lists) -> AsyncIterator[Probed]:
    options = Options(listen="127.0.0.1:0")
    operator = Operator(cast("Access", None), cast("Cluster", lists), options)
    async with operator.serving() as port:
        yield Probed(operator, port)


async def test_operator_in_charge_is_ready_once_it_has_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Watcher, "start", lambda _self: None)
    monkeypatch.setattr(Watcher, "is_alive", True)
    lists = Lists()
    async with probed(lists) as probe:
        assert await probe.says("readyz") == (200, "ok"), "it waits for the lease"
        working = asyncio.create_task(probe.operator.work())
        await asyncio.sleep(0.01)
        assert await probe.says("readyz") == (503, "the custom resources are not read yet")
        assert await probe.says("healthz") == (200, "ok")
        lists.may_answer.set()
        await asyncio.sleep(0.01)
        assert await probe.says("readyz") == (200, "ok")
        assert await probe.says("healthz") == (200, "ok")
        working.cancel()


async def test_operator_without_its_watch_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watcher, "start", lambda _self: None)
    lists = Lists()
    lists.may_answer.set()
    async with probed(lists) as probe:
        working = asyncio.create_task(probe.operator.work())
        await asyncio.sleep(0.01)
        assert await probe.says("healthz") == (503, "the thread that watches has ended")
        working.cancel()


async def test_loop_that_stands_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_STANDSTILL_SECONDS", -1.0)
    async with probed(Lists()) as probe:
        assert await probe.says("healthz") == (503, "the event loop stands")
