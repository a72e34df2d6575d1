"""Declared triggers become normal forms; what Flyte 2 would lose or hang on is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trigger_files import TASK, context, error, one, resolved

from reconciler.model.interface import Missing, Unread, Want
from reconciler.model.key import Key
from reconciler.model.origin import Severity
from reconciler.model.resource import Reference, State

WANT = Want("ranking", "production", "etl.load", version="v1")
TASK_LINE = "task: {name: etl.load, version: v1}"
INPUTS = "inputs: {count: 3}"
DAILY = f"""
{TASK_LINE}
schedule: {{cron: "0  6 * * *", timezone: Europe/Berlin}}
inputs: {{count: 3, day: "2027-01-01T00:00:00Z"}}
"""


def test_trigger_is_keyed_by_its_task_and_name() -> None:
    assert one(DAILY).key == Key("FlyteTrigger", "ranking", "production", "etl.load/daily")
    named = one(f"name: nightly\n{DAILY}")
    assert named.key.name == "etl.load/nightly"


def test_normal_form_holds_what_is_sent() -> None:
    resource = one(
        f"""
        {TASK_LINE}
        description: every morning
        schedule: {{every: 90m, from: "2027-01-01T06:00:00+01:00"}}
        inputs: {{day: "2027-01-01T00:00:00Z", count: 3}}
        context: {{team: ranking}}
        run:
          labels: {{team: ranking}}
          envs: {{LOG_LEVEL: info}}
          interruptible: false
          rawOutputPrefix: s3://bucket/raw
        """
    )

    assert resource.body == {
        "task": {"name": "etl.load", "version": "v1"},
        "description": "every morning",
        "schedule": {"every": 90, "from": "2027-01-01T05:00:00Z"},
        "inputs": {
            "literals": {
                "day": {"scalar": {"primitive": {"datetime": "2027-01-01T00:00:00Z"}}},
                "count": {"scalar": {"primitive": {"integer": "3"}}},
                "ratio": {"scalar": {"primitive": {"floatValue": 0.5}}},
            },
            "context": {"team": "ranking"},
        },
        "labels": {"team": "ranking"},
        "envs": {"LOG_LEVEL": "info"},
        "rawOutputPrefix": "s3://bucket/raw",
        "interruptible": False,
    }
    assert resource.refs == (
        Reference(Key("FlyteTask", "ranking", "production", "etl.load"), "v1"),
    )


def test_inputs_given_stand_before_defaults_as_the_sdk_has_them() -> None:
    literals = one(DAILY).body["inputs"]["literals"]  # type: ignore[index,call-overload]

    assert list(literals) == ["count", "day", "ratio"]


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        (DAILY, State.ACTIVE),
        (f"{DAILY}\nstate: Inactive", State.INACTIVE),
        (f"{DAILY}\nstate: Unmanaged", State.UNMANAGED),
        (TASK_LINE, State.UNMANAGED),
    ],
)
def test_state_follows_the_schedule_unless_it_is_declared(spec: str, state: State) -> None:
    assert one(spec).state is state


def test_digest_is_of_content_alone() -> None:
    first = one(DAILY)
    inactive = one(f"{DAILY}\nstate: Inactive\nadopt: true\nprotect: true")
    other = one(DAILY.replace("count: 3", "count: 4"))

    assert first.digest == inactive.digest
    assert first.digest != other.digest


def test_digest_of_a_packaged_task_survives_promotion() -> None:
    task = replace(TASK, version="ranking-dev.amx3w5b2m7qd4ztr")
    promoted = replace(TASK, version="ranking-prod.amx3w5b2m7qd4ztr")
    text = DAILY.replace("version: v1", 'version: {latest: true, matching: "v*"}')

    assert one(text, context(task)).digest == one(text, context(promoted)).digest
    assert one(text, context(task)).body["task"] == {
        "name": "etl.load",
        "digest": "amx3w5b2m7qd4ztr",
    }


def test_task_that_nobody_deployed_is_refused_at_plan_time() -> None:
    found = replace(context(), catalog={WANT: Missing("task etl.load version v1 is not there")})

    assert str(error(DAILY, found)) == (
        "daily.yaml:5:26: spec.task.version: task etl.load version v1 is not there; "
        "register it first, or declare its package in this set"
    )


def test_schedule_is_checked_too_where_the_task_is_missing() -> None:
    where = replace(context(), catalog={WANT: Missing("it is not there")})
    found = resolved(DAILY.replace("Europe/Berlin", "Mars/Base"), where)

    errors = [item for item in found.problems if item.severity is Severity.ERROR]
    assert [item.path for item in errors] == ["spec.task.version", "spec.schedule.timezone"]


def test_wrong_inputs_hide_no_wrong_kickoff_input() -> None:
    wrong = f"""
        {TASK_LINE}
        schedule: {{cron: "0 6 * * *", kickoffInput: %s}}
        inputs: {{ratio: much}}
    """
    for name in ("count", "none"):
        problems = resolved(wrong % name).problems
        assert {item.path for item in problems if item.severity is Severity.ERROR} == {
            "spec.inputs.ratio",
            "spec.schedule",
            "spec.schedule.kickoffInput",
        }


def test_wrong_schedule_hides_no_wrong_kickoff_input() -> None:
    problems = resolved(
        f"""
        {TASK_LINE}
        schedule: {{cron: "0 6 * * *", timezone: Mars/Base, kickoffInput: ratio}}
        inputs: {{count: 3, day: "2027-01-01T00:00:00Z"}}
        """
    ).problems

    assert [item.path for item in problems if item.severity is Severity.ERROR] == [
        "spec.schedule.timezone",
        "spec.schedule.kickoffInput",
    ]


def test_task_that_could_not_be_read_is_not_absent() -> None:
    found = replace(context(), catalog={WANT: Unread("no answer")})

    assert error(DAILY, found).message == "could not be looked up: no answer"


def test_without_a_backend_only_the_rest_is_checked() -> None:
    offline = replace(context(), catalog={}, is_offline=True)

    assert resolved(DAILY, offline).unchecked == 1
    never = error(DAILY.replace("0  6 * * *", "0 0 31 2 *"), offline)
    assert never.message.startswith('S006: "0 0 31 2 *" never fires')


def test_unknown_input_is_named_with_its_place() -> None:
    problem = error(DAILY.replace("count: 3", "cuont: 3, count: 3"))

    assert problem.path == "spec.inputs.cuont"
    assert problem.message == 'the task has no input "cuont"'


def test_scheduled_trigger_needs_all_inputs() -> None:
    problem = error(f"{TASK_LINE}\nschedule: {{cron: '0 6 * * *'}}")

    assert problem.message == (
        "the task's input count, day has no value, and a scheduled trigger runs without anybody "
        "to give one"
    )


def test_trigger_without_a_schedule_may_leave_inputs_to_its_caller() -> None:
    assert one(TASK_LINE).body["inputs"] == {
        "literals": {"ratio": {"scalar": {"primitive": {"floatValue": 0.5}}}},
        "context": {},
    }


@pytest.mark.parametrize("option", ["overwriteCache: true", "queue: a", "serviceAccount: a"])
def test_option_that_the_open_source_server_ignores_is_a_warning(option: str) -> None:
    result = resolved(f"{DAILY}\nrun: {{{option}}}")

    (warning,) = result.warnings
    assert warning.message == "is stored, and the open-source Flyte 2 does not act on it"
    assert warning.path == f"spec.run.{option.partition(':')[0]}"
    assert warning.severity is Severity.WARNING
    assert not result.errors


def test_rate_is_kept_in_minutes_and_cron_in_single_spaces() -> None:
    assert one(DAILY).body["schedule"] == {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
    utc = DAILY.replace("Europe/Berlin", "UTC")
    prefixed = DAILY.replace(", timezone: Europe/Berlin", "").replace('"0', '"CRON_TZ=UTC 0')
    assert one(utc).body["schedule"] == {"cron": "0 6 * * *"}
    assert one(prefixed).digest == one(utc).digest
