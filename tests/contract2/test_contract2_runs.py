"""Runs of Flyte 2, as far as they can be seen while they wait."""

from __future__ import annotations

import asyncio

import flyte2_messages as make
import pytest
from contract_kit import settle
from flyte2_client import Client
from flyteidl2.common import identifier_pb2, phase_pb2
from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.core import interface_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import common_pb2, run_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import run_definition_pb2
from flyteidl2.workflow import run_service_pb2 as wire
from google.protobuf.timestamp_pb2 import Timestamp

QUEUED = phase_pb2.ACTION_PHASE_QUEUED
ABORTED = phase_pb2.ACTION_PHASE_ABORTED
SLOT = Timestamp(seconds=1_700_000_000)


async def create(flyte2: Client, owner: str, suffix: str = "a", **rest: object) -> object:
    await settle()
    return (await flyte2.ok("CreateRun", make.run(owner, suffix, **rest))).run.action


async def fetch(flyte2: Client, owner: str, suffix: str = "a") -> object:
    request = wire.GetRunDetailsRequest(run_id=make.run_id(owner, suffix))
    return (await flyte2.ok("GetRunDetails", request)).details


async def data(flyte2: Client, owner: str, suffix: str = "a") -> common_pb2.Inputs:
    request = dataproxy_service_pb2.GetActionDataRequest(action_id=make.action_id(owner, suffix))
    return (await flyte2.ok("DataProxyService.GetActionData", request)).inputs


async def listed(flyte2: Client, scope: dict[str, object], **rest: object) -> list[str]:
    rest.setdefault("sort_by_fields", [make.by("run_name")])
    request = wire.ListRunsRequest(request=make.listing(**rest), **scope)
    answer = await flyte2.ok("ListRuns", request)
    return [one.action.id.run.name[-1] for one in answer.runs]


async def test_created_run_is_queued(flyte2: Client, task: str) -> None:
    made = await create(flyte2, task)
    assert made.id == make.action_id(task)
    assert (made.status.phase, made.status.attempts) == (QUEUED, 1)
    assert made.metadata.action_type == run_definition_pb2.ACTION_TYPE_TASK
    assert made.metadata.task.id == make.task_id(task)
    assert (made.metadata.funtion_name, made.metadata.environment_name) == ("env.t", "env")
    assert not made.metadata.HasField("executed_by")


async def test_details_of_a_run_have_its_task_and_settings(flyte2: Client, task: str) -> None:
    settings = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "a"}))
    await create(flyte2, task, run_spec=settings)
    found = await fetch(flyte2, task)
    assert found.action.task == make.spec()
    assert found.run_spec.labels == settings.labels
    assert found.run_spec.raw_data_storage.raw_data_prefix.startswith("s3://")
    assert found.run_spec.HasField("run_start_time")
    request = wire.GetActionDetailsRequest(action_id=make.action_id(task))
    action = (await flyte2.ok("GetActionDetails", request)).details
    assert (action.id, action.task) == (found.action.id, found.action.task)


async def test_run_keeps_the_task_that_it_was_created_with(flyte2: Client, task: str) -> None:
    await create(flyte2, task)
    await flyte2.ok("DeployTask", make.task(task, body=make.spec("img:2")))
    found = await fetch(flyte2, task)
    assert found.action.task.task_template.container.image == "img:1"


@pytest.mark.parametrize(
    ("version", "knows"),
    [
        pytest.param("2.3.6", True, id="first"),
        pytest.param("v2.12.1.dev3", True, id="later"),
        pytest.param("2.3.5", False, id="earlier"),
        pytest.param("", False, id="none"),
    ],
)
async def test_start_time_is_for_tasks_that_know_it(
    flyte2: Client, project: str, version: str, knows: bool
) -> None:
    spec = make.spec()
    spec.task_template.metadata.runtime.version = version
    await create(flyte2, project, task_spec=spec, run_start_time=SLOT)
    start = (await fetch(flyte2, project)).run_spec.run_start_time
    assert (start == SLOT) is knows


