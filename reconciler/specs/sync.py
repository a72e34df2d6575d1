"""FlyteSync: one owned set, where its specs are and what it may do; `reconcile.yaml` is one."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_core import PydanticCustomError

from reconciler.model.digest import SET_NAME, UNCLAIMED
from reconciler.model.policy import Drift
from reconciler.specs.fields import (
    SET,
    WORDS,
    Choice,
    Count,
    Domain,
    DomainOrAll,
    Duration,
    EnvName,
    Glob,
    Many,
    ObjectName,
    ProjectId,
    ProjectOrAll,
    SetName,
    Text,
    Version,
)
from reconciler.specs.git import Dependencies, GitSpec
from reconciler.specs.notify import NotifySpec
from reconciler.specs.policies import PolicySpec
from reconciler.specs.shape import Given, Shape, above_zero, fault, list_of


class Render(StrEnum):
    """What turns the files into documents."""

    NONE = "None"
    KUSTOMIZE = "Kustomize"
    HELM = "Helm"


class SyncDefaults(Shape):
    """Where documents live that do not say."""

    project: ProjectId | None = None
    """The project of documents that name none."""

    domain: Domain | None = None
    """The domain of documents that name none."""


class Scope(Shape):
    """A project and domains that the set may touch."""

    project: ProjectOrAll
    """The project; `*` stands for what belongs to no single one, such as a domain's settings."""

    domains: Annotated[Many[DomainOrAll], Field(min_length=1)] = ("*",)
    """The domains; `*` is all of them."""

    files: Many[Glob] = ()
    """The files that may touch it, as globs below the set's folder; default: all of them.

    `prod/**` is every file in prod and in the folders below it.
    """


class SyncLimits(Shape):
    """How much one pass may remove before it refuses."""

    max_removals: Count = 20
    """The most removals in one project-domain within 24 hours."""

    max_removal_fraction: Annotated[float, Field(ge=0, le=1)] = 0.3
    """The largest share of owned active objects that one pass removes in one project-domain.

    Counts above three removals.
    """


class AllowedSources(Shape):
    """The names that secrets of this set may be read from."""

    env: Many[EnvName] = ()
    """Environment variables."""

    file: Many[Text] = ()
    """Files, as paths relative to this file."""


class SyncSecrets(Shape):
    """Where secrets of this set may come from."""

    allow: AllowedSources = AllowedSources()
    """What may be read; nothing else is."""


class SetPrune(StrEnum):
    """What happens to what a set owns and no longer declares."""

    DEACTIVATE = "Deactivate"
    ARCHIVE = "Archive"
    DELETE = "Delete"
    REPORT = "Report"
    KEEP = "Keep"


class SyncSpec(Shape):
    """One owned set; its name is `metadata.name` and is part of every version that it registers."""

    name_pattern: ClassVar[str] = SET_NAME.pattern

    connection: ObjectName | None = None
    """A FlyteConnection of the same tree or namespace, or `embedded`.

    Never implied: without it a flag or RECONCILE_CONNECTION must name one.
    """

    paths: Annotated[Many[Text], Field(min_length=1)] = (".",)
    """Where the documents are, relative to this file. The whole of it is the root of the set."""

    render: Choice[Render] = Render.NONE
    """None, Kustomize or Helm, in a checkout and from Git; without plugins and remote bases.

    With Kustomize, paths are folders of kustomizations. With Helm, they are folders of charts, and
    files of values for them in the order in which they are written.
    """

    defaults: SyncDefaults = SyncDefaults()
    """Where documents live that do not say."""

    scopes: Annotated[Many[Scope], Field(min_length=1)] | None = None
    """What the set may touch; default: the default project, all domains."""

    prune: Choice[SetPrune] = SetPrune.DEACTIVATE
    """What happens to what the set owns and no longer declares.

    Deactivate, Archive (Flyte 1), Delete (Flyte 2), Report or Keep.
    """

    drift: Choice[Drift] = Drift.CORRECT
    """What happens to changes that somebody else made: Correct or Report."""

    limits: SyncLimits = SyncLimits()
    """How much may be removed before a pass refuses."""

    secrets: SyncSecrets = SyncSecrets()
    """Where secrets may come from."""

    versions: dict[Glob, Version] = Field(default_factory=dict)
    """Workflow glob to version: moves many plans by one line."""

    suspend: bool = False
    """Stop reconciling; Flyte keeps running."""

    interval: Duration = "10m"
    """How often drift is looked for, by the operator and `serve`."""

    previous_names: Many[SetName] = ()
    """Names that this set had before; what they own becomes this set's."""

    git: GitSpec | None = None
    """Where the files come from, for `reconcile serve` and the operator."""

    policies: Annotated[Many[PolicySpec], Field(max_length=100)] = ()
    """Rules for everything that the set declares; where one fails, nothing is applied."""

    notify: Annotated[Many[NotifySpec], Field(max_length=20)] = ()
    """Who is told of what became of the set, by `reconcile serve` and the operator."""

    depends_on: Dependencies = ()
    """FlyteSyncs that go first, by name; this one waits until they are as declared."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse empty intervals and names that stand twice."""
        yield from above_zero(given, "interval")
        if given.get("render", "None") != "None":
            for index, scope in enumerate(list_of(given, "scopes")):
                if isinstance(scope, dict) and scope.get("files"):
                    why = "cannot be told of what is rendered"
                    yield fault(why, at=("scopes", index, "files"), fix="remove it")
        policies = [
            item.get("name") for item in list_of(given, "policies") if isinstance(item, dict)
        ]
        for index, policy in enumerate(policies):
            if policy in policies[:index]:
                yield fault(
                    "names a policy twice",
                    at=("policies", index, "name"),
                    fix="choose another name",
                )
        names = list_of(given, "previousNames")
        for index, name in enumerate(names):
            if name in names[:index]:
                yield fault("stands here twice", at=("previousNames", index), fix="remove one")

    @classmethod
    def name_faults(cls, name: str, given: Given) -> Iterator[PydanticCustomError]:
        """Check the set name, which is part of every version."""
        if not SET_NAME.fullmatch(name):
            why = f'"{name}" is not {WORDS[SET]}'
            yield fault(why, at=("metadata", "name"), is_in_value=True)
        elif name == UNCLAIMED:
            why = f'"{name}" is reserved for documents that have no FlyteSync'
            yield fault(why, at=("metadata", "name"), fix="choose another name", is_in_value=True)
        for index, other in enumerate(list_of(given, "dependsOn")):
            if other == name:
                why = "is the FlyteSync itself"
                yield fault(why, at=("spec", "dependsOn", index), fix="remove it")
        for index, former in enumerate(list_of(given, "previousNames")):
            if former == name:
                why = "is the name that the set has now"
                yield fault(why, at=("spec", "previousNames", index), fix="remove it")
