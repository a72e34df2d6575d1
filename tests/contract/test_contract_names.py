"""Named entities and descriptions."""

from __future__ import annotations

from typing import Any

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import common_pb2, description_entity_pb2

ARCHIVED = common_pb2.NAMED_ENTITY_ARCHIVED


def change(
    owner: str, kind: Any, name: str, **metadata: Any
) -> common_pb2.NamedEntityUpdateRequest:
    return common_pb2.NamedEntityUpdateRequest(
        resource_type=kind,
        id=make.named(owner, name),
        metadata=common_pb2.NamedEntityMetadata(**metadata),
    )


async def fetch(flyte1: Client, owner: str, kind: Any, name: str) -> common_pb2.NamedEntity:
    request = common_pb2.NamedEntityGetRequest(resource_type=kind, id=make.named(owner, name))
    return await flyte1.ok("GetNamedEntity", request)


def listing(
    owner: str, kind: Any = make.LAUNCH_PLAN, **rest: Any
) -> common_pb2.NamedEntityListRequest:
    rest.setdefault("limit", 10)
    rest.setdefault("sort_by", make.by("name"))
    rest.setdefault("domain", make.DOMAIN)
    return common_pb2.NamedEntityListRequest(resource_type=kind, project=owner, **rest)


async def names(flyte1: Client, owner: str, **rest: Any) -> list[str]:
    answer = await flyte1.ok("ListNamedEntities", listing(owner, **rest))
    return [one.id.name for one in answer.entities]


@pytest.fixture
async def plans(flyte1: Client, workflow: str) -> str:
    """Launch plans a, b, c and d."""
    for name in "abcd":
        await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, name))
    return workflow


KINDS = [
    pytest.param(make.TASK, "t", id="task"),
    pytest.param(make.WORKFLOW, "w", id="workflow"),
    pytest.param(make.LAUNCH_PLAN, "p", id="plan"),
]


@pytest.mark.parametrize(("kind", "name"), KINDS)
async def test_name_is_active_without_description_at_first(
    flyte1: Client, plan: str, kind: Any, name: str
) -> None:
    found = await fetch(flyte1, plan, kind, name)
    assert (found.metadata.state, found.metadata.description) == (0, "")
    assert found.id == make.named(plan, name)


@pytest.mark.parametrize(("kind", "name"), KINDS)
async def test_name_can_be_described_and_archived(
    flyte1: Client, plan: str, kind: Any, name: str
) -> None:
    await flyte1.ok("UpdateNamedEntity", change(plan, kind, name, description="d", state=ARCHIVED))
    found = await fetch(flyte1, plan, kind, name)
    assert (found.metadata.state, found.metadata.description) == (ARCHIVED, "d")


async def test_description_of_a_name_cannot_be_cleared(flyte1: Client, plan: str) -> None:
    kind = make.LAUNCH_PLAN
    await flyte1.ok("UpdateNamedEntity", change(plan, kind, "p", description="d"))
    await flyte1.ok("UpdateNamedEntity", change(plan, kind, "p", description=""))
    assert (await fetch(flyte1, plan, kind, "p")).metadata.description == "d"


async def test_update_of_a_description_takes_a_name_out_of_the_archive(
    flyte1: Client, plan: str
) -> None:
    kind = make.LAUNCH_PLAN
    await flyte1.ok("UpdateNamedEntity", change(plan, kind, "p", state=ARCHIVED))
    await flyte1.ok("UpdateNamedEntity", change(plan, kind, "p", description="d"))
    assert (await fetch(flyte1, plan, kind, "p")).metadata.state == 0


async def test_unknown_name_is_not_found(flyte1: Client, project: str) -> None:
    request = common_pb2.NamedEntityGetRequest(
        resource_type=make.LAUNCH_PLAN, id=make.named(project, "zz")
    )
    refusal = await flyte1.refused("GetNamedEntity", request)
    assert (refusal.code, refusal.text) == ("NOT_FOUND", "entry not found")


