"""Schedules: which cron expressions and combinations are accepted."""

from __future__ import annotations

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import launch_plan_pb2, schedule_pb2

ACCEPTED = {
    "daily": "0 6 * * *",
    "names": "0 6 * jan-mar mon-fri",
    "names-upper": "0 6 1 JAN SUN",
    "question": "0 6 ? * ?",
    "steps": "*/5 1-23/2 * * *",
    "open-step": "3/15 * * * *",
    "lists": "0,15,30 1,2 * * *",
    "stray-commas": "0,,15 * * * *",
    "sunday": "0 0 * * 0",
    "descriptor": "@daily",
    "midnight": "@midnight",
    "every": "@every 1h30m",
    "every-fraction": "@every 1.5h",
    "every-zero": "@every 0",
    "zone": "CRON_TZ=Europe/Berlin 0 6 * * *",
    "zone-short": "TZ=America/New_York 0 6 * * *",
    "zone-descriptor": "CRON_TZ=Asia/Tokyo @hourly",
    "zone-empty": "TZ= 0 6 * * *",
    "never": "0 0 31 2 *",
    "spaces": "  0   6  * * *  ",
    "signed": "+5 * * * *",
}
REFUSED = {
    "seven": "0 0 * * 7",
    "six-fields": "0 0 6 * * *",
    "four-fields": "0 6 * *",
    "aws": "0 6 * * ? *",
    "minute": "60 * * * *",
    "hour": "0 24 * * *",
    "day-zero": "0 0 0 * *",
    "month": "0 0 1 13 *",
    "backwards": "30-10 * * * *",
    "step-zero": "*/0 * * * *",
    "hyphens": "1-2-3 * * * *",
    "slashes": "1/2/3 * * * *",
    "word": "a * * * *",
    "last": "0 0 L * *",
    "weekday": "0 0 15W * *",
    "third": "0 0 * * fri#3",
    "reboot": "@reboot",
    "alias": "hourly",
    "upper-descriptor": "@Daily",
    "every-bad": "@every soon",
    "every-day": "@every 1d",
    "zone-bad": "CRON_TZ=Mars/Base 0 6 * * *",
    "zone-alone": "TZ=UTC ",
    "negative": "-5 * * * *",
}


def case(names: dict[str, str]) -> list[object]:
    return [pytest.param(value, id=name.replace("-", "_")) for name, value in names.items()]


@pytest.mark.parametrize("expression", case(ACCEPTED))
async def test_cron_expression_is_accepted(flyte1: Client, workflow: str, expression: str) -> None:
    request = make.launch_plan(workflow, entity_metadata=make.cron(expression))
    await flyte1.ok("CreateLaunchPlan", request)


@pytest.mark.parametrize("expression", case(REFUSED))
async def test_cron_expression_is_refused(flyte1: Client, workflow: str, expression: str) -> None:
    request = make.launch_plan(workflow, entity_metadata=make.cron(expression))
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Invalid cron expression: ")


@pytest.mark.parametrize("expression", ["TZ=UTC", "CRON_TZ=Europe/Berlin"], ids=["short", "long"])
async def test_zone_that_no_space_follows_panics(
    flyte1: Client, workflow: str, expression: str
) -> None:
    request = make.launch_plan(workflow, entity_metadata=make.cron(expression))
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert (refusal.code, refusal.text) == ("INTERNAL", "")


async def test_never_firing_cron_can_be_activated(flyte1: Client, workflow: str) -> None:
    request = make.launch_plan(workflow, entity_metadata=make.cron("0 0 30 2 *"))
    await flyte1.ok("CreateLaunchPlan", request)
    await flyte1.ok("UpdateLaunchPlan", make.state(workflow, active=True))


async def test_t5_old_cron_field_takes_five_fields_only(flyte1: Client, workflow: str) -> None:
    metadata = launch_plan_pb2.LaunchPlanMetadata(
        schedule=schedule_pb2.Schedule(cron_expression="0 6 * * ? *")
    )
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata)
    )
    assert refusal.text.startswith("Invalid cron expression: expected exactly 5 fields")


async def test_t5_old_cron_field_is_refused_at_activation(flyte1: Client, workflow: str) -> None:
    metadata = launch_plan_pb2.LaunchPlanMetadata(
        schedule=schedule_pb2.Schedule(cron_expression="0 6 * * *")
    )
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata))
    refusal = await flyte1.refused("UpdateLaunchPlan", make.state(workflow, active=True))
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("failed adding schedule for unknown schedule expression type")
    found = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, workflow, "p"))
    assert found.closure.state == 0


async def test_t1_failed_activation_leaves_the_former_version_active(
    flyte1: Client, workflow: str
) -> None:
    good = make.launch_plan(workflow, entity_metadata=make.cron("0 6 * * *"))
    await flyte1.ok("CreateLaunchPlan", good)
    await flyte1.ok("UpdateLaunchPlan", make.state(workflow, active=True))
    metadata = launch_plan_pb2.LaunchPlanMetadata(
        schedule=schedule_pb2.Schedule(cron_expression="0 6 * * *")
    )
    bad = make.launch_plan(workflow, version="v2", entity_metadata=metadata)
    await flyte1.ok("CreateLaunchPlan", bad)
    await flyte1.refused("UpdateLaunchPlan", make.state(workflow, version="v2", active=True))
    request = launch_plan_pb2.ActiveLaunchPlanRequest(id=make.named(workflow, "p"))
    assert (await flyte1.ok("GetActiveLaunchPlan", request)).id.version == "v1"


