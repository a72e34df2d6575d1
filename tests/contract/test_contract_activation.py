"""Launch plan states: one active version per name."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import launch_plan_pb2


def active_of(owner: str, name: str = "p") -> launch_plan_pb2.ActiveLaunchPlanRequest:
    return launch_plan_pb2.ActiveLaunchPlanRequest(id=make.named(owner, name))


async def states(flyte1: Client, owner: str) -> dict[str, int]:
    answer = await flyte1.ok("ListLaunchPlans", make.listing(owner, "p"))
    return {one.id.version: one.closure.state for one in answer.launch_plans}


@pytest.fixture
async def two(flyte1: Client, plan: str) -> str:
    """A second version of the plan, both scheduled or not as made."""
    request = make.launch_plan(plan, version="v2", entity_metadata=make.cron("0 6 * * *"))
    await flyte1.ok("CreateLaunchPlan", request)
    return plan


async def test_activated_version_is_the_active_one(flyte1: Client, plan: str) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=True))
    found = await flyte1.ok("GetActiveLaunchPlan", active_of(plan))
    assert (found.id.version, found.closure.state) == ("v1", launch_plan_pb2.ACTIVE)


async def test_activating_a_version_deactivates_the_other(flyte1: Client, two: str) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(two, active=True))
    await flyte1.ok("UpdateLaunchPlan", make.state(two, version="v2", active=True))
    assert await states(flyte1, two) == {"v1": 0, "v2": 1}


async def test_going_back_to_an_old_version_needs_no_registration(flyte1: Client, two: str) -> None:
    for version in ("v1", "v2", "v1"):
        await flyte1.ok("UpdateLaunchPlan", make.state(two, version=version, active=True))
    assert await states(flyte1, two) == {"v1": 1, "v2": 0}


async def test_deactivated_name_has_no_active_version(flyte1: Client, plan: str) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=True))
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=False))
    refusal = await flyte1.refused("GetActiveLaunchPlan", active_of(plan))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("No active launch plan could be found: ")


async def test_deactivating_an_inactive_version_is_accepted(flyte1: Client, two: str) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(two, version="v2", active=True))
    await flyte1.ok("UpdateLaunchPlan", make.state(two, active=False))
    assert await states(flyte1, two) == {"v1": 0, "v2": 1}


async def test_update_without_a_state_deactivates(flyte1: Client, plan: str) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=True))
    request = launch_plan_pb2.LaunchPlanUpdateRequest(
        id=make.identifier(make.LAUNCH_PLAN, plan, "p")
    )
    await flyte1.ok("UpdateLaunchPlan", request)
    assert await states(flyte1, plan) == {"v1": 0}


async def test_t7_activating_the_active_version_again_is_accepted(flyte1: Client, two: str) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(two, version="v2", active=True))
    await flyte1.ok("UpdateLaunchPlan", make.state(two, version="v2", active=True))
    assert await states(flyte1, two) == {"v1": 0, "v2": 1}


async def test_activation_does_not_move_the_update_time(flyte1: Client, plan: str) -> None:
    before = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, plan, "p"))
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=True))
    after = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, plan, "p"))
    assert after.closure.updated_at == before.closure.updated_at


async def test_deactivation_moves_the_update_time(flyte1: Client, plan: str) -> None:
    before = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, plan, "p"))
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=False))
    after = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, plan, "p"))
    assert after.closure.updated_at != before.closure.updated_at


async def test_activating_an_unknown_version_is_not_found(flyte1: Client, plan: str) -> None:
    refusal = await flyte1.refused("UpdateLaunchPlan", make.state(plan, version="v9", active=True))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("missing entity of type LAUNCH_PLAN with identifier")


async def test_deactivating_an_unknown_version_is_not_found(flyte1: Client, plan: str) -> None:
    refusal = await flyte1.refused("UpdateLaunchPlan", make.state(plan, version="v9", active=False))
    assert refusal.code == "NOT_FOUND"


async def test_unknown_state_is_refused(flyte1: Client, plan: str) -> None:
    request = make.state(plan, active=True)
    request.state = 7
    refusal = await flyte1.refused("UpdateLaunchPlan", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Unrecognized launch plan state")


async def test_activation_needs_no_resource_type(flyte1: Client, plan: str) -> None:
    request = make.state(plan, active=True)
    request.id.resource_type = 0
    await flyte1.ok("UpdateLaunchPlan", request)
    assert await states(flyte1, plan) == {"v1": 1}


async def test_deactivation_fills_in_the_resource_type(flyte1: Client, plan: str) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, active=True))
    request = make.state(plan, active=False)
    request.id.resource_type = 0
    await flyte1.ok("UpdateLaunchPlan", request)
    assert await states(flyte1, plan) == {"v1": 0}


async def test_deactivation_of_another_resource_type_is_refused(flyte1: Client, plan: str) -> None:
    request = make.state(plan, active=False)
    request.id.resource_type = make.TASK
    refusal = await flyte1.refused("UpdateLaunchPlan", request)
    assert refusal.text.startswith("unexpected resource type task for identifier [")


async def test_activation_without_a_version_activates_some_version(
    flyte1: Client, plan: str
) -> None:
    await flyte1.ok("UpdateLaunchPlan", make.state(plan, version="", active=True))
    assert await states(flyte1, plan) == {"v1": 1}


async def test_activation_without_a_name_activates_some_plan(flyte1: Client, plan: str) -> None:
    request = make.state(plan, active=True)
    request.id.name = ""
    await flyte1.ok("UpdateLaunchPlan", request)
    assert await states(flyte1, plan) == {"v1": 1}


@pytest.mark.parametrize("part", ["project", "domain", "name", "version"])
async def test_deactivation_needs_every_part(flyte1: Client, plan: str, part: str) -> None:
    request = make.state(plan, active=False)
    setattr(request.id, part, "")
    refusal = await flyte1.refused("UpdateLaunchPlan", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", f"missing {part}")


@pytest.mark.parametrize("part", ["project", "domain", "name"])
async def test_active_version_is_read_with_a_whole_name(
    flyte1: Client, plan: str, part: str
) -> None:
    request = active_of(plan)
    setattr(request.id, part, "")
    refusal = await flyte1.refused("GetActiveLaunchPlan", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", f"missing {part}")


async def test_active_plans_are_listed_whole(flyte1: Client, workflow: str) -> None:
    for name in ("a", "b", "c"):
        await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, name, max_parallelism=3))
    for name in ("c", "a"):
        await flyte1.ok("UpdateLaunchPlan", make.state(workflow, name, active=True))
    request = launch_plan_pb2.ActiveLaunchPlanListRequest(
        project=workflow, domain=make.DOMAIN, limit=10, sort_by=make.by("name")
    )
    answer = await flyte1.ok("ListActiveLaunchPlans", request)
    assert [one.id.name for one in answer.launch_plans] == ["a", "c"]
    assert answer.launch_plans[0].spec.max_parallelism == 3


async def test_active_plans_are_listed_in_pages(flyte1: Client, workflow: str) -> None:
    for name in ("a", "b", "c"):
        await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, name))
        await flyte1.ok("UpdateLaunchPlan", make.state(workflow, name, active=True))
    seen, token = [], ""
    for _ in range(2):
        request = launch_plan_pb2.ActiveLaunchPlanListRequest(
            project=workflow, domain=make.DOMAIN, limit=2, token=token, sort_by=make.by("id")
        )
        answer = await flyte1.ok("ListActiveLaunchPlans", request)
        seen += [one.id.name for one in answer.launch_plans]
        token = answer.token
    assert (seen, token) == (["a", "b", "c"], "")


@pytest.mark.parametrize("part", ["project", "domain"])
async def test_list_of_active_plans_needs_project_and_domain(
    flyte1: Client, plan: str, part: str
) -> None:
    request = launch_plan_pb2.ActiveLaunchPlanListRequest(project=plan, domain=make.DOMAIN, limit=1)
    setattr(request, part, "")
    refusal = await flyte1.refused("ListActiveLaunchPlans", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", f"missing {part}")


async def test_list_of_active_plans_needs_a_limit(flyte1: Client, plan: str) -> None:
    request = launch_plan_pb2.ActiveLaunchPlanListRequest(project=plan, domain=make.DOMAIN)
    refusal = await flyte1.refused("ListActiveLaunchPlans", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid value for limit")
