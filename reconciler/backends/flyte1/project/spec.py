"""Resolves a declared project to the fields of its record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from reconciler.backends.flyte1.project import lint, values
from reconciler.backends.flyte1.project.paths import Row
from reconciler.backends.wire import project
from reconciler.model.document import Json, Path
from reconciler.model.interface import Want
from reconciler.model.key import Key
from reconciler.model.origin import Severity
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Resolution
from reconciler.specs.project import Attributes, ProjectSpec
from reconciler.specs.shape import written_name
from reconciler.specs.validate import Declared

KIND = project.KIND


@dataclass(frozen=True, slots=True)
class ProjectAdapter:
    """Resolving of FlyteProject documents."""

    traits: Traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Nothing has to be looked up."""
        del declared, context
        return ()

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the project."""
        del context
        return (project.key_of(declared),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one project; with an error in any row it gives no resource."""
        del context
        spec = cast("ProjectSpec", declared.spec)
        body = project.own_body(spec)
        problems = [*lint.of_project(declared, spec)]
        for row, path, attributes in _levels(spec):
            for kind, value in _values(attributes):
                body[Row(kind, row.domain, row.workflow).path] = value
            problems += lint.check(declared, row, path, attributes)
        if any(problem.severity is Severity.ERROR for problem in problems):
            return Resolution(problems=tuple(problems))
        resource = project.resource(declared, spec, body)
        return Resolution(resources=(resource,), problems=tuple(problems))


def _levels(spec: ProjectSpec) -> Iterator[tuple[Row, Path, Attributes]]:
    """Yield the attributes of every level with their path below `spec`."""
    if spec.attributes is not None:
        yield Row(""), ("attributes",), spec.attributes
    for domain, level in spec.domains.items():
        if level.attributes is not None:
            yield Row("", domain), ("domains", domain, "attributes"), level.attributes
        for name, workflow in level.workflows.items():
            path = ("domains", domain, "workflows", name, "attributes")
            yield Row("", domain, name), path, workflow.attributes


def _values(attributes: Attributes) -> Iterator[tuple[str, Json]]:
    """Yield what is declared at one level, by kind; None where it is cleared."""
    written = attributes.model_dump(mode="json", by_alias=True, exclude_none=True)
    for field in sorted(attributes.model_fields_set):
        kind = written_name(Attributes, field)
        yield kind, values.normal(kind, written[kind]) if kind in written else None
