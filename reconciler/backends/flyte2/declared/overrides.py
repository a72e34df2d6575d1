"""A task with other resources, retries, timeout, variables or secrets, for one run.

What is given replaces all of its kind, as the SDK's `override` does: all requests, all limits, all
variables, all secrets. In a pod template it is the primary container that changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flyteidl2.core import security_pb2, tasks_pb2
from flyteidl2.task import task_definition_pb2
from google.protobuf import json_format, struct_pb2

from reconciler.model.document import Json

_POD_NAMES = {
    "CPU": "cpu",
    "MEMORY": "memory",
    "GPU": "nvidia.com/gpu",
    "EPHEMERAL_STORAGE": "ephemeral-storage",
}
_PRIMARY = "primary"


def overridden(
    spec: task_definition_pb2.TaskSpec, overrides: Mapping[str, Json]
) -> task_definition_pb2.TaskSpec:
    """Return the spec of a task as it is to be run."""
    given = cast("Mapping[str, Any]", overrides)
    found = task_definition_pb2.TaskSpec()
    found.CopyFrom(spec)
    template = found.task_template
    if "retries" in given:
        template.metadata.retries.retries = given["retries"]
    if "timeoutSeconds" in given:
        template.metadata.timeout.FromNanoseconds(int(given["timeoutSeconds"] * 1_000_000_000))
    if "secrets" in given:
        _fill_secrets(template, given["secrets"])
    if template.WhichOneof("target") == "k8s_pod":
        _fill_pod(template.k8s_pod, given)
    else:
        _fill_container(template.container, given)
    return found


def _fill_secrets(template: tasks_pb2.TaskTemplate, secrets: list[dict[str, str]]) -> None:
    del template.security_context.secrets[:]
    for one in secrets:
        kind = security_pb2.Secret.ENV_VAR if one["env"] else security_pb2.Secret.FILE
        template.security_context.secrets.add(
            group=one["group"], key=one["key"], env_var=one["env"], mount_requirement=kind
        )


def _fill_container(container: tasks_pb2.Container, given: Mapping[str, Any]) -> None:
    for part in ("requests", "limits"):
        if part in given:
            entries = getattr(container.resources, part)
            del entries[:]
            for name, value in given[part].items():
                entries.add(name=tasks_pb2.Resources.ResourceName.Value(name), value=value)
    if "envs" in given:
        del container.env[:]
        for key, value in sorted(given["envs"].items()):
            container.env.add(key=key, value=value)


def _fill_pod(pod: tasks_pb2.K8sPod, given: Mapping[str, Any]) -> None:
    spec = json_format.MessageToDict(pod.pod_spec)
    containers = spec.get("containers", [])
    name = pod.primary_container_name or _PRIMARY
    for container in containers:
        if container.get("name") != name and len(containers) > 1:
            continue
        for part in ("requests", "limits"):
            if part in given:
                found = {_POD_NAMES[kind]: value for kind, value in given[part].items()}
                container.setdefault("resources", {})[part] = found
        if "envs" in given:
            container["env"] = [
                {"name": key, "value": value} for key, value in sorted(given["envs"].items())
            ]
    message = struct_pb2.Struct()
    message.update(spec)
    pod.pod_spec.CopyFrom(message)
