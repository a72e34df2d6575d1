"""Resolves a declared project to the fields of its record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from reconciler.backends.wire import project
from reconciler.model.interface import Want
from reconciler.model.origin import Problem
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Resolution
from reconciler.specs.project import ProjectSpec
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

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one project; what only Flyte 1 has is an error."""
        del context
        spec = cast("ProjectSpec", declared.spec)
        problems = tuple(_of_flyte1(declared, spec))
        if problems:
            return Resolution(problems=problems)
        body = project.own_body(spec)
        return Resolution(resources=(project.resource(declared, spec, body),))


def _of_flyte1(declared: Declared, spec: ProjectSpec) -> Iterator[Problem]:
    paths: list[tuple[str, ...]] = []
    if spec.attributes is not None:
        paths.append(("attributes",))
    for domain, level in spec.domains.items():
        if level.attributes is not None:
            paths.append(("domains", domain, "attributes"))
        if level.workflows:
            paths.append(("domains", domain, "workflows"))
    for path in paths:
        yield declared.problem(
            "Flyte 2, which this connection leads to, has no attributes",
            *path,
            fix="write settings of the domain instead, or use a connection to Flyte 1",
        )
