"""The normal form both ways, what the server rewrites, and what the SDK writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.common import run_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.trigger import trigger_definition_pb2
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from trigger_files import context, one

from reconciler.backends.flyte2.trigger import inputs, normal, wire
from reconciler.backends.flyte2.trigger.describe import describe
from reconciler.model.interface import Task
from reconciler.model.key import Key, Place
from reconciler.specs.trigger import TriggerSpec

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "values" / "golden" / "flyte2.json").read_text("utf-8")
)
SDK_TASK = Task(
    project="ranking",
    domain="production",
    name="etl.load",
    version="v1",
    inputs={item["key"]: item["value"] for item in GOLDEN["interface"]["inputs"]["variables"]},
    defaults={item["name"]: item["parameter"]["default"] for item in GOLDEN["defaults"]},
    sdk="2.12.1",
)
KEY = normal.key_of(Place("ranking", "production"), "etl.load", "daily")


def details(
    spec: dict[str, Any] | None = None, automation: dict[str, Any] | None = None
) -> trigger_definition_pb2.TriggerDetails:
    """A stored trigger."""
    message = trigger_definition_pb2.TriggerDetails()
    message.id.name.CopyFrom(normal.name_of(KEY))
    json_format.ParseDict({"taskVersion": "v1", **(spec or {})}, message.spec)
    json_format.ParseDict(automation or {}, message.automation_spec)
    return message


def of_sdk(name: str) -> trigger_definition_pb2.TriggerDetails:
    """A trigger as the SDK deploys it, with its inputs offloaded by somebody else."""
    written = json_format.ParseDict(GOLDEN["triggers"][name], task_definition_pb2.TaskTrigger())
    message = details()
    message.spec.run_spec.CopyFrom(written.spec.run_spec)
    message.spec.description = written.spec.description
    message.spec.offloaded_input_data.uri = "s3://bucket/uploads/offloaded-inputs/x"
    message.spec.offloaded_input_data.inputs_hash = inputs.hash_of(written.spec.inputs)
    message.automation_spec.CopyFrom(written.automation_spec)
    return message


def stored(body: dict[str, Any], uri: str = "") -> trigger_definition_pb2.TriggerDetails:
    """What the server has after a body was deployed."""
    offloaded = None
    if "inputs" in body:
        folder = inputs.folder_of(body["inputs"])
        uri = uri or f"s3://b/uploads/{folder}/p/d/offloaded-inputs/h"
        offloaded = run_pb2.OffloadedInputData(uri=uri, inputs_hash="h")
    message = details()
    message.spec.CopyFrom(wire.to_wire(body, task_version="v1", active=True, offloaded=offloaded))
    message.automation_spec.CopyFrom(wire.automation_to_wire(body))
    return message


EVERYTHING = """
    task: {name: etl.load, version: v1}
    description: every morning
    schedule: {cron: "0 6 * * *", timezone: Europe/Berlin, kickoffInput: day}
    inputs: {count: 3}
    context: {team: ranking}
    run:
      labels: {team: ranking}
      annotations: {example.com/owner: ranking}
      envs: {LOG_LEVEL: info}
      interruptible: false
      overwriteCache: true
      queue: critical
      rawOutputPrefix: s3://bucket/raw
      serviceAccount: ranking
      maxActionConcurrency: 4
      notifications:
      - {phases: [Failed], email: [oncall@example.com]}
      - {phases: [TimedOut], delivery: oncall}
      - {phases: [Succeeded], webhook: {url: "https://example.com", method: PUT, body: "{}"}}
