"""Streams about runs and actions: what they show at first, and what they tell of changes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import engine2_kit as engine
import flyte2_messages as make
import grpc.aio
import pytest
from contract_kit import settle
from flyteidl2.workflow import run_definition_pb2
from flyteidl2.workflow import run_service_pb2 as wire
from google.protobuf.timestamp_pb2 import Timestamp
from test_contract2_events import play, put, record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from flyte2_client import Client

_PATIENCE = 20.0


class Watch:
    """Messages of a stream that is open."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def next(self) -> Any:
        """The next message; None when the stream has ended."""
        message = await asyncio.wait_for(self._stream.read(), _PATIENCE)
        return None if message is grpc.aio.EOF else message

    async def is_silent(self) -> bool:
        """Whether nothing comes for a while; nothing can be read afterwards."""
        try:
            await asyncio.wait_for(self._stream.read(), 0.7)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def watching(told: Client, method: str, request: Any) -> AsyncIterator[Watch]:
    # What was told before may still be on its way to those who listen.
    await asyncio.sleep(0.3)
    stream = told.open(method, request)
    try:
        yield Watch(stream)
    finally:
        stream.cancel()


def actions(told: Client, **rest: Any) -> Any:
    return wire.WatchActionsRequest(run_id=make.run_id(told.project), **rest)


def shown(message: Any) -> dict[str, bool]:
    return {one.action.id.name: one.meets_filter for one in message.enriched_actions}


async def test_actions_are_shown_and_told_of_with_those_above(told: Client) -> None:
    told.do_not_record()  # recordings have no streams
    await record(told)
    await settle()
    await record(told, "b1", "a0", group="g")
    async with watching(told, "WatchActions", actions(told)) as watch:
        first = await watch.next()
        root, child = first.enriched_actions
        assert (root.action.id.name, child.action.id.name) == ("a0", "b1")
        assert dict(root.children_phase_counts) == {engine.QUEUED: 1}
        assert (child.action.metadata.parent, child.action.metadata.group) == ("a0", "g")
        assert child.action.metadata.task.short_name == "env.t"
        assert child.action.metadata.action_type == 0
        await put(told, engine.RUNNING, "b1")
        second = await watch.next()
        root = second.enriched_actions[0]
        assert dict(root.children_phase_counts) == {engine.QUEUED: 0, engine.RUNNING: 1}
        await record(told, "c1", "b1", trace=engine.trace(start_time=None))
        third = await watch.next()
        assert shown(third) == {"a0": True, "b1": True, "c1": True}
        new = next(one for one in third.enriched_actions if one.action.id.name == "c1")
        assert new.action.metadata.trace.name == "step"
        assert new.action.status.phase == engine.SUCCEEDED


async def test_actions_of_an_unknown_run_are_waited_for(told: Client) -> None:
    told.do_not_record()
    async with watching(told, "WatchActions", actions(told)) as watch:
        await asyncio.sleep(0.5)
        await record(told)
        assert shown(await watch.next()) == {"a0": True}


async def test_filter_shows_the_way_to_what_matches_and_takes_it_back(told: Client) -> None:
    told.do_not_record()
    await record(told)
    for name in ("b1", "b2"):
        await settle()
        await record(told, name, "a0")
    await put(told, engine.FAILED, "b2")
    failed = make.where("PHASE", make.Filter.VALUE_IN, str(engine.FAILED))
    async with watching(told, "WatchActions", actions(told, filter=[failed])) as watch:
        assert shown(await watch.next()) == {"a0": True, "b2": True}
        await put(told, engine.RUNNING, "b2")
        assert shown(await watch.next()) == {"a0": False, "b2": False}


async def test_filter_by_name_reads_what_a_task_is_called(told: Client) -> None:
    told.do_not_record()
    root = make.action_id(told.project)
    await record(told, task=engine.task(root, "env.Train"))
    await settle()
    await record(told, "b1", "a0", trace=engine.trace("train", start_time=None))
    named = make.where("NAME", make.Filter.CONTAINS_CASE_INSENSITIVE, "TRAIN")
    async with watching(told, "WatchActions", actions(told, filter=[named])) as watch:
        assert shown(await watch.next()) == {"a0": True}