async def test_unknown_name_cannot_be_updated(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused(
        "UpdateNamedEntity", change(project, make.LAUNCH_PLAN, "zz", description="d")
    )
    assert (refusal.code, refusal.text) == ("NOT_FOUND", "entry not found")


async def test_name_needs_a_resource_type(flyte1: Client, plan: str) -> None:
    refusal = await flyte1.refused("UpdateNamedEntity", change(plan, 0, "p"))
    assert refusal.text == "invalid value for resource_type"


async def test_name_of_another_resource_type_is_refused(flyte1: Client, plan: str) -> None:
    request = common_pb2.NamedEntityGetRequest(resource_type=4, id=make.named(plan, "p"))
    refusal = await flyte1.refused("GetNamedEntity", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Cannot get NamedEntityMetadata for resource type")


async def test_update_of_a_name_needs_metadata(flyte1: Client, plan: str) -> None:
    request = change(plan, make.LAUNCH_PLAN, "p")
    request.ClearField("metadata")
    assert (await flyte1.refused("UpdateNamedEntity", request)).text == "missing metadata"


async def test_description_longer_than_300_is_unknown(flyte1: Client, plan: str) -> None:
    request = change(plan, make.LAUNCH_PLAN, "p", description="d" * 301)
    refusal = await flyte1.refused("UpdateNamedEntity", request)
    assert refusal.code == "UNKNOWN"
    assert refusal.text.startswith("failed database operation with value too long")


async def test_t6_archived_name_can_still_be_registered_and_activated(
    flyte1: Client, plan: str
) -> None:
    for kind, name in ((make.TASK, "t"), (make.WORKFLOW, "w"), (make.LAUNCH_PLAN, "p")):
        await flyte1.ok("UpdateNamedEntity", change(plan, kind, name, state=ARCHIVED))
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(plan, version="v2"))
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, version="v2", active=True))


async def test_list_of_names_has_archived_ones(flyte1: Client, plans: str) -> None:
    await flyte1.ok("UpdateNamedEntity", change(plans, make.LAUNCH_PLAN, "b", state=ARCHIVED))
    answer = await flyte1.ok("ListNamedEntities", listing(plans))
    states = {one.id.name: one.metadata.state for one in answer.entities}
    assert states == {"a": 0, "b": ARCHIVED, "c": 0, "d": 0}


async def test_name_without_metadata_counts_as_active_in_filters(
    flyte1: Client, plans: str
) -> None:
    await flyte1.ok("UpdateNamedEntity", change(plans, make.LAUNCH_PLAN, "b", state=ARCHIVED))
    assert await names(flyte1, plans, filters="eq(state,0)") == ["a", "c", "d"]
    assert await names(flyte1, plans, filters="eq(state,1)") == ["b"]


async def test_names_are_listed_in_pages_without_loss(flyte1: Client, plans: str) -> None:
    seen, token = [], ""
    for _ in range(3):
        answer = await flyte1.ok("ListNamedEntities", listing(plans, limit=2, token=token))
        seen += [one.id.name for one in answer.entities]
        token = answer.token
        if not token:
            break
    assert seen == ["a", "b", "c", "d"]


async def test_filter_on_names_ends_the_pages_early(flyte1: Client, plans: str) -> None:
    await flyte1.ok("UpdateNamedEntity", change(plans, make.LAUNCH_PLAN, "b", state=ARCHIVED))
    request = listing(plans, limit=2, filters="eq(state,0)")
    answer = await flyte1.ok("ListNamedEntities", request)
    assert ([one.id.name for one in answer.entities], answer.token) == (["a"], "")


async def test_generated_name_ends_the_pages_early(flyte1: Client, plans: str) -> None:
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(plans, ".flytegen.x"))
    answer = await flyte1.ok("ListNamedEntities", listing(plans, limit=2))
    assert ([one.id.name for one in answer.entities], answer.token) == (["a"], "")


async def test_any_filter_brings_generated_names_back(flyte1: Client, plans: str) -> None:
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(plans, ".flytegen.x"))
    found = await names(flyte1, plans, filters="gte(state,0)")
    assert found == [".flytegen.x", "a", "b", "c", "d"]


