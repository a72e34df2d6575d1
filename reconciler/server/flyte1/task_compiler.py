"""The task compiler: what a task's container or pod must have (flytepropeller 1.16.8,
pkg/compiler/task_compiler.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.core import tasks_pb2

from reconciler.server.flyte1 import kubernetes_names, pod_specs, quantities
from reconciler.server.flyte1.event_kit import phase_name
from reconciler.server.flyte1.graph import Errors
from reconciler.server.status import refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.struct_pb2 import Struct


def check(template: tasks_pb2.TaskTemplate) -> None:
    """INVALID_ARGUMENT with every fault found."""
    errors = Errors()
    match template.WhichOneof("target"):
        case "container":
            _command(template, errors)
            _resources(template.container.resources.requests, errors)
            _resources(template.container.resources.limits, errors)
        case "k8s_pod":
            _pod(template.k8s_pod.pod_spec, errors)
        case _:
            pass
    if len(errors):
        raise refused(f"task failed compilation with {errors}")


def _command(template: tasks_pb2.TaskTemplate, errors: Errors) -> None:
    """A container with inputs or outputs needs a command or arguments."""
    interface = template.interface
    if not interface.inputs.variables and not interface.outputs.variables:
        return
    if not template.container.command and not template.container.args:
        errors.add("ValueRequired", "container", "Value required [command].")


def _resources(entries: Iterable[tasks_pb2.Resources.ResourceEntry], errors: Errors) -> None:
    """Amounts of every resource are quantities, whatever its name."""
    for entry in entries:
        try:
            quantities.parse(entry.value)
        except ValueError:
            name = phase_name(tasks_pb2.Resources.ResourceName, entry.name)
            errors.add(
                "UnrecognizedValue", f"resources.{name}", f"Unrecognized value [{entry.value}]."
            )


def _pod(spec: Struct, errors: Errors) -> None:
    """The names of a pod's containers are labels of DNS."""
    if any(kubernetes_names.dns_label(name) for name in pod_specs.names(spec)):
        errors.add("InvalidValue", "root", "Invalid value [k8s pod spec container name].")
