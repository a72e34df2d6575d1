"""A launch plan's normal form as the message that registers it."""

from __future__ import annotations

from typing import Any, cast

from flyteidl.admin import launch_plan_pb2, schedule_pb2
from flyteidl.core import identifier_pb2, literals_pb2

from reconciler.backends.flyte1 import notifications
from reconciler.backends.flyte1.launch_plan.normal import BEHAVIOR_PREFIX, UNITS
from reconciler.backends.wire.message import from_json
from reconciler.model.document import Json
from reconciler.schedule import rate


def identifier(*, project: str, domain: str, name: str, version: str) -> identifier_pb2.Identifier:
    """Build the full id of a launch plan; the server acts on arbitrary rows for partial ones."""
    return identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project=project,
        domain=domain,
        name=name,
        version=version,
    )


def to_wire(
    body: dict[str, Any], workflow: identifier_pb2.Identifier
) -> launch_plan_pb2.LaunchPlanSpec:
    """Write a normal form as a spec that runs `workflow`.

    Empty `labels`, `annotations` and `raw_output_data_config` messages are always sent, as flytekit
    does: the server's own comparison tells an absent message from an empty one.
    """
    spec = launch_plan_pb2.LaunchPlanSpec(workflow_id=workflow)
    spec.labels.values.update(body.get("labels", {}))
    spec.annotations.values.update(body.get("annotations", {}))
    spec.raw_output_data_config.output_location_prefix = body.get("rawOutputPrefix", "")
    spec.fixed_inputs.SetInParent()
    spec.default_inputs.SetInParent()
    spec.entity_metadata.SetInParent()
    for name, literal in sorted(body.get("fixedInputs", {}).items()):
        _literal(literal, spec.fixed_inputs.literals[name])
    for name, default in sorted(body.get("defaultInputs", {}).items()):
        parameter = spec.default_inputs.parameters[name]
        from_json(default["type"], parameter.var.type)
        _literal(default["value"], parameter.default)
    for key, value in sorted(body.get("envs", {}).items()):
        spec.envs.values.add(key=key, value=value)
    if "schedule" in body:
        spec.entity_metadata.schedule.CopyFrom(schedule_to_wire(body["schedule"]))
    for item in body.get("notifications", []):
        notifications.fill(spec.entity_metadata.notifications.add(), item)
    _run_as(spec, body)
    spec.max_parallelism = body.get("maxParallelism", 0)
    spec.overwrite_cache = body.get("overwriteCache", False)
    if "interruptible" in body:
        spec.interruptible.value = body["interruptible"]
    if "concurrency" in body:
        spec.concurrency_policy.max = body["concurrency"]["max"]
        spec.concurrency_policy.behavior = cast(
            "launch_plan_pb2.ConcurrencyLimitBehavior",
            launch_plan_pb2.ConcurrencyLimitBehavior.Value(
                f"{BEHAVIOR_PREFIX}{body['concurrency']['behavior']}"
            ),
        )
    return spec


def _literal(value: dict[str, Any], message: literals_pb2.Literal) -> None:
    """Fill a literal; those that nearly all plans are made of go without a look at descriptors."""
    primitive = value.get("scalar", {}).get("primitive", {})
    is_plain = len(value) == len(primitive) == 1
    match primitive if is_plain else {}:
        case {"stringValue": str(text)}:
            message.scalar.primitive.string_value = text
        case {"integer": str(number)}:
            message.scalar.primitive.integer = int(number)
        case {"floatValue": float(number)}:
            message.scalar.primitive.float_value = number
        case {"boolean": bool(answer)}:
            message.scalar.primitive.boolean = answer
        case _:
            from_json(value, message)


def schedule_to_wire(schedule: dict[str, Any]) -> schedule_pb2.Schedule:
    """Write a schedule; a rate goes out in the largest unit that divides it."""
    message = schedule_pb2.Schedule(kickoff_time_input_arg=schedule.get("kickoffInput", ""))
    if "every" in schedule:
        value, unit = rate.to_unit(schedule["every"])
        message.rate.value = value
        message.rate.unit = UNITS[unit]
    elif "cron" in schedule:
        zone = schedule.get("timezone")
        prefix = f"CRON_TZ={zone} " if zone else ""
        message.cron_schedule.schedule = prefix + schedule["cron"]
        message.cron_schedule.offset = schedule.get("offset", "")
    else:
        message.cron_expression = schedule["cronExpression"]
    return message


def _run_as(spec: launch_plan_pb2.LaunchPlanSpec, body: dict[str, Any]) -> None:
    """Fill the security context, and what a package carried beside it."""
    other: dict[str, Json] = body.get("other", {})
    if "securityContext" in other:
        from_json(other["securityContext"], spec.security_context)
    for name in ("quality_of_service", "cluster_assignment"):
        if name in other:
            from_json(other[name], getattr(spec, name))
    assignments = other.get("execution_env_assignments")
    for item in assignments if isinstance(assignments, list) else []:
        from_json(item, spec.execution_env_assignments.add())
    run_as = body.get("runAs", {})
    if run_as.get("serviceAccount"):
        spec.security_context.run_as.k8s_service_account = run_as["serviceAccount"]
    if run_as.get("iamRole"):
        spec.security_context.run_as.iam_role = run_as["iamRole"]
