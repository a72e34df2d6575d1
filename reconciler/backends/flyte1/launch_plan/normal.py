"""The normal form of a launch plan, read from a live message.

    workflow       {name, version | digest, project?, domain?}: place left out when it is the plan's
                   own; a version that a set of ours made counts by its digest
    schedule       {cron, timezone?, kickoffInput?} | {every: minutes, kickoffInput?}
    defaultInputs  {input: {type, value}}: only inputs that have a default; the server adds every
                   unbound input as required, so those say nothing
    fixedInputs    {input: literal}
    notifications  [{phases, email | pagerDuty | slack}]
    labels, annotations, envs, runAs {serviceAccount, iamRole}, rawOutputPrefix, maxParallelism,
    interruptible, overwriteCache, concurrency {max, behavior}
    other          fields that the language has no words for, as protobuf JSON

Types and literals are JSON in protobuf's mapping. Absent, default and empty are the same and left
out, as flyteadmin merges them the same way; `interruptible` has three states. Environment variables
are a mapping: their order has no effect.
"""

from __future__ import annotations

from flyteidl.admin import launch_plan_pb2, schedule_pb2
from flyteidl.core import identifier_pb2, interface_pb2

from reconciler.backends.flyte1 import notifications
from reconciler.backends.wire.message import to_json
from reconciler.model.digest import split_version
from reconciler.model.document import Json, filled
from reconciler.schedule.rate import Unit
from reconciler.values.canonical import canonical

UNITS = {
    Unit.MINUTE: schedule_pb2.MINUTE,
    Unit.HOUR: schedule_pb2.HOUR,
    Unit.DAY: schedule_pb2.DAY,
}
_MINUTES = {number: unit.minutes for unit, number in UNITS.items()}
BEHAVIOR_PREFIX = "CONCURRENCY_LIMIT_BEHAVIOR_"
"""What the names of the enum share; the normal form leaves it out."""

_ZONE_PREFIXES = ("CRON_TZ=", "TZ=")


def from_wire(
    identifier: identifier_pb2.Identifier, spec: launch_plan_pb2.LaunchPlanSpec
) -> dict[str, Json]:
    """Turn a stored launch plan into its normal form."""
    parts: dict[str, Json] = {
        "workflow": reference(
            spec.workflow_id, project=identifier.project, domain=identifier.domain
        ),
        "schedule": schedule_from_wire(spec.entity_metadata.schedule),
        "defaultInputs": _defaults(spec.default_inputs, spec),
        "fixedInputs": {
            name: canonical(to_json(literal))
            for name, literal in spec.fixed_inputs.literals.items()
        },
        "notifications": [
            notifications.from_wire(item) for item in spec.entity_metadata.notifications
        ],
        "labels": dict(spec.labels.values),
        "annotations": dict(spec.annotations.values),
        "envs": {pair.key: pair.value for pair in spec.envs.values},
        "runAs": _run_as(spec),
        "rawOutputPrefix": spec.raw_output_data_config.output_location_prefix,
        "maxParallelism": spec.max_parallelism,
        "overwriteCache": spec.overwrite_cache,
        "concurrency": _concurrency(spec),
        "other": _other(spec),
    }
    body: dict[str, Json] = filled(parts)
    if spec.HasField("interruptible"):
        body["interruptible"] = spec.interruptible.value
    return body


def reference(workflow: identifier_pb2.Identifier, *, project: str, domain: str) -> dict[str, Json]:
    """Name a workflow as seen from a plan in `project` and `domain`."""
    made_by_a_set = split_version(workflow.version)
    found: dict[str, Json] = {"name": workflow.name}
    if made_by_a_set is None:
        found["version"] = workflow.version
    else:
        found["digest"] = made_by_a_set[1]
    if workflow.project != project:
        found["project"] = workflow.project
    if workflow.domain != domain and made_by_a_set is None:
        found["domain"] = workflow.domain
    return found


