"""The embedded Flyte 2 scheduler, minute by minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import firing_kit
import pytest
from firing_kit import MINUTE, SECOND, Firing, micros
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import json_format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECT, DOMAIN, TASK = "flytesnacks", "development", "env.t"
BEGIN = micros("2026-03-01T12:00:10.25Z")
PLACE = {"project": PROJECT, "domain": DOMAIN}


@pytest.fixture
def flyte(tmp_path: Path) -> Iterator[Firing]:
    """A store with the task `env.t`, whose SDK knows when its run is meant to have started."""
    with firing_kit.opened(tmp_path, BEGIN) as firing:
        runtime = {"type": "FLYTE_SDK", "version": "2.3.6", "flavor": "python"}
        template = {"type": "python", "metadata": {"runtime": runtime}, "interface": {}}
        body = {"taskTemplate": template | {"container": {"image": "img"}}}
        identifier = PLACE | {"name": TASK, "version": "v1"}
        firing.call("DeployTask", {"taskId": identifier, "spec": body})
        yield firing


def name(trigger: str = "nightly") -> dict[str, str]:
    return PLACE | {"taskName": TASK, "name": trigger}


def deploy(flyte: Firing, schedule: dict[str, Any], trigger: str = "nightly", **spec: Any) -> None:
    body = {"active": True, "taskVersion": "v1", **spec}
    automation = {"type": "TYPE_SCHEDULE", "schedule": schedule}
    flyte.call("DeployTrigger", {"name": name(trigger), "spec": body, "automationSpec": automation})


def cron(expression: str = "* * * * *", zone: str = "", **rest: Any) -> dict[str, Any]:
    return {"cron": {"expression": expression, "timezone": zone}, **rest}


def rate(value: int, **rest: Any) -> dict[str, Any]:
    return {"rate": {"value": value, "unit": "FIXED_RATE_UNIT_MINUTE", **rest}}


def switch(flyte: Firing, *, active: bool, trigger: str = "nightly") -> None:
    flyte.call("UpdateTriggers", {"names": [name(trigger)], "active": active})


def runs(flyte: Firing, trigger: str = "nightly") -> list[run_definition_pb2.Run]:
    scope = {"triggerName": name(trigger)}
    found: list[run_definition_pb2.Run] = []
    token = ""
    while True:
        listing = {"limit": 200, "token": token, "sortByFields": [{"key": "created_at"}]}
        answer = flyte.call("ListRuns", {"request": listing, **scope})
        found += answer.runs
        token = answer.token
        if not token:
            return found


def ticks(flyte: Firing, trigger: str = "nightly") -> list[str]:
    found = []
    for one in runs(flyte, trigger):
        run = json_format.MessageToDict(one.action.id.run)
        details = flyte.call("GetRunDetails", {"runId": run}).details
        found.append(details.run_spec.run_start_time.ToJsonString().partition("T")[2])
    return sorted(found)


def test_tick_becomes_a_run_with_the_scheduler_s_name(flyte: Firing) -> None:
    deploy(flyte, cron())
    flyte.start()
    flyte.until(micros("2026-03-01T12:01:00Z"))

    (one,) = runs(flyte)

    assert one.action.id.run.name == "r36295c49f475cba5"
    assert one.action.metadata.source == run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER
    assert one.action.metadata.trigger_id.revision == 1
    assert ticks(flyte) == ["12:01:00Z"]


def test_cron_is_read_in_its_zone_and_else_in_utc(flyte: Firing) -> None:
    deploy(flyte, cron("0 18 * * *", "Asia/Kolkata"), "zoned")
    deploy(flyte, cron("0 18 * * *"), "plain")
    flyte.start()
    flyte.passes(12 * 60 * MINUTE)

    assert ticks(flyte, "zoned") == ["12:30:00Z"]
    assert ticks(flyte, "plain") == ["18:00:00Z"]


def test_change_is_noticed_within_thirty_seconds(flyte: Firing) -> None:
    flyte.start()
    deploy(flyte, cron("@every 10s"))
    flyte.passes(29 * SECOND)
    assert ticks(flyte) == []

    # Counted from the activation at 12:00:10, not from when it was noticed at 12:00:40.
    flyte.passes(12 * SECOND)
    assert ticks(flyte) == ["12:00:50Z"]


def test_trigger_that_was_switched_off_may_fire_once_more_and_a_deleted_one_does_not(
    flyte: Firing,
) -> None:
    deploy(flyte, cron("@every 20s"), "off")
    deploy(flyte, cron("@every 20s"), "gone")
    flyte.start()
    flyte.passes(10 * SECOND)
    switch(flyte, active=False, trigger="off")
    flyte.call("DeleteTriggers", {"names": [name("gone")]})
    flyte.passes(5 * MINUTE)

    assert ticks(flyte, "off") == ["12:00:30Z"]
    assert ticks(flyte, "gone") == []
    assert flyte.told == [
        (
            "flytesnacks/development/env.t/gone: tick 2026-03-01T12:00:30Z: is lost, as on the "
            'manager: NOT_FOUND: trigger "gone" not found: trigger not found: '
            "flytesnacks/development/env.t/gone: sql: no rows in result set"
        )
    ]


def test_rate_counts_on_from_its_last_run_when_it_is_deployed_anew(flyte: Firing) -> None:
    deploy(flyte, rate(2))
    flyte.start()
    flyte.passes(3 * MINUTE)
    deploy(flyte, rate(2))
    flyte.passes(3 * MINUTE)

    assert ticks(flyte) == ["12:02:10Z", "12:04:10Z", "12:06:10Z"]


def test_rate_with_a_start_keeps_to_it(flyte: Firing) -> None:
    deploy(flyte, rate(2, startTime="2026-03-01T09:00:07Z"), "past")
    deploy(flyte, rate(2, startTime="2026-03-01T12:03:00.5Z"), "coming")
    flyte.start()
    flyte.passes(6 * MINUTE)

    assert ticks(flyte, "past") == ["12:02:07Z", "12:04:07Z", "12:06:07Z"]
    # The first one to the moment, the others in whole seconds.
    assert ticks(flyte, "coming") == ["12:03:00.500Z", "12:05:00Z"]


def test_kickoff_argument_is_all_that_a_run_gets(flyte: Firing) -> None:
    literal = {"scalar": {"primitive": {"integer": "3"}}}
    inputs = {"literals": [{"name": "x", "value": literal}]}
    upload = {"projectId": {"name": PROJECT, "domain": DOMAIN}, "inputs": inputs}
    task = {"taskId": PLACE | {"name": TASK, "version": "v1"}}
    stored = flyte.call("UploadInputs", upload | task).offloaded_input_data
    offloaded = json_format.MessageToDict(stored)
    deploy(flyte, cron(), "plain", offloadedInputData=offloaded)
    deploy(flyte, cron(kickoffTimeInputArg="when"), "timed", offloadedInputData=offloaded)
    deploy(flyte, cron(), "inline", inputs=inputs)
    flyte.start()
    flyte.passes(MINUTE)

    seen = {trigger: given(flyte, trigger) for trigger in ("plain", "timed", "inline")}

    assert seen["plain"] == inputs
    assert seen["inline"] == {}
    when = {"scalar": {"primitive": {"datetime": "2026-03-01T12:01:00Z"}}}
    assert seen["timed"] == {"literals": [{"name": "when", "value": when}]}


def given(flyte: Firing, trigger: str) -> dict[str, Any]:
    (one,) = runs(flyte, trigger)
    action = {"run": json_format.MessageToDict(one.action.id.run), "name": "a0"}
    data = flyte.call("GetActionData", {"actionId": action})
    return json_format.MessageToDict(data.inputs)


def test_missed_runs_are_caught_up_at_the_start(flyte: Firing) -> None:
    deploy(flyte, cron())
    flyte.start()
    flyte.passes(2 * MINUTE)
    flyte.stop()
    flyte.passes(3 * MINUTE)
    flyte.start()

    assert ticks(flyte) == ["12:01:00Z", "12:02:00Z", "12:03:00Z", "12:04:00Z", "12:05:00Z"]


def test_catching_up_can_be_switched_off(flyte: Firing) -> None:
    deploy(flyte, cron())
    flyte.passes(3 * MINUTE)
    flyte.start(catch_up=False)
    flyte.passes(MINUTE)

    assert ticks(flyte) == ["12:04:00Z"]


def test_t27_catching_up_ends_after_a_hundred_runs_of_all_those_switched_last_first(
    flyte: Firing,
) -> None:
    deploy(flyte, cron(), "older")
    flyte.passes(SECOND)
    deploy(flyte, cron(), "newer")
    flyte.passes(70 * MINUTE)
    flyte.start()

    # The rest is never started, by no later start either: the last run moves the baseline.
    assert (len(ticks(flyte, "newer")), len(ticks(flyte, "older"))) == (70, 30)
    flyte.stop()
    flyte.start()
    assert (len(ticks(flyte, "newer")), len(ticks(flyte, "older"))) == (70, 30)


def test_t27_refused_runs_use_up_the_hundred_and_are_not_tried_again(flyte: Firing) -> None:
    deploy(flyte, cron(), "good")
    flyte.passes(SECOND)
    deploy(flyte, cron(), "broken", taskVersion="v9")
    flyte.passes(99 * MINUTE)
    flyte.start()

    assert ticks(flyte, "broken") == []
    assert len(ticks(flyte, "good")) == 1
    assert len(flyte.told) == 99


def test_t28_a_switch_and_a_run_by_hand_move_what_is_caught_up(flyte: Firing) -> None:
    deploy(flyte, cron(), "switched")
    deploy(flyte, cron(), "run")
    deploy(flyte, cron(), "edited")
    flyte.passes(5 * MINUTE)
    switch(flyte, active=False, trigger="switched")
    switch(flyte, active=True, trigger="switched")
    run = PLACE | {"name": "by-hand"}
    flyte.call("CreateRun", {"runId": run, "triggerName": name("run")})
    deploy(flyte, cron(), "edited")
    flyte.passes(2 * MINUTE)
    flyte.start()

    assert ticks(flyte, "switched") == ["12:06:00Z", "12:07:00Z"]
    assert ticks(flyte, "run") == ["12:05:10.250Z", "12:06:00Z", "12:07:00Z"]
    # An edit alone moves nothing.
    assert len(ticks(flyte, "edited")) == 7


def test_cron_that_never_fires_starts_a_run_whenever_it_is_taken_up(flyte: Firing) -> None:
    deploy(flyte, cron("0 0 30 2 *"))
    flyte.passes(5 * SECOND)
    flyte.start()
    flyte.passes(MINUTE)
    deploy(flyte, cron("0 0 31 2 *"))
    flyte.passes(MINUTE)

    # At the moment of its activation, then at that of its last run.
    assert ticks(flyte) == ["12:00:10.250Z", "12:00:15.250Z"]


def test_rate_of_zero_is_told_and_does_not_spin(flyte: Firing) -> None:
    deploy(flyte, rate(0))
    flyte.start()
    flyte.passes(10 * MINUTE)

    assert flyte.told == [
        (
            "flytesnacks/development/env.t/nightly: schedule: a rate of 0 is left out here; the "
            "manager may hang on it"
        )
    ]
    assert ticks(flyte) == []


def test_inactive_triggers_and_those_without_a_schedule_do_not_fire(flyte: Firing) -> None:
    deploy(flyte, cron(), "off", active=False)
    deploy(flyte, {}, "empty")
    flyte.start()
    flyte.passes(5 * MINUTE)

    assert (ticks(flyte, "off"), ticks(flyte, "empty"), flyte.told) == ([], [], [])


def test_old_trigger_is_taken_up_at_once(flyte: Firing) -> None:
    """Not tick by tick, of which a year has half a million."""
    deploy(flyte, cron())
    flyte.passes(365 * 24 * 60 * MINUTE)
    flyte.start(catch_up=False)
    flyte.passes(MINUTE)

    assert ticks(flyte) == ["12:01:00Z"]
