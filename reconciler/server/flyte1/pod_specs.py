"""Specs of pods, as far as flyteadmin reads them: names and resources of containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.struct_pb2 import Struct, Value

from reconciler.server.flyte1 import quantities

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = {
    "list_value": "array",
    "struct_value": "object",
    "string_value": "string",
    "number_value": "number",
    "bool_value": "bool",
}


def names(pod: Struct) -> Iterator[str]:
    """The names of the containers; ValueError in Go's words when they cannot be read."""
    for container in _containers(pod):
        name = _field(container, "name")
        yield _of_kind(name, "string_value", "Container.containers.name", "string").string_value


def amounts(pod: Struct) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Requests and limits of each container; ValueError for what is no pod."""
    list(names(pod))
    for container in _containers(pod):
        resources = _field(container, "resources")
        place, kind = "Container.containers.resources", "v1.ResourceRequirements"
        inner = _of_kind(resources, "struct_value", place, kind).struct_value
        yield _list(inner, "requests"), _list(inner, "limits")


def _list(resources: Struct, side: str) -> dict[str, str]:
    place = f"ResourceRequirements.containers.resources.{side}"
    listed = _of_kind(_field(resources, side), "struct_value", place, "v1.ResourceList")
    found = {}
    for name, value in listed.struct_value.fields.items():
        text = value.string_value or f"{value.number_value:g}"
        quantities.parse(text)
        found[name] = text
    return found


def _containers(pod: Struct) -> Iterator[Struct]:
    place = "PodSpec.containers"
    listed = _of_kind(_field(pod, "containers"), "list_value", place, "[]v1.Container")
    for one in listed.list_value.values:
        yield _of_kind(one, "struct_value", place, "v1.Container").struct_value


def _field(owner: Struct, name: str) -> Value:
    return owner.fields[name] if name in owner.fields else Value()


def _of_kind(value: Value, kind: str, place: str, name: str) -> Value:
    """A value of this kind; what is absent or null is empty."""
    given = value.WhichOneof("kind")
    if given not in (kind, "null_value", None):
        raise ValueError(
            f"json: cannot unmarshal {_KINDS[given]} into Go struct field {place} of type {name}"
        )
    return value
