"""Lists of Flyte 2: pages of 200, sorted by what is unique, and filters that the server takes."""

from __future__ import annotations

from typing import Any

import pytest
from backends_servers import FlyteServer
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

from reconciler.backends.flyte2 import channel, methods, paging

PLACE = identifier_pb2.ProjectIdentifier(name="p", domain="d")


def listed(count: int) -> tuple[Any, list[list_pb2.ListRequest]]:
    """Answer ListTriggers as the manager does, for so many triggers."""
    asked: list[list_pb2.ListRequest] = []

    async def answer(request: trigger_service_pb2.ListTriggersRequest, _context: Any) -> Any:
        asked.append(request.request)
        start, limit = int(request.request.token or 0), request.request.limit
        names = range(start, min(start + limit, count))
        triggers = [
            trigger_definition_pb2.Trigger(
                id=identifier_pb2.TriggerIdentifier(
                    name=identifier_pb2.TriggerName(name=str(index))
                )
            )
            for index in names
        ]
        token = str(start + limit) if len(triggers) == limit else ""
        return trigger_service_pb2.ListTriggersResponse(triggers=triggers, token=token)

    return answer, asked


async def read(flyte: FlyteServer) -> list[str]:
    request = trigger_service_pb2.ListTriggersRequest(project_id=PLACE)
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        found = [
            trigger.id.name.name
            async for page in paging.listing(
                opened, methods.LIST_TRIGGERS, request, "task_name", "name"
            )
            for trigger in page.triggers
        ]
    assert not request.HasField("request")
    return found


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (199, 1), (200, 2), (450, 3)])
async def test_triggers_are_read_in_pages_of_200(
    flyte: FlyteServer, count: int, calls: int
) -> None:
    answer, asked = listed(count)
    flyte.on(methods.LIST_TRIGGERS, answer)

    assert await read(flyte) == [str(index) for index in range(count)]
    assert [(one.limit, one.token) for one in asked] == [
        (200, str(200 * index) if index else "") for index in range(calls)
    ]


async def test_list_is_sorted_by_the_columns_that_are_unique(flyte: FlyteServer) -> None:
    answer, asked = listed(1)
    flyte.on(methods.LIST_TRIGGERS, answer)
    await read(flyte)

    sorts = [(sort.key, sort.direction) for sort in asked[0].sort_by_fields]
    assert sorts == [("task_name", list_pb2.Sort.ASCENDING), ("name", list_pb2.Sort.ASCENDING)]


async def test_projects_are_listed_with_the_archived_ones(flyte: FlyteServer) -> None:
    asked: list[project_service_pb2.ListProjectsRequest] = []

    async def answer(request: project_service_pb2.ListProjectsRequest, _context: Any) -> Any:
        asked.append(request)
        first = not request.token
        project = project_service_pb2.Project(id="a" if first else "b")
        return project_service_pb2.ListProjectsResponse(
            projects=project_service_pb2.Projects(projects=[project], token="200" if first else "")
        )

    flyte.on(methods.LIST_PROJECTS, answer)
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        found = [project.id async for project in paging.projects(opened)]

    assert found == ["a", "b"]
    assert [(one.limit, one.token) for one in asked] == [(200, ""), (200, "200")]
    assert asked[0].filters, "without a filter archived projects are hidden"
    assert asked[0].sort_by.key == "identifier"


def test_one_value_is_matched_by_equality() -> None:
    assert paging.one_of("name", {"a"}).function == list_pb2.Filter.EQUAL
    assert paging.one_of("name", {"b", "a"}).function == list_pb2.Filter.VALUE_IN
    assert list(paging.one_of("name", {"b", "a"}).values) == ["a", "b"]