@pytest.mark.parametrize(
    ("field", "function", "value", "text"),
    [
        ("PHASE", make.Filter.EQUAL, "6", "function EQUAL is not supported for filter PHASE"),
        ("NAME", make.Filter.EQUAL, "a", "function EQUAL is not supported for filter NAME"),
        ("GROUP", make.Filter.EQUAL, "a", "function EQUAL is not supported for filter GROUP"),
        ("PHASE", make.Filter.VALUE_IN, "failed", "invalid phase value: failed"),
    ],
)
async def test_filter_of_a_stream_that_is_not_served_is_refused(
    told: Client, field: str, function: int, value: str, text: str
) -> None:
    request = actions(told, filter=[make.where(field, function, value)])
    refusal = await told.refused("WatchActions", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", text)


async def test_action_below_nothing_breaks_the_stream(told: Client) -> None:
    await record(told)
    await record(told, "c1", "b1")
    refusal = await told.refused("WatchActions", actions(told))
    assert refusal.code == "UNKNOWN"
    assert refusal.text == "parent node [b1] not found for action [c1]"


async def test_stream_of_an_action_ends_with_its_last_attempt(told: Client) -> None:
    told.do_not_record()
    action = (await record(told)).id
    request = wire.WatchActionDetailsRequest(action_id=action)
    async with watching(told, "WatchActionDetails", request) as watch:
        assert (await watch.next()).details.status.phase == engine.QUEUED
        await put(told, engine.SUCCEEDED, ended=20)
        assert (await watch.next()).details.status.phase == engine.SUCCEEDED
        await play(told, engine.event(action, engine.SUCCEEDED, when=20))
        assert (await watch.next()).details.attempts[0].phase == engine.SUCCEEDED
        assert await watch.next() is None
    async with watching(told, "WatchActionDetails", request) as watch:
        assert (await watch.next()).details.attempts[0].phase == engine.SUCCEEDED
        assert await watch.next() is None


async def test_stream_of_an_aborted_action_without_events_stays_open(told: Client) -> None:
    told.do_not_record()
    action = (await record(told)).id
    await told.ok("AbortRun", wire.AbortRunRequest(run_id=make.run_id(told.project)))
    request = wire.WatchActionDetailsRequest(action_id=action)
    async with watching(told, "WatchActionDetails", request) as watch:
        assert (await watch.next()).details.status.phase == engine.ABORTED
        assert await watch.is_silent()


async def test_runs_are_shown_and_told_of_once_they_move(told: Client) -> None:
    told.do_not_record()
    request = wire.WatchRunsRequest(project_id=make.place(told.project))
    await record(told)
    async with watching(told, "WatchRuns", request) as watch:
        (run,) = (await watch.next()).runs
        assert run.action.id.run == make.run_id(told.project)
        second = make.action_id(told.project, "b")
        await told.ok("RecordAction", engine.record(second))
        await asyncio.sleep(0.5)
        await told.ok("UpdateActionStatus", engine.status(second, engine.RUNNING))
        (run,) = (await watch.next()).runs
        assert run.action.id == second
        assert run.action.status.phase == engine.RUNNING


async def test_stream_of_no_runs_waits(told: Client) -> None:
    told.do_not_record()
    request = wire.WatchRunsRequest(project_id=make.place(told.project))
    async with watching(told, "WatchRuns", request) as watch:
        await asyncio.sleep(0.5)
        await record(told)
        await put(told, engine.RUNNING)
        assert len((await watch.next()).runs) == 1


async def test_stream_of_a_run_tells_that_it_moved_and_nothing_else(told: Client) -> None:
    told.do_not_record()
    await record(told)
    request = wire.WatchRunDetailsRequest(run_id=make.run_id(told.project))
    async with watching(told, "WatchRunDetails", request) as watch:
        assert not (await watch.next()).details.HasField("action")
        await put(told, engine.RUNNING)
        assert not (await watch.next()).details.HasField("action")


async def test_stream_of_an_unknown_run_is_not_found(told: Client) -> None:
    request = wire.WatchRunDetailsRequest(run_id=make.run_id(told.project))
    refusal = await told.refused("WatchRunDetails", request)
    assert refusal.code == "NOT_FOUND"
    assert refusal.text == f"run not found: {told.project}/development/{told.project}a"


def happened(
    told: Client, message: str, when: float, phase: int = engine.RUNNING, **rest: Any
) -> Any:
    """An event of the run's action with something that Kubernetes said."""
    said = run_definition_pb2.ClusterEvent(message=message, occurred_at=engine.at(when))
    return engine.event(
        make.action_id(told.project), phase, when=when, cluster_events=[said], **rest
    )


async def test_what_kubernetes_said_of_an_attempt_is_told_as_it_comes(told: Client) -> None:
    told.do_not_record()
    action = (await record(told)).id
    await play(told, happened(told, "pulling", 1))
    request = wire.WatchClusterEventsRequest(id=action, attempt=1)
    async with watching(told, "WatchClusterEvents", request) as watch:
        assert [one.message for one in (await watch.next()).cluster_events] == ["pulling"]
        await play(told, happened(told, "other", 2, attempt=2))
        await play(told, happened(told, "started", 3, version=1))
        assert [one.message for one in (await watch.next()).cluster_events] == ["started"]
        await play(told, happened(told, "done", 4, engine.SUCCEEDED))
        assert [one.message for one in (await watch.next()).cluster_events] == ["done"]
        assert await watch.next() is None
    unknown = wire.WatchClusterEventsRequest(id=make.action_id(told.project, "z"), attempt=1)
    refusal = await told.refused("WatchClusterEvents", unknown)
    assert (refusal.code, refusal.text) == ("NOT_FOUND", "action not found: action not found")


async def test_runs_are_grouped_by_what_they_run(told: Client) -> None:
    told.do_not_record()  # groups come in any order
    for suffix in ("a", "b", "c"):
        await settle()
        action = make.action_id(told.project, suffix)
        name = "env.other" if suffix == "c" else make.TASK
        request = engine.record(action, task=engine.task(action, name))
        await told.ok("RecordAction", request)
    await told.ok(
        "UpdateActionStatus", engine.status(make.action_id(told.project, "a"), engine.FAILED)
    )
    ended = Timestamp(seconds=4_000_000_000)
    request = wire.WatchGroupsRequest(project_id=make.place(told.project), end_date=ended)
    async with watching(told, "WatchGroups", request) as watch:
        answer = await watch.next()
        assert await watch.next() is None
    assert answer.sentinel
    groups = {one.task_name: one for one in answer.task_groups}
    assert {name: one.total_runs for name, one in groups.items()} == {
        make.TASK: 2,
        "env.other": 1,
    }
    found = groups[make.TASK]
    assert found.average_failure_rate == 0.5
    assert [one.run_name[-1] for one in found.recent_statuses] == ["b", "a"]
    assert {one.phase: one.count for one in found.phase_counts} == {
        engine.QUEUED: 1,
        engine.FAILED: 1,
    }
    request.start_date.CopyFrom(ended)
    async with watching(told, "WatchGroups", request) as watch:
        assert not (await watch.next()).task_groups
