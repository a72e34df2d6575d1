"""Resolves a declared package to its tasks, workflows and launch plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from flyteidl.admin import description_entity_pb2

from reconciler.backends.flyte1 import task, workflow
from reconciler.backends.flyte1.interface import default_literals, variables
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.launch_plan.spec import started
from reconciler.backends.flyte1.package import graph as graphs
from reconciler.backends.flyte1.package import plans
from reconciler.backends.flyte1.package.entities import Content, ContentError, read
from reconciler.backends.flyte1.package.graph import Entity, Graph
from reconciler.backends.flyte1.package.identifiers import description_name
from reconciler.backends.flyte1.package.images import rewritten
from reconciler.backends.packages.images import Choice, unused
from reconciler.backends.packages.uploads import place_name
from reconciler.model.digest import version_of
from reconciler.model.interface import Task, Want, Workflow
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import Reference, Resource, State
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Package, Resolution, group_of, placed
from reconciler.sources.archive import Archive
from reconciler.specs.package import PackageSpec
from reconciler.specs.validate import Declared

KIND = "FlytePackage"


@dataclass(frozen=True, slots=True)
class PackageAdapter:
    """Resolving of FlytePackage documents."""

    traits: Traits

    def wants(self, _declared: Declared, _context: Context, /) -> Iterable[Want]:
        """Ask for nothing: a package brings what it needs."""
        return ()

    def about(self, _declared: Declared, _context: Context, /) -> tuple[Key, ...]:
        """Name nothing: only the archive tells."""
        return ()

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve every entity of a package; an archive that cannot be read declares nothing."""
        spec = cast("PackageSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        nowhere = placed(declared, place)
        if nowhere is not None:
            return nowhere
        archive = context.archives.get(str(declared.document.origin))
        if not isinstance(archive, Archive):
            return _unread(declared, place, [str(archive or f"{spec.archive}: was not read")])
        try:
            images = Choice(spec.images)
            content = read(archive)
            if spec.images:
                content = rewritten(content, images)
            graph = graphs.build(content, place=place, options=spec.options)
        except ContentError as error:
            faults = [f"{spec.archive}: {fault}" for fault in error.faults]
            return _unread(declared, place, faults)
        warnings = tuple(unused(declared, images))
        return _Resolving(declared, context, place, content, graph, warnings).resolution()


def _unread(declared: Declared, place: Place, faults: list[str]) -> Resolution:
    return Resolution(
        problems=tuple(declared.problem(fault, "archive") for fault in faults),
        package=Package(unread=faults[0]),
        place=place,
    )


@dataclass(frozen=True, slots=True)
class _Resolving:
    """One package that could be read, in one place."""

    declared: Declared
    context: Context
    place: Place
    content: Content
    graph: Graph
    warnings: tuple[Problem, ...] = ()

    @property
    def spec(self) -> PackageSpec:
        return cast("PackageSpec", self.declared.spec)

    def resolution(self) -> Resolution:
        policy = self.spec.launch_plans
        problems: list[Problem] = [
            *self.warnings,
            *plans.unmatched(self.declared, self.graph, policy),
        ]
        wanted = plans.chosen(self.graph, policy)
        resources: list[Resource] = []
        for entity in self.graph.entities.values():
            state = State.UNMANAGED
            if entity.kind == LAUNCH_PLAN:
                if entity.name not in wanted:
                    continue
                state = plans.state(entity, policy)
                now = self.context.now
                problems += plans.lint(self.declared, entity, state, now=now)
                problems += plans.unbound(self.declared, entity, self.content)
            resources.append(self.resource(entity, state))
        is_wrong = any(item.severity is Severity.ERROR for item in problems)
        workflows = self.workflows()
        return Resolution(
            resources=() if is_wrong else tuple(resources),
            problems=tuple(problems),
            package=Package(workflows=workflows, tasks=self.tasks(), code=self.attached()),
            place=self.place,
            starts=dict(self.started(wanted, workflows)) if self.context.has_runs else {},
        )

    def started(
        self, wanted: frozenset[str], workflows: Mapping[str, Workflow]
    ) -> Iterator[tuple[Key, Workflow]]:
        for one in self.graph.entities.values():
            if one.kind == LAUNCH_PLAN and one.name in wanted and one.refs:
                key = self.key(LAUNCH_PLAN, one.name)
                runs = workflows[one.refs[0][1]]
                yield key, started(key, self.version(one), one.body, runs)

    def key(self, kind: str, name: str) -> Key:
        return Key(kind, self.place.project, self.place.domain, name)

    def version(self, entity: Entity) -> str:
        return version_of(self.context.set_name, entity.digest)

    def resource(self, entity: Entity, state: State) -> Resource:
        return Resource(
            key=self.key(entity.kind, entity.name),
            body=entity.body,
            origin=self.declared.at("archive"),
            digest=entity.digest,
            version=self.version(entity),
            state=state,
            refs=self.refs(entity),
            group=group_of(self.place, self.declared.name),
            adopt=self.spec.adopt,
            protect=self.spec.protect if state is State.ACTIVE else None,
        )

    def refs(self, entity: Entity) -> tuple[Reference, ...]:
        target = entity.target
        if target is not None:
            key = Key(workflow.KIND, target.project, target.domain, target.name)
            return (Reference(key, target.version),)
        return tuple(
            Reference(self.key(*name), self.version(self.graph.entities[name]))
            for name in entity.refs
        )

    def workflows(self) -> dict[str, Workflow]:
        found: dict[str, Workflow] = {}
        for name, spec in self.content.workflows.items():
            default = self.graph.entities.get((LAUNCH_PLAN, name))
            parameters = self.content.plans[name].spec.default_inputs if default else None
            found[name] = Workflow(
                project=self.place.project,
                domain=self.place.domain,
                name=name,
                version=self.version(self.graph.entities[workflow.KIND, name]),
                inputs=variables(spec.template.interface.inputs),
                defaults=default_literals(parameters)
                if parameters is not None and default is not None and default.is_default
                else {},
            )
        return found

    def tasks(self) -> dict[str, Task]:
        if not self.context.has_runs:
            return {}
        return {
            name: Task(
                project=self.place.project,
                domain=self.place.domain,
                name=name,
                version=self.version(self.graph.entities[task.KIND, name]),
                inputs=variables(spec.template.interface.inputs),
            )
            for name, spec in self.content.tasks.items()
        }

    def attached(self) -> dict[str, bytes]:
        """What registering needs beside the resources; see `attachments`.

        A description says where its package is declared, unless the package has a link of its own.
        """
        descriptions: dict[str, bytes] = {}
        link = self.context.link(self.declared.at("archive"))
        for (kind, name), entity in self.graph.entities.items():
            described = self.graph.descriptions.get((kind, name))
            if kind != LAUNCH_PLAN and (link or described):
                descriptions[description_name(self.key(kind, name), entity.digest)] = _with_link(
                    described or b"", link
                )
        places = {place_name(url): place.encode() for url, place in self.graph.places.items()}
        code = {url: code.content for url, code in self.graph.code.items()}
        return descriptions | places | code


def _with_link(content: bytes, link: str) -> bytes:
    description = description_entity_pb2.DescriptionEntity.FromString(content)
    if link and not description.source_code.link:
        description.source_code.link = link
    return description.SerializeToString(deterministic=True)