async def test_t5_offset_of_a_cron_schedule_is_stored(flyte1: Client, workflow: str) -> None:
    metadata = make.cron("0 6 * * *")
    metadata.schedule.cron_schedule.offset = "PT1H"
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=metadata))
    found = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, workflow, "p"))
    assert found.spec.entity_metadata.schedule.cron_schedule.offset == "PT1H"


async def test_rate_of_zero_is_accepted_and_can_be_activated(flyte1: Client, workflow: str) -> None:
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=make.rate(0)))
    await flyte1.ok("UpdateLaunchPlan", make.state(workflow, active=True))


@pytest.fixture
async def inputs(flyte1: Client, project: str) -> str:
    """A workflow with a datetime `when` and an integer `n`."""
    await flyte1.ok("CreateTask", make.task(project))
    wanted = {"when": make.DATETIME, "n": make.INTEGER}
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs=wanted))
    return project


FIXED = make.literals(n=make.integer(1))


async def test_scheduled_plan_with_an_unbound_input_is_refused(flyte1: Client, inputs: str) -> None:
    request = make.launch_plan(inputs, entity_metadata=make.cron("0 6 * * *", kickoff="when"))
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Cannot create a launch plan with a schedule if there is an")
    assert refusal.text.endswith("[n] is required")


async def test_kickoff_input_may_stay_unbound(flyte1: Client, inputs: str) -> None:
    metadata = make.cron("0 6 * * *", kickoff="when")
    request = make.launch_plan(inputs, entity_metadata=metadata, fixed_inputs=FIXED)
    await flyte1.ok("CreateLaunchPlan", request)


async def test_t4_fixed_rate_with_a_kickoff_input_is_accepted(flyte1: Client, inputs: str) -> None:
    metadata = make.rate(5)
    metadata.schedule.kickoff_time_input_arg = "when"
    request = make.launch_plan(inputs, entity_metadata=metadata, fixed_inputs=FIXED)
    await flyte1.ok("CreateLaunchPlan", request)
    await flyte1.ok("UpdateLaunchPlan", make.state(inputs, active=True))


async def test_kickoff_input_must_exist(flyte1: Client, inputs: str) -> None:
    metadata = make.cron("0 6 * * *", kickoff="absent")
    fixed = make.literals(n=make.integer(1), when=make.moment(0))
    request = make.launch_plan(inputs, entity_metadata=metadata, fixed_inputs=fixed)
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.text.startswith("Cannot create a schedule with a KickoffTimeInputArg that does")


async def test_kickoff_input_must_not_be_fixed(flyte1: Client, inputs: str) -> None:
    metadata = make.cron("0 6 * * *", kickoff="when")
    fixed = make.literals(n=make.integer(1), when=make.moment(0))
    request = make.launch_plan(inputs, entity_metadata=metadata, fixed_inputs=fixed)
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.text.startswith("Cannot create a schedule with a KickoffTimeInputArg that does")


async def test_kickoff_input_must_be_a_datetime(flyte1: Client, inputs: str) -> None:
    metadata = make.cron("0 6 * * *", kickoff="n")
    fixed = make.literals(when=make.moment(0))
    request = make.launch_plan(inputs, entity_metadata=metadata, fixed_inputs=fixed)
    refusal = await flyte1.refused("CreateLaunchPlan", request)
    assert refusal.text.startswith("KickoffTimeInputArg must reference a datetime input. [n] is a")


async def test_optional_datetime_cannot_be_the_kickoff_input(flyte1: Client, project: str) -> None:
    await flyte1.ok("CreateTask", make.task(project))
    union = make.types_pb2.LiteralType(
        union_type=make.types_pb2.UnionType(variants=[make.DATETIME, make.NONE])
    )
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project, inputs={"when": union}))
    metadata = make.cron("0 6 * * *", kickoff="when")
    refusal = await flyte1.refused(
        "CreateLaunchPlan", make.launch_plan(project, entity_metadata=metadata)
    )
    assert refusal.text.startswith("KickoffTimeInputArg must reference a datetime input")


async def test_plan_without_a_schedule_may_have_unbound_inputs(flyte1: Client, inputs: str) -> None:
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(inputs))


@pytest.mark.parametrize("prefix", ["CRON_TZ", "TZ"])
async def test_t21_time_zone_is_stored_with_the_expression(
    flyte1: Client, workflow: str, prefix: str
) -> None:
    text = f"{prefix}=Europe/Berlin 0 6 * * *"
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow, entity_metadata=make.cron(text)))
    await flyte1.ok("UpdateLaunchPlan", make.state(workflow, active=True))
    found = await flyte1.ok("GetLaunchPlan", make.get(make.LAUNCH_PLAN, workflow, "p"))
    assert found.spec.entity_metadata.schedule.cron_schedule.schedule == text
