"""Recorded packages of Flyte 2 for tests: committed ones, changed copies, and a Flyte for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import grpc.aio
from flyteidl2.core import identifier_pb2, tasks_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2, task_service_pb2_grpc
from package_files import ARCHIVES, HERE, NOW, opened, tar
from world import World, open_world

from reconciler.api import connecting
from reconciler.backends.flyte2.adapters import ADAPTERS
from reconciler.backends.flyte2.package import recorded
from reconciler.backends.packages import recorded as packages
from reconciler.model.document import Document
from reconciler.model.key import Place
from reconciler.resolve.context import Context
from reconciler.resolve.resolve import Resolved, resolve
from reconciler.sources.archive import Archive
from reconciler.specs.validate import validate

SHOP = ARCHIVES / "flyte2" / "shop.tgz"
ELSEWHERE = ARCHIVES / "flyte2" / "shop-elsewhere.tgz"

Request = task_service_pb2.DeployTaskRequest
Change = Callable[[Request], object]


def requests(archive: Archive) -> list[Request]:
    """The requests of a recorded package."""
    found = [sent.request for sent in packages.read(archive, recorded.FORM).requests]
    return [one for one in found if isinstance(one, Request)]


def rewritten(archive: Archive, made: Iterable[Request]) -> Archive:
    """The same uploads with other requests."""
    blobs = packages.read(archive, recorded.FORM).blobs
    return packages.write(recorded.FORM, made, blobs)


def edited(archive: Archive, name: str, change: Change) -> Archive:
    """Change the request of one task."""
    found = requests(archive)
    change(next(one for one in found if one.task_id.name == name))
    return rewritten(archive, found)


def digests(archive: Archive) -> dict[str, str]:
    """Map names of tasks to digests."""
    return {name: task.digest for name, task in recorded.read(archive).tasks.items()}


def moved(before: Archive, after: Archive) -> set[str]:
    """Name what has another digest."""
    old, new = digests(before), digests(after)
    assert old.keys() == new.keys()
    return {name for name in old if old[name] != new[name]}


def resolved(
    *documents: Document, archive: Archive | str | None, place: Place = HERE, name: str = "team"
) -> Resolved:
    """Resolve documents for Flyte 2, every package of which has the same archive or cause."""
    found = validate(documents)
    assert not found.problems
    context = Context(
        set_name=name,
        now=NOW,
        default_project=place.project,
        default_domain=place.domain,
        archives={str(one.origin): archive for one in documents if archive is not None},
    )
    return resolve(found.declared, ADAPTERS, context)


def task(name: str = "env.work", version: str = "0" * 32, **at: str) -> Request:
    """What the SDK sends for a task without code."""
    where = {"project": "p", "domain": "d", **at}
    spec = task_definition_pb2.TaskSpec(
        task_template=tasks_pb2.TaskTemplate(
            id=identifier_pb2.Identifier(
                resource_type=identifier_pb2.TASK, name=name, version=version, **where
            ),
            type="python",
            container=tasks_pb2.Container(
                image="registry.example.com/app:v1",
                args=["a0", "--version", version, "--dest", ".", "--resolver", "r", "mod", "m"],
            ),
        ),
        short_name="work",
    )
    identifier = task_definition_pb2.TaskIdentifier(name=name, version=version, **where)
    return Request(task_id=identifier, spec=spec)


@dataclass
class World2(World):
    """A world whose sessions are of Flyte 2."""

    def package(self, archive: Path | Archive, *more: dict[str, Any], **spec: Any) -> None:
        """Declare a package and nothing else but `more`."""
        found = archive if isinstance(archive, Archive) else opened(archive)
        (self.root / "package.tgz").write_bytes(tar(found.members))
        document = {
            "apiVersion": "flyte.reconciler.dev/v1alpha1",
            "kind": "FlytePackage",
            "metadata": {"name": "code"},
            "spec": {"archive": "package.tgz", **spec},
        }
        self.declare(document, *more)


@asynccontextmanager
async def open_world2(
    directory: Path, *, strict: bool = False
) -> AsyncIterator[tuple[World2, task_service_pb2_grpc.TaskServiceStub]]:
    """Start an embedded Flyte 2 over an empty database; its task service is called directly."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with (
        open_world(directory, flyte=connecting.FLYTE2, strict=strict) as world,
        grpc.aio.insecure_channel(world.endpoint, options=options) as channel,
    ):
        parts = {one.name: getattr(world, one.name) for one in fields(world)}
        yield World2(**parts), task_service_pb2_grpc.TaskServiceStub(channel)
