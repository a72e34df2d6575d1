"""The normal form of starting a run, without its name.

    entity         {kind: task | trigger, project, domain, name, version}: a trigger is named
                   TASK/TRIGGER and has no version
    spec           a TaskSpec that is run in place of the registered one, as protobuf JSON
    inputs         {input: literal}: what the caller gives; those of a trigger are replaced whole
    context        {key: text} beside them
    scheduledAt    the tick that it carries, RFC 3339; the run counts as scheduled then
    labels, annotations, envs, rawOutputPrefix, runBaseDir, queue, serviceAccount, clusterPool,
    maxActionConcurrency, interruptible, overwriteCache, notificationRule
    notifications  [InlineRule]

Literals are JSON in protobuf's mapping. Absent and empty are the same and left out, but for
`interruptible`, which has three states, and for `inputs` of a trigger: {} are none at all.

Facts from the open-source manager 2.0.43: a run of a trigger has the trigger's offloaded inputs and
its settings, unless the call has some; then those of the trigger count no more, all of them. What
is left out of inputs comes from the defaults of the task. The scheduler itself sends the kickoff
input alone where a trigger has one, and for all others nothing but the tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from reconciler.backends.flyte2.run import rows
from reconciler.backends.flyte2.trigger import normal as trigger
from reconciler.backends.flyte2.trigger import wire
from reconciler.backends.wire.message import from_json
from reconciler.backends.wire.times import whole_seconds
from reconciler.model.document import Json
from reconciler.model.entity import Reference, What
from reconciler.model.key import Key
from reconciler.model.run import Launch
from reconciler.values.canonical import canonical

_KINDS = {What.TASKS: "task", What.TRIGGERS: "trigger"}
_KEPT_EMPTY = frozenset({"interruptible", "inputs"})

OPTIONS = frozenset(
    {
        "annotations", "clusterPool", "envs", "interruptible", "labels", "maxActionConcurrency",
        "notificationRule", "notifications", "overwriteCache", "queue", "rawOutputPrefix",
        "runBaseDir", "serviceAccount",
    }
)  # fmt: skip
"""The parts of a normal form that say how something runs, and not what."""


def body_of(
    entity: Reference,
    *,
    inputs: Mapping[str, Json] | None = None,
    context: Mapping[str, str] | None = None,
    options: Mapping[str, Json] | None = None,
    scheduled_at: datetime | None = None,
    spec: Mapping[str, Json] | None = None,
) -> dict[str, Json]:
    """Make the normal form of starting a task or trigger.

    Without `inputs` a trigger's own ones are taken. `options` are parts of the normal form
    (`OPTIONS`); those that are None say nothing. With any, those of a trigger count no more, so
    that its own must be among them (`options_of`). `spec` is run in place of the registered one.
    """
    given = dict(options or {})
    assert given.keys() <= OPTIONS, sorted(given.keys() - OPTIONS)
    assert entity.what in _KINDS, entity
    is_trigger = entity.what is What.TRIGGERS
    assert all((entity.project, entity.domain, entity.name)), entity
    assert is_trigger or entity.version or spec, entity
    parts: dict[str, Json] = {
        "entity": Reference(
            what=entity.what,
            project=entity.project,
            domain=entity.domain,
            name=entity.name,
            version="" if is_trigger else entity.version,
        ).to_dict(),
        "spec": dict(spec or {}),
        "context": dict[str, Json](context or {}),
        "scheduledAt": whole_seconds(scheduled_at) if scheduled_at else "",
        **given,
    }
    if inputs is not None and (inputs or is_trigger):
        parts["inputs"] = {name: canonical(literal) for name, literal in sorted(inputs.items())}
    return {
        name: part
        for name, part in parts.items()
        if part or (name in _KEPT_EMPTY and part is not None)
    }


def options_of(body: Mapping[str, Json]) -> dict[str, Json]:
    """Take the settings of runs out of a trigger's normal form, to send them with others."""
    return {name: part for name, part in body.items() if name in OPTIONS}


def to_wire(launch: Launch) -> run_service_pb2.CreateRunRequest:
    """Write the call that starts a run."""
    request = to_wire_without_name(launch.body)
    request.run_id.CopyFrom(rows.identifier(launch.id))
    return request


def to_wire_without_name(launched: Mapping[str, Json]) -> run_service_pb2.CreateRunRequest:
    """Write the call that starts a run that is yet to be named."""
    body = cast("dict[str, Any]", launched)
    request = run_service_pb2.CreateRunRequest(source=run_definition_pb2.RUN_SOURCE_CLI)
    _fill_entity(request, body)
    if "inputs" in body or "context" in body:
        request.inputs.CopyFrom(_inputs(body))
    if "scheduledAt" in body:
        request.source = run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER
        request.run_start_time.FromJsonString(body["scheduledAt"])
    if body.keys() & OPTIONS:
        request.run_spec.CopyFrom(_run_spec(body))
    return request


def _fill_entity(request: run_service_pb2.CreateRunRequest, body: dict[str, Any]) -> None:
    entity = body["entity"]
    if entity["kind"] == What.TRIGGERS.one:
        key = Key(trigger.KIND, entity["project"], entity["domain"], entity["name"])
        request.trigger_name.CopyFrom(trigger.name_of(key))
        return
    task = task_definition_pb2.TaskIdentifier(
        project=entity["project"],
        domain=entity["domain"],
        name=entity["name"],
        version=entity.get("version", ""),
    )
    if "spec" not in body:
        request.task_id.CopyFrom(task)
        return
    from_json(body["spec"], request.task_spec)
    named = request.task_spec.task_template.id
    named.project, named.domain = task.project, task.domain
    named.name, named.version = task.name, task.version


def _inputs(body: dict[str, Any]) -> common_pb2.Inputs:
    message = common_pb2.Inputs()
    for name, literal in sorted(body.get("inputs", {}).items()):
        from_json(literal, message.literals.add(name=name).value)
    for key, value in sorted(body.get("context", {}).items()):
        message.context.add(key=key, value=value)
    return message


def _run_spec(body: dict[str, Any]) -> run_pb2.RunSpec:
    spec = wire.run_spec(body)
    spec.cluster_pool = body.get("clusterPool", "")
    spec.run_base_dir = body.get("runBaseDir", "")
    return spec
