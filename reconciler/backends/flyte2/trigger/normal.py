"""The normal form of a trigger, read from a live message.

    task           {name, version | digest}: a version that a set of ours made counts by its digest
    schedule       {cron, timezone?} | {every: minutes, from?}, kickoffInput?
    inputs         see `inputs`
    description, labels, annotations, envs, rawOutputPrefix, queue, serviceAccount,
    maxActionConcurrency, interruptible, overwriteCache, notificationRule
    notifications  [InlineRule]
    other          fields that the language has no words for, as protobuf JSON

Messages are JSON in protobuf's mapping. Absent, default and empty are the same and left out;
`interruptible` has three states. Whether the trigger is active is no part of it. The type of an
automation says nothing, since the server stores NONE for whatever is no schedule (seen on 2.0.43);
the deprecated `cron_expression` is read as `cron`, and UTC as no zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from flyteidl2.common import identifier_pb2
from flyteidl2.task import common_pb2, run_pb2
from flyteidl2.trigger import trigger_definition_pb2

from reconciler.backends.flyte2.trigger import inputs
from reconciler.backends.wire.message import to_json
from reconciler.model.digest import digest, split_version
from reconciler.model.document import Json, filled
from reconciler.model.key import Key, Place
from reconciler.schedule.cron import split_zone
from reconciler.schedule.rate import Unit
from reconciler.schedule.rules import ScheduleError
from reconciler.specs.trigger import key_name

KIND = "FlyteTrigger"

UNITS = {
    Unit.MINUTE: common_pb2.FIXED_RATE_UNIT_MINUTE,
    Unit.HOUR: common_pb2.FIXED_RATE_UNIT_HOUR,
    Unit.DAY: common_pb2.FIXED_RATE_UNIT_DAY,
}
_MINUTES = {number: unit.minutes for unit, number in UNITS.items()}
_OF_RUN = frozenset(
    {
        *("labels", "annotations", "envs", "interruptible", "overwrite_cache", "queue"),
        *("raw_data_storage", "max_action_concurrency"),
        *("notification_rule_name", "notification_rules"),
    }
)
"""Fields of a run spec that the normal form has under names of its own."""


def key_of(place: Place, task: str, trigger: str) -> Key:
    """Make the key of a trigger: its name is unique within its task only."""
    return Key(KIND, place.project, place.domain, key_name(task, trigger))


def name_of(key: Key) -> identifier_pb2.TriggerName:
    """Name a trigger as Flyte does; undoes `key_of`."""
    task, _, trigger = key.name.partition("/")
    return identifier_pb2.TriggerName(
        project=key.project, domain=key.domain, task_name=unquote(task), name=trigger
    )


def key_of_name(name: identifier_pb2.TriggerName) -> Key:
    """Make the key of a live trigger."""
    return key_of(Place(name.project, name.domain), name.task_name, name.name)


def content_digest(name: str, body: Mapping[str, Json]) -> str:
    """Digest of a trigger: kind, name and content; not its place, set, revision or state."""
    content = dict(body)
    if "inputs" in content:
        content["inputs"] = inputs.fingerprint(content["inputs"])
    return digest({"kind": KIND, "name": name, "body": content})


def from_wire(details: trigger_definition_pb2.TriggerDetails) -> dict[str, Json]:
    """Turn a stored trigger into its normal form."""
    spec = details.spec
    parts: dict[str, Json] = {
        "task": reference(details.id.name.task_name, spec.task_version),
        "schedule": schedule_from_wire(details.automation_spec),
        "inputs": inputs.from_wire(spec),
        "description": spec.description,
        **_run(spec.run_spec),
        "other": _other(details),
    }
    body: dict[str, Json] = filled(parts)
    if spec.run_spec.HasField("interruptible"):
        body["interruptible"] = spec.run_spec.interruptible.value
    return body


def reference(name: str, version: str) -> dict[str, Json]:
    """Name the task of a trigger."""
    made_by_a_set = split_version(version)
    if made_by_a_set is None:
        return {"name": name, "version": version}
    return {"name": name, "digest": made_by_a_set[1]}


def schedule_from_wire(automation: common_pb2.TriggerAutomationSpec) -> dict[str, Json]:
    """Turn a schedule into its normal form; empty when there is none."""
    schedule = automation.schedule
    found: dict[str, Json] = {}
    match schedule.WhichOneof("expression"):
        case "cron":
            found = _cron(schedule.cron.expression, schedule.cron.timezone)
        case "cron_expression":
            found = _cron(schedule.cron_expression, "")
        case "rate":
            found["every"] = schedule.rate.value * _MINUTES.get(schedule.rate.unit, 0)
            if schedule.rate.HasField("start_time"):
                found["from"] = schedule.rate.start_time.ToJsonString()
        case _:
            return {}
    if schedule.kickoff_time_input_arg:
        found["kickoffInput"] = schedule.kickoff_time_input_arg
    return found


def _cron(expression: str, timezone: str) -> dict[str, Json]:
    zone: str | None = timezone
    if not timezone:
        try:
            expression, zone = split_zone(expression)
        except ScheduleError:
            zone = None  # the server refuses such an expression; shown as it is
    found: dict[str, Json] = {"cron": " ".join(expression.split())}
    if zone and zone != "UTC":
        found["timezone"] = zone
    return found


def _run(spec: run_pb2.RunSpec) -> dict[str, Json]:
    return {
        "labels": dict(spec.labels.values),
        "annotations": dict(spec.annotations.values),
        "envs": {pair.key: pair.value for pair in spec.envs.values},
        "rawOutputPrefix": spec.raw_data_storage.raw_data_prefix,
        "queue": spec.queue,
        "serviceAccount": spec.security_context.run_as.k8s_service_account,
        "maxActionConcurrency": spec.max_action_concurrency,
        "overwriteCache": spec.overwrite_cache or spec.cache_config.overwrite_cache,
        "notifications": [to_json(rule) for rule in spec.notification_rules.rules],
        "notificationRule": spec.notification_rule_name,
    }


def _other(details: trigger_definition_pb2.TriggerDetails) -> dict[str, Json]:
    """Keep what the language cannot say, so that two triggers that differ never look equal."""
    found: dict[str, Json] = {}
    automation = details.automation_spec
    if automation.HasField("artifact"):
        found["artifact"] = to_json(automation.artifact)
    if automation.HasField("schedule") and automation.schedule.WhichOneof("expression") is None:
        found["schedule"] = to_json(automation.schedule)
        found["scheduled"] = True
    rest = run_pb2.RunSpec()
    rest.CopyFrom(details.spec.run_spec)
    for name in _OF_RUN:
        rest.ClearField(name)
    rest.security_context.run_as.ClearField("k8s_service_account")
    rest.cache_config.ClearField("overwrite_cache")
    run = _without_empty(to_json(rest))
    if run:
        found["run"] = run
    return filled(found)


def _without_empty(value: Mapping[str, Json]) -> dict[str, Json]:
    shown = {
        name: _without_empty(item) if isinstance(item, dict) else item
        for name, item in value.items()
    }
    return {name: item for name, item in shown.items() if item not in ({}, [])}
