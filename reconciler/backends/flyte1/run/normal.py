"""The normal form of starting an execution, without its name.

    entity         {kind: launch plan | task, project, domain, name, version}
    inputs         {input: literal}: what the caller gives; the plan's defaults are added by Flyte
    scheduledAt    the tick that it carries, RFC 3339; the execution counts as scheduled then
    labels, annotations, envs, tags, runAs {serviceAccount, iamRole}, rawOutputPrefix,
    maxParallelism, interruptible, overwriteCache, clusterPool, clusterLabel
    notifications  [{phases, email | pagerDuty | slack}] in place of the plan's; [] for none at all

Literals are JSON in protobuf's mapping. Absent and empty are the same and left out, but for
`notifications` and `interruptible`, which have three states each.

Facts from flyteadmin 1.16.8: what a request leaves out comes from the launch plan, then from the
attributes of project and domain, but for labels and annotations, of which those that are given
replace all of the plan's. Runs of single tasks take no tags into account. A tag or label that two
requests of one name both carry is refused before the name is, so that ticks carry none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import notifications
from reconciler.backends.wire.message import from_json
from reconciler.backends.wire.times import whole_seconds
from reconciler.model.document import Json
from reconciler.model.entity import Reference, What
from reconciler.model.key import Place
from reconciler.model.run import Launch
from reconciler.values.canonical import canonical

_TYPES = {What.LAUNCH_PLANS: identifier_pb2.LAUNCH_PLAN, What.TASKS: identifier_pb2.TASK}
_TYPES_BY_WORD = {what.one: number for what, number in _TYPES.items()}
_THREE_STATES = frozenset({"notifications", "interruptible"})

OPTIONS = frozenset(
    {
        "annotations", "clusterLabel", "clusterPool", "envs", "interruptible", "labels",
        "maxParallelism", "notifications", "overwriteCache", "rawOutputPrefix", "runAs", "tags",
    }
)  # fmt: skip
"""The parts of a normal form that say how something runs, and not what."""


def body_of(
    entity: Reference,
    *,
    inputs: Mapping[str, Json],
    options: Mapping[str, Json] | None = None,
    scheduled_at: datetime | None = None,
) -> dict[str, Json]:
    """Make the normal form of starting a version of a launch plan or task.

    `options` are parts of the normal form (`OPTIONS`); those that are None say nothing.
    """
    given = dict(options or {})
    assert given.keys() <= OPTIONS, sorted(given.keys() - OPTIONS)
    assert entity.what in _TYPES, entity
    where = (entity.project, entity.domain, entity.name, entity.version)
    assert all(where), entity
    parts: dict[str, Json] = {
        "entity": Reference(
            what=entity.what, project=where[0], domain=where[1], name=where[2], version=where[3]
        ).to_dict(),
        "inputs": {name: canonical(literal) for name, literal in sorted(inputs.items())},
        "scheduledAt": whole_seconds(scheduled_at) if scheduled_at else "",
        **given,
    }
    return {
        name: part
        for name, part in parts.items()
        if part or (name in _THREE_STATES and part is not None)
    }


def to_wire(launch: Launch) -> execution_pb2.ExecutionCreateRequest:
    """Write the call that starts an execution."""
    body: dict[str, Any] = launch.body
    request = execution_pb2.ExecutionCreateRequest(
        project=launch.id.place.project, domain=launch.id.place.domain, name=launch.id.name
    )
    for name, literal in sorted(body.get("inputs", {}).items()):
        from_json(literal, request.inputs.literals[name])
    spec = request.spec
    spec.launch_plan.CopyFrom(_identifier(body["entity"]))
    spec.metadata.mode = execution_pb2.ExecutionMetadata.MANUAL
    if "scheduledAt" in body:
        spec.metadata.mode = execution_pb2.ExecutionMetadata.SCHEDULED
        spec.metadata.scheduled_at.FromJsonString(body["scheduledAt"])
    spec.labels.values.update(body.get("labels", {}))
    spec.annotations.values.update(body.get("annotations", {}))
    spec.tags.extend(body.get("tags", []))
    for key, value in sorted(body.get("envs", {}).items()):
        spec.envs.values.add(key=key, value=value)
    _fill_settings(spec, body)
    _fill_notifications(spec, body.get("notifications"))
    return request


def place_of(launch: Launch) -> Place:
    """Return where the entity of a launch is, which may be elsewhere than its execution."""
    entity = cast("dict[str, str]", launch.body["entity"])
    return Place(entity["project"], entity["domain"])


def _identifier(entity: Mapping[str, str]) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=_TYPES_BY_WORD[entity["kind"]],
        project=entity["project"],
        domain=entity["domain"],
        name=entity["name"],
        version=entity["version"],
    )


def _fill_settings(spec: execution_pb2.ExecutionSpec, body: dict[str, Any]) -> None:
    run_as = body.get("runAs", {})
    if run_as.get("serviceAccount"):
        spec.security_context.run_as.k8s_service_account = run_as["serviceAccount"]
    if run_as.get("iamRole"):
        spec.security_context.run_as.iam_role = run_as["iamRole"]
    if "rawOutputPrefix" in body:
        spec.raw_output_data_config.output_location_prefix = body["rawOutputPrefix"]
    if "interruptible" in body:
        spec.interruptible.value = body["interruptible"]
    if "clusterPool" in body:
        spec.cluster_assignment.cluster_pool_name = body["clusterPool"]
    if "clusterLabel" in body:
        spec.execution_cluster_label.value = body["clusterLabel"]
    spec.max_parallelism = body.get("maxParallelism", 0)
    spec.overwrite_cache = body.get("overwriteCache", False)


def _fill_notifications(
    spec: execution_pb2.ExecutionSpec, items: list[dict[str, Any]] | None
) -> None:
    if items is None:
        return
    if not items:
        spec.disable_all = True
    for item in items:
        notifications.fill(spec.notifications.notifications.add(), item)
