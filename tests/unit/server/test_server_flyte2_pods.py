"""Logs of the embedded Flyte 2, and what an abort takes along, which no bare manager shows."""

from __future__ import annotations

import asyncio
import pathlib
from contextlib import closing
from typing import TYPE_CHECKING

import engine2_kit as engine
import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.workflow import run_service_pb2 as wire

from reconciler.server.flyte2 import action_rows, dataproxy, enqueueing, recording, runs
from reconciler.server.status import StatusError
from reconciler.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = identifier_pb2.RunIdentifier(project="flytesnacks", domain="development", name="r1")
ROOT = engine.action_id(RUN)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "flyte.db")) as made:
        recording.record_action(made, engine.record(ROOT))
        event = engine.event(ROOT, engine.RUNNING, log_context=engine.pod("r1-a0"))
        recording.record_events(made, engine.events([event]))
        yield made


@pytest.fixture
def pod(store: Store) -> pathlib.Path:
    folder = store.path.parent / "pods" / "flyte" / "r1-a0"
    folder.mkdir(parents=True)
    return folder


async def tail(store: Store, count: int = 0) -> list[str]:
    """The lines of the log until it ends, or until there are `count` of them."""
    request = dataproxy_service_pb2.TailLogsRequest(action_id=ROOT, attempt=1)
    lines: list[str] = []
    async for answer in dataproxy.tail_logs(store, request):
        lines += [f"{one.timestamp.seconds} {one.message}" for one in answer.logs[0].lines]
        if count and len(lines) >= count:
            break
    return lines


async def test_log_is_read_to_its_end_with_times(store: Store, pod: pathlib.Path) -> None:
    (pod / "main.log").write_text("2023-11-14T22:13:20.5Z begin\nno time\n2023-11-14T22:13:21Z e")
    (pod / "ended").touch()
    assert await tail(store) == ["1700000000 begin", "0 no time", "1700000001 e"]


async def test_log_is_followed_until_its_pod_has_ended(store: Store, pod: pathlib.Path) -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        following = group.create_task(tail(store))
        await asyncio.sleep(0.1)
        (pod / "main.log").write_text("2023-11-14T22:13:20Z begin\nhalf a ")
        await asyncio.sleep(0.2)
        with (pod / "main.log").open("a") as file:
            file.write("line\n")
        (pod / "ended").touch()
    assert following.result() == ["1700000000 begin", "0 half a line"]


async def test_log_of_a_thousand_lines_comes_in_parts(store: Store, pod: pathlib.Path) -> None:
    (pod / "main.log").write_text("".join(f"line{number}\n" for number in range(1000)))
    (pod / "ended").touch()
    request = dataproxy_service_pb2.TailLogsRequest(action_id=ROOT, attempt=1)
    sizes = [len(one.logs[0].lines) async for one in dataproxy.tail_logs(store, request)]
    assert sizes == [100] * 10


async def test_pod_outside_of_the_folder_is_not_found(store: Store) -> None:
    event = engine.event(ROOT, engine.SUCCEEDED, log_context=engine.pod("../../r1"))
    recording.record_events(store, engine.events([event]))
    with pytest.raises(StatusError, match="not found in namespace"):
        await tail(store)


def enqueued(name: str, parent: str | None = None) -> actions_service_pb2.EnqueueRequest:
    action = actions_service_pb2.Action(
        action_id=engine.action_id(RUN, name),
        parent_action_name=parent,
        task=engine.task(engine.action_id(RUN, name)),
    )
    return actions_service_pb2.EnqueueRequest(action=action)


def test_abort_takes_along_what_runs_below(tmp_path: pathlib.Path) -> None:
    with closing(Store(tmp_path / "other.db")) as store:
        for name, parent in (("a0", None), ("b1", "a0"), ("b2", "a0"), ("c1", "b1")):
            enqueueing.enqueue(store, enqueued(name, parent))
        done = engine.status(engine.action_id(RUN, "b2"), engine.SUCCEEDED)
        recording.update_status(store, done)
        runs.abort(store, wire.AbortRunRequest(run_id=RUN))
        phases = {row["name"]: row["phase"] for row in action_rows.inside(store, RUN)}
    aborted = engine.ABORTED
    assert phases == {"a0": aborted, "b1": aborted, "b2": engine.SUCCEEDED, "c1": aborted}


def test_task_that_is_there_is_not_enqueued_again(tmp_path: pathlib.Path) -> None:
    with closing(Store(tmp_path / "other.db")) as store:
        enqueueing.enqueue(store, enqueued("a0"))
        enqueueing.enqueue(store, enqueued("b1", "a0"))
        with pytest.raises(StatusError, match='"r1-b1" already exists'):
            enqueueing.enqueue(store, enqueued("b1", "a0"))
        enqueueing.abort(
            store, actions_service_pb2.AbortRequest(action_id=engine.action_id(RUN, "b1"))
        )
        enqueueing.enqueue(store, enqueued("b1", "a0"))
        row = action_rows.find(store, RUN, "b1")
    assert row["phase"] == engine.ABORTED
