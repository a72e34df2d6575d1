"""Resolve all documents of a set, with every problem at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model.attachment import Attachment, Upload
from reconciler.model.interface import Want, Workflow
from reconciler.model.key import Key, Place
from reconciler.model.origin import Origin, Problem, Severity
from reconciler.model.policy import Prune
from reconciler.model.resource import Desired, Resource
from reconciler.model.secret import Content
from reconciler.model.traits import Shape
from reconciler.resolve.alike import Alike
from reconciler.resolve.context import Adapter, Context, Package, Resolution
from reconciler.resolve.memo import Memo
from reconciler.resolve.scope import Scope
from reconciler.specs.fields import DeletionPolicy
from reconciler.specs.validate import Declared
from reconciler.values.stand_ins import stand_in


@dataclass(frozen=True, slots=True)
class Resolved:
    """The desired state, problems (warnings among them), and how much only a backend can check.

    `attachments` is what registering needs beside the resources, by the names that bodies have.
    """

    desired: Desired
    problems: tuple[Problem, ...]
    unchecked: int = 0
    attachments: Mapping[str, Attachment] = field(default_factory=dict, repr=False)
    contents: Mapping[Key, Content] = field(default_factory=dict, repr=False)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop an apply."""
        return tuple(item for item in self.problems if item.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that are only said."""
        return tuple(item for item in self.problems if item.severity is Severity.WARNING)


def wants(
    declared: Iterable[Declared], adapters: Mapping[str, Adapter], context: Context
) -> frozenset[Want]:
    """List the workflows that must be looked up before `resolve`.

    A document without a project or domain wants nothing: `resolve` says what is wrong with it.
    """
    return frozenset(
        want
        for item in declared
        if item.kind in adapters
        for want in adapters[item.kind].wants(item, context)
        if want.project and want.domain
    )


def resolve(
    declared: Sequence[Declared],
    adapters: Mapping[str, Adapter],
    context: Context,
    *,
    scope: Scope | None = None,
    is_whole: bool = False,
    memo: Memo | None = None,
) -> Resolved:
    """Turn documents into desired resources.

    A document whose problem is an error gives no resource. The same Flyte object twice, and objects
    outside `scope`, are errors. A warning that many documents have is one problem. `memo` keeps
    what is the same the next time.
    """
    memo = Memo() if memo is None else memo
    known = [item for item in declared if item.kind in adapters]
    known.sort(key=lambda item: adapters[item.kind].traits.rank)
    resources: dict[Key, Resource] = {}
    places: dict[Key, Origin] = {}
    alike = Alike()
    unreadable: dict[Place, str] = {}
    packages: dict[tuple[Place, str], Package] = {}
    offered: dict[tuple[Place, str], Package] = {}
    contents: dict[Key, Content] = {}
    started: dict[Key, Workflow] = {}
    faulty: set[Key] = set()
    unchecked = 0
    has_runs = any(adapters[item.kind].traits.shape is Shape.RUNS for item in known)
    within = replace(
        context, packages=offered, started=started, has_runs=has_runs, unresolved=faulty
    )
    for item in known:
        found = memo.resolution(item, adapters[item.kind], within)
        origin = item.document.origin
        alike.add(origin, found.problems)
        if _is_faulty(found):
            about = adapters[item.kind].about(item, context)
            faulty.update(about)
            if not about:
                unreadable[_place(item, context)] = f"{origin} has an error"
        unchecked += found.is_unchecked
        contents.update(found.contents)
        started.update(found.starts)
        if found.package is not None and found.place is not None:
            packages[found.place, item.name] = found.package
            offered[found.place, item.name] = memo.offered(str(origin), found.package)
            if found.package.unread:
                unreadable[found.place] = found.package.unread
        given = {resource.key: resource for resource in found.resources}
        keys = given or _own(item, adapters[item.kind], context)
        on_removal = getattr(item.spec, "deletion_policy", None)
        for key in keys:
            place = given[key].origin if key in given else origin
            problem = _misplaced(key, item, scope) or _twice(key, place, places)
            if problem is not None:
                alike.add(origin, (problem,))
                faulty.add(key)
                continue
            places[key] = place
            if key in given and on_removal is not None:
                given[key] = replace(given[key], on_removal=_ON_REMOVAL.get(on_removal))
            if key in given:
                resources[key] = given[key]
    memo.keep(known)
    desired = Desired(
        resources,
        is_whole=is_whole,
        unreadable=unreadable,
        faulty=frozenset(faulty - resources.keys()),
    )
    problems = sorted(alike.all(), key=lambda item: (item.severity, item.origin, item.path))
    attachments = _attachments(packages, context)
    return Resolved(desired, tuple(problems), unchecked, attachments, contents)


_ON_REMOVAL = {
    DeletionPolicy.ORPHAN: Prune.KEEP,
    DeletionPolicy.DEACTIVATE: Prune.DEACTIVATE,
    DeletionPolicy.ARCHIVE: Prune.ARCHIVE,
    DeletionPolicy.DELETE: Prune.DELETE,
    DeletionPolicy.TERMINATE: Prune.TERMINATE,
}


def _is_faulty(found: Resolution) -> bool:
    return any(item.severity is Severity.ERROR for item in found.problems)


def _place(item: Declared, context: Context) -> Place:
    spec = item.spec
    return context.place(getattr(spec, "project", None), getattr(spec, "domain", None))


def _attachments(
    packages: Mapping[tuple[Place, str], Package], context: Context
) -> dict[str, Attachment]:
    """Gather what packages attach and every file that inputs may mean.

    Files of plans that only a backend could check are among them: a saved plan may need them.
    """
    found: dict[str, Attachment] = {}
    for package in packages.values():
        found.update(package.code)
    for files in context.files.values():
        found.update({stand_in(one): one for one in files.values() if isinstance(one, Upload)})
    return found


def _own(declared: Declared, adapter: Adapter, context: Context) -> tuple[Key, ...]:
    """Name the object of a document that gives no resource, as far as it can be told."""
    spec = declared.spec
    if hasattr(spec, "project") and hasattr(spec, "domain"):
        place = context.place(spec.project, spec.domain)
        if not (place.project and place.domain):
            return ()
    return adapter.about(declared, context)[:1]


def _misplaced(key: Key, declared: Declared, scope: Scope | None) -> Problem | None:
    if scope is None or scope.allows(key.place, declared.document.origin.file):
        return None
    if scope.allows(key.place):
        return Problem(
            declared.document.origin,
            f"{key.place} is not for this file, as spec.scopes of the FlyteSync says",
            path="spec",
            fix="move it to a file that may touch it",
        )
    return Problem(
        declared.at("project"),
        f"{key.place} is outside the scope of the set",
        path="spec",
        fix="add it to spec.scopes of the FlyteSync, or declare it in another set",
    )


def _twice(key: Key, origin: Origin, places: Mapping[Key, Origin]) -> Problem | None:
    first = places.get(key)
    if first is None:
        return None
    return Problem(
        origin,
        f"{key} is declared a second time; the first is at {first}",
        fix="remove one of the two",
    )
