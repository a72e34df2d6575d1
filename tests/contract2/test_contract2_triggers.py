"""Triggers of Flyte 2: deploys, revisions, switches, deletion."""

from __future__ import annotations

import flyte2_messages as make
import pytest
from contract_kit import settle
from flyte2_client import Client
from flyteidl2.common import run_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2
from flyteidl2.task import run_pb2 as task_run_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

DEPLOY = trigger_definition_pb2.TRIGGER_REVISION_ACTION_DEPLOY
ACTIVATE = trigger_definition_pb2.TRIGGER_REVISION_ACTION_ACTIVATE
DEACTIVATE = trigger_definition_pb2.TRIGGER_REVISION_ACTION_DEACTIVATE
DELETE = trigger_definition_pb2.TRIGGER_REVISION_ACTION_DELETE
LOCKED = "optimistic lock failure: trigger was modified concurrently, please fetch latest and retry"


async def deploy(flyte2: Client, owner: str, name: str = "nightly", **rest: object) -> object:
    await settle()
    return (await flyte2.ok("DeployTrigger", make.trigger(owner, name, **rest))).trigger


async def fetch(flyte2: Client, owner: str, name: str = "nightly") -> object:
    return (await flyte2.ok("GetTriggerDetails", make.trigger_details(owner, name))).trigger


async def actions(flyte2: Client, owner: str) -> list[tuple[int, int]]:
    answer = await flyte2.ok("GetTriggerRevisionHistory", make.history(owner))
    return [(one.id.revision, one.action) for one in answer.triggers]


def moment(stamp: object) -> float:
    return stamp.ToNanoseconds()


async def test_new_trigger_is_at_revision_one(flyte2: Client, task: str) -> None:
    made = await deploy(flyte2, task)
    assert made.id.revision == 1
    assert made.id.name == make.trigger_name(task)
    assert made.status.deployed_at == made.status.updated_at
    assert not made.status.HasField("triggered_at")
    assert made == await fetch(flyte2, task)


async def test_trigger_is_read_back_whole(flyte2: Client, task: str) -> None:
    spec = task_run_pb2.RunSpec(
        labels=task_run_pb2.Labels(values={"team": "a"}),
        annotations=task_run_pb2.Annotations(values={"note": "b"}),
        envs=task_run_pb2.Envs(values=[literals_pb2.KeyValuePair(key="E", value="1")]),
        queue="fast",
        max_action_concurrency=3,
    )
    automation = make.cron("0 3 * * 1-5", "Europe/Berlin")
    automation.schedule.kickoff_time_input_arg = "when"
    await deploy(
        flyte2,
        task,
        automation=automation,
        inputs=make.inputs(x=1),
        run_spec=spec,
        description="what it does",
    )
    found = await fetch(flyte2, task)
    assert found.spec.run_spec == spec
    assert found.spec.inputs == make.inputs(x=1)
    assert found.spec.description == "what it does"
    assert found.automation_spec == automation
    assert found.description == ""
    assert not found.HasField("metadata")


async def test_offloaded_inputs_of_a_trigger_are_kept(flyte2: Client, task: str) -> None:
    data = run_pb2.OffloadedInputData(uri="s3://bucket/inputs.pb", inputs_hash="abc")
    await deploy(flyte2, task, offloaded_input_data=data)
    assert (await fetch(flyte2, task)).spec.offloaded_input_data == data


async def test_description_of_a_trigger_is_not_cut(flyte2: Client, task: str) -> None:
    await deploy(flyte2, task, description="d" * 400)
    assert (await fetch(flyte2, task)).spec.description == "d" * 400


