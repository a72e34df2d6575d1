"""What triggers need to know of a task, read from its spec."""

from __future__ import annotations

from collections.abc import Iterable

from flyteidl2.core import literals_pb2
from flyteidl2.task import task_definition_pb2

from reconciler.backends.wire.message import to_json
from reconciler.model.document import Json
from reconciler.model.interface import Task
from reconciler.model.key import Place


def task_of(place: Place, name: str, version: str, spec: task_definition_pb2.TaskSpec) -> Task:
    """Read what a trigger needs to know of a task."""
    metadata = spec.task_template.metadata
    return Task(
        project=place.project,
        domain=place.domain,
        name=name,
        version=version,
        inputs={
            entry.key: to_json(entry.value)
            for entry in spec.task_template.interface.inputs.variables
        },
        defaults=_defaults((one.name, one.parameter.default) for one in spec.default_inputs),
        is_cached=metadata.discoverable,
        cache_ignored=tuple(metadata.cache_ignore_input_vars),
        sdk=metadata.runtime.version,
    )


def _defaults(
    parameters: Iterable[tuple[str, literals_pb2.Literal]],
) -> dict[str, dict[str, Json]]:
    return {name: to_json(literal) for name, literal in parameters if literal.ByteSize()}
