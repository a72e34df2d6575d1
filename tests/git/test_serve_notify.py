"""The service tells who wants to know: a broken commit, its repair, and what somebody else did."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import serve_kit
from notify_kit import Inbox, inbox, told
from serve_kit import Serving, plans

from reconciler.specs.notify import Occasion

EVERY = [str(occasion) for occasion in Occasion]


def said(box: Inbox) -> list[dict[str, Any]]:
    return [told(body) for body, _ in box.got]


def occasions(box: Inbox) -> list[str]:
    return [one["occasion"] for one in said(box)]


async def test_broken_commit_and_its_repair_are_told(serving: Serving) -> None:
    async with inbox() as box:
        first = serving.repository.pushed(plans("a"))
        serving.declare(notify=[{"occasions": EVERY, "webhook": {"url": f"{box.url}/hook"}}])
        async with serve_kit.running(serving):
            await serving.at(first)
            await serving.until(lambda: occasions(box) == ["Applied"])
            broken = serving.repository.pushed({"deploy/a.json": "{"})
            serving.pushed()
            await serving.until(lambda: occasions(box) == ["Applied", "Failed"])
            failed = said(box)[1]
            assert failed["set"] == "team"
            assert broken in failed["revision"]
            assert "a.json" in failed["text"]
            serving.pushed()
            good = serving.repository.pushed(plans("a"))
            serving.pushed()
            await serving.at(good)
            await serving.until(lambda: occasions(box)[2:] == ["Recovered"])


async def test_drift_is_told_with_the_object(serving: Serving) -> None:
    async with inbox() as box:
        first = serving.repository.pushed(plans("a"))
        serving.declare(
            interval="1s", notify=[{"occasions": ["Drift"], "webhook": {"url": box.url}}]
        )
        async with serve_kit.running(serving):
            await serving.at(first)
            (version,) = (await serving.world.active()).values()
            await serving.world.set_state("a", version, active=False)
            await serving.until(lambda: box.got)
            (message, *_) = said(box)
            assert message["occasion"] == "Drift"
            assert message["objects"] == ["FlyteLaunchPlan/flytesnacks/development/a"]
            assert message["text"] == "1 object was changed by somebody else"


async def test_restart_says_nothing_again(serving: Serving) -> None:
    async with inbox() as box:
        first = serving.repository.pushed(plans("a"))
        serving.declare(notify=[{"occasions": EVERY, "webhook": {"url": box.url}}])
        for _ in range(2):
            async with serve_kit.running(serving):
                await serving.at(first)
        assert occasions(box) == ["Applied"]


async def test_address_of_a_chat_is_read_when_it_is_needed_and_shown_nowhere(
    serving: Serving, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "canary-8842"
    async with inbox() as box:
        box.codes = [404]
        bundle = serving.secret("chat", {"url": f"{box.url}/{canary}\n"})
        serving.repository.pushed({"deploy/a.json": "{"})
        serving.declare(notify=[{"slack": {"secretRef": bundle}}])
        caplog.set_level("DEBUG")
        async with serve_kit.running(serving):
            await serving.reason("InvalidSpec")
            await serving.until(lambda: box.got)
            await serving.until(lambda: "was not told" in caplog.text)
        assert canary not in caplog.text
        for folder, _, names in os.walk(tmp_path / "cache"):
            for name in names:
                assert canary.encode() not in (Path(folder) / name).read_bytes()
