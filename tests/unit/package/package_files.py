"""Archives for the tests of packages: committed ones, and changed copies of them."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1.adapters import ADAPTERS
from reconciler.backends.flyte1.package import entities, graph
from reconciler.backends.flyte1.package.graph import Graph
from reconciler.model.document import Document, Json
from reconciler.model.key import Place
from reconciler.model.origin import Origin
from reconciler.resolve.context import Context
from reconciler.resolve.resolve import Resolved, resolve
from reconciler.sources.archive import Archive, read
from reconciler.specs.package import PackageOptions
from reconciler.specs.validate import validate

ROOT = Path(__file__).parents[3]
ARCHIVES = Path(__file__).parent / "archives"
QUICKSTART = ROOT / "examples/quickstart/dist/package.tgz"
REALWORLD = ROOT / "examples/realworld/dist/package.tgz"
VARIETY = ARCHIVES / "variety.tgz"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
HERE = Place("flytesnacks", "development")
M = TypeVar("M", bound=Message)


def opened(path: Path) -> Archive:
    """Open a committed archive."""
    return read(path.read_bytes())


def built(archive: Archive, place: Place = HERE, **options: Any) -> Graph:
    """Give every entity of an archive its digest."""
    chosen = PackageOptions.model_validate(options)
    return graph.build(entities.read(archive), place=place, options=chosen)


def digests(archive: Archive, place: Place = HERE, **options: Any) -> dict[tuple[str, str], str]:
    """Map kinds and names to digests."""
    found = built(archive, place, **options).entities
    return {name: one.digest for name, one in found.items()}


def moved(before: Archive, after: Archive) -> set[str]:
    """Name what has another digest, as `kind name` with a short kind."""
    old, new = digests(before), digests(after)
    assert old.keys() == new.keys()
    return {
        f"{kind.removeprefix('Flyte')} {name}"
        for kind, name in old
        if old[kind, name] != new[kind, name]
    }


def edited(archive: Archive, name: str, change: Callable[[Any], object]) -> Archive:
    """Change one serialized entity, named by the end of its member without `.pb`."""
    (member,) = [one for one in archive.members if one.endswith(f"_{name}.pb")]
    kinds: dict[str, type[Message]] = {
        "1": task_pb2.TaskSpec,
        "2": workflow_pb2.WorkflowSpec,
        "3": launch_plan_pb2.LaunchPlan,
    }
    message = kinds[member[-4]].FromString(archive.members[member])
    change(message)
    return Archive({**archive.members, member: message.SerializeToString()})


def without(archive: Archive, *ends: str) -> Archive:
    """Leave members out, by how their names end."""
    return Archive({name: one for name, one in archive.members.items() if not name.endswith(ends)})


def tar(members: Mapping[str, bytes], *, compress: bool = True, level: int = 9) -> bytes:
    """Pack members as a tar, with gzip or without."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), level) if compress else packed.getvalue()


def document(kind: str, name: str, /, line: int = 1, **spec: Json) -> Document:
    """Make a document as it is read from a file."""
    value: dict[str, Json] = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    return Document(value, Origin(f"{name}.yaml", line, 1))


def resolved(
    *documents: Document, archive: Archive | str | None, place: Place = HERE, name: str = "team"
) -> Resolved:
    """Resolve documents, every package of which has the same archive, or the same cause."""
    found = validate(documents)
    assert not found.problems
    archives = {str(one.origin): archive for one in documents if archive is not None}
    context = Context(
        set_name=name,
        now=NOW,
        default_project=place.project,
        default_domain=place.domain,
        archives=archives,
    )
    return resolve(found.declared, ADAPTERS, context)


def package(**spec: Json) -> Document:
    """Declare a package."""
    return document("FlytePackage", "code", archive="dist/package.tgz", **spec)