async def test_trigger_without_a_spec_is_an_internal_error(flyte2: Client, task: str) -> None:
    request = make.trigger(task)
    request.ClearField("spec")
    refusal = await flyte2.refused("DeployTrigger", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith('failed to upsert trigger: ERROR: null value in column "spec"')


async def test_t26_nothing_that_a_trigger_refers_to_is_checked(flyte2: Client) -> None:
    await deploy(flyte2, flyte2.project, task="no.such", task_version="", name="")
    request = make.trigger_details(flyte2.project, "", task="no.such")
    found = (await flyte2.ok("GetTriggerDetails", request)).trigger
    assert (found.spec.active, found.spec.task_version) == (True, "")


async def test_t23_every_deploy_is_a_revision(flyte2: Client, trigger: str) -> None:
    again = await deploy(flyte2, trigger)
    assert again.id.revision == 2
    assert await actions(flyte2, trigger) == [(2, DEPLOY), (1, DEPLOY)]


async def test_t23_deploy_undoes_a_pause(flyte2: Client, trigger: str) -> None:
    await flyte2.ok("UpdateTriggers", make.switch(trigger, "nightly", active=False))
    assert not (await fetch(flyte2, trigger)).spec.active
    assert (await deploy(flyte2, trigger)).spec.active


async def test_t24_stale_revision_is_an_internal_error(flyte2: Client, trigger: str) -> None:
    await deploy(flyte2, trigger, revision=1)
    for revision in (1, 3):
        refusal = await flyte2.refused("DeployTrigger", make.trigger(trigger, revision=revision))
        assert (refusal.code, refusal.text) == ("INTERNAL", LOCKED)
    assert (await fetch(flyte2, trigger)).id.revision == 2


async def test_new_trigger_takes_any_revision(flyte2: Client, task: str) -> None:
    assert (await deploy(flyte2, task, revision=7)).id.revision == 1


async def test_deploy_without_a_revision_is_not_locked(flyte2: Client, trigger: str) -> None:
    await deploy(flyte2, trigger)
    assert (await deploy(flyte2, trigger, revision=0)).id.revision == 3


async def test_t25_automation_type_is_the_servers(flyte2: Client, task: str) -> None:
    artifact = common_pb2.TriggerAutomationSpec(
        type=common_pb2.TYPE_ARTIFACT, artifact=common_pb2.ArtifactTrigger(artifact_name="a")
    )
    made = await deploy(flyte2, task, automation=artifact)
    assert made.automation_spec.type == common_pb2.TYPE_NONE
    assert made.automation_spec.artifact.artifact_name == "a"
    untyped = make.cron()
    untyped.ClearField("type")
    made = await deploy(flyte2, task, automation=untyped)
    assert made.automation_spec.type == common_pb2.TYPE_SCHEDULE
    made = await deploy(flyte2, task, automation=common_pb2.TriggerAutomationSpec())
    assert made.automation_spec == common_pb2.TriggerAutomationSpec(type=common_pb2.TYPE_NONE)


async def test_trigger_may_have_no_automation(flyte2: Client, task: str) -> None:
    request = make.trigger(task)
    request.ClearField("automation_spec")
    made = (await flyte2.ok("DeployTrigger", request)).trigger
    assert made.automation_spec.type == common_pb2.TYPE_NONE


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("@daily", id="descriptor"),
        pytest.param("@every 1h30m", id="every"),
        pytest.param("*/5 0-6,22 ? jan-mar MON", id="names"),
        pytest.param("TZ=Asia/Tokyo 0 3 * * *", id="zone"),
        pytest.param("0 0 31 2 *", id="never"),
    ],
)
async def test_cron_expression_is_accepted(flyte2: Client, task: str, expression: str) -> None:
    made = await deploy(flyte2, task, automation=make.cron(expression))
    assert made.automation_spec.schedule.cron.expression == expression


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("", id="empty"),
        pytest.param("0 3 * * ? *", id="six_fields"),
        pytest.param("0 3 * *", id="four_fields"),
        pytest.param("60 3 * * *", id="minute"),
        pytest.param("0 3 * * 7", id="sunday"),
        pytest.param("@fortnightly", id="descriptor"),
        pytest.param("@every day", id="every"),
    ],
)
async def test_cron_expression_is_refused(flyte2: Client, task: str, expression: str) -> None:
    request = make.trigger(task, automation=make.cron(expression))
    refusal = await flyte2.refused("DeployTrigger", request)
    assert refusal.code == "INVALID_ARGUMENT"
    start = f'trigger "nightly" has invalid cron expression: invalid cron expression "{expression}"'
    assert refusal.text.startswith(start)


