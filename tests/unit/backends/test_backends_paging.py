"""Lists are read whole: tokens, empty last pages, shrinking pages, entries that fit nowhere."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer
from flyteidl.admin import common_pb2, task_pb2
from flyteidl.core import identifier_pb2

from reconciler import errors
from reconciler.backends.flyte1 import channel, methods, paging
from reconciler.backends.wire.paging import pages

REQUEST = common_pb2.ResourceListRequest(
    id=common_pb2.NamedEntityIdentifier(project="p", domain="d"), filters="eq(version,v)"
)


class Tasks:
    """Answers ListTasks as flyteadmin does, and refuses pages over a number of bytes."""

    def __init__(self, sizes: list[int], *, most_bytes: int = 1 << 30) -> None:
        self.sizes = sizes
        self.most_bytes = most_bytes
        self.asked: list[tuple[int, str]] = []
        self.requests: list[common_pb2.ResourceListRequest] = []

    async def answer(self, request: common_pb2.ResourceListRequest, context: Any) -> Any:
        self.asked.append((request.limit, request.token))
        self.requests.append(request)
        start = int(request.token or 0)
        sizes = self.sizes[start : start + request.limit]
        if sum(sizes) > self.most_bytes:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"grpc: trying to send message larger than max ({sum(sizes)} vs. 1)",
            )
        tasks = [
            task_pb2.Task(id=identifier_pb2.Identifier(name=str(start + index)))
            for index in range(len(sizes))
        ]
        token = str(start + request.limit) if len(tasks) == request.limit else ""
        return task_pb2.TaskList(tasks=tasks, token=token)


async def names(flyte: FlyteServer, tasks: Tasks, *, limit: int, runs: int = 1) -> list[str]:
    flyte.on(methods.LIST_TASKS, tasks.answer)
    found: list[str] = []
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        for _ in range(runs):
            found = [
                task.id.name
                async for page in paging.listing(
                    open_channel, methods.LIST_TASKS, REQUEST, limit=limit
                )
                for task in page.tasks
            ]
    return found


async def test_all_pages_are_read_in_order(flyte: FlyteServer) -> None:
    tasks = Tasks([1] * 25)

    assert await names(flyte, tasks, limit=10) == [str(index) for index in range(25)]
    assert tasks.asked == [(10, ""), (10, "10"), (10, "20")]


async def test_full_last_page_is_followed_by_an_empty_one(flyte: FlyteServer) -> None:
    tasks = Tasks([1] * 20)

    assert len(await names(flyte, tasks, limit=10)) == 20
    assert tasks.asked == [(10, ""), (10, "10"), (10, "20")]


async def test_empty_list_costs_one_call(flyte: FlyteServer) -> None:
    tasks = Tasks([])

    assert await names(flyte, tasks, limit=10) == []
    assert tasks.asked == [(10, "")]


async def test_list_is_sorted_by_id_and_keeps_its_filter(flyte: FlyteServer) -> None:
    tasks = Tasks([1])
    await names(flyte, tasks, limit=10)

    assert tasks.requests[0].sort_by == paging.BY_ID
    assert tasks.requests[0].filters == "eq(version,v)"
    assert REQUEST.limit == 0
    assert not REQUEST.HasField("sort_by")


async def test_pages_shrink_where_an_answer_is_too_large_and_lose_nothing(
    flyte: FlyteServer,
) -> None:
    tasks = Tasks([1] * 12 + [8] * 4 + [1] * 4, most_bytes=12)

    assert await names(flyte, tasks, limit=8) == [str(index) for index in range(20)]
    assert tasks.asked == [(8, ""), (8, "8"), (4, "8"), (4, "12"), (2, "12"), (1, "12")] + [
        (1, str(offset)) for offset in range(13, 21)
    ]


async def test_smaller_page_size_is_remembered_by_the_channel(flyte: FlyteServer) -> None:
    tasks = Tasks([1] * 8, most_bytes=4)
    await names(flyte, tasks, limit=8, runs=2)

    assert tasks.asked == [(8, ""), (4, ""), (4, "4"), (4, "8"), (4, ""), (4, "4"), (4, "8")]


async def test_single_entry_that_is_too_large_is_named_by_its_position(flyte: FlyteServer) -> None:
    with pytest.raises(
        errors.BackendError, match=r"maxMessageSizeBytes.*\(entry 4 of the list is too large"
    ) as caught:
        await names(flyte, Tasks([1, 1, 1, 99, 1], most_bytes=10), limit=4)

    assert caught.value.code == "RESOURCE_EXHAUSTED"


async def test_other_errors_end_the_list(flyte: FlyteServer) -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad filter")

    flyte.on(methods.LIST_TASKS, refuse)
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        with pytest.raises(errors.BackendError, match="bad filter"):
            [page async for page in paging.listing(open_channel, methods.LIST_TASKS, REQUEST)]

    assert flyte.calls["AdminService.ListTasks"] == 1


async def test_exhausted_quota_is_not_called_a_large_entry(flyte: FlyteServer) -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "quota")

    flyte.on(methods.LIST_TASKS, refuse)
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        with pytest.raises(errors.BackendError, match=r"limits\.perSecond$"):
            [
                page
                async for page in paging.listing(open_channel, methods.LIST_TASKS, REQUEST, limit=4)
            ]


async def test_server_that_repeats_a_token_does_not_hang_us() -> None:
    async def stuck(_limit: int, _token: str) -> task_pb2.TaskList:
        return task_pb2.TaskList(token="7")

    with pytest.raises(errors.BackendError, match='token "7" with itself'):
        [page async for page in pages(stuck, limit=10)]