async def test_run_of_a_spec_has_no_task(flyte2: Client, project: str) -> None:
    made = await create(flyte2, project, task_spec=make.spec())
    assert not made.metadata.task.HasField("id")
    assert (made.metadata.funtion_name, made.metadata.task.task_type) == ("", "python")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("Upper", "a DNS-1035 label must consist of", id="upper"),
        pytest.param("1st", "a DNS-1035 label must consist of", id="digit"),
        pytest.param("", "a DNS-1035 label must consist of", id="empty"),
        pytest.param("x" * 31, "must be no more than 30 characters", id="long"),
    ],
)
async def test_name_of_a_run_is_checked(flyte2: Client, task: str, name: str, reason: str) -> None:
    request = make.run(task)
    request.run_id.name = name
    refusal = await flyte2.refused("CreateRun", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith(f'invalid run name "{name}": {reason}')


async def test_run_without_a_name_gets_one(flyte2: Client, task: str) -> None:
    flyte2.do_not_record()  # a name is chance
    names = set()
    for _ in range(2):
        request = wire.CreateRunRequest(project_id=make.place(task), task_id=make.task_id(task))
        names.add((await flyte2.ok("CreateRun", request)).run.action.id.run.name)
    assert {(len(name), name[0]) for name in names} == {(20, "r")}
    assert len(names) == 2


async def test_run_needs_an_id_and_a_task(flyte2: Client, task: str) -> None:
    refusal = await flyte2.refused("CreateRun", wire.CreateRunRequest(task_id=make.task_id(task)))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid run ID type")
    request = make.run(task)
    request.ClearField("task_id")
    refusal = await flyte2.refused("CreateRun", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text == "failed to create task spec model: Marshal called with nil"


async def test_what_a_run_names_must_exist(flyte2: Client, project: str) -> None:
    request = make.run(project)
    refusal = await flyte2.refused("CreateRun", request)
    assert refusal.code == "UNKNOWN"
    assert refusal.text.startswith("task not found: {")
    request = make.run(project, trigger_name=make.trigger_name(project))
    refusal = await flyte2.refused("CreateRun", request)
    assert refusal.code == "NOT_FOUND"
    path = f"{project}/development/env.t/nightly"
    assert refusal.text.startswith(f'trigger "nightly" not found: trigger not found: {path}: ')
    request = make.run(project, task_spec=make.spec())
    request.run_id.project = f"{project}x"
    refusal = await flyte2.refused("CreateRun", request)
    assert (refusal.code, refusal.text) == ("NOT_FOUND", f'project "{project}x" not found')


def default(name: str, value: int) -> common_pb2.NamedParameter:
    parameter = interface_pb2.Parameter(default=make.integer(value))
    return common_pb2.NamedParameter(name=name, parameter=parameter)


async def test_defaults_fill_up_inline_inputs(flyte2: Client, project: str) -> None:
    spec = make.spec(default_inputs=[default("x", 7), default("y", 8)])
    await create(flyte2, project, task_spec=spec, inputs=make.inputs(x=1))
    assert await data(flyte2, project) == make.inputs(x=1, y=8)


async def test_defaults_do_not_fill_up_offloaded_inputs(flyte2: Client, project: str) -> None:
    spec = make.spec(default_inputs=[default("x", 7), default("y", 8)])
    upload = dataproxy_service_pb2.UploadInputsRequest(
        project_id=make.place(project), task_spec=spec, inputs=make.inputs(x=1)
    )
    stored = (await flyte2.ok("UploadInputs", upload)).offloaded_input_data
    await create(flyte2, project, task_spec=spec, offloaded_input_data=stored)
    assert await data(flyte2, project) == make.inputs(x=1)


async def test_inputs_of_a_run_have_a_place(flyte2: Client, task: str) -> None:
    await create(flyte2, task, inputs=make.inputs(x=1))
    request = wire.GetActionDataURIsRequest(action_id=make.action_id(task))
    uris = await flyte2.ok("GetActionDataURIs", request)
    assert uris.inputs_uri.endswith(f"/{task}/{make.DOMAIN}/{task}a/inputs/inputs.pb")
    assert uris.outputs_uri == ""


async def test_offloaded_inputs_that_are_not_there_are_not_missed(
    flyte2: Client, task: str
) -> None:
    upload = dataproxy_service_pb2.UploadInputsRequest(
        project_id=make.place(task), task_id=make.task_id(task), inputs=make.inputs(x=1)
    )
    stored = (await flyte2.ok("UploadInputs", upload)).offloaded_input_data
    for suffix, uri in (("a", f"{stored.uri}/more"), ("b", "s3://elsewhere/no/such")):
        other = common_run_pb2.OffloadedInputData(uri=uri, inputs_hash="h")
        await create(flyte2, task, suffix, offloaded_input_data=other)
        assert await data(flyte2, task, suffix) == common_pb2.Inputs()


async def test_known_name_brings_back_the_stored_run_with_new_inputs(
    flyte2: Client, task: str
) -> None:
    first = await create(flyte2, task, inputs=make.inputs(x=1))
    await flyte2.ok("DeployTask", make.task(task, "v2"))
    again = await create(flyte2, task, inputs=make.inputs(x=2), task_id=make.task_id(task, "v2"))
    assert again.metadata.task.id.version == "v1"
    assert again.status.start_time.seconds == first.status.start_time.seconds
    assert await data(flyte2, task) == make.inputs(x=2)


async def test_run_of_a_trigger_has_its_settings_and_revision(flyte2: Client, task: str) -> None:
    settings = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "a"}))
    await flyte2.ok("DeployTrigger", make.trigger(task, active=False, run_spec=settings))
    made = await create(
        flyte2,
        task,
        trigger_name=make.trigger_name(task),
        run_start_time=SLOT,
        source=run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER,
    )
    assert made.metadata.trigger_name == "nightly"
    assert made.metadata.trigger_id.name == make.trigger_name(task)
    assert made.metadata.trigger_id.revision == 1
    assert made.metadata.source == run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER
    found = await fetch(flyte2, task)
    assert found.run_spec.labels == settings.labels
    assert found.run_spec.run_start_time == SLOT
    request = make.trigger_details(task)
    status = (await flyte2.ok("GetTriggerDetails", request)).trigger.status
    assert status.HasField("triggered_at")


