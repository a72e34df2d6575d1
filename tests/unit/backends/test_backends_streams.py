"""Streams pass the same choke point as calls: credentials, deadlines, tables and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer, serving
from flyteidl2.auth import identity_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import run_service_pb2

from reconciler import errors
from reconciler.backends.auth import secret
from reconciler.backends.flyte2 import channel, methods
from reconciler.backends.flyte2.run.methods import WATCH_ACTION_DETAILS
from reconciler.backends.settings import Auth, AuthMode
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.method import Effect, Method, always

RUN = identifier_pb2.RunIdentifier(project="p", domain="d", name="r")
REQUEST = run_service_pb2.WatchActionDetailsRequest(
    action_id=identifier_pb2.ActionIdentifier(run=RUN, name="a0")
)
CANARY = "s3cr3t-t0k3n"


def told(attempt: int) -> Any:
    answer = run_service_pb2.WatchActionDetailsResponse()
    answer.details.status.attempts = attempt
    return answer


def telling(*attempts: int, then: Any = None) -> Any:
    """A stream of these messages; at its end the coroutine function `then` of the context."""

    async def answers(_request: Any, context: Any) -> AsyncIterator[Any]:
        for attempt in attempts:
            yield told(attempt)
        if then is not None:
            await then(context)

    return answers


async def hang(_context: Any) -> None:
    await asyncio.sleep(60)


def failing(code: grpc.StatusCode) -> Any:
    async def fail(context: Any) -> None:
        await context.abort(code, "as the test wants")

    return fail


async def read(opened: Channel, into: list[int] | None = None, **rest: Any) -> list[int]:
    """The attempts of all messages, until the stream ends; also kept where it breaks."""
    seen = [] if into is None else into
    rest.setdefault("answers_at_once", True)
    async with aclosing(opened.stream(WATCH_ACTION_DETAILS, REQUEST, **rest)) as stream:
        async for answer in stream:
            seen.append(answer.details.status.attempts)
    return seen


async def ended(flyte: FlyteServer) -> None:
    """Wait for the server to notice that nobody listens."""
    async with asyncio.timeout(20):
        while True:
            if not flyte.in_flight:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def flyte() -> AsyncIterator[FlyteServer]:
    async with serving() as server:
        yield server


async def test_messages_come_one_by_one_until_the_server_ends(flyte: FlyteServer) -> None:
    flyte.on_stream(WATCH_ACTION_DETAILS, telling(1, 2, 3))
    told_of: list[tuple[str, str]] = []
    settings = flyte.settings(observe=lambda method, code, _took: told_of.append((method, code)))
    async with channel.connect(settings, read_only=True) as opened:
        assert await read(opened) == [1, 2, 3]
        assert opened.calls == {"RunService.WatchActionDetails": 1}
    assert told_of == [("RunService.WatchActionDetails", "OK")]


async def test_credentials_are_on_streams_and_renewed_once_before_they_begin(
    flyte: FlyteServer, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("old\n")

    async def answers(_request: Any, context: Any) -> AsyncIterator[Any]:
        sent = dict(context.invocation_metadata()).get("authorization")
        if sent != f"Bearer {CANARY}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you")
        yield told(1)

    flyte.on_stream(WATCH_ACTION_DETAILS, answers)
    auth = Auth(mode=AuthMode.TOKEN, token=secret.FromFile(path))
    async with channel.connect(flyte.settings(auth=auth), read_only=True) as opened:
        with pytest.raises(errors.DeniedError, match=r"does not know who calls .*set auth"):
            await read(opened)
        path.write_text(f"{CANARY}\n")
        assert await read(opened) == [1]
    assert flyte.metadata[-1]["authorization"] == f"Bearer {CANARY}"


async def test_refusal_in_the_middle_of_a_stream_is_no_reason_to_begin_again(
    flyte: FlyteServer, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    seen: list[int] = []

    async def answers(_request: Any, context: Any) -> AsyncIterator[Any]:
        yield told(1)
        path.write_text("second\n")
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "expired")

    flyte.on_stream(WATCH_ACTION_DETAILS, answers)
    auth = Auth(mode=AuthMode.TOKEN, token=secret.FromFile(path))
    async with channel.connect(flyte.settings(auth=auth), read_only=True) as opened:
        with pytest.raises(errors.DeniedError):
            await read(opened, seen)
    assert (seen, flyte.calls["RunService.WatchActionDetails"]) == ([1], 1)


async def test_first_answer_has_the_deadline_of_all_calls(flyte: FlyteServer) -> None:
    flyte.on_stream(WATCH_ACTION_DETAILS, telling(then=hang))
    settings = flyte.settings(deadline=timedelta(seconds=0.2))
    async with channel.connect(settings, read_only=True) as opened:
        with pytest.raises(errors.UnavailableError, match="no answer before the deadline") as e:
            await read(opened)
        assert e.value.code == "DEADLINE_EXCEEDED"
        await ended(flyte)


async def test_silent_stream_may_be_silent_and_lasts_for_its_life(flyte: FlyteServer) -> None:
    flyte.on_stream(WATCH_ACTION_DETAILS, telling(1, then=hang))
    settings = flyte.settings(deadline=timedelta(seconds=0.1))
    async with channel.connect(settings, read_only=True) as opened:
        with pytest.raises(errors.UnavailableError) as caught:
            await read(opened, answers_at_once=False, life=timedelta(seconds=0.5))
    assert caught.value.code == "DEADLINE_EXCEEDED"


async def test_broken_stream_is_an_error_of_ours_with_what_came_before(flyte: FlyteServer) -> None:
    flyte.on_stream(WATCH_ACTION_DETAILS, telling(1, then=failing(grpc.StatusCode.UNAVAILABLE)))
    seen: list[int] = []
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        with pytest.raises(errors.UnavailableError, match="WatchActionDetails: "):
            await read(opened, seen)
    assert (seen, flyte.calls["RunService.WatchActionDetails"]) == ([1], 1)


async def test_stream_that_is_closed_ends_on_the_server(flyte: FlyteServer) -> None:
    flyte.on_stream(WATCH_ACTION_DETAILS, telling(1, then=hang))
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        async with aclosing(
            opened.stream(WATCH_ACTION_DETAILS, REQUEST, answers_at_once=True)
        ) as stream:
            assert (await anext(stream)).details.status.attempts == 1
        await ended(flyte)


async def test_cancelling_whoever_reads_a_stream_stays_a_cancellation(flyte: FlyteServer) -> None:
    flyte.on_stream(WATCH_ACTION_DETAILS, telling(then=hang))
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        reading = asyncio.create_task(read(opened))
        await asyncio.sleep(0.2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def test_connection_that_is_closed_under_a_stream_is_an_error(flyte: FlyteServer) -> None:
    flyte.on_stream(WATCH_ACTION_DETAILS, telling(1, then=hang))
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        stream = opened.stream(WATCH_ACTION_DETAILS, REQUEST, answers_at_once=True)
        await anext(stream)
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.1)
    with pytest.raises(errors.UnavailableError):
        await reading


async def test_open_streams_leave_the_places_in_flight_to_calls(flyte: FlyteServer) -> None:
    flyte.on_stream(WATCH_ACTION_DETAILS, telling(1, then=hang))

    async def who(_request: Any, _context: Any) -> Any:
        return identity_pb2.UserInfoResponse(name="robot")

    flyte.on(methods.USER_INFO, who)
    settings = flyte.settings(in_flight=1)
    async with channel.connect(settings, read_only=True) as opened:
        streams = [
            opened.stream(WATCH_ACTION_DETAILS, REQUEST, answers_at_once=True) for _ in range(3)
        ]
        for stream in streams:
            await anext(stream)
        async with asyncio.timeout(10):
            answer = await opened.call(methods.USER_INFO, identity_pb2.UserInfoRequest())
        assert answer.name == "robot"
        for stream in streams:
            await stream.aclose()


async def test_stream_outside_the_table_is_not_opened(flyte: FlyteServer) -> None:
    other: Method[Any, Any] = Method(
        name="RunService.WatchRuns",
        package="flyteidl2.workflow",
        request=run_service_pb2.WatchRunsRequest,
        response=run_service_pb2.WatchRunsResponse,
        effect=Effect.READ,
        needs=(),
        may_repeat=always,
        is_stream=True,
    )
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        with pytest.raises(errors.ReconcilerError, match="is not in the table of calls"):
            await anext(
                opened.stream(other, run_service_pb2.WatchRunsRequest(), answers_at_once=True)
            )
        nameless = run_service_pb2.WatchActionDetailsRequest()
        with pytest.raises(errors.ReconcilerError, match=r"action_id\.run\.project is empty"):
            await anext(opened.stream(WATCH_ACTION_DETAILS, nameless, answers_at_once=True))
    assert not flyte.calls


async def test_unserved_stream_says_so(flyte: FlyteServer) -> None:
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        with pytest.raises(errors.UnsupportedError, match="does not serve the call"):
            await read(opened)
