"""Tasks of Flyte 2: deploys, details, lists of the latest, versions."""

from __future__ import annotations

import flyte2_messages as make
import pytest
from contract_kit import settle
from flyte2_client import Client
from flyteidl2.task import environment_pb2, task_definition_pb2, task_service_pb2


async def image(flyte2: Client, owner: str, version: str = "v1") -> str:
    answer = await flyte2.ok("GetTaskDetails", make.details(owner, version))
    return answer.details.spec.task_template.container.image


async def deploy(flyte2: Client, owner: str, version: str, **rest: object) -> None:
    await settle()
    await flyte2.ok("DeployTask", make.task(owner, version, **rest))


async def latest(flyte2: Client, owner: str, **rest: object) -> list[tuple[str, str]]:
    rest.setdefault("sort_by_fields", [make.by("name")])
    answer = await flyte2.ok("ListTasks", make.tasks(owner, **rest))
    return [(one.task_id.name, one.task_id.version) for one in answer.tasks]


async def test_deployed_task_is_read_back_with_its_spec(flyte2: Client, task: str) -> None:
    found = (await flyte2.ok("GetTaskDetails", make.details(task))).details
    assert found.spec == make.spec()
    assert found.task_id == make.task_id(task)
    assert (found.metadata.short_name, found.metadata.environment_name) == ("t", "env")
    assert not found.metadata.HasField("deployed_by")
    assert not found.metadata.HasField("triggers_summary")


async def test_deploying_a_version_again_overwrites_it(flyte2: Client, task: str) -> None:
    before = (await flyte2.ok("GetTaskDetails", make.details(task))).details.metadata
    await deploy(flyte2, task, "v1", body=make.spec("img:2"))
    assert await image(flyte2, task) == "img:2"
    after = (await flyte2.ok("GetTaskDetails", make.details(task))).details.metadata
    assert after.deployed_at == before.deployed_at


async def test_project_of_a_task_must_exist(flyte2: Client) -> None:
    refusal = await flyte2.refused("DeployTask", make.task(flyte2.project))
    assert (refusal.code, refusal.text) == ("NOT_FOUND", f'project "{flyte2.project}" not found')
    refusal = await flyte2.refused("DeployTask", make.task(""))
    assert refusal.code == "INTERNAL"
    assert refusal.text == "failed to validate project: invalid_argument: id is required"


async def test_domain_name_and_version_of_a_task_are_not_checked(
    flyte2: Client, project: str
) -> None:
    request = make.task(project, "v" * 100, name="no dots", domain="nowhere")
    await flyte2.ok("DeployTask", request)
    found = await flyte2.ok(
        "GetTaskDetails", make.details(project, "v" * 100, name="no dots", domain="nowhere")
    )
    assert found.details.metadata.short_name == "no dots"


async def test_task_without_a_spec_is_an_internal_error(flyte2: Client, project: str) -> None:
    request = task_service_pb2.DeployTaskRequest(task_id=make.task_id(project))
    refusal = await flyte2.refused("DeployTask", request)
    assert (refusal.code, refusal.text) == ("INTERNAL", "proto: Marshal called with nil")


@pytest.mark.parametrize(
    ("name", "environment", "short"),
    [
        pytest.param("env.t", "env", "t", id="prefix"),
        pytest.param("env.a.b", "env", "a.b", id="dots"),
        pytest.param("a.b.c", "other", "c", id="other"),
        pytest.param("a.b.c", "", "c", id="none"),
    ],
)
async def test_short_name_is_what_follows_the_environment(
    flyte2: Client, project: str, name: str, environment: str, short: str
) -> None:
    body = make.spec(environment=environment_pb2.Environment(name=environment))
    await flyte2.ok("DeployTask", make.task(project, name=name, body=body))
    found = await flyte2.ok("GetTaskDetails", make.details(project, name=name))
    assert found.details.metadata.short_name == short


