"""FlytePackage: tasks, workflows and plans that somebody serialized, versioned by their content."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints
from pydantic_core import PydanticCustomError

from reconciler.model import image
from reconciler.specs.fields import (
    SHA256,
    Annotations,
    Choice,
    Domain,
    Glob,
    ImageDigest,
    ImageName,
    ImageTag,
    Labels,
    Many,
    ProjectId,
    ServiceAccount,
    Text,
    Uri,
)
from reconciler.specs.owned import Owned
from reconciler.specs.running import PlanState
from reconciler.specs.shape import Given, Shape, fault, list_of, map_of, text_of

REMOTE_SCHEMES = ("https", "s3", "gs", "gcs", "abfs", "abfss", "az")
"""Where an archive may be fetched from, besides local files."""


class Register(StrEnum):
    """Which launch plans of a package are registered; plans that nodes reference always are."""

    ALL = "All"
    DEFAULT = "Default"
    NONE = "None"


class Activate(StrEnum):
    """Which launch plans of a package are activated."""

    UNMANAGED = "Unmanaged"
    SCHEDULED = "Scheduled"
    ALL = "All"


class PackagedPlan(Shape):
    """The state of some plans of a package."""

    name: Glob
    """A glob over plan names; the first entry that matches a plan decides."""

    state: Choice[PlanState]
    """Active, Inactive or Unmanaged."""


class PackagedPlans(Shape):
    """What becomes of the launch plans of a package."""

    register_: Choice[Register] = Field(default=Register.ALL, alias="register")
    """All, Default (only the default plans of workflows) or None; referenced plans always are."""

    activate: Choice[Activate] = Activate.UNMANAGED
    """Unmanaged, Scheduled (plans with a schedule) or All; default plans never are activated."""

    plans: Many[PackagedPlan] = ()
    """Exceptions by name."""


class PackageOptions(Shape):
    """What is filled into the plans of a package."""

    service_account: ServiceAccount | None = None
    """The Kubernetes service account of executions."""

    raw_output_prefix: Uri | None = None
    """Where executions store raw data, as a URI prefix."""

    labels: Labels = Field(default_factory=dict)
    """Labels of executions, at most 16."""

    annotations: Annotations = Field(default_factory=dict)
    """Annotations of executions."""


class PackageImage(Shape):
    """Another image for some containers of a package, as kustomize's `images` writes it."""

    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = (("newTag", "digest"),)

    name: Glob
    """A glob over images without tag and digest; the first entry that matches an image decides."""

    new_name: ImageName | None = None
    """The image to run instead, without tag and digest; default: the same."""

    new_tag: ImageTag | None = None
    """Its tag; it replaces tag and digest. Default: both stay."""

    digest: ImageDigest | None = None
    """Its digest; it replaces tag and digest. Default: both stay."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse an entry that changes nothing, and a name that no image has."""
        if "name" in given and not given.keys() & {"newName", "newTag", "digest"}:
            yield fault("needs newName, newTag or digest", fix="add one of them")
        name = image.parse(text_of(given, "name") or "")
        if name.tag or name.digest:
            yield fault(
                f'"{name}" holds a tag or a digest, and images are matched without',
                at=("name",),
                fix=f"write {name.name}",
                is_in_value=True,
            )


class PackageSpec(Owned):
    """One package in one project and domain."""

    project: ProjectId | None = None
    """The project to register in; default: that of the FlyteSync."""

    domain: Domain | None = None
    """The domain to register in; default: that of the FlyteSync."""

    archive: Text
    """What `pyflyte package` or `reconcile record` wrote: a tgz, a tar or a folder.

    A path relative to this file, or a URL.
    """

    sha256: Annotated[str, StringConstraints(pattern=SHA256)] | None = None
    """The SHA-256 of the archive; required when it is remote."""

    launch_plans: PackagedPlans = PackagedPlans()
    """What becomes of the launch plans of the package."""

    images: Many[PackageImage] = ()
    """Images chosen when the package is registered, instead of those that it was built with."""

    options: PackageOptions = PackageOptions()
    """What is filled into the plans of the package."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Check where the archive is and that a remote one is pinned."""
        yield from super().faults(given)
        scheme, separator, _ = (text_of(given, "archive") or "").partition("://")
        if separator and scheme != "file":
            if scheme not in REMOTE_SCHEMES:
                allowed = ", ".join(REMOTE_SCHEMES)
                why = f'has scheme "{scheme}"; allowed are {allowed}'
                fix = "use one of them, or a local path"
                yield fault(why, at=("archive",), fix=fix, is_in_value=True)
            elif "sha256" not in given:
                why = "is remote, so its content must be pinned"
                yield fault(why, at=("archive",), fix="add sha256")
        plans = list_of(map_of(given, "launchPlans"), "plans")
        yield from _twice(plans, "launchPlans", "plans")
        yield from _twice(list_of(given, "images"), "images")


def _twice(entries: list[object], *path: str) -> Iterator[PydanticCustomError]:
    names = [one.get("name") if isinstance(one, dict) else None for one in entries]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            why = f'names "{name}" a second time; only the first entry counts'
            yield fault(why, at=(*path, index, "name"), fix="remove one")