async def test_only_the_first_run_of_a_name_triggers(flyte2: Client, trigger: str) -> None:
    name = make.trigger_name(trigger)
    moments = []
    for _ in range(2):
        await create(flyte2, trigger, trigger_name=name)
        request = make.trigger_details(trigger)
        status = (await flyte2.ok("GetTriggerDetails", request)).trigger.status
        moments.append(status.triggered_at.ToNanoseconds())
    assert moments[0] == moments[1]


async def test_deleted_trigger_runs_nothing(flyte2: Client, trigger: str) -> None:
    await flyte2.ok("DeleteTriggers", make.delete(trigger, "nightly"))
    request = make.run(trigger, trigger_name=make.trigger_name(trigger))
    assert (await flyte2.refused("CreateRun", request)).code == "NOT_FOUND"


async def test_inline_inputs_of_a_trigger_are_not_used(flyte2: Client, task: str) -> None:
    await flyte2.ok("DeployTrigger", make.trigger(task, inputs=make.inputs(x=1)))
    await create(flyte2, task, trigger_name=make.trigger_name(task))
    assert await data(flyte2, task) == common_pb2.Inputs()


async def test_offloaded_inputs_of_a_trigger_are_used(flyte2: Client, task: str) -> None:
    upload = dataproxy_service_pb2.UploadInputsRequest(
        project_id=make.place(task), task_id=make.task_id(task), inputs=make.inputs(x=1)
    )
    stored = (await flyte2.ok("UploadInputs", upload)).offloaded_input_data
    automation = make.cron()
    automation.schedule.kickoff_time_input_arg = "when"
    request = make.trigger(task, automation=automation, offloaded_input_data=stored)
    await flyte2.ok("DeployTrigger", request)
    name = make.trigger_name(task)
    await create(flyte2, task, trigger_name=name)
    assert await data(flyte2, task) == make.inputs(x=1)
    # As the scheduler does with a kickoff argument: what is sent takes the place of all others.
    await create(flyte2, task, "b", trigger_name=name, inputs=make.inputs(when=3))
    assert await data(flyte2, task, "b") == make.inputs(when=3)


@pytest.fixture
async def three(flyte2: Client, trigger: str) -> str:
    """The project, with the runs a of the task, b of the trigger and c of a second version."""
    await flyte2.ok("DeployTask", make.task(trigger, "v2"))
    await create(flyte2, trigger, "a")
    await create(flyte2, trigger, "b", trigger_name=make.trigger_name(trigger))
    await create(flyte2, trigger, "c", task_id=make.task_id(trigger, "v2"))
    return trigger