async def test_descriptions_of_a_task_are_cut(flyte2: Client, project: str) -> None:
    about = task_definition_pb2.DocumentationEntity(
        short_description="s" * 256, long_description="l" * 2049
    )
    body = make.spec(
        environment=environment_pb2.Environment(name="env", description="e" * 300),
        documentation=about,
    )
    await flyte2.ok("DeployTask", make.task(project, body=body))
    found = (await flyte2.ok("GetTaskDetails", make.details(project))).details
    assert found.spec.environment.description == "e" * 255
    assert found.spec.documentation.short_description == "s" * 255
    assert found.spec.documentation.long_description == "l" * 2048
    assert found.metadata.short_description == "s" * 255


async def test_description_is_cut_by_bytes_and_not_within_a_character(
    flyte2: Client, project: str
) -> None:
    whole = make.spec(
        documentation=task_definition_pb2.DocumentationEntity(short_description="a" + "ä" * 130)
    )
    await flyte2.ok("DeployTask", make.task(project, body=whole))
    found = (await flyte2.ok("GetTaskDetails", make.details(project))).details
    assert found.metadata.short_description == "a" + "ä" * 127
    split = make.spec(
        documentation=task_definition_pb2.DocumentationEntity(short_description="ä" * 130)
    )
    refusal = await flyte2.refused("DeployTask", make.task(project, body=split))
    assert refusal.code == "INTERNAL"
    assert "string field contains invalid UTF-8" in refusal.text


async def test_unknown_task_is_not_found_in_flyte2(flyte2: Client, task: str) -> None:
    refusal = await flyte2.refused("GetTaskDetails", make.details(task, "v2"))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("task not found: {")


async def test_latest_task_is_the_one_first_deployed_last(flyte2: Client, task: str) -> None:
    await deploy(flyte2, task, "v2")
    assert await latest(flyte2, task) == [("env.t", "v2")]
    await deploy(flyte2, task, "v1", body=make.spec("img:2"))
    assert await latest(flyte2, task) == [("env.t", "v2")]


async def test_filters_come_before_the_ranking(flyte2: Client, task: str) -> None:
    await deploy(flyte2, task, "v2")
    await deploy(flyte2, task, "v1", name="env.u")
    only_v1 = [make.where("version", make.Filter.EQUAL, "v1")]
    assert await latest(flyte2, task, filters=only_v1) == [("env.t", "v1"), ("env.u", "v1")]


async def test_list_of_tasks_counts_names(flyte2: Client, task: str) -> None:
    await deploy(flyte2, task, "v2")
    await deploy(flyte2, task, "v1", name="env.u")
    only_t = [make.where("name", make.Filter.EQUAL, "env.t")]
    answer = await flyte2.ok("ListTasks", make.tasks(task, filters=only_t))
    assert (answer.metadata.total, answer.metadata.filtered_total) == (2, 1)
    beyond = await flyte2.ok("ListTasks", make.tasks(task, token="9"))
    assert (list(beyond.tasks), beyond.metadata.total) == ([], 0)


async def test_list_of_tasks_shows_no_spec_and_an_empty_summary(flyte2: Client, task: str) -> None:
    answer = await flyte2.ok("ListTasks", make.tasks(task))
    assert [one.metadata.short_name for one in answer.tasks] == ["t"]
    assert answer.tasks[0].HasField("task_summary")
    assert not answer.tasks[0].task_summary.HasField("latest_run")


async def test_list_of_tasks_is_of_one_domain(flyte2: Client, task: str) -> None:
    await deploy(flyte2, task, "v1", domain="staging")
    assert await latest(flyte2, task) == [("env.t", "v1")]


async def test_organisation_is_no_scope_of_tasks(flyte2: Client, task: str) -> None:
    flyte2.do_not_record()  # the total counts what others deployed
    own = [make.where("project", make.Filter.EQUAL, task)]
    await deploy(flyte2, task, "v1", domain="staging")
    request = task_service_pb2.ListTasksRequest(
        org="acme", request=make.listing(filters=own, sort_by_fields=[make.by("domain")])
    )
    answer = await flyte2.ok("ListTasks", request)
    assert [one.task_id.domain for one in answer.tasks] == ["development", "staging"]