async def test_unknown_zone_is_refused(flyte2: Client, task: str) -> None:
    request = make.trigger(task, automation=make.cron("0 3 * * *", "Mars/Olympus"))
    refusal = await flyte2.refused("DeployTrigger", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert "unknown time zone Mars/Olympus" in refusal.text


async def test_old_cron_field_is_checked_like_the_new_one(flyte2: Client, task: str) -> None:
    automation = common_pb2.TriggerAutomationSpec(
        schedule=common_pb2.Schedule(cron_expression="0 3 * * ? *")
    )
    refusal = await flyte2.refused("DeployTrigger", make.trigger(task, automation=automation))
    assert refusal.code == "INVALID_ARGUMENT"
    automation.schedule.cron_expression = "0 3 * * *"
    made = await deploy(flyte2, task, automation=automation)
    assert made.automation_spec.schedule.cron_expression == "0 3 * * *"


@pytest.mark.parametrize(
    "automation",
    [
        pytest.param(make.rate(0), id="zero"),
        pytest.param(make.rate(5, 0), id="no_unit"),
        pytest.param(
            common_pb2.TriggerAutomationSpec(schedule=common_pb2.Schedule()), id="nothing"
        ),
    ],
)
async def test_schedule_that_makes_no_sense_is_stored(
    flyte2: Client, task: str, automation: common_pb2.TriggerAutomationSpec
) -> None:
    # Inactive, since a manager with a scheduler is lost with an active rate of zero.
    made = await deploy(flyte2, task, automation=automation, active=False)
    assert made.automation_spec.schedule == automation.schedule
    assert made.automation_spec.type == common_pb2.TYPE_SCHEDULE


async def test_deploy_moves_its_time_and_a_switch_the_other(flyte2: Client, trigger: str) -> None:
    first = (await fetch(flyte2, trigger)).status
    second = (await deploy(flyte2, trigger, automation=make.cron("0 4 * * *"))).status
    assert moment(second.deployed_at) > moment(first.deployed_at)
    assert second.updated_at == first.updated_at
    third = (await deploy(flyte2, trigger, active=False)).status
    assert moment(third.updated_at) > moment(second.updated_at)
    await settle()
    await flyte2.ok("UpdateTriggers", make.switch(trigger, "nightly", active=True))
    fourth = (await fetch(flyte2, trigger)).status
    assert fourth.deployed_at == third.deployed_at
    assert moment(fourth.updated_at) > moment(third.updated_at)


async def test_switch_is_a_revision(flyte2: Client, trigger: str) -> None:
    await flyte2.ok("UpdateTriggers", make.switch(trigger, "nightly", active=False))
    await flyte2.ok("UpdateTriggers", make.switch(trigger, "nightly", active=True))
    assert await actions(flyte2, trigger) == [(3, ACTIVATE), (2, DEACTIVATE), (1, DEPLOY)]


async def test_switch_passes_over_what_is_unknown_or_so_already(
    flyte2: Client, trigger: str
) -> None:
    await flyte2.ok("DeployTrigger", make.trigger(trigger, "weekly", active=False))
    names = ("unknown", "nightly", "weekly")
    await flyte2.ok("UpdateTriggers", make.switch(trigger, *names, active=True))
    await flyte2.ok("UpdateTriggers", make.switch(trigger, active=True))
    assert (await fetch(flyte2, trigger)).id.revision == 1
    assert (await fetch(flyte2, trigger, "weekly")).id.revision == 2


async def test_deleted_trigger_is_gone_but_for_its_history(flyte2: Client, trigger: str) -> None:
    await flyte2.ok("DeleteTriggers", make.delete(trigger, "nightly", "unknown"))
    refusal = await flyte2.refused("GetTriggerDetails", make.trigger_details(trigger))
    assert refusal.code == "NOT_FOUND"
    path = f"{trigger}/development/env.t/nightly"
    assert refusal.text == f"trigger not found: {path}: sql: no rows in result set"
    assert not (await flyte2.ok("ListTriggers", make.triggers(trigger))).triggers
    assert await actions(flyte2, trigger) == [(2, DELETE), (1, DEPLOY)]
    answer = await flyte2.ok("GetTriggerRevisionDetails", make.trigger_revision(trigger, 2))
    assert answer.trigger.status.HasField("deleted_at")
    assert not answer.trigger.spec.active


async def test_deleting_twice_is_one_revision(flyte2: Client, trigger: str) -> None:
    await flyte2.ok("DeleteTriggers", make.delete(trigger, "nightly"))
    await flyte2.ok("DeleteTriggers", make.delete(trigger, "nightly"))
    await flyte2.ok("UpdateTriggers", make.switch(trigger, "nightly", active=True))
    assert await actions(flyte2, trigger) == [(2, DELETE), (1, DEPLOY)]


async def test_deploy_brings_a_deleted_trigger_back_and_counts_on(
    flyte2: Client, trigger: str
) -> None:
    before = (await fetch(flyte2, trigger)).status
    await flyte2.ok("DeleteTriggers", make.delete(trigger, "nightly"))
    refusal = await flyte2.refused("DeployTrigger", make.trigger(trigger, revision=1))
    assert refusal.text == LOCKED
    back = await deploy(flyte2, trigger)
    assert (back.id.revision, back.spec.active) == (3, True)
    assert not back.status.HasField("deleted_at")
    assert moment(back.status.updated_at) > moment(before.updated_at)


async def test_old_revision_is_read_whole(flyte2: Client, trigger: str) -> None:
    await deploy(flyte2, trigger, automation=make.cron("0 4 * * *"), description="new")
    answer = await flyte2.ok("GetTriggerRevisionDetails", make.trigger_revision(trigger, 1))
    assert answer.trigger.automation_spec == make.cron()
    assert (answer.trigger.id.revision, answer.trigger.spec.description) == (1, "")


async def test_unknown_revision_is_not_found(flyte2: Client, trigger: str) -> None:
    for revision in (0, 2):
        request = make.trigger_revision(trigger, revision)
        refusal = await flyte2.refused("GetTriggerRevisionDetails", request)
        assert refusal.code == "NOT_FOUND"
        start = f"trigger revision not found: {trigger}/development/env.t/nightly@{revision}: "
        assert refusal.text.startswith(start)


async def test_history_comes_newest_first_in_pages(flyte2: Client, trigger: str) -> None:
    await deploy(flyte2, trigger)
    await deploy(flyte2, trigger)
    # Filters and sort keys are checked, and then not used.
    first = await flyte2.ok(
        "GetTriggerRevisionHistory",
        make.history(
            trigger,
            limit=2,
            sort_by_fields=[make.by("revision")],
            filters=[make.where("revision", make.Filter.EQUAL, "x")],
        ),
    )
    assert ([one.id.revision for one in first.triggers], first.token) == ([3, 2], "2")
    second = await flyte2.ok("GetTriggerRevisionHistory", make.history(trigger, token="2"))
    assert ([one.id.revision for one in second.triggers], second.token) == ([1], "")
    unknown = make.history(trigger, sort_by_fields=[make.by("name")])
    refusal = await flyte2.refused("GetTriggerRevisionHistory", unknown)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid sort field: name")


async def test_history_of_an_unknown_trigger_is_empty(flyte2: Client, task: str) -> None:
    assert await actions(flyte2, task) == []


async def test_trigger_is_found_without_its_task(flyte2: Client, trigger: str) -> None:
    request = make.trigger_details(trigger, task="")
    assert (await flyte2.ok("GetTriggerDetails", request)).trigger.id.revision == 1
    refusal = await flyte2.refused(
        "GetTriggerDetails", make.trigger_details(trigger, "other", task="")
    )
    assert refusal.text.startswith(f"trigger not found: {trigger}/development//other: ")


async def test_trigger_without_its_task_is_one_of_its_name(flyte2: Client, trigger: str) -> None:
    flyte2.do_not_record()  # which one is chance
    await deploy(flyte2, trigger, task="env.u")
    request = make.trigger_details(trigger, task="")
    found = (await flyte2.ok("GetTriggerDetails", request)).trigger
    assert found.id.name.task_name in {"env.t", "env.u"}


async def test_triggers_of_two_tasks_share_names(flyte2: Client, trigger: str) -> None:
    await deploy(flyte2, trigger, task="env.u", active=False)
    assert (await fetch(flyte2, trigger)).spec.active
    request = trigger_service_pb2.ListTriggersRequest(
        task_name=make.task_name(trigger, "env.u"), request=make.listing()
    )
    answer = await flyte2.ok("ListTriggers", request)
    assert [one.active for one in answer.triggers] == [False]