async def test_runs_are_listed_by_scope(flyte2: Client, three: str) -> None:
    assert await listed(flyte2, {"project_id": make.place(three)}) == ["a", "b", "c"]
    assert await listed(flyte2, {"project_id": make.place(three, "staging")}) == []
    assert await listed(flyte2, {"task_name": make.task_name(three)}) == ["a", "b", "c"]
    assert await listed(flyte2, {"task_id": make.task_id(three)}) == ["a", "b"]
    assert await listed(flyte2, {"trigger_name": make.trigger_name(three)}) == ["b"]
    own = [make.where("project", make.Filter.EQUAL, three)]
    assert await listed(flyte2, {"org": "acme"}, filters=own) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("field", "values", "found"),
    [
        pytest.param("task_version", ["v2"], "c", id="version"),
        pytest.param("trigger_revision", ["1"], "b", id="revision"),
        pytest.param("function_name", ["env.t"], "abc", id="function"),
        pytest.param("action_type", ["1"], "abc", id="type"),
        pytest.param("run_source", ["RUN_SOURCE_UNSPECIFIED"], "abc", id="source"),
        pytest.param("created_by_subject", ["me"], "", id="creator"),
    ],
)
async def test_runs_are_filtered(
    flyte2: Client, three: str, field: str, values: list[str], found: str
) -> None:
    filters = [make.where(field, make.Filter.EQUAL, *values)]
    scope = {"project_id": make.place(three)}
    assert await listed(flyte2, scope, filters=filters) == list(found)


async def test_runs_are_paged_without_an_empty_last_page(flyte2: Client, three: str) -> None:
    seen, token, tokens = [], "", []
    while True:
        listing = make.listing(limit=1, token=token, sort_by_fields=[make.by("created_at")])
        request = wire.ListRunsRequest(project_id=make.place(three), request=listing)
        answer = await flyte2.ok("ListRuns", request)
        seen += [one.action.id.run.name[-1] for one in answer.runs]
        token = answer.token
        tokens.append(token)
        if not token:
            break
    assert (seen, tokens) == (["a", "b", "c"], ["1", "2", ""])


async def test_runs_cannot_be_found_by_trigger_type_or_label(flyte2: Client, three: str) -> None:
    scope = {"project_id": make.place(three)}
    filters = [make.where("trigger_type", make.Filter.EQUAL, "TYPE_SCHEDULE")]
    request = wire.ListRunsRequest(request=make.listing(filters=filters), **scope)
    refusal = await flyte2.refused("ListRuns", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith(
        'failed to list actions: ERROR: column "trigger_type" does not exist'
    )
    for field in ("labels.team", "created_by"):
        filters = [make.where(field, make.Filter.EQUAL, "a")]
        request = wire.ListRunsRequest(request=make.listing(filters=filters), **scope)
        assert (await flyte2.refused("ListRuns", request)).code == "INVALID_ARGUMENT"


async def test_run_is_of_whoever_the_headers_name(flyte2: Client, task: str) -> None:
    flyte2.do_not_record()  # recordings have no headers
    request = make.run(task)
    answer = await flyte2.ok("CreateRun", request, x_amzn_oidc_identity="somebody")
    assert answer.run.action.metadata.executed_by.user.id.subject == "somebody"
    await create(flyte2, task, "b")
    scope = {"project_id": make.place(task)}
    filters = [make.where("created_by_subject", make.Filter.EQUAL, "somebody")]
    assert await listed(flyte2, scope, filters=filters) == ["a"]
    order = [make.by("created_by_subject", make.DESCENDING)]
    assert await listed(flyte2, scope, sort_by_fields=order) == ["b", "a"]


async def test_labels_of_a_run_are_not_listed(flyte2: Client, task: str) -> None:
    settings = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "a"}))
    await create(flyte2, task, run_spec=settings)
    request = wire.ListRunsRequest(project_id=make.place(task))
    (one,) = (await flyte2.ok("ListRuns", request)).runs
    assert "team" not in str(one)


async def test_no_waiting_run_is_paused(flyte2: Client, three: str) -> None:
    scope = {"project_id": make.place(three), "paused_actions_only": True}
    assert await listed(flyte2, scope) == []


async def test_run_has_one_action_that_is_listed_bare(flyte2: Client, three: str) -> None:
    request = wire.ListActionsRequest(run_id=make.run_id(three))
    (one,) = (await flyte2.ok("ListActions", request)).actions
    assert one.id == make.action_id(three)
    assert one.metadata == run_definition_pb2.ActionMetadata()
    unknown = wire.ListActionsRequest(run_id=make.run_id(three, "z"))
    assert not (await flyte2.ok("ListActions", unknown)).actions


async def test_aborted_run_has_a_reason_and_an_end(flyte2: Client, task: str) -> None:
    await create(flyte2, task)
    request = wire.AbortRunRequest(run_id=make.run_id(task), reason="enough")
    await flyte2.ok("AbortRun", request)
    found = (await fetch(flyte2, task)).action
    assert (found.status.phase, found.abort_info.reason) == (ABORTED, "enough")
    assert found.status.HasField("end_time")
    await settle()
    await flyte2.ok("AbortRun", wire.AbortRunRequest(run_id=make.run_id(task)))
    again = (await fetch(flyte2, task)).action
    assert again.abort_info.reason == "User requested abort"
    assert again.status.end_time == found.status.end_time


