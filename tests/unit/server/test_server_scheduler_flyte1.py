"""The embedded Flyte 1 scheduler, minute by minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import firing_kit
import pytest
from firing_kit import MINUTE, SECOND, Firing, micros
from flyteidl.admin import common_pb2, execution_pb2
from google.protobuf import json_format

from reconciler.server.flyte1.scheduled_executions import Key, name
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECT, DOMAIN = "flytesnacks", "development"
BEGIN = micros("2026-03-01T12:00:10.25Z")


def identifier(kind: str, name: str, version: str = "v1") -> dict[str, str]:
    return {
        "resourceType": kind, "project": PROJECT, "domain": DOMAIN, "name": name,
        "version": version,
    }  # fmt: skip


DATETIME = {"type": {"simple": "DATETIME"}}


@pytest.fixture
def flyte(tmp_path: Path) -> Iterator[Firing]:
    """A store with the workflows `w`, and `timed`, which takes the datetime `when`."""
    with firing_kit.opened(tmp_path, BEGIN) as firing:
        template = {
            "type": "python-task", "metadata": {}, "interface": {}, "container": {"image": "img"},
        }  # fmt: skip
        firing.call("CreateTask", {"id": identifier("TASK", "t"), "spec": {"template": template}})
        for name, inputs in (("w", {}), ("timed", {"when": DATETIME})):
            nodes = [{"id": "n0", "taskNode": {"referenceId": identifier("TASK", "t")}}]
            interface = {"inputs": {"variables": inputs}}
            firing.call(
                "CreateWorkflow",
                {
                    "id": identifier("WORKFLOW", name),
                    "spec": {"template": {"nodes": nodes, "interface": interface}},
                },
            )
        yield firing


def scheduled(flyte: Firing, schedule: dict[str, Any], **spec: Any) -> None:
    """Create a version of a launch plan with a schedule, and activate it."""
    version, name = spec.pop("version", "v1"), spec.pop("name", "p")
    workflow = identifier("WORKFLOW", spec.pop("workflow", "w"))
    plan = identifier("LAUNCH_PLAN", name, version)
    body = {"workflowId": workflow, "entityMetadata": {"schedule": schedule}, **spec}
    flyte.call("CreateLaunchPlan", {"id": plan, "spec": body})
    switch(flyte, "ACTIVE", name=name, version=version)


def cron(expression: str, kickoff: str = "") -> dict[str, Any]:
    return {"cronSchedule": {"schedule": expression}, "kickoffTimeInputArg": kickoff}


def switch(flyte: Firing, state: str, *, name: str = "p", version: str = "v1") -> None:
    plan = identifier("LAUNCH_PLAN", name, version)
    flyte.call("UpdateLaunchPlan", {"id": plan, "state": state})


def executions(flyte: Firing, name: str = "") -> list[execution_pb2.Execution]:
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN), limit=20_000
    )
    if name:
        request.filters = f"eq(launch_plan.name,{name})"
    found = flyte.call("ListExecutions", request).executions
    return sorted(found, key=lambda one: one.spec.metadata.scheduled_at.ToMicroseconds())


def ticks(flyte: Firing, name: str = "") -> list[str]:
    """Ticks and, after the first version, versions of what was started."""
    found = []
    for one in executions(flyte, name):
        version = one.spec.launch_plan.version
        moment = one.spec.metadata.scheduled_at.ToJsonString().partition("T")[2]
        found.append(moment + (f" {version}" if version != "v1" else ""))
    return found


def test_tick_becomes_an_execution_with_the_scheduler_s_name(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *", "when"), workflow="timed")
    flyte.start()
    flyte.until(micros("2026-03-01T12:01:00Z"))

    (one,) = executions(flyte)

    assert one.id.name == "f5236cf8f46bbe688000"
    assert one.spec.metadata.mode == execution_pb2.ExecutionMetadata.SCHEDULED
    assert one.spec.metadata.scheduled_at.ToJsonString() == "2026-03-01T12:01:00Z"
    assert one.closure.created_at == one.spec.metadata.scheduled_at
    data = flyte.call("GetExecutionData", {"id": json_format.MessageToDict(one.id)})
    when = data.full_inputs.literals["when"].scalar.primitive.datetime
    assert when == one.spec.metadata.scheduled_at


def test_name_that_was_seen_on_a_real_server() -> None:
    key = Key("flytesnacks", "development", "lp", "v1")

    assert name(key, 1_700_000_000 * SECOND) == "f9c8be275fb3256d6000"


def test_t2_an_active_plan_may_be_dead(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    with pytest.raises(StatusError, match="unknown schedule expression type"):
        scheduled(flyte, {"cronExpression": "* * * * *"}, version="v2")
    flyte.start()
    flyte.passes(5 * MINUTE)

    place = {"project": PROJECT, "domain": DOMAIN, "name": "p"}
    assert flyte.call("GetActiveLaunchPlan", {"id": place}).id.version == "v1"
    assert ticks(flyte) == []

    # Activated once more, it lives.
    switch(flyte, "ACTIVE")
    flyte.passes(MINUTE)
    assert ticks(flyte) == ["12:06:00Z"]


def test_t8_one_tick_runs_again_under_another_version(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    flyte.start()
    flyte.until(micros("2026-03-01T12:01:05Z"))
    flyte.stop()
    # An activation that was made while the tick fired, as far as the database tells.
    flyte.now = micros("2026-03-01T12:00:59Z")
    scheduled(flyte, cron("* * * * *"), version="v2")
    flyte.now = micros("2026-03-01T12:01:20Z")
    flyte.start()

    assert ticks(flyte) == ["12:01:00Z", "12:01:00Z v2"]
    assert len({one.id.name for one in executions(flyte)}) == 2


def test_activation_is_noticed_within_thirty_seconds(flyte: Firing) -> None:
    flyte.start()
    scheduled(flyte, cron("@every 10s"))
    flyte.passes(29 * SECOND)
    assert ticks(flyte) == []

    flyte.passes(12 * SECOND)

    # The timer begins when the version is taken up.
    assert ticks(flyte) == ["12:00:50Z"]


def test_t20_old_version_may_fire_after_the_switch(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    flyte.start()
    flyte.until(micros("2026-03-01T12:00:50Z"))
    scheduled(flyte, cron("* * * * *"), version="v2")
    flyte.until(micros("2026-03-01T12:03:00Z"))

    # The look at 12:00:40 came before the switch, the next one at 12:01:10.
    assert ticks(flyte) == ["12:01:00Z", "12:02:00Z v2", "12:03:00Z v2"]


def test_plan_that_is_switched_off_and_on_between_two_looks_keeps_its_timer(flyte: Firing) -> None:
    scheduled(flyte, {"rate": {"value": 1, "unit": "MINUTE"}})
    flyte.start(catch_up=False)
    flyte.passes(35 * SECOND)
    switch(flyte, "INACTIVE")
    switch(flyte, "ACTIVE")
    flyte.passes(30 * SECOND)

    assert ticks(flyte) == ["12:01:10Z"]


def test_fixed_rate_counts_from_when_it_was_taken_up_and_passes_no_time(flyte: Firing) -> None:
    flyte.start()
    rate = {"rate": {"value": 1, "unit": "MINUTE"}, "kickoffTimeInputArg": "when"}
    # Its time has a default, or no execution could start (T4).
    literal = {"scalar": {"primitive": {"datetime": "2020-01-01T00:00:00Z"}}}
    defaults = {"parameters": {"when": {"var": DATETIME, "default": literal}}}
    scheduled(flyte, rate, workflow="timed", defaultInputs=defaults)
    flyte.passes(3 * MINUTE)

    assert ticks(flyte) == ["12:01:40Z", "12:02:40Z"]
    data = flyte.call(
        "GetExecutionData", {"id": json_format.MessageToDict(executions(flyte)[0].id)}
    )
    assert data.full_inputs.literals["when"].scalar.primitive.datetime.seconds == 1_577_836_800


def test_missed_ticks_are_caught_up_from_the_last_kept_moment(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    flyte.start()
    flyte.until(micros("2026-03-01T12:02:20Z"))
    flyte.stop()
    flyte.until(micros("2026-03-01T12:05:30Z"))
    assert ticks(flyte) == ["12:01:00Z", "12:02:00Z"]

    flyte.start()

    assert ticks(flyte)[2:] == ["12:03:00Z", "12:04:00Z", "12:05:00Z"]


def test_catching_up_can_be_switched_off(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    scheduled(flyte, {"rate": {"value": 1, "unit": "MINUTE"}}, name="r")
    flyte.passes(5 * MINUTE)

    flyte.start(catch_up=False)
    flyte.passes(MINUTE)

    assert ticks(flyte, "p") == ["12:06:00Z"]
    assert ticks(flyte, "r") == ["12:06:10Z"]


def test_restart_fires_a_rate_that_never_ran_at_its_activation(flyte: Firing) -> None:
    scheduled(flyte, {"rate": {"value": 1, "unit": "DAY"}})
    flyte.passes(5 * MINUTE)

    flyte.start()
    flyte.passes(30 * SECOND)

    # A part of a second too, since the moment is that of the activation.
    assert ticks(flyte) == ["12:00:10.250Z"]


def test_t7_activation_anew_moves_what_is_caught_up(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    flyte.passes(5 * MINUTE)
    switch(flyte, "ACTIVE")
    flyte.passes(2 * MINUTE)

    flyte.start()

    assert ticks(flyte) == ["12:06:00Z", "12:07:00Z"]


def test_long_outage_is_caught_up_whole(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    flyte.passes(24 * 60 * MINUTE)

    flyte.start()

    assert len(ticks(flyte)) == 24 * 60
    assert len({one.id.name for one in executions(flyte)}) == 24 * 60


def test_moments_are_kept_of_what_is_active_alone(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    flyte.start()
    flyte.passes(2 * MINUTE)
    switch(flyte, "INACTIVE")
    flyte.passes(5 * MINUTE)
    flyte.stop()
    switch(flyte, "ACTIVE")
    flyte.start()

    # What the pause left out is not caught up.
    assert ticks(flyte) == ["12:01:00Z", "12:02:00Z"]


def test_ticks_of_an_archived_project_are_swallowed(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    flyte.call("UpdateProject", {"id": PROJECT, "state": "ARCHIVED"})
    flyte.start()
    flyte.passes(5 * MINUTE)
    flyte.call("UpdateProject", {"id": PROJECT, "state": "ACTIVE"})
    flyte.passes(MINUTE)

    assert ticks(flyte) == ["12:06:00Z"]
    assert flyte.told == []


def test_t9_tick_that_the_concurrency_policy_skips_is_lost(flyte: Firing) -> None:
    limit = {"max": 1, "behavior": "CONCURRENCY_LIMIT_BEHAVIOR_SKIP"}
    scheduled(flyte, cron("* * * * *"), concurrencyPolicy=limit)
    flyte.start()
    flyte.passes(MINUTE)
    (first,) = executions(flyte)
    event = {
        "executionId": json_format.MessageToDict(first.id),
        "occurredAt": "2026-03-01T12:01:05Z",
    }
    flyte.call("CreateWorkflowEvent", {"event": event | {"phase": "QUEUED"}})
    flyte.passes(2 * MINUTE)
    flyte.call("CreateWorkflowEvent", {"event": event | {"phase": "FAILED"}})
    flyte.passes(MINUTE)
    flyte.stop()
    flyte.start()
    flyte.passes(SECOND)

    assert ticks(flyte) == ["12:01:00Z", "12:04:00Z"]
    assert flyte.told == []


def test_tick_that_is_refused_is_tried_for_half_an_hour(flyte: Firing) -> None:
    rate = {"rate": {"value": 1, "unit": "DAY"}, "kickoffTimeInputArg": "when"}
    flyte.start(catch_up=False)
    scheduled(flyte, rate, workflow="timed")
    flyte.until(micros("2026-03-02T12:27:00Z"))
    assert flyte.told == []

    flyte.passes(10 * MINUTE)

    assert flyte.told == [
        (
            "flytesnacks/development/p@v1: tick 2026-03-02T12:00:40Z: is lost: refused 30 times, "
            "as flytescheduler gives up too: expected_inputs when missing"
        )
    ]
    assert ticks(flyte) == []


@pytest.mark.parametrize(
    ("schedule", "workflow", "why"),
    [
        (cron("0 0 30 2 *"), "w", "flytesnacks/development/poison@v1: schedule: never fires"),
        (
            {"rate": {"value": 1, "unit": "MINUTE"}, "kickoffTimeInputArg": "when"},
            "timed",
            (
                "flytesnacks/development/poison@v1: tick 2026-03-01T12:01:10Z: refused 30 times: "
                "expected_inputs when missing"
            ),
        ),
    ],
    ids=["30 February", "rate with kickoff"],
)
def test_poison_stops_what_is_caught_up_and_noticed_and_says_so(
    flyte: Firing, schedule: dict[str, Any], workflow: str, why: str
) -> None:
    scheduled(flyte, schedule, name="poison", workflow=workflow)
    scheduled(flyte, cron("*/10 * * * *"))
    flyte.passes(15 * MINUTE)
    flyte.start()
    flyte.passes(60 * MINUTE)
    switch(flyte, "INACTIVE")
    flyte.until(micros("2026-03-01T13:30:00Z"))

    stuck = [sentence for sentence in flyte.told if "catching up ends here" in sentence]
    assert stuck == [
        (
            f"{why}; catching up ends here, as flytescheduler's would, and no change of any plan "
            "is noticed any more; deactivate this plan, and start the server again"
        )
    ]
    # What is loaded goes on, the missed tick of 12:10 is lost, and the switch is not noticed.
    assert ticks(flyte, "p") == [
        "12:20:00Z", "12:30:00Z", "12:40:00Z", "12:50:00Z", "13:00:00Z", "13:10:00Z", "13:20:00Z",
        "13:30:00Z",
    ]  # fmt: skip


def test_schedule_that_the_scheduler_cannot_run_is_told_once(flyte: Firing) -> None:
    flyte.start()
    scheduled(flyte, {"rate": {"value": 200_000, "unit": "DAY"}})
    flyte.passes(10 * MINUTE)

    assert flyte.told == [
        (
            "flytesnacks/development/p@v1: schedule: a rate of 200000 is left out here; on "
            "flytescheduler it overflows"
        )
    ]


def test_execution_that_somebody_made_under_the_name_counts_as_fired(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    plan = identifier("LAUNCH_PLAN", "p")
    spec = {"launchPlan": plan, "metadata": {"mode": "SCHEDULED"}}
    request = {"project": PROJECT, "domain": DOMAIN, "spec": spec}
    flyte.call("CreateExecution", request | {"name": "f5236cf8f46bbe688000"})
    flyte.start()
    flyte.passes(2 * MINUTE)

    assert len(executions(flyte)) == 2
    assert flyte.told == []


def test_only_the_active_version_of_a_plan_fires(flyte: Firing) -> None:
    scheduled(flyte, cron("* * * * *"))
    scheduled(flyte, cron("* * * * *"), version="v2")
    flyte.start()
    flyte.passes(MINUTE)

    (one,) = executions(flyte)

    assert one.spec.launch_plan.version == "v2"