async def test_nobody_deployed_a_task(flyte2: Client, task: str) -> None:
    known = task_service_pb2.ListTasksRequest.KnownFilter
    request = make.tasks(task)
    request.known_filters.append(known(deployed_by="me"))
    assert not (await flyte2.ok("ListTasks", request)).tasks
    request = make.tasks(task)
    request.known_filters.append(known(is_entrypoint=True))
    assert len((await flyte2.ok("ListTasks", request)).tasks) == 1


async def test_absent_description_sorts_as_the_greatest(flyte2: Client, task: str) -> None:
    about = task_definition_pb2.DocumentationEntity(short_description="words")
    await deploy(flyte2, task, "v1", name="env.u", body=make.spec(documentation=about))
    for direction, names in (
        (make.ASCENDING, ["env.u", "env.t"]),
        (make.DESCENDING, ["env.t", "env.u"]),
    ):
        order = [make.by("short_description", direction)]
        found = await latest(flyte2, task, sort_by_fields=order)
        assert [name for name, _ in found] == names


async def test_versions_are_listed_newest_first(flyte2: Client, task: str) -> None:
    await deploy(flyte2, task, "v2")
    await deploy(flyte2, task, "v3")
    await deploy(flyte2, task, "v1")
    answer = await flyte2.ok("ListVersions", make.versions(task))
    assert [one.version for one in answer.versions] == ["v3", "v2", "v1"]
    assert all(one.HasField("deployed_at") for one in answer.versions)


async def test_versions_are_filtered_and_sorted_by_version_and_time_alone(
    flyte2: Client, task: str
) -> None:
    await deploy(flyte2, task, "v2")
    filters = [make.where("version", make.Filter.GREATER_THAN, "v1")]
    answer = await flyte2.ok("ListVersions", make.versions(task, filters=filters))
    assert [one.version for one in answer.versions] == ["v2"]
    order = [make.by("created_at")]
    answer = await flyte2.ok("ListVersions", make.versions(task, sort_by_fields=order))
    assert [one.version for one in answer.versions] == ["v1", "v2"]
    name = [make.where("name", make.Filter.EQUAL, "env.t")]
    refusal = await flyte2.refused("ListVersions", make.versions(task, filters=name))
    assert refusal.text == "failed to convert filters: invalid filter field: name"


async def test_embedded_triggers_belong_to_the_deployed_version(
    flyte2: Client, project: str
) -> None:
    sent = make.embedded_trigger(description="d" * 300, inputs=make.inputs(x=1))
    await flyte2.ok("DeployTask", make.task(project, "v7", triggers=[sent]))
    found = (await flyte2.ok("GetTriggerDetails", make.trigger_details(project))).trigger
    assert found.spec.task_version == "v7"
    assert found.spec.description == "d" * 255
    assert found.spec.inputs == make.inputs(x=1)
    assert found.id.revision == 1


async def test_t22_embedded_triggers_remove_all_others_of_the_task(
    flyte2: Client, trigger: str
) -> None:
    sent = make.embedded_trigger("other", active=False)
    await flyte2.ok("DeployTask", make.task(trigger, "v2", triggers=[sent]))
    answer = await flyte2.ok("ListTriggers", make.triggers(trigger))
    assert [one.id.name.name for one in answer.triggers] == ["other"]
    refusal = await flyte2.refused("GetTriggerDetails", make.trigger_details(trigger))
    assert refusal.code == "NOT_FOUND"


