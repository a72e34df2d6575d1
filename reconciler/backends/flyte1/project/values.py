"""The value of a row in the words of the language, read from and written to its message.

Normal form: what is empty or a default is left out, `interruptible` has three states, plugin
overrides are sorted by task type since the server keeps them in no order. Quantities keep their
text, as the server does. `other` holds what the language cannot say, as protobuf JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flyteidl.admin import matchable_resource_pb2 as wire
from flyteidl.admin.matchable_resource_pb2 import MatchableResource

from reconciler.backends.wire.message import to_json
from reconciler.model.document import Json, filled

PLUGINS = "pluginOverrides"
CONFIG = "workflowExecution"

KINDS: Mapping[str, MatchableResource] = {
    "taskResources": wire.TASK_RESOURCE,
    "clusterResources": wire.CLUSTER_RESOURCE,
    "executionQueueTags": wire.EXECUTION_QUEUE,
    "executionClusterLabel": wire.EXECUTION_CLUSTER_LABEL,
    PLUGINS: wire.PLUGIN_OVERRIDE,
    CONFIG: wire.WORKFLOW_EXECUTION_CONFIG,
    "clusterPool": wire.CLUSTER_ASSIGNMENT,
}
"""The kinds of rows that the server lets be written, by their names in the language."""

_RESOURCES = {
    "cpu": "cpu",
    "gpu": "gpu",
    "memory": "memory",
    "storage": "storage",
    "ephemeralStorage": "ephemeral_storage",
}
_MISSING = {"UseDefault": wire.PluginOverride.USE_DEFAULT}


def normal(kind: str, value: Json) -> Json:
    """Bring a value written in the language to its normal form."""
    parts = cast("Any", value)
    if kind == PLUGINS:
        items: list[dict[str, Json]] = [
            {name: part for name, part in item.items() if (name, part) != ("onMissing", "Fail")}
            for item in parts
        ]
        items.sort(key=lambda item: str(item["taskType"]))
        return list[Json](items)
    if kind == CONFIG:
        return {
            name: part
            for name, part in parts.items()
            if part or (name == "interruptible" and part is False)
        }
    if kind == "taskResources":
        return filled(parts)
    return value


def from_wire(kind: str, attributes: wire.MatchingAttributes) -> Json:
    """Read the value of a row of a kind."""
    return normal(kind, _read(kind, attributes))


def _read(kind: str, attributes: wire.MatchingAttributes) -> Json:
    match kind:
        case "taskResources":
            found = attributes.task_resource_attributes
            return {"defaults": _amounts(found.defaults), "limits": _amounts(found.limits)}
        case "clusterResources":
            return dict[str, Json](attributes.cluster_resource_attributes.attributes)
        case "executionQueueTags":
            return list[Json](attributes.execution_queue_attributes.tags)
        case "executionClusterLabel":
            return attributes.execution_cluster_label.value
        case "pluginOverrides":
            return [_override(item) for item in attributes.plugin_overrides.overrides]
        case "workflowExecution":
            return _config(attributes.workflow_execution_config)
        case _:
            return attributes.cluster_assignment.cluster_pool_name


def _amounts(resources: wire.TaskResourceSpec) -> dict[str, Json]:
    found = {name: getattr(resources, field) for name, field in _RESOURCES.items()}
    return filled(found)


def _override(item: wire.PluginOverride) -> dict[str, Json]:
    is_default = item.missing_plugin_behavior == wire.PluginOverride.USE_DEFAULT
    return {
        "taskType": item.task_type,
        "plugins": list[Json](item.plugin_id),
        "onMissing": "UseDefault" if is_default else "Fail",
    }


def _config(config: wire.WorkflowExecutionConfig) -> dict[str, Json]:
    run_as = config.security_context.run_as
    found: dict[str, Json] = {
        "maxParallelism": config.max_parallelism,
        "serviceAccount": run_as.k8s_service_account,
        "iamRole": run_as.iam_role,
        "rawOutputPrefix": config.raw_output_data_config.output_location_prefix,
        "labels": dict(config.labels.values),
        "annotations": dict(config.annotations.values),
        "overwriteCache": config.overwrite_cache,
        "envs": {pair.key: pair.value for pair in config.envs.values},
        "other": _other(config),
    }
    if config.HasField("interruptible"):
        found["interruptible"] = config.interruptible.value
    return found


def _other(config: wire.WorkflowExecutionConfig) -> dict[str, Json]:
    """Keep what the language cannot say, so that a row which differs in it never looks equal."""
    rest = wire.WorkflowExecutionConfig()
    rest.security_context.CopyFrom(config.security_context)
    rest.security_context.run_as.ClearField("k8s_service_account")
    rest.security_context.run_as.ClearField("iam_role")
    if not rest.security_context.run_as.ByteSize():
        rest.security_context.ClearField("run_as")
    if not rest.security_context.ByteSize():
        rest.ClearField("security_context")
    rest.execution_env_assignments.extend(config.execution_env_assignments)
    return dict(to_json(rest))


def to_wire(kind: str, value: Json) -> wire.MatchingAttributes:
    """Write the value of a row; the kind's own message is there even when it is empty."""
    attributes = wire.MatchingAttributes()
    parts = cast("Any", value)
    match kind:
        case "taskResources":
            attributes.task_resource_attributes.SetInParent()
            for section, amounts in parts.items():
                target = getattr(attributes.task_resource_attributes, section)
                for name, text in amounts.items():
                    setattr(target, _RESOURCES[name], text)
        case "clusterResources":
            attributes.cluster_resource_attributes.SetInParent()
            attributes.cluster_resource_attributes.attributes.update(parts)
        case "executionQueueTags":
            attributes.execution_queue_attributes.SetInParent()
            attributes.execution_queue_attributes.tags.extend(parts)
        case "executionClusterLabel":
            attributes.execution_cluster_label.SetInParent()
            attributes.execution_cluster_label.value = parts
        case "pluginOverrides":
            attributes.plugin_overrides.SetInParent()
            for item in parts:
                attributes.plugin_overrides.overrides.add(
                    task_type=item["taskType"],
                    plugin_id=item["plugins"],
                    missing_plugin_behavior=_MISSING.get(
                        item.get("onMissing"), wire.PluginOverride.FAIL
                    ),
                )
        case "workflowExecution":
            attributes.workflow_execution_config.SetInParent()
            _fill(attributes.workflow_execution_config, parts)
        case _:
            attributes.cluster_assignment.SetInParent()
            attributes.cluster_assignment.cluster_pool_name = parts
    return attributes


def _fill(config: wire.WorkflowExecutionConfig, parts: dict[str, Any]) -> None:
    config.max_parallelism = parts.get("maxParallelism", 0)
    config.overwrite_cache = parts.get("overwriteCache", False)
    if parts.get("serviceAccount"):
        config.security_context.run_as.k8s_service_account = parts["serviceAccount"]
    if parts.get("iamRole"):
        config.security_context.run_as.iam_role = parts["iamRole"]
    if parts.get("rawOutputPrefix"):
        config.raw_output_data_config.output_location_prefix = parts["rawOutputPrefix"]
    config.labels.values.update(parts.get("labels", {}))
    config.annotations.values.update(parts.get("annotations", {}))
    if "interruptible" in parts:
        config.interruptible.value = parts["interruptible"]
    for key, text in sorted(parts.get("envs", {}).items()):
        config.envs.values.add(key=key, value=text)
