"""Actions that Flyte 2's own engine reports, and what is told of them afterwards.

Runs are recorded and not created here: nothing but the test reports their phases then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import engine2_kit as engine
import flyte2_messages as make
import pytest
from flyteidl2.core import execution_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.workflow import events_proxy_service_pb2 as proxy
from flyteidl2.workflow import internal_run_service_pb2 as internal
from flyteidl2.workflow import run_definition_pb2 as shapes
from flyteidl2.workflow import run_service_pb2 as wire

if TYPE_CHECKING:
    from flyte2_client import Client

CHILD = "b1"


async def record(told: Client, name: str = "a0", parent: str = "", **rest: Any) -> Any:
    """The action that was recorded, in full."""
    action = make.action_id(told.project, name=name)
    answer = await told.ok("RecordAction", engine.record(action, parent, **rest))
    assert answer.status.code == 0
    return await fetch(told, name)


async def fetch(told: Client, name: str = "a0") -> Any:
    request = wire.GetActionDetailsRequest(action_id=make.action_id(told.project, name=name))
    return (await told.ok("GetActionDetails", request)).details


async def put(told: Client, phase: int, name: str = "a0", **rest: Any) -> Any:
    request = engine.status(make.action_id(told.project, name=name), phase, **rest)
    return (await told.ok("UpdateActionStatus", request)).status


async def play(told: Client, *played: shapes.ActionEvent) -> None:
    assert (await told.ok("RecordActionEvents", engine.events(played))).status.code == 0


async def test_recorded_action_without_a_parent_is_a_run(told: Client) -> None:
    made = await record(told)
    assert (made.status.phase, made.status.attempts) == (engine.QUEUED, 1)
    assert made.metadata.source == shapes.RUN_SOURCE_UNSPECIFIED
    assert made.metadata.task.short_name == "env.t"
    request = wire.ListRunsRequest(project_id=make.place(told.project))
    (one,) = (await told.ok("ListRuns", request)).runs
    assert one.action.id == made.id
    request = wire.GetRunDetailsRequest(run_id=make.run_id(told.project))
    details = (await told.ok("GetRunDetails", request)).details
    assert details.action.id == made.id
    assert not details.HasField("run_spec")


async def test_recorded_child_is_of_its_parent_and_group(told: Client) -> None:
    await record(told)
    made = await record(told, CHILD, "a0", group="g")
    assert (made.metadata.parent, made.metadata.group) == ("a0", "g")
    assert made.task.task_template.type == "python"
    request = wire.ListActionsRequest(
        run_id=make.run_id(told.project), request=make.listing(sort_by_fields=[make.by("run_name")])
    )
    root, child = (await told.ok("ListActions", request)).actions
    assert (root.metadata, child.metadata) == (
        shapes.ActionMetadata(),
        shapes.ActionMetadata(parent="a0", group="g"),
    )
    request = wire.ListRunsRequest(project_id=make.place(told.project))
    assert len((await told.ok("ListRuns", request)).runs) == 1


async def test_short_name_of_a_recorded_task_is_its_specs(told: Client) -> None:
    action = make.action_id(told.project)
    made = await record(told, task=engine.task(action, short_name="t"))
    assert (made.metadata.task.short_name, made.metadata.funtion_name) == ("t", "env.t")


async def test_known_action_stays_as_it_is(told: Client) -> None:
    await record(told, group="first")
    again = await record(told, group="second")
    assert again.metadata.group == "first"


async def test_action_of_no_kind_is_refused_inside_of_the_answer(told: Client) -> None:
    request = internal.RecordActionRequest(action_id=make.action_id(told.project))
    answer = await told.ok("RecordAction", request)
    assert answer.status.code == 3
    assert answer.status.message == "unsupported action spec type: <nil>"


async def test_recorded_trace_has_ended(told: Client) -> None:
    await record(told)
    made = await record(told, CHILD, "a0", trace=engine.trace())
    assert made.metadata.action_type == shapes.ACTION_TYPE_TRACE
    assert made.metadata.trace.name == "step"
    assert made.HasField("trace")
    assert (made.status.phase, made.status.duration_ms) == (engine.SUCCEEDED, 1000)
    assert (made.status.start_time, made.status.end_time) == (engine.at(10), engine.at(11))
    request = wire.GetActionDataURIsRequest(action_id=make.action_id(told.project, name=CHILD))
    uris = await told.ok("GetActionDataURIs", request)
    assert uris.outputs_uri == "s3://elsewhere/trace/outputs.pb"


async def test_trace_that_ends_before_it_begins_takes_no_time(told: Client) -> None:
    await record(told)
    made = await record(told, CHILD, "a0", trace=engine.trace(end_time=engine.at(9)))
    assert (made.status.duration_ms, made.status.end_time) == (0, engine.at(9))


async def test_recorded_condition_tells_what_it_waits_for(told: Client) -> None:
    await record(told)
    made = await record(told, CHILD, "a0", condition=engine.condition())
    assert made.metadata.action_type == shapes.ACTION_TYPE_CONDITION
    assert (made.metadata.condition.name, made.metadata.funtion_name) == ("approve", "approve")
    assert made.metadata.condition.type == engine.condition().type
    assert made.condition == engine.condition()


async def test_condition_that_got_a_value_shows_it(told: Client) -> None:
    await record(told)
    await record(told, CHILD, "a0", condition=engine.condition())
    await put(told, engine.PAUSED, CHILD)
    await put(told, engine.SUCCEEDED, CHILD, output=make.integer(3))
    found = await fetch(told, CHILD)
    assert found.signal_info.output == make.integer(3)
    request = wire.GetActionDataURIsRequest(action_id=make.action_id(told.project, name=CHILD))
    refusal = await told.refused("GetActionDataURIs", request)
    assert refusal.text == "outputs not available, no attempts for action"


async def test_signal_event_needs_an_object_in_kubernetes(told: Client) -> None:
    await record(told)
    await record(told, CHILD, "a0", condition=engine.condition())
    await put(told, engine.PAUSED, CHILD)
    request = wire.SignalEventRequest(
        action_id=make.action_id(told.project, name=CHILD),
        parent_action_name="a0",
        payload=wire.EventPayload(bool_value=True),
    )
    refusal = await told.refused("SignalEvent", request)
    assert refusal.code == "NOT_FOUND"
    assert refusal.text == f"condition action {told.project}a-{CHILD} not found"


@pytest.mark.parametrize(
    ("before", "after", "becomes"),
    [
        pytest.param(engine.RUNNING, engine.SUCCEEDED, True, id="forward"),
        pytest.param(engine.RUNNING, engine.QUEUED, False, id="back"),
        pytest.param(engine.SUCCEEDED, engine.RUNNING, False, id="after_success"),
        pytest.param(engine.SUCCEEDED, engine.FAILED, True, id="success_to_failure"),
        pytest.param(engine.FAILED, engine.QUEUED, True, id="retry"),
        pytest.param(engine.TIMED_OUT, engine.SUCCEEDED, True, id="retry_after_timeout"),
        pytest.param(engine.ABORTED, engine.SUCCEEDED, False, id="after_abort"),
        pytest.param(engine.ABORTED, engine.TIMED_OUT, True, id="abort_to_timeout"),
        pytest.param(engine.PAUSED, engine.RUNNING, False, id="paused"),
        pytest.param(engine.PAUSED, engine.SUCCEEDED, True, id="answered"),
        pytest.param(engine.RECOVERED, engine.SUCCEEDED, False, id="after_recovery"),
    ],
)
async def test_phase_moves_forward_or_is_tried_again(
    told: Client, before: int, after: int, becomes: bool
) -> None:
    await record(told)
    await put(told, before)
    await put(told, after)
    assert (await fetch(told)).status.phase == (after if becomes else before)


async def test_first_end_stays(told: Client) -> None:
    await record(told)
    await put(told, engine.FAILED, began=10, ended=20)
    first = (await fetch(told)).status
    assert (first.start_time, first.end_time) == (engine.at(10), engine.at(20))
    assert first.duration_ms == 10_000
    await put(told, engine.SUCCEEDED, began=12, ended=30, attempts=2)
    again = (await fetch(told)).status
    assert (again.end_time, again.start_time) == (first.end_time, first.start_time)
    assert (again.duration_ms, again.attempts) == (10_000, 2)


async def test_end_is_not_before_the_beginning(told: Client) -> None:
    await record(told)
    await put(told, engine.SUCCEEDED, began=10, ended=5)
    status = (await fetch(told)).status
    assert (status.end_time, status.duration_ms) == (engine.at(10), 0)


async def test_run_that_took_no_time_says_so_and_its_action_does_not(told: Client) -> None:
    await record(told)
    await put(told, engine.SUCCEEDED, began=10, ended=10)
    request = wire.ListRunsRequest(project_id=make.place(told.project))
    (run,) = (await told.ok("ListRuns", request)).runs
    assert run.action.status.HasField("duration_ms")
    request = wire.ListActionsRequest(run_id=make.run_id(told.project))
    (action,) = (await told.ok("ListActions", request)).actions
    assert not action.status.HasField("duration_ms")


async def test_end_without_a_time_is_now(told: Client) -> None:
    await record(told)
    await put(told, engine.ABORTED)
    found = await fetch(told)
    assert found.status.HasField("end_time")
    assert found.abort_info == shapes.AbortInfo()


async def test_status_of_an_unknown_action_is_passed_over(told: Client) -> None:
    assert (await put(told, engine.RUNNING)).code == 0
    refused = await put(told, engine.SUCCEEDED, output=make.integer(1))
    assert (refused.code, refused.message) == (13, "action not found")


async def test_events_of_an_attempt_are_merged(told: Client) -> None:
    action = (await record(told)).id
    await play(
        told,
        engine.event(action, engine.QUEUED, when=1),
        engine.event(
            action,
            engine.RUNNING,
            when=2,
            log_info=[execution_pb2.TaskLog(name="b", uri="old"), execution_pb2.TaskLog(name="a")],
            log_context=engine.pod("p1"),
            cluster_events=[shapes.ClusterEvent(message="started", occurred_at=engine.at(2))],
        ),
        engine.event(
            action,
            engine.RUNNING,
            when=3,
            version=1,
            log_info=[execution_pb2.TaskLog(name="b", uri="new")],
            outputs=engine.outputs("", "s3://elsewhere/report.html"),
        ),
        engine.event(action, engine.SUCCEEDED, when=5, outputs=engine.outputs()),
    )
    (attempt,) = (await fetch(told)).attempts
    assert (attempt.attempt, attempt.phase) == (1, engine.SUCCEEDED)
    assert (attempt.start_time, attempt.end_time) == (engine.at(1), engine.at(5))
    assert [(log.name, log.uri) for log in attempt.log_info] == [("a", ""), ("b", "new")]
    assert attempt.logs_available
    assert attempt.log_context == engine.pod("p1")
    assert attempt.outputs == engine.outputs(report="s3://elsewhere/report.html")
    assert [one.message for one in attempt.cluster_events] == ["started"]
    assert [
        (one.phase, one.start_time.seconds, one.end_time.seconds)
        for one in attempt.phase_transitions
    ] == [
        (engine.QUEUED, engine.EPOCH + 1, engine.EPOCH + 2),
        (engine.RUNNING, engine.EPOCH + 2, engine.EPOCH + 5),
        (engine.SUCCEEDED, engine.EPOCH + 5, engine.EPOCH + 5),
    ]


async def test_events_are_in_the_order_of_their_report(told: Client) -> None:
    action = (await record(told)).id
    late = engine.event(action, engine.RUNNING, when=9)
    early = engine.event(action, engine.INITIALIZING, when=20)
    early.reported_time.CopyFrom(engine.at(1))
    await play(told, late, early)
    (attempt,) = (await fetch(told)).attempts
    assert (attempt.phase, attempt.start_time) == (engine.RUNNING, engine.at(20))


async def test_first_end_of_an_attempt_counts_and_is_not_before_its_start(told: Client) -> None:
    action = (await record(told)).id
    first = engine.event(action, engine.RUNNING, when=9)
    first.reported_time.CopyFrom(engine.at(1))
    await play(
        told,
        first,
        engine.event(action, engine.SUCCEEDED, when=3),
        engine.event(action, engine.FAILED, when=4),
    )
    (attempt,) = (await fetch(told)).attempts
    assert attempt.phase == engine.SUCCEEDED
    assert (attempt.start_time, attempt.end_time) == (engine.at(9), engine.at(9))


async def test_event_of_one_attempt_phase_and_version_is_kept_once(told: Client) -> None:
    action = (await record(told)).id
    await play(told, engine.event(action, engine.RUNNING, when=1))
    await play(told, engine.event(action, engine.RUNNING, when=2))
    (attempt,) = (await fetch(told)).attempts
    assert attempt.start_time == engine.at(1)


async def test_events_do_not_move_the_action(told: Client) -> None:
    action = (await record(told)).id
    await play(told, engine.event(action, engine.SUCCEEDED, when=1))
    assert (await fetch(told)).status.phase == engine.QUEUED


async def test_failure_of_the_last_attempt_is_the_actions(told: Client) -> None:
    action = (await record(told)).id
    await play(
        told,
        engine.event(action, engine.FAILED, when=1, error_info=engine.failure("first")),
        engine.event(action, engine.FAILED, when=2, attempt=2, error_info=engine.failure()),
    )
    await put(told, engine.FAILED, attempts=2)
    found = await fetch(told)
    assert [one.error_info.message for one in found.attempts] == ["first", "it broke"]
    assert found.error_info == engine.failure()


async def test_failure_of_an_attempt_that_nobody_told_of_is_unknown(told: Client) -> None:
    action = (await record(told)).id
    await play(told, engine.event(action, engine.FAILED, when=1, error_info=engine.failure()))
    await put(told, engine.FAILED, attempts=2)
    assert (await fetch(told)).WhichOneof("result") is None


async def test_events_of_tasks_come_by_a_way_of_their_own(told: Client) -> None:
    action = (await record(told)).id
    request = proxy.RecordRequest(events=[engine.event(action, engine.RUNNING, when=1)])
    await told.ok("EventsProxyService.Record", request)
    (attempt,) = (await fetch(told)).attempts
    assert attempt.phase == engine.RUNNING


async def test_outputs_are_where_the_last_attempt_says(told: Client) -> None:
    action = (await record(told)).id
    request = wire.GetActionDataURIsRequest(action_id=action)
    assert (await told.ok("GetActionDataURIs", request)).outputs_uri == ""
    await put(told, engine.SUCCEEDED)
    refusal = await told.refused("GetActionDataURIs", request)
    assert (refusal.code, refusal.text) == (
        "NOT_FOUND",
        "outputs not available, no attempts for action",
    )
    await play(told, engine.event(action, engine.RUNNING, when=1))
    refusal = await told.refused("GetActionDataURIs", request)
    assert (refusal.code, refusal.text) == ("NOT_FOUND", "outputs not available")
    await play(told, engine.event(action, engine.SUCCEEDED, when=2, outputs=engine.outputs()))
    uris = await told.ok("GetActionDataURIs", request)
    assert uris.outputs_uri == "s3://elsewhere/outputs.pb"


async def test_outputs_are_read_from_their_place(told: Client) -> None:
    # Inputs and outputs begin alike, so uploaded inputs do for outputs.
    upload = dataproxy_service_pb2.UploadInputsRequest(
        project_id=make.place(told.project), task_spec=make.spec(), inputs=make.inputs(x=7)
    )
    stored = (await told.ok("UploadInputs", upload)).offloaded_input_data
    action = (await record(told)).id
    found = engine.outputs(f"{stored.uri}/inputs.pb")
    await play(told, engine.event(action, engine.SUCCEEDED, when=1, outputs=found))
    await put(told, engine.SUCCEEDED)
    request = dataproxy_service_pb2.GetActionDataRequest(action_id=action)
    answer = await told.ok("DataProxyService.GetActionData", request)
    assert answer.outputs.literals == make.inputs(x=7).literals
    assert answer.outputs_uri == f"{stored.uri}/inputs.pb"


async def test_report_has_a_link(told: Client) -> None:
    upload = dataproxy_service_pb2.UploadInputsRequest(
        project_id=make.place(told.project), task_spec=make.spec(), inputs=make.inputs(x=8)
    )
    stored = (await told.ok("UploadInputs", upload)).offloaded_input_data
    action = (await record(told)).id
    request = dataproxy_service_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_service_pb2.ARTIFACT_TYPE_REPORT
    )
    request.action_attempt_id.action_id.CopyFrom(action)
    request.action_attempt_id.attempt = 1
    refusal = await told.refused("CreateDownloadLink", request)
    assert refusal.text.startswith("attempt 1 not found for action [")
    await play(told, engine.event(action, engine.RUNNING, when=1))
    refusal = await told.refused("CreateDownloadLink", request)
    assert refusal.text.startswith("no report URI found for action [")
    gone = engine.outputs(report=f"{stored.uri}/no-such.html")
    await play(told, engine.event(action, engine.RUNNING, when=2, version=1, outputs=gone))
    refusal = await told.refused("CreateDownloadLink", request)
    assert (refusal.code, refusal.text) == (
        "NOT_FOUND",
        f"artifact not found at [{stored.uri}/no-such.html]",
    )
    report = engine.outputs(report=f"{stored.uri}/inputs.pb")
    await play(told, engine.event(action, engine.SUCCEEDED, when=3, outputs=report))
    answer = await told.ok("CreateDownloadLink", request)
    assert len(answer.pre_signed_urls.signed_url) == 1


async def test_logs_are_of_the_attempts_first_pod(told: Client) -> None:
    action = (await record(told)).id
    await play(told, engine.event(action, engine.RUNNING, when=1))
    request = wire.GetActionLogContextRequest(action_id=action, attempt=1)
    refusal = await told.refused("GetActionLogContext", request)
    assert refusal.text.startswith("no log context found for action ")
    context = engine.pod("no-such-pod")
    await play(told, engine.event(action, engine.SUCCEEDED, when=2, log_context=context))
    assert (await told.ok("GetActionLogContext", request)).log_context == context


@pytest.mark.parametrize(
    ("context", "text"),
    [
        pytest.param(
            engine.pod("no-such-pod"),
            "pod no-such-pod not found in namespace flyte",
            id="pod",
        ),
        pytest.param(
            execution_pb2.LogContext(primary_pod_name="p"),
            "primary pod p not found in log context",
            id="first",
        ),
        pytest.param(
            execution_pb2.LogContext(),
            "primary pod name is empty in log context",
            id="none",
        ),
        pytest.param(
            execution_pb2.LogContext(
                primary_pod_name="p",
                pods=[execution_pb2.PodLogContext(pod_name="p", primary_container_name="c")],
            ),
            "primary container c not found in pod p",
            id="container",
        ),
    ],
)
async def test_logs_of_a_pod_that_is_gone_are_not_found(
    told: Client, context: execution_pb2.LogContext, text: str
) -> None:
    action = (await record(told)).id
    await play(told, engine.event(action, engine.RUNNING, when=1, log_context=context))
    request = dataproxy_service_pb2.TailLogsRequest(action_id=action, attempt=1)
    refusal = await told.refused("TailLogs", request)
    assert (refusal.code, refusal.text) == ("NOT_FOUND", text)


async def test_run_with_a_paused_action_is_found(told: Client) -> None:
    await record(told)
    await record(told, CHILD, "a0", condition=engine.condition())
    request = wire.ListRunsRequest(project_id=make.place(told.project), paused_actions_only=True)
    assert not (await told.ok("ListRuns", request)).runs
    await put(told, engine.PAUSED, CHILD)
    assert len((await told.ok("ListRuns", request)).runs) == 1


async def test_succeeded_run_becomes_aborted(told: Client) -> None:
    await record(told)
    await put(told, engine.SUCCEEDED, began=10, ended=20)
    request = wire.AbortRunRequest(run_id=make.run_id(told.project), reason="late")
    await told.ok("AbortRun", request)
    found = await fetch(told)
    assert (found.status.phase, found.abort_info.reason) == (engine.ABORTED, "late")
    assert (found.status.end_time, found.status.duration_ms) == (engine.at(20), 10_000)


async def test_abort_of_an_action_is_of_that_one_alone(told: Client) -> None:
    await record(told)
    await record(told, CHILD, "a0")
    await put(told, engine.SUCCEEDED, CHILD)
    request = wire.AbortActionRequest(action_id=make.action_id(told.project, name=CHILD))
    await told.ok("AbortAction", request)
    assert (await fetch(told, CHILD)).status.phase == engine.ABORTED
    assert (await fetch(told)).status.phase == engine.QUEUED


async def test_actions_are_filtered_and_paged(told: Client) -> None:
    await record(told)
    for name in ("b1", "b2", "b3"):
        await record(told, name, "a0")
    await put(told, engine.FAILED, "b2")
    run = make.run_id(told.project)
    order = [make.by("run_name")]
    filters = [make.where("phase", make.Filter.EQUAL, str(engine.FAILED))]
    request = wire.ListActionsRequest(run_id=run, request=make.listing(filters=filters))
    (one,) = (await told.ok("ListActions", request)).actions
    assert one.id.name == "b2"
    page = make.listing(limit=2, sort_by_fields=order)
    first = await told.ok("ListActions", wire.ListActionsRequest(run_id=run, request=page))
    page.token = first.token
    second = await told.ok("ListActions", wire.ListActionsRequest(run_id=run, request=page))
    assert [one.id.name for one in (*first.actions, *second.actions)] == ["a0", "b1", "b2", "b3"]
    assert (first.token, second.token) == ("2", "")
