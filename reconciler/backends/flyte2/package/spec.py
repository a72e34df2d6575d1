"""Resolves a declared package to its tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from reconciler.backends.flyte2.package.recorded import Content, ContentError, Packaged, read
from reconciler.backends.flyte2.task import attached
from reconciler.backends.flyte2.task.interface import task_of
from reconciler.backends.flyte2.task.normal import KIND as TASK
from reconciler.backends.packages.images import Choice, unused
from reconciler.backends.packages.uploads import place_name
from reconciler.model.digest import version_of
from reconciler.model.interface import Want
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem
from reconciler.model.resource import Resource
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Package, Resolution, group_of, placed
from reconciler.sources.archive import Archive
from reconciler.specs.package import PackageSpec
from reconciler.specs.validate import Declared

KIND = "FlytePackage"

_OF_FLYTE_1 = {
    "launchPlans": "remove it, and declare a FlyteTrigger for what is to run by itself",
    "options": "remove it, and write spec.run of a FlyteTrigger",
}


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
        """Resolve every task of a package; an archive that cannot be read declares nothing."""
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
            content = read(archive, images if spec.images else None)
        except ContentError as error:
            return _unread(declared, place, [f"{spec.archive}: {fault}" for fault in error.faults])
        errors = tuple(_unserved(declared))
        return Resolution(
            resources=() if errors else tuple(_resources(declared, context, place, content)),
            problems=(*errors, *unused(declared, images)),
            package=Package(
                tasks={
                    name: task_of(place, name, _version(context, task), task.spec)
                    for name, task in content.tasks.items()
                },
                code=dict(_attached(declared, context, place, content)),
            ),
            place=place,
        )


def _unread(declared: Declared, place: Place, faults: list[str]) -> Resolution:
    return Resolution(
        problems=tuple(declared.problem(fault, "archive") for fault in faults),
        package=Package(unread=faults[0]),
        place=place,
    )


def _unserved(declared: Declared) -> Iterator[Problem]:
    given = cast("dict[str, object]", declared.document.value.get("spec") or {})
    for name, fix in _OF_FLYTE_1.items():
        if name in given:
            why = "is about launch plans, which Flyte 2 does not have"
            yield declared.problem(f"{name} {why}", name, fix=fix)


def _key(place: Place, name: str) -> Key:
    return Key(TASK, place.project, place.domain, name)


def _version(context: Context, task: Packaged) -> str:
    return version_of(context.set_name, task.digest)


def _resources(
    declared: Declared, context: Context, place: Place, content: Content
) -> Iterator[Resource]:
    spec = cast("PackageSpec", declared.spec)
    for name, task in sorted(content.tasks.items()):
        yield Resource(
            key=_key(place, name),
            body=task.body,
            origin=declared.at("archive"),
            digest=task.digest,
            version=_version(context, task),
            group=group_of(place, declared.name),
            adopt=spec.adopt,
            notes=tuple(
                f'its trigger "{trigger}" is not registered with it; declare a FlyteTrigger'
                for trigger in task.triggers
            ),
        )


def _attached(
    declared: Declared, context: Context, place: Place, content: Content
) -> Iterator[tuple[str, bytes]]:
    link = context.link(declared.at("archive"))
    for name, task in content.tasks.items():
        yield (
            attached.name_of(_key(place, name), _version(context, task)),
            attached.with_link(task.spec, link),
        )
        for url, there in task.places.items():
            yield place_name(url), there.encode()
    for url, code in content.code.items():
        yield url, code.content
