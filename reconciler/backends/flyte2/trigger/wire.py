"""A trigger's normal form as the messages that deploy it."""

from __future__ import annotations

from typing import Any

from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2, run_pb2
from flyteidl2.trigger import trigger_definition_pb2

from reconciler.backends.flyte2.trigger.normal import UNITS
from reconciler.backends.wire.message import from_json
from reconciler.schedule import rate


def to_wire(
    body: dict[str, Any],
    *,
    task_version: str,
    active: bool,
    offloaded: common_run_pb2.OffloadedInputData | None,
) -> trigger_definition_pb2.TriggerSpec:
    """Write a normal form as the spec that runs `task_version` with inputs that are uploaded."""
    spec = trigger_definition_pb2.TriggerSpec(
        active=active,
        task_version=task_version,
        description=body.get("description", ""),
        run_spec=run_spec(body),
    )
    if offloaded is not None:
        spec.offloaded_input_data.CopyFrom(offloaded)
    return spec


def automation_to_wire(body: dict[str, Any]) -> common_pb2.TriggerAutomationSpec:
    """Write the schedule; a rate goes out in the largest unit that divides it."""
    schedule = body.get("schedule")
    if schedule is None:
        return common_pb2.TriggerAutomationSpec(type=common_pb2.TYPE_NONE)
    message = common_pb2.Schedule(kickoff_time_input_arg=schedule.get("kickoffInput", ""))
    if "every" in schedule:
        value, unit = rate.to_unit(schedule["every"])
        message.rate.value = value
        message.rate.unit = UNITS[unit]
        if "from" in schedule:
            message.rate.start_time.FromJsonString(schedule["from"])
    else:
        message.cron.expression = schedule["cron"]
        message.cron.timezone = schedule.get("timezone", "UTC")
    return common_pb2.TriggerAutomationSpec(type=common_pb2.TYPE_SCHEDULE, schedule=message)


def run_spec(body: dict[str, Any]) -> run_pb2.RunSpec:
    """Write how runs start; the cache is told in the new field and in the one before it."""
    spec = run_pb2.RunSpec(
        queue=body.get("queue", ""),
        max_action_concurrency=body.get("maxActionConcurrency", 0),
    )
    for name, field in (("labels", spec.labels), ("annotations", spec.annotations)):
        if name in body:
            field.values.update(body[name])
    for key, value in sorted(body.get("envs", {}).items()):
        spec.envs.values.append(literals_pb2.KeyValuePair(key=key, value=value))
    if "interruptible" in body:
        spec.interruptible.value = body["interruptible"]
    if body.get("overwriteCache"):
        spec.overwrite_cache = True
        spec.cache_config.overwrite_cache = True
    if "rawOutputPrefix" in body:
        spec.raw_data_storage.raw_data_prefix = body["rawOutputPrefix"]
    if "serviceAccount" in body:
        spec.security_context.run_as.k8s_service_account = body["serviceAccount"]
    if "notificationRule" in body:
        spec.notification_rule_name = body["notificationRule"]
    for rule in body.get("notifications", []):
        from_json(rule, spec.notification_rules.rules.add())
    return spec