async def test_t22_deploy_without_triggers_leaves_them_on_the_old_version(
    flyte2: Client, trigger: str
) -> None:
    await flyte2.ok("DeployTask", make.task(trigger, "v2"))
    found = (await flyte2.ok("GetTriggerDetails", make.trigger_details(trigger))).trigger
    assert (found.spec.task_version, found.spec.active, found.id.revision) == ("v1", True, 1)


async def test_embedded_trigger_has_no_lock(flyte2: Client, trigger: str) -> None:
    await flyte2.ok("DeployTask", make.task(trigger, triggers=[make.embedded_trigger()]))
    found = (await flyte2.ok("GetTriggerDetails", make.trigger_details(trigger))).trigger
    assert found.id.revision == 2


async def test_nothing_is_deployed_with_a_bad_embedded_trigger(
    flyte2: Client, project: str
) -> None:
    sent = make.embedded_trigger(automation=make.cron("never"))
    refusal = await flyte2.refused("DeployTask", make.task(project, triggers=[sent]))
    assert refusal.code == "INVALID_ARGUMENT"
    start = 'invalid_argument: trigger "nightly" has invalid cron expression: '
    assert refusal.text.startswith(start)
    assert (await flyte2.refused("GetTaskDetails", make.details(project))).code == "NOT_FOUND"


async def test_description_of_an_embedded_trigger_is_not_cut_within_a_character(
    flyte2: Client, project: str
) -> None:
    sent = make.embedded_trigger(description="ä" * 130)
    refusal = await flyte2.refused("DeployTask", make.task(project, triggers=[sent]))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith('failed to build trigger model for "nightly": ')


async def summary(flyte2: Client, owner: str, version: str = "v1") -> object:
    answer = await flyte2.ok("GetTaskDetails", make.details(owner, version))
    return answer.details.metadata.triggers_summary


async def test_task_names_its_only_trigger(flyte2: Client, trigger: str) -> None:
    shown = await summary(flyte2, trigger)
    assert (shown.details.name, shown.details.active) == ("nightly", True)
    assert shown.details.automation_spec == make.cron()


async def test_task_counts_its_triggers(flyte2: Client, trigger: str) -> None:
    await flyte2.ok("DeployTrigger", make.trigger(trigger, "weekly", active=False))
    shown = await summary(flyte2, trigger)
    assert (shown.stats.total, shown.stats.active) == (2, 1)
    await flyte2.ok("DeleteTriggers", make.delete(trigger, "nightly"))
    shown = await summary(flyte2, trigger)
    assert (shown.details.name, shown.details.active) == ("weekly", False)


async def test_version_that_a_trigger_has_left_still_counts_it(
    flyte2: Client, trigger: str
) -> None:
    await flyte2.ok("DeployTask", make.task(trigger, "v2"))
    await flyte2.ok("DeployTrigger", make.trigger(trigger, task_version="v2"))
    assert (await summary(flyte2, trigger, "v1")).details.name == "nightly"
    assert (await summary(flyte2, trigger, "v2")).details.name == "nightly"


async def test_trigger_with_bytes_beyond_ascii_has_a_broken_summary(
    flyte2: Client, task: str
) -> None:
    automation = make.rate(5)
    automation.schedule.rate.start_time.seconds = 1_700_000_000
    await flyte2.ok("DeployTrigger", make.trigger(task, automation=automation))
    found = await flyte2.ok("GetTriggerDetails", make.trigger_details(task))
    assert found.trigger.automation_spec == automation
    assert (await summary(flyte2, task)).details.automation_spec != automation


async def test_summary_counts_can_be_filtered(flyte2: Client, trigger: str) -> None:
    await deploy(flyte2, trigger, "v1", name="env.u")
    with_one = [make.where("active_triggers", make.Filter.GREATER_THAN_OR_EQUAL, "1")]
    assert await latest(flyte2, trigger, filters=with_one) == [("env.t", "v1")]
    by_name = [make.where("trigger_name", make.Filter.ENDS_WITH, "ly")]
    assert await latest(flyte2, trigger, filters=by_name) == [("env.t", "v1")]
