"""Following runs of Flyte 2 and their logs, over streams that break."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import engine2_kit as engine
import grpc
import pytest
from flyteidl2.core import execution_pb2
from running2_kit import ENDPOINT, Played2

from reconciler.backends.flyte2.run.follow import Pace
from reconciler.backends.flyte2.run.running import Flyte2Running
from reconciler.errors import BackendError, UnavailableError
from reconciler.model.run import Line, Phase, Run
from reconciler.server.status import StatusError

QUICK = Pace(first=0.01, longest=0.05, patience=0.5, grace=1.0)
only_embedded = pytest.mark.skipif(
    bool(ENDPOINT), reason="only the embedded server can be made to fail, and has logs of its own"
)
Act = Callable[[], Awaitable[Any]]


def running(flyte2: Played2, **pace: Any) -> Flyte2Running:
    return Flyte2Running(flyte2.link, pace=replace(QUICK, **pace))


async def followed(flyte2: Played2, *acts: Act, name: str = "a", **pace: Any) -> list[Run]:
    """The run as it is told, one act after each time it is."""
    left, seen = list(acts), []
    async with asyncio.timeout(30):
        async for run in running(flyte2, **pace).follow(flyte2.id(name)):
            seen.append(run)
            if left:
                await left.pop(0)()
    return seen


async def test_run_is_followed_from_now_to_its_end(flyte2: Played2) -> None:
    await flyte2.record("a")
    seen = await followed(
        flyte2,
        lambda: flyte2.tell("a", engine.RUNNING),
        lambda: flyte2.tell("a", engine.SUCCEEDED),
    )
    assert [run.phase for run in seen] == [Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED]


async def test_run_that_has_ended_comes_once(flyte2: Played2) -> None:
    await flyte2.record("a")
    await flyte2.tell("a", engine.SUCCEEDED)
    assert [run.phase for run in await followed(flyte2)] == [Phase.SUCCEEDED]


async def test_run_that_was_aborted_before_it_ran_ends(flyte2: Played2) -> None:
    await flyte2.record("a")

    async def abort() -> None:
        await flyte2.running.terminate(flyte2.id("a"), "enough")

    seen = await followed(flyte2, abort)
    assert [(run.phase, run.cause) for run in seen] == [
        (Phase.QUEUED, ""),
        (Phase.ABORTED, "enough"),
    ]


async def test_failure_waits_for_its_cause(flyte2: Played2) -> None:
    await flyte2.record("a")

    async def fail() -> None:
        await flyte2.tell("a", engine.FAILED)

        async def later() -> None:
            await asyncio.sleep(0.2)
            await flyte2.event("a", engine.FAILED, error_info=engine.failure("late"))

        tasks.append(asyncio.create_task(later()))

    tasks: list[asyncio.Task[None]] = []
    seen = await followed(flyte2, fail, grace=20.0)
    assert [(run.phase, run.cause) for run in seen] == [
        (Phase.QUEUED, ""),
        (Phase.FAILED, "late"),
    ]


async def test_failure_without_a_cause_is_told_after_a_while(flyte2: Played2) -> None:
    await flyte2.record("a")
    seen = await followed(flyte2, lambda: flyte2.tell("a", engine.FAILED), grace=0.3)
    assert [(run.phase, run.cause) for run in seen] == [(Phase.QUEUED, ""), (Phase.FAILED, "")]


async def test_run_whose_attempt_ended_first_is_followed_on(flyte2: Played2) -> None:
    await flyte2.record("a")

    async def end_attempt() -> None:
        await flyte2.event("a", engine.SUCCEEDED)

        async def later() -> None:
            await asyncio.sleep(0.3)
            await flyte2.tell("a", engine.SUCCEEDED)

        tasks.append(asyncio.create_task(later()))

    tasks: list[asyncio.Task[None]] = []
    seen = await followed(flyte2, end_attempt)
    assert [run.phase for run in seen] == [Phase.QUEUED, Phase.SUCCEEDED]


async def test_stream_that_was_open_too_long_is_opened_again(flyte2: Played2) -> None:
    await flyte2.record("a")

    async def later() -> None:
        await asyncio.sleep(1)
        await flyte2.tell("a", engine.SUCCEEDED)

    task = asyncio.create_task(later())
    seen = await followed(flyte2, life=timedelta(seconds=0.2))
    await task
    assert [run.phase for run in seen] == [Phase.QUEUED, Phase.SUCCEEDED]
    assert flyte2.channel.calls["RunService.WatchActionDetails"] > 2


async def test_run_that_is_not_there_is_an_error(flyte2: Played2) -> None:
    with pytest.raises(BackendError, match="is not there; list those that are"):
        await followed(flyte2)


@only_embedded
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])
async def test_broken_streams_are_opened_again_with_what_came_meanwhile(
    flyte2: Played2, code: grpc.StatusCode
) -> None:
    await flyte2.record("a")
    assert flyte2.server is not None
    left = 4

    async def cut(method: str, _message: object) -> None:
        nonlocal left
        if method == "WatchActionDetails" and left and left % 2:
            left -= 1
            raise StatusError(code, "cut")
        if method == "WatchActionDetails" and left:
            left -= 1

    flyte2.server.after_call = cut
    seen = await followed(
        flyte2,
        lambda: flyte2.tell("a", engine.RUNNING),
        lambda: flyte2.tell("a", engine.SUCCEEDED),
    )
    assert [run.phase for run in seen] == [Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED]
    assert left == 0


@only_embedded
async def test_server_that_stays_away_ends_it(flyte2: Played2) -> None:
    await flyte2.record("a")
    server = flyte2.server
    assert server is not None

    async def refuse(_method: str, _request: object) -> None:
        raise StatusError(grpc.StatusCode.UNAVAILABLE, "down")

    async def go_down() -> None:
        server.on_call = server.after_call = refuse

    with pytest.raises(UnavailableError, match="down"):
        await followed(flyte2, go_down, life=timedelta(seconds=0.2))


@pytest.fixture
async def pod(flyte2: Played2) -> Path:
    """The folder of the pod in which the first attempt of the run `a` runs."""
    await flyte2.record("a")
    await flyte2.tell("a", engine.RUNNING)
    await flyte2.event("a", engine.RUNNING, log_context=engine.pod("p1"))
    assert flyte2.server is not None
    folder = flyte2.server.store.path.parent / "pods" / "flyte" / "p1"
    folder.mkdir(parents=True)
    return folder


def stamped(*numbers: int) -> str:
    return "".join(f"2026-05-01T06:00:{number:02d}Z line {number}\n" for number in numbers)


async def tailed(flyte2: Played2, *acts: Act, step: str = "", attempt: int = 0) -> list[Line]:
    """The lines of a log, one act after each."""
    left, seen = list(acts), []
    async with asyncio.timeout(30):
        async for line in running(flyte2).logs(flyte2.id("a"), step, attempt):
            seen.append(line)
            if left:
                await left.pop(0)()
    return seen


async def end(flyte2: Played2, pod: Path) -> None:
    (pod / "ended").touch()
    await flyte2.event("a", engine.SUCCEEDED, log_context=engine.pod(pod.name))
    await flyte2.tell("a", engine.SUCCEEDED)


@only_embedded
async def test_log_is_followed_until_the_run_has_ended(flyte2: Played2, pod: Path) -> None:
    log = pod / "main.log"
    log.write_text(stamped(1))

    async def more() -> None:
        with log.open("a") as file:
            file.write(stamped(2))

    lines = await tailed(flyte2, more, lambda: end(flyte2, pod))
    assert [line.text for line in lines] == ["line 1", "line 2"]
    assert lines[0].at is not None
    assert (lines[0].at.isoformat(), lines[0].origin) == ("2026-05-01T06:00:01+00:00", "user")


@only_embedded
async def test_broken_log_goes_on_where_it_was(flyte2: Played2, pod: Path) -> None:
    # Two lines of one moment, and then one that has no time.
    log = pod / "main.log"
    log.write_text(stamped(1, 2, 2))
    server = flyte2.server
    assert server is not None
    cuts = 0

    async def cut(method: str, _message: object) -> None:
        nonlocal cuts
        if method == "TailLogs" and cuts:
            cuts -= 1
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "cut")

    async def go_on() -> None:
        nonlocal cuts
        cuts = 2
        with log.open("a") as file:
            file.write(f"no time\n{stamped(2, 3)}")

    server.after_call = cut
    acts = [_nothing, _nothing, go_on, _nothing, _nothing, lambda: end(flyte2, pod)]
    lines = await tailed(flyte2, *acts)
    assert [line.text for line in lines] == [
        *("line 1", "line 2", "line 2", "no time", "line 2", "line 3")
    ]
    assert cuts == 0


async def _nothing() -> None:
    pass


@only_embedded
async def test_log_of_the_last_attempt_goes_on_with_the_one_after_it(
    flyte2: Played2, pod: Path
) -> None:
    (pod / "main.log").write_text(stamped(1))
    (pod / "ended").touch()
    second = pod.parent / "p2"

    async def again() -> None:
        second.mkdir()
        (second / "main.log").write_text(stamped(2))
        # Without its pod an event hides the one before it.
        await flyte2.event("a", engine.FAILED, log_context=engine.pod("p1"))
        await flyte2.event("a", engine.RUNNING, attempt=2, log_context=engine.pod("p2"))

    async def finish() -> None:
        (second / "ended").touch()
        await flyte2.tell("a", engine.SUCCEEDED, attempts=2)

    lines = await tailed(flyte2, again, finish)
    assert [line.text for line in lines] == ["line 1", "line 2"]
    first = await tailed(flyte2, attempt=1)
    assert [line.text for line in first] == ["line 1"]


@only_embedded
async def test_log_that_is_not_there_yet_is_waited_for(flyte2: Played2) -> None:
    await flyte2.record("a")
    assert flyte2.server is not None
    folder = flyte2.server.store.path.parent / "pods" / "flyte" / "p1"

    async def later() -> None:
        await asyncio.sleep(0.2)
        folder.mkdir(parents=True)
        (folder / "main.log").write_text(stamped(1))
        await flyte2.event("a", engine.RUNNING, log_context=engine.pod("p1"))

    task = asyncio.create_task(later())
    lines = await tailed(flyte2, lambda: end(flyte2, folder))
    await task
    assert [line.text for line in lines] == ["line 1"]


async def test_log_that_is_gone_with_its_pod_names_its_links(flyte2: Played2) -> None:
    await flyte2.record("a")
    log = execution_pb2.TaskLog(name="archive", uri="https://logs/1")
    context = engine.pod("no-such-pod")
    await flyte2.event("a", engine.SUCCEEDED, log_context=context, log_info=[log])
    await flyte2.tell("a", engine.SUCCEEDED)

    with pytest.raises(BackendError, match="its log is gone with its pod, or there never") as e:
        await tailed(flyte2)
    assert str(e.value).endswith("; see https://logs/1")
    with pytest.raises(BackendError, match="step b9: is not there; describe the run"):
        await tailed(flyte2, step="b9")


@only_embedded
async def test_log_outlives_a_server_that_is_away_for_a_moment(flyte2: Played2, pod: Path) -> None:
    (pod / "main.log").write_text(stamped(1))
    server = flyte2.server
    assert server is not None
    left = 0

    async def refuse(_method: str, _request: object) -> None:
        nonlocal left
        if left:
            left -= 1
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "down")

    async def go_down() -> None:
        nonlocal left
        left = 7
        server.after_call = refuse
        with (pod / "main.log").open("a") as file:
            file.write(stamped(2))

    server.on_call = refuse
    lines = await tailed(flyte2, go_down, lambda: end(flyte2, pod))
    assert [line.text for line in lines] == ["line 1", "line 2"]
    left = 100
    with pytest.raises(UnavailableError, match="down"):
        await tailed(flyte2)


async def test_run_that_ended_without_an_attempt_has_no_lines(flyte2: Played2) -> None:
    await flyte2.record("a")
    await flyte2.tell("a", engine.ABORTED)
    assert await tailed(flyte2) == []
