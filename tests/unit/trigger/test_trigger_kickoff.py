"""The scheduled time reaches its input, and no other input is lost on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trigger_files import DATETIME, INTEGER, TASK, context, error, one

from reconciler.backends.flyte2.trigger.kickoff import reads_start_time
from reconciler.model.interface import Task

TASK_LINE = "task: {name: etl.load, version: v1}"
KICKOFF = "schedule: {cron: '0 6 * * *', kickoffInput: day}"
ONLY_TIME = replace(TASK, inputs={"day": DATETIME}, defaults={})
BY_DEFAULT = replace(
    TASK,
    inputs={"count": INTEGER, "day": DATETIME},
    defaults={"count": {"scalar": {"primitive": {"integer": "3"}}}},
)


def test_time_alone_is_the_argument_of_the_schedule() -> None:
    resource = one(f"{TASK_LINE}\n{KICKOFF}", context(ONLY_TIME))

    assert resource.body == {
        "task": {"name": "etl.load", "version": "v1"},
        "schedule": {"cron": "0 6 * * *", "kickoffInput": "day"},
    }


@pytest.mark.parametrize("inputs", ["", "inputs: {count: 3}"])
def test_time_beside_defaults_is_passed_both_ways_as_the_sdk_does(inputs: str) -> None:
    resource = one(f"{TASK_LINE}\n{KICKOFF}\n{inputs}", context(BY_DEFAULT))

    assert resource.body["schedule"] == {"cron": "0 6 * * *", "kickoffInput": "day"}
    assert resource.body["inputs"] == {
        "literals": {"count": {"scalar": {"primitive": {"integer": "3"}}}},
        "context": {"_u_kickoff_time_input_arg": "day"},
    }


@pytest.mark.parametrize("other", ["inputs: {count: 4}", "context: {team: ranking}"])
def test_time_beside_what_the_argument_would_lose_is_named_in_the_context(other: str) -> None:
    resource = one(f"{TASK_LINE}\n{KICKOFF}\n{other}", context(BY_DEFAULT))

    assert resource.body["schedule"] == {"cron": "0 6 * * *"}
    inputs = resource.body["inputs"]
    assert isinstance(inputs, dict)
    assert isinstance(inputs["context"], dict)
    assert inputs["context"]["_u_kickoff_time_input_arg"] == "day"


@pytest.mark.parametrize("sdk", ["2.3.5", "", "local"])
def test_older_task_cannot_take_the_time_beside_other_inputs(sdk: str) -> None:
    problem = error(
        f"{TASK_LINE}\n{KICKOFF}\ninputs: {{count: 4}}", context(replace(BY_DEFAULT, sdk=sdk))
    )

    assert problem.path == "spec.schedule.kickoffInput"
    assert problem.message == (
        f"the task was built with SDK {sdk or '(unknown)'}, and Flyte passes the scheduled time "
        "beside other inputs (count) to tasks of 2.3.6 and newer only"
    )
    assert problem.fix == (
        "build the task with a newer SDK, or leave count out, so that the time can be passed as "
        "the only input"
    )


def test_cached_task_would_take_the_result_of_the_first_run() -> None:
    cached = replace(BY_DEFAULT, is_cached=True)
    text = f"{TASK_LINE}\n{KICKOFF}\ninputs: {{count: 4}}"

    problem = error(text, context(cached))

    assert problem.message == (
        "the task is cached, and the scheduled time beside other inputs (count) is no part of the "
        "cache's key: each run would take the result of the first"
    )
    assert one(text, context(replace(cached, cache_ignored=("day",))))
    assert one(f"{TASK_LINE}\n{KICKOFF}", context(cached))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (replace(TASK, inputs={"count": INTEGER}), "the task has no input day"),
        (
            replace(TASK, inputs={"count": INTEGER, "day": INTEGER}),
            "input day is int, and the scheduled time is a datetime",
        ),
    ],
)
def test_time_needs_an_input_that_takes_it(task: Task, message: str) -> None:
    problem = error(f"{TASK_LINE}\n{KICKOFF}\ninputs: {{count: 3}}", context(task))

    assert problem.message == message


def test_fixed_rate_passes_the_time_too() -> None:
    every = "schedule: {every: 6h, kickoffInput: day}"

    assert one(f"{TASK_LINE}\n{every}", context(ONLY_TIME)).body["schedule"] == {
        "every": 360,
        "kickoffInput": "day",
    }


@pytest.mark.parametrize(
    ("sdk", "expected"),
    [
        ("2.3.6", True),
        ("2.12.1", True),
        ("v2.3.6b1", True),
        ("flyte 10.0.0", True),
        ("2.3", False),
        ("1.99.9", False),
    ],
)
def test_start_time_is_known_since_2_3_6(sdk: str, expected: bool) -> None:
    assert reads_start_time(sdk) is expected
