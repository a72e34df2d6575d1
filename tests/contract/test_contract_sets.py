"""What the versions of a set need of the server: one filter finds them, a link is kept."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from contract_messages import TASK, WORKFLOW
from flyteidl.admin import common_pb2, description_entity_pb2

VERSIONS = (
    "team.a2ycq6dlfjtplq2z",
    "my-team.a2ycq6dlfjtplq2z",
    "team.amx3w5b2m7qd4ztr",
    "team-2.amx3w5b2m7qd4ztr",
    "teamwork.amx3w5b2m7qd4ztr",
    "teamxamx3w5b2m7qd4ztr",
    "team",
    "team.x",
)
FOUND = [VERSIONS[index] for index in (0, 1, 2, 7)]
"""The filter looks anywhere in a version; whose it is, the caller tells by the whole name."""
LINK = "https://git.example.com/data/flows/blob/0123abc/specs/code.yaml#L5"


async def pages(flyte1: Client, method: str, field: str, owner: str) -> list[tuple[str, str]]:
    """Names and versions of a whole project-domain that the filter finds, two on a page."""
    found, token = list[tuple[str, str]](), ""
    while True:
        request = common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=owner, domain=make.DOMAIN),
            filters="contains(version,team.)",
            sort_by=make.by("id"),
            limit=2,
            token=token,
        )
        answer = await flyte1.ok(method, request)
        found += [(one.id.name, one.id.version) for one in getattr(answer, field)]
        token = answer.token
        if not token:
            return found


async def test_plans_of_a_set_are_found_by_one_filter(flyte1: Client, workflow: str) -> None:
    for name in ("p", "q"):
        for version in VERSIONS:
            request = make.launch_plan(workflow, name, version)
            await flyte1.ok("CreateLaunchPlan", request)
    await flyte1.ok("UpdateLaunchPlan", make.state(workflow, version=VERSIONS[2], active=True))
    found = await pages(flyte1, "ListLaunchPlans", "launch_plans", workflow)
    assert found == [(name, version) for name in ("p", "q") for version in FOUND]


async def test_tasks_of_a_set_are_found_by_one_filter(flyte1: Client, project: str) -> None:
    for version in VERSIONS:
        await flyte1.ok("CreateTask", make.task(project, version=version))
    found = await pages(flyte1, "ListTasks", "tasks", project)
    assert found == [("t", version) for version in FOUND]


async def test_workflows_of_a_set_are_found_by_one_filter(flyte1: Client, workflow: str) -> None:
    for version in VERSIONS:
        await flyte1.ok("CreateWorkflow", make.simple_workflow(workflow, version=version))
    found = await pages(flyte1, "ListWorkflows", "workflows", workflow)
    assert found == [("w", version) for version in FOUND]


@pytest.mark.parametrize("kind", ["task", "workflow"])
async def test_description_may_be_a_link_alone_and_stays(
    flyte1: Client, workflow: str, kind: str
) -> None:
    method, request, type_ = {
        "task": ("CreateTask", make.task(workflow, "linked"), TASK),
        "workflow": ("CreateWorkflow", make.simple_workflow(workflow, "linked"), WORKFLOW),
    }[kind]
    request.spec.description.source_code.link = LINK
    await flyte1.ok(method, request)
    request.spec.description.source_code.link = "https://git.example.com/elsewhere"
    assert (await flyte1.refused(method, request)).code == "ALREADY_EXISTS"
    found = await flyte1.ok("GetDescriptionEntity", make.get(type_, workflow, "linked"))
    assert isinstance(found, description_entity_pb2.DescriptionEntity)
    assert (found.source_code.link, found.short_description) == (LINK, "")
