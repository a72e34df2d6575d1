"""Tasks of Flyte 1 in normal form.

A task's normal form is its template without its own id, as JSON in protobuf's mapping. The template
is stored as it was sent: compiling a task adds nothing (flyteadmin 1.16.8).
"""

from __future__ import annotations

from flyteidl.core import tasks_pb2

from reconciler.backends.flyte1.message import from_json, to_json
from reconciler.model.document import Json

KIND = "FlyteTask"


def from_wire(template: tasks_pb2.TaskTemplate) -> dict[str, Json]:
    """Turn a stored template into its normal form."""
    return {name: part for name, part in to_json(template).items() if name != "id"}


def to_wire(body: dict[str, Json]) -> tasks_pb2.TaskTemplate:
    """Write a normal form as a template without id."""
    return from_json(body, tasks_pb2.TaskTemplate())
