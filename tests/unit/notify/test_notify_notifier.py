"""Messages are delivered once, tried again where that can help, and hold up nobody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from notify_kit import Inbox, inbox, told

from reconciler.errors import UsageError
from reconciler.model.secret import Secret
from reconciler.notify.channels import Values
from reconciler.notify.notifier import Notifier, Target
from reconciler.notify.occasions import Seen
from reconciler.specs.notify import NotifySpec

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def failing(name: str = "team", **more: Any) -> Seen:
    base: dict[str, Any] = {"is_ready": False, "reason": "InvalidSpec", "message": "wrong"}
    return Seen(name=name, at=NOON, **{**base, **more})


def target(box: Inbox, *occasions: str) -> Target:
    asked = {"occasions": list(occasions)} if occasions else {}
    spec = NotifySpec.model_validate({"slack": {"secretRef": {"env": "X"}}, **asked})

    async def values() -> Values:
        return {"url": Secret(box.url)}

    return Target(spec=spec, values=values)


@asynccontextmanager
async def running(folder: Path | None = None) -> AsyncIterator[tuple[Notifier, Counter[str]]]:
    ends: Counter[str] = Counter()
    notifier = Notifier(folder, sent=lambda _way, how: ends.update([how]), pauses=(0.01, 0.01))
    task = asyncio.create_task(notifier.run())
    yield notifier, ends
    await notifier.close()
    task.cancel()


async def until(ends: Counter[str], count: int) -> None:
    for _ in range(500):
        if ends.total() >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(ends)


async def test_only_who_wants_to_know_is_told() -> None:
    async with inbox() as one, inbox() as two, running() as (notifier, ends):
        notifier.hear(failing(), [target(one), target(two, "Applied")])
        await until(ends, 1)
        notifier.hear(failing(is_ready=True, changes=1, plan="p"), [target(two, "Applied")])
        await until(ends, 2)
        assert (len(one.got), len(two.got)) == (1, 1)


async def test_what_may_pass_is_tried_again_and_then_given_up() -> None:
    async with inbox() as box, running() as (notifier, ends):
        box.codes = [500, 503]
        notifier.hear(failing("a"), [target(box)])
        await until(ends, 1)
        assert (len(box.got), ends["sent"]) == (3, 1)
        box.codes = [500] * 3
        notifier.hear(failing("b"), [target(box)])
        await until(ends, 2)
        assert (len(box.got), ends["failed"]) == (6, 1)


async def test_what_will_not_pass_is_not_tried_again() -> None:
    async with inbox() as box, running() as (notifier, ends):
        box.codes = [404]
        notifier.hear(failing(), [target(box)])
        await until(ends, 1)
        assert (len(box.got), ends["failed"]) == (1, 1)


async def test_secret_that_cannot_be_read_is_an_end_too() -> None:
    async def broken() -> Values:
        raise UsageError("no such folder")

    async with inbox() as box, running() as (notifier, ends):
        spec = target(box).spec
        notifier.hear(failing(), [Target(spec=spec, values=broken)])
        await until(ends, 1)
        assert ends["failed"] == 1


async def test_new_process_says_nothing_again(tmp_path: Path) -> None:
    async with inbox() as box:
        for _ in range(2):
            async with running(tmp_path) as (notifier, _):
                notifier.hear(failing("team/a"), [target(box)])
        assert len(box.got) == 1
        async with running(tmp_path) as (notifier, _):
            notifier.forget("team/a")
            notifier.hear(failing("team/a"), [target(box)])
        assert len(box.got) == 2


async def test_damaged_memory_is_none(tmp_path: Path) -> None:
    (tmp_path / "team.json").write_text("{")
    async with inbox() as box, running(tmp_path) as (notifier, _):
        notifier.hear(failing(), [target(box)])
    assert len(box.got) == 1


async def test_memory_that_cannot_be_removed_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "team.json").mkdir()
    Notifier(tmp_path).forget("team")
    assert "team.json: what was told is not forgotten: " in caplog.text


async def test_closing_delivers_what_is_left() -> None:
    async with inbox() as box:
        notifier = Notifier(pauses=())
        notifier.hear(failing(), [target(box)])
        await notifier.close()
        assert told(box.got[0][0])["text"].startswith("*team is not as declared")


async def test_too_many_are_dropped_and_counted() -> None:
    ends: Counter[str] = Counter()
    notifier = Notifier(sent=lambda _way, how: ends.update([how]))
    async with inbox() as box:
        for number in range(1003):
            notifier.hear(failing(f"s{number}"), [target(box)])
    assert ends["dropped"] == 3