def schedule_from_wire(schedule: schedule_pb2.Schedule) -> dict[str, Json]:
    """Turn a schedule into its normal form; empty when there is none.

    `offset` and the deprecated `cron_expression` are kept under their own names: the native
    scheduler ignores the first and refuses the second (flyteadmin 1.16.8).
    """
    found: dict[str, Json] = {}
    match schedule.WhichOneof("ScheduleExpression"):
        case "cron_schedule":
            text = schedule.cron_schedule.schedule
            for prefix in _ZONE_PREFIXES:
                if text.startswith(prefix):
                    zone, _, text = text.removeprefix(prefix).partition(" ")
                    found["timezone"] = zone
                    break
            found["cron"] = " ".join(text.split())
            if schedule.cron_schedule.offset:
                found["offset"] = schedule.cron_schedule.offset
        case "rate":
            rate = schedule.rate
            found["every"] = rate.value * _MINUTES.get(rate.unit, 0)
        case "cron_expression":
            found["cronExpression"] = schedule.cron_expression
        case _:
            return {}
    if schedule.kickoff_time_input_arg:
        found["kickoffInput"] = schedule.kickoff_time_input_arg
    return found


def _defaults(
    parameters: interface_pb2.ParameterMap, spec: launch_plan_pb2.LaunchPlanSpec
) -> dict[str, Json]:
    fixed = spec.fixed_inputs.literals
    return {
        name: {"type": to_json(parameter.var.type), "value": canonical(to_json(parameter.default))}
        for name, parameter in parameters.parameters.items()
        if parameter.WhichOneof("behavior") == "default" and name not in fixed
    }


def _run_as(spec: launch_plan_pb2.LaunchPlanSpec) -> dict[str, Json]:
    """Read who runs it; the older fields count in the server's own order when it is not there."""
    context = spec.security_context.run_as
    account, role = context.k8s_service_account, context.iam_role
    if not (account or role or context.execution_identity):
        for old in (spec.auth_role, spec.auth):
            account = old.kubernetes_service_account
            role = old.assumable_iam_role
            if account or role:
                break
        else:
            role = spec.role
    found: dict[str, Json] = {"serviceAccount": account, "iamRole": role}
    return filled(found)


def _concurrency(spec: launch_plan_pb2.LaunchPlanSpec) -> dict[str, Json]:
    if not spec.HasField("concurrency_policy"):
        return {}
    policy = spec.concurrency_policy
    behavior = launch_plan_pb2.ConcurrencyLimitBehavior.Name(policy.behavior)
    return {"max": policy.max, "behavior": behavior.removeprefix(BEHAVIOR_PREFIX)}


def _other(spec: launch_plan_pb2.LaunchPlanSpec) -> dict[str, Json]:
    """Keep what the language cannot say, so that two plans that differ in it never look equal."""
    found: dict[str, Json] = {}
    context = spec.security_context
    if context.secrets or context.tokens or context.run_as.ByteSize():
        rest = type(context)()
        rest.CopyFrom(context)
        rest.run_as.ClearField("k8s_service_account")
        rest.run_as.ClearField("iam_role")
        if not rest.run_as.ByteSize():
            rest.ClearField("run_as")
        found["securityContext"] = to_json(rest)
    for name in ("quality_of_service", "cluster_assignment"):
        message = getattr(spec, name)
        if spec.HasField(name) and message.ByteSize():
            found[name] = to_json(message)
    if spec.execution_env_assignments:
        found["execution_env_assignments"] = [
            to_json(item) for item in spec.execution_env_assignments
        ]
    if spec.entity_metadata.HasField("launch_conditions"):
        found["launch_conditions"] = to_json(spec.entity_metadata.launch_conditions)
    queries = {
        name: to_json(parameter)
        for name, parameter in spec.default_inputs.parameters.items()
        if parameter.WhichOneof("behavior") in {"artifact_query", "artifact_id"}
    }
    if queries:
        found["artifact_inputs"] = dict[str, Json](queries)
    return filled(found)
