"""What starting the execution of a tick says on Flyte 1, and when there is nothing to start."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.backends.flyte1.adapters import TRAITS
from reconciler.model.drive import Drive
from reconciler.model.key import Key
from reconciler.model.ledger import Driven
from reconciler.model.live import Runs
from reconciler.model.origin import Origin
from reconciler.model.pursuit import Pursuit
from reconciler.model.resource import Resource
from reconciler.schedule.identity import execution_name

NOW = datetime(2026, 5, 2, 12, tzinfo=UTC)
TICK = datetime(2026, 5, 2, 6, tzinfo=UTC)
KEY = Key("FlyteBackfill", "sales", "production", "may")
FACTS: dict[str, Any] = {
    "version": "v1",
    "isActive": True,
    "schedule": {"cron": "0 6 * * *", "kickoffInput": "day"},
    "inputs": {
        "day": {"type": {"simple": "DATETIME"}},
        "rows": {"type": {"simple": "INTEGER"}},
    },
    "fixed": ["source"],
}


def driven(body: dict[str, Any] | None = None, **facts: Any) -> Drive:
    resource = Resource(
        key=KEY,
        body={"launchPlan": "etl", "from": "-1d", **(body or {})},
        origin=Origin("x.yaml", 1, 1),
    )
    known = {} if facts.get("version", "v") is None else {**FACTS, **facts}
    return TRAITS[KEY.kind].drive(
        Pursuit(resource=resource, content="", runs=Runs(facts=known), held=Driven(), now=NOW)
    )


def test_execution_of_a_tick_is_the_one_that_the_scheduler_would_start() -> None:
    (launch,) = driven().launches
    assert launch.id.name == execution_name(
        project="sales", domain="production", name="etl", version="v1", scheduled_at=TICK
    )
    assert launch.scheduled_at == TICK
    assert launch.body == {
        "entity": {
            "kind": "launch plan",
            "project": "sales",
            "domain": "production",
            "name": "etl",
            "version": "v1",
        },
        "scheduledAt": "2026-05-02T06:00:00Z",
        "inputs": {"day": {"scalar": {"primitive": {"datetime": "2026-05-02T06:00:00Z"}}}},
    }


def test_execution_has_no_labels_and_no_tags() -> None:
    body = driven({"overwriteCache": True}).launches[0].body
    assert body.keys() == {"entity", "scheduledAt", "inputs", "overwriteCache"}


def test_plan_without_a_kickoff_input_is_given_none() -> None:
    (launch,) = driven(schedule={"cron": "0 6 * * *"}).launches
    assert "inputs" not in launch.body


def test_fixed_rate_passes_no_kickoff_as_the_scheduler_does() -> None:
    (launch,) = driven(
        {"anchor": "2026-05-01T06:00:00Z"}, schedule={"every": 1440, "kickoffInput": "day"}
    ).launches
    assert "inputs" not in launch.body


def test_given_inputs_are_typed_by_the_plan_and_named_apart() -> None:
    (launch,) = driven({"inputs": {"rows": 7}, "overwriteCache": True}).launches
    inputs: Any = launch.body["inputs"]
    assert inputs["rows"] == {"scalar": {"primitive": {"integer": "7"}}}
    assert launch.body["overwriteCache"] is True
    assert launch.id.name.startswith("b")


@pytest.mark.parametrize(
    ("inputs", "failure"),
    [
        ({"rows": "many"}, 'inputs.rows: expected int, found the text "many"'),
        ({"row": 7}, 'inputs.row: the workflow has no input "row"; did you mean "rows"?'),
        ({"day": "2026-01-01T00:00:00Z"}, "inputs.day takes the tick"),
        ({"source": "a"}, "inputs.source is fixed by the plan"),
    ],
)
def test_inputs_that_cannot_be_are_a_failure(inputs: dict[str, Any], failure: str) -> None:
    found = driven({"inputs": inputs})
    assert failure in found.failure
    assert found.launches == ()


def test_plan_that_is_not_there_is_waited_for() -> None:
    found = driven(version=None)
    assert found.waits == "launch plan etl is not in sales/production; register it"
    assert found.failure == ""


def test_plan_without_a_schedule_is_a_failure() -> None:
    assert driven(schedule={}).failure == "launch plan etl v1 has no schedule to fill"


def test_plan_tells_which_version_is_run() -> None:
    assert "runs etl v1, which is active" in driven().notes
    assert "runs etl v1, which is not active" in driven(isActive=False).notes