async def test_known_name_of_an_aborted_run_stays_aborted(flyte2: Client, task: str) -> None:
    await create(flyte2, task)
    await flyte2.ok("AbortRun", wire.AbortRunRequest(run_id=make.run_id(task)))
    assert (await create(flyte2, task)).status.phase == ABORTED


async def test_runs_that_have_ended_come_last(flyte2: Client, three: str) -> None:
    flyte2.do_not_record()  # how far the others have come is the server's
    await flyte2.ok("AbortRun", wire.AbortRunRequest(run_id=make.run_id(three, "c")))
    assert (await listed(flyte2, {"project_id": make.place(three)}, sort_by_fields=[]))[-1] == "c"
    aborted = [make.where("phase", make.Filter.EQUAL, str(ABORTED))]
    assert await listed(flyte2, {"project_id": make.place(three)}, filters=aborted) == ["c"]


async def test_unknown_run_is_not_found(flyte2: Client, project: str) -> None:
    run = make.run_id(project)
    text = f"run not found: {project}/{make.DOMAIN}/{project}a"
    for method, request in (
        ("GetRunDetails", wire.GetRunDetailsRequest(run_id=run)),
        ("AbortRun", wire.AbortRunRequest(run_id=run)),
    ):
        refusal = await flyte2.refused(method, request)
        assert (refusal.code, refusal.text) == ("NOT_FOUND", text)
    action = identifier_pb2.ActionIdentifier(run=run, name="a0")
    text = "action not found: action not found"
    for method, request in (
        ("GetActionDetails", wire.GetActionDetailsRequest(action_id=action)),
        ("GetActionDataURIs", wire.GetActionDataURIsRequest(action_id=action)),
    ):
        refusal = await flyte2.refused(method, request)
        assert (refusal.code, refusal.text) == ("NOT_FOUND", text)
    refusal = await flyte2.refused("AbortAction", wire.AbortActionRequest(action_id=action))
    assert (refusal.code, refusal.text) == ("NOT_FOUND", "action not found: a0")
    request = wire.GetActionLogContextRequest(action_id=action, attempt=1)
    refusal = await flyte2.refused("GetActionLogContext", request)
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("no event found for action ")


async def test_data_by_the_old_way_is_not_served(flyte2: Client, task: str) -> None:
    request = wire.GetActionDataRequest(action_id=make.action_id(task))
    assert (await flyte2.refused("RunService.GetActionData", request)).code == "UNIMPLEMENTED"


async def test_watch_of_a_run_says_nothing_about_it(flyte2: Client, task: str) -> None:
    await create(flyte2, task)
    request = wire.WatchRunDetailsRequest(run_id=make.run_id(task))
    one = await flyte2.first("WatchRunDetails", request)
    assert one.HasField("details")
    assert not one.details.HasField("action")


async def test_watch_of_an_action_shows_it_and_each_change(flyte2: Client, task: str) -> None:
    await create(flyte2, task)
    request = wire.WatchActionDetailsRequest(action_id=make.action_id(task))
    one = await flyte2.first("WatchActionDetails", request)
    assert one.details.id == make.action_id(task)
    assert one.details.task == make.spec()
    watching = asyncio.create_task(
        flyte2.until(
            "WatchActionDetails", request, lambda seen: seen.details.status.phase == ABORTED
        )
    )
    await asyncio.sleep(0.5)
    assert not watching.done()
    await flyte2.ok("AbortRun", wire.AbortRunRequest(run_id=make.run_id(task), reason="enough"))
    assert (await watching).details.abort_info.reason == "enough"


async def test_watch_of_an_unknown_action_is_not_found(flyte2: Client, task: str) -> None:
    request = wire.WatchActionDetailsRequest(action_id=make.action_id(task))
    with pytest.raises(Exception, match="failed to get action details: not_found: action not"):
        await flyte2.first("WatchActionDetails", request)


async def test_trigger_lists_know_when_a_run_was_triggered(flyte2: Client, trigger: str) -> None:
    request = trigger_service_pb2.ListTriggersRequest(project_id=make.place(trigger))
    (before,) = (await flyte2.ok("ListTriggers", request)).triggers
    assert not before.status.HasField("triggered_at")
    await create(flyte2, trigger, trigger_name=make.trigger_name(trigger))
    (after,) = (await flyte2.ok("ListTriggers", request)).triggers
    assert after.status.HasField("triggered_at")
    assert after.id.revision == before.id.revision
