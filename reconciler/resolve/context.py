"""What resolving needs besides the documents, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Protocol, runtime_checkable

from reconciler.model.attachment import Upload
from reconciler.model.interface import Catalog, Task, Unread, Want, Workflow
from reconciler.model.key import Key, Place
from reconciler.model.origin import Origin, Problem
from reconciler.model.provenance import Provenance
from reconciler.model.resource import Resource
from reconciler.model.secret import Content
from reconciler.model.traits import Traits
from reconciler.specs.validate import Declared
from reconciler.values.known import Known
from reconciler.values.own import OwnType


@dataclass(frozen=True, slots=True)
class Package:
    """What a resolved package offers to plans and triggers of the same project-domain.

    `workflows` and `tasks` are by name; `code` is what registering needs beside the resources: code
    archives and descriptions, by names that the backend gives. `unread` says why the package could
    not be read, if so.
    """

    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    code: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    unread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Arguments of one resolving.

    `now` bounds the search for firings that never come. With `is_offline` nothing can be looked up,
    and what only a backend knows is left unchecked instead of being a problem. `versions` maps
    globs over workflow names to the version that plans on them run instead of the one that they
    name. `packages` and `started` (what runs can start, where `has_runs` says that some are
    declared) are filled in the order of kinds, packages before plans before runs. `archives` holds
    what was read of each package's archive, by the place of its document, `files` what was read of
    the paths in inputs, by the place of the document and as written, and `contents` what each
    secret is to hold. `faulty` names the packages that are declared with an error, `unresolved` the
    objects of documents that had one so far. `types` are types of one's own, asked before the
    built-in ones. `provenance` tells the commit that packages are read from.
    """

    set_name: str
    now: datetime
    is_offline: bool = False
    default_project: str = ""
    default_domain: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    catalog: Catalog = field(default_factory=dict)
    packages: Mapping[tuple[Place, str], Package] = field(default_factory=dict)
    started: Mapping[Key, Workflow] = field(default_factory=dict)
    has_runs: bool = False
    unresolved: AbstractSet[Key] = frozenset()
    archives: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Upload | Unread]] = field(default_factory=dict)
    contents: Mapping[str, Content | str] = field(default_factory=dict)
    faulty: frozenset[str] = frozenset()
    types: tuple[OwnType, ...] = ()
    provenance: Provenance | None = None

    def place(self, project: str | None, domain: str | None) -> Place:
        """Fill in the defaults of the set."""
        return Place(project or self.default_project, domain or self.default_domain)

    def known(self, declared: Declared) -> Known:
        """Return what the inputs of a document may use besides themselves."""
        return Known(self.files.get(str(declared.document.origin), {}), self.types)

    def link(self, origin: Origin) -> str:
        """Tell where a place can be looked up; empty where that is nowhere."""
        return self.provenance.link(origin) if self.provenance else ""

    def version_for(self, workflow: str) -> str | None:
        """Return the version that the set chooses for a workflow name, the longest glob first."""
        matches = [glob for glob in self.versions if fnmatchcase(workflow, glob)]
        return self.versions[max(matches, key=len)] if matches else None


@dataclass(frozen=True, slots=True)
class Resolution:
    """What one document gives: resources, problems, a package's offer, and contents of secrets.

    `starts` is what runs can start: launch plans, with the inputs that are still open.
    `is_unchecked` says that it could not be resolved because only a backend knows its workflow.
    """

    resources: tuple[Resource, ...] = ()
    problems: tuple[Problem, ...] = ()
    package: Package | None = None
    place: Place | None = None
    is_unchecked: bool = False
    contents: Mapping[Key, Content] = field(default_factory=dict)
    starts: Mapping[Key, Workflow] = field(default_factory=dict)


def placed(declared: Declared, place: Place) -> Resolution | None:
    """Return the problem of a document without a project or domain, None when it has both."""
    if place.project and place.domain:
        return None
    missing = "project" if not place.project else "domain"
    problem = declared.problem(
        f"no {missing} is given here and the set has no default",
        fix=f"write spec.{missing}, or spec.defaults.{missing} in the FlyteSync",
    )
    return Resolution(problems=(problem,))


def group_of(place: Place, package: str) -> str:
    """Name the group of a package's members."""
    return f"FlytePackage/{place}/{package}"


@runtime_checkable
class LintsSchedules(Protocol):
    """A kind with a schedule, which can be checked also where the rest of a document cannot."""

    def lint(self, declared: Declared, schedule: object, context: Context, /) -> Iterable[Problem]:
        """Say what is wrong with the schedule of a document."""
        ...


class Adapter(Protocol):
    """One kind on one backend, as far as resolving needs it."""

    @property
    def traits(self) -> Traits:
        """The kind's traits; resolving goes by their rank."""
        ...

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """List what must be looked up on the backend before the document can be resolved."""
        ...

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name what a document is about, its own object first, without looking anything up.

        Nothing for a package, whose archive tells.
        """
        ...

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one document; never raises on what a user can write."""
        ...
