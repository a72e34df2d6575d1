"""Resolves a declared project to the fields of its record, and the settings of its domains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from reconciler.backends.flyte2.settings import rules, values
from reconciler.backends.flyte2.settings import spec as settings
from reconciler.backends.wire import project
from reconciler.model.document import Json
from reconciler.model.interface import Want
from reconciler.model.key import Key
from reconciler.model.origin import Problem
from reconciler.model.resource import Resource
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

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the project and the settings of its domains."""
        del context
        own = project.key_of(declared)
        domains = cast("ProjectSpec", declared.spec).domains
        levels = (Key(rules.KIND, own.project, domain) for domain in domains)
        return (own, *levels)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one project; what only Flyte 1 has is an error."""
        del context
        spec = cast("ProjectSpec", declared.spec)
        problems = (*_of_flyte1(declared, spec), *_nowhere(declared, spec))
        if problems:
            return Resolution(problems=problems)
        own = project.resource(declared, spec, project.own_body(spec))
        return Resolution(resources=(own, *_settings(own.key.project, declared, spec)))


def _settings(name: str, declared: Declared, spec: ProjectSpec) -> Iterator[Resource]:
    """Make the settings of each domain: those of the project, and over them the domain's own."""
    for domain, level in spec.domains.items():
        given = [each for each in (spec.settings, level.settings) if each is not None]
        if not given:
            continue
        body: dict[str, Json] = {}
        for each in given:
            body = values.over(body, values.declared(each))
        origin = declared.key_at("domains", domain)
        yield settings.resource(Key(rules.KIND, name, domain), body, spec, origin)


def _nowhere(declared: Declared, spec: ProjectSpec) -> Iterator[Problem]:
    if spec.settings is not None and not spec.domains:
        yield declared.problem(
            "Flyte keeps settings for each domain of a project, and none is listed under `domains`",
            "settings",
            fix="list the domains, for example `domains: {production: {}}`",
        )


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