"""


def test_what_is_deployed_reads_back_as_the_same_content() -> None:
    resource = one(EVERYTHING)

    live = normal.from_wire(stored(resource.body))

    assert normal.content_digest(KEY.name, live) == resource.digest
    assert inputs.recognised(live["inputs"], resource.body["inputs"]) == resource.body["inputs"]
    assert {**live, "inputs": resource.body["inputs"]} == resource.body


@pytest.mark.parametrize(
    "schedule",
    [
        "{every: 1m}",
        "{every: 90m}",
        "{every: 24h}",
        '{every: 7d, from: "2027-01-01T00:00:00.5Z"}',
        '{cron: "@daily"}',
        '{cron: "CRON_TZ=Asia/Tokyo 0 6 * * *"}',
        '{cron: "*/5 * * * *", timezone: UTC}',
    ],
)
def test_schedules_read_back_as_they_are(schedule: str) -> None:
    resource = one(
        f"task: {{name: etl.load, version: v1}}\nschedule: {schedule}\n"
        'inputs: {count: 3, day: "2027-01-01T00:00:00Z"}'
    )

    live = normal.from_wire(stored(resource.body))

    assert live["schedule"] == resource.body["schedule"]


@given(st.integers(min_value=1, max_value=2**31))
def test_rate_goes_out_in_the_largest_unit_and_comes_back(minutes: int) -> None:
    automation = wire.automation_to_wire({"schedule": {"every": minutes}})

    assert normal.schedule_from_wire(automation) == {"every": minutes}
    assert automation.schedule.rate.value > 0
    is_minute = automation.schedule.rate.unit == common_pb2.FIXED_RATE_UNIT_MINUTE
    assert is_minute is (minutes % 60 != 0)


def test_rate_of_another_client_is_the_same_in_any_unit() -> None:
    hours = {"schedule": {"rate": {"value": 6, "unit": "FIXED_RATE_UNIT_HOUR"}}}
    minutes = {"schedule": {"rate": {"value": 360, "unit": "FIXED_RATE_UNIT_MINUTE"}}}

    assert normal.from_wire(details({}, hours)) == normal.from_wire(details({}, minutes))


def test_empty_messages_and_defaults_say_nothing() -> None:
    empty = {
        "runSpec": {
            "labels": {},
            "annotations": {},
            "envs": {},
            "rawDataStorage": {},
            "securityContext": {"runAs": {}},
            "cacheConfig": {},
        }
    }

    assert normal.from_wire(details(empty, {"type": "TYPE_NONE"})) == {
        "task": {"name": "etl.load", "version": "v1"}
    }
    assert normal.from_wire(details({"runSpec": {"interruptible": False}})) == {
        "task": {"name": "etl.load", "version": "v1"},
        "interruptible": False,
    }


def test_t25_artifact_trigger_that_the_server_calls_none_is_not_a_plain_one() -> None:
    artifact = {"type": "TYPE_ARTIFACT", "artifact": {"artifactName": "model"}}
    rewritten = {"type": "TYPE_NONE", "artifact": {"artifactName": "model"}}

    assert normal.from_wire(details({}, artifact)) == normal.from_wire(details({}, rewritten))
    assert normal.from_wire(details({}, artifact)) != normal.from_wire(details())


def test_what_the_language_has_no_words_for_is_kept() -> None:
    spec = {
        "runSpec": {
            "clusterPool": "gpu",
            "cacheConfig": {"cacheLookupScope": "CACHE_LOOKUP_SCOPE_GLOBAL"},
            "securityContext": {"runAs": {"iamRole": "a", "k8sServiceAccount": "b"}},
            "runBaseDir": "s3://other",
        }
    }

    body = normal.from_wire(details(spec, {"schedule": {}}))

    assert body["serviceAccount"] == "b"
    assert body["other"] == {
        "scheduled": True,
        "run": {
            "clusterPool": "gpu",
            "cacheConfig": {"cacheLookupScope": "CACHE_LOOKUP_SCOPE_GLOBAL"},
            "securityContext": {"runAs": {"iamRole": "a"}},
            "runBaseDir": "s3://other",
        },
    }


def test_deprecated_cron_expression_and_prefix_read_as_a_cron() -> None:
    old = {"schedule": {"cronExpression": "CRON_TZ=Asia/Tokyo 0  6 * * *"}}
    new = {"schedule": {"cron": {"expression": "0 6 * * *", "timezone": "Asia/Tokyo"}}}

    assert normal.from_wire(details({}, old)) == normal.from_wire(details({}, new))


def test_trigger_of_the_sdk_is_recognised_by_the_hash_of_its_inputs() -> None:
    resource = one(
        """
        task: {name: etl.load, version: v1}
        state: Inactive
        schedule: {every: 6h, from: "2024-01-02T03:04:05Z"}
        inputs: {day: "2024-01-02T03:04:05Z", ratio: 2.0, count: 1}
        """,
        context(SDK_TASK),
    )
    live = normal.from_wire(of_sdk("rate"))

    live["inputs"] = inputs.recognised(live["inputs"], resource.body["inputs"])

    assert live == resource.body
    assert normal.content_digest(KEY.name, live) == resource.digest


def test_inputs_ignored_by_the_cache_are_not_proven_by_the_hash() -> None:
    task = Task(**{**SDK_TASK_FIELDS, "cache_ignored": ("day",)})
    resource = one(
        """
        task: {name: etl.load, version: v1}
        inputs: {day: "2024-01-02T03:04:05Z", ratio: 2.0, count: 1}
        """,
        context(task),
    )
    live = normal.from_wire(of_sdk("rate"))["inputs"]

    assert inputs.recognised(live, resource.body["inputs"]) == live


SDK_TASK_FIELDS = {
    name: getattr(SDK_TASK, name)
    for name in ("project", "domain", "name", "version", "inputs", "defaults", "sdk")
}


def test_other_inputs_are_not_recognised() -> None:
    first = one("task: {name: etl.load, version: v1}\ninputs: {count: 3}")
    second = one("task: {name: etl.load, version: v1}\ninputs: {count: 4}")
    live = normal.from_wire(stored(second.body))

    assert inputs.recognised(live["inputs"], first.body["inputs"]) == live["inputs"]
    assert normal.content_digest(KEY.name, live) == second.digest


def test_inline_inputs_are_not_offloaded_ones() -> None:
    spec = {"inputs": {"literals": [{"name": "count", "value": {"scalar": {}}}]}}

    body = normal.from_wire(details(spec))

    assert set(body["inputs"]) == {"inline"}  # type: ignore[arg-type]


def test_inline_context_of_the_sdk_says_what_the_argument_says() -> None:
    spec = {"inputs": {"context": [{"key": "_u_kickoff_time_input_arg", "value": "day"}]}}
    other = {"inputs": {"context": [{"key": "team", "value": "a"}]}}

    assert "inputs" not in normal.from_wire(details(spec))
    assert "inputs" in normal.from_wire(details(other))


def test_keys_and_names_of_triggers_are_one_to_one() -> None:
    place = Place("p", "d")
    odd = normal.key_of(place, "a/b%", "c/d")

    assert normal.name_of(odd).task_name == "a/b%"
    assert normal.name_of(odd).name == "c/d"
    assert odd != normal.key_of(place, "a", "b%/c/d")
    assert Key.parse(str(odd)) == odd


def test_description_of_a_normal_form_is_a_spec() -> None:
    shown = describe(one(EVERYTHING).body)

    spec = TriggerSpec.model_validate(shown)
    assert spec.schedule is not None
    assert spec.schedule.kickoff_input == "day"
    assert spec.inputs == {"count": 3, "ratio": 0.5}
    assert spec.context == {"team": "ranking"}
    assert spec.run.max_action_concurrency == 4
    assert [item.delivery for item in spec.run.notifications] == [None, "oncall", None]


def test_content_that_only_flyte_has_is_shown_as_it_is() -> None:
    live = normal.from_wire(of_sdk("rate"))

    assert describe(live)["inputs"] == (
        "(uploaded by somebody else: s3://bucket/uploads/offloaded-inputs/x)"
    )