async def test_names_are_filtered_by_name(flyte1: Client, plans: str) -> None:
    assert await names(flyte1, plans, filters="value_in(name,a;d;zz)") == ["a", "d"]


async def test_names_are_sorted_descending(flyte1: Client, plans: str) -> None:
    order = make.by("name", descending=True)
    assert await names(flyte1, plans, sort_by=order) == ["d", "c", "b", "a"]


async def test_names_cannot_be_sorted_by_state(flyte1: Client, plans: str) -> None:
    request = listing(plans, sort_by=make.by("state"))
    assert (await flyte1.refused("ListNamedEntities", request)).code == "UNKNOWN"


async def test_names_cannot_be_sorted_by_version(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListNamedEntities", listing(plans, sort_by=make.by("version")))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid sort key 'version'")


async def test_list_of_names_needs_a_limit(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListNamedEntities", listing(plans, limit=0))
    assert refusal.text == "invalid value for limit"


async def test_list_of_names_needs_a_resource_type(flyte1: Client, plans: str) -> None:
    refusal = await flyte1.refused("ListNamedEntities", listing(plans, kind=0))
    assert refusal.text == "invalid value for resource_type"


def described(owner: str, text: str, *, version: str = "v1") -> Any:
    request = make.task(owner, version=version)
    request.spec.description.short_description = text
    request.spec.description.long_description.value = "long"
    request.spec.description.source_code.link = "https://example.com/x"
    return request


async def test_description_comes_with_its_task(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", described(project, "short"))
    found = await flyte1.ok("GetTask", make.get(make.TASK, project, "t"))
    assert found.short_description == "short"
    about = await flyte1.ok("GetDescriptionEntity", make.get(make.TASK, project, "t"))
    assert about.short_description == "short"
    assert about.long_description.value == "long"
    assert about.source_code.link == "https://example.com/x"
    assert about.id == make.identifier(make.TASK, project, "t")


async def test_description_comes_with_its_workflow(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    request = make.simple_workflow(project)
    request.spec.description.short_description = "about w"
    await flyte1.ok("CreateWorkflow", request)
    answer = await flyte1.ok("ListWorkflows", make.listing(project))
    assert answer.workflows[0].short_description == "about w"
    about = await flyte1.ok("GetDescriptionEntity", make.get(make.WORKFLOW, project, "w"))
    assert about.short_description == "about w"


async def test_task_without_a_description_has_none(flyte1: Client, plan: str) -> None:
    refusal = await flyte1.refused("GetDescriptionEntity", make.get(make.TASK, plan, "t"))
    assert (refusal.code, refusal.text) == ("NOT_FOUND", "entry not found")


async def test_description_is_found_under_another_type(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", described(project, "of the task"))
    about = await flyte1.ok("GetDescriptionEntity", make.get(make.WORKFLOW, project, "t"))
    assert about.short_description == "of the task"


async def test_description_read_fills_in_the_type_of_a_task(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", described(project, "short"))
    about = await flyte1.ok("GetDescriptionEntity", make.get(0, project, "t"))
    assert about.short_description == "short"


async def test_descriptions_of_a_name_are_listed(flyte1: Client, project: str) -> None:
    for version in ("v1", "v2"):
        await flyte1.ok("CreateTask", described(project, f"of {version}", version=version))
    request = description_entity_pb2.DescriptionEntityListRequest(
        resource_type=make.TASK, id=make.named(project, "t"), limit=10, sort_by=make.by("id")
    )
    answer = await flyte1.ok("ListDescriptionEntities", request)
    assert [one.short_description for one in answer.descriptionEntities] == ["of v1", "of v2"]


async def test_list_of_descriptions_needs_a_name(flyte1: Client, project: str) -> None:
    request = description_entity_pb2.DescriptionEntityListRequest(
        resource_type=make.TASK, id=make.named(project), limit=10
    )
    assert (await flyte1.refused("ListDescriptionEntities", request)).text == "missing name"
