"""Makes a package of the requests that a Flyte client sent to a recording endpoint.

What a client sends carries the project, domain and version that it was called with, and the places
that the endpoint gave to its uploads. Both become placeholders, so that the same code makes the
same package wherever and as whatever it was recorded. An identifier of something that the client
did not send stays as it is: it means what is registered already.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1 import texts
from reconciler.backends.flyte1.package import identifiers, recorded
from reconciler.errors import UsageError
from reconciler.sources.archive import Archive

PROJECT = "{{ registration.project }}"
DOMAIN = "{{ registration.domain }}"
VERSION = "{{ registration.version }}"

Request = recorded.Request
Entity = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the client brought: the URL that it was told, its name and its bytes."""

    url: str
    name: str
    content: bytes = field(repr=False)


def package(
    sent: Iterable[Request], uploads: Iterable[Upload] = (), *, activated: Iterable[str] = ()
) -> bytes:
    """Make the bytes of a tgz of everything that was registered, in dependency order.

    `activated` are names of launch plans that the client activated. Equal content makes equal
    bytes. Raises UsageError when it cannot be one package.
    """
    requests = [_copy(request) for request in sent]
    _check_place(requests)
    created = {identifiers.raw(request.id) for request in requests}
    files = {upload.url: upload for upload in uploads}
    used: set[str] = set()
    made: dict[Entity, Request] = {}
    for request in requests:
        entity = _entity(request)
        for identifier in identifiers.walk(request):
            if identifiers.raw(identifier) in created:
                identifier.project, identifier.domain = PROJECT, DOMAIN
                identifier.version = VERSION
        if isinstance(request, task_pb2.TaskCreateRequest):
            used |= _replace(request.spec.template, files)
        _check_uploads(request, files)
        if made.setdefault(entity, request) != request:
            raise UsageError(
                f"{entity[1]}: was registered twice with different content; record each version "
                "on its own"
            )
    brought = {_url(files[url]): files[url] for url in used}
    blobs = [recorded.Blob(url, file.name, file.content) for url, file in sorted(brought.items())]
    names = sorted(set(activated))
    return _pack(recorded.write(_ordered(made), blobs, activated=names))


def references(request: Request) -> Iterator[identifier_pb2.Identifier]:
    """Yield the identifiers of other entities that a request refers to."""
    own = identifiers.raw(request.id)
    for identifier in identifiers.walk(request.spec):
        if identifiers.raw(identifier) not in {own, ("", *own[1:])}:
            yield identifier


def _copy(request: Request) -> Request:
    made = copy.deepcopy(request)
    made.id.resource_type = _resource_type(request)
    if isinstance(made, (task_pb2.TaskCreateRequest, workflow_pb2.WorkflowCreateRequest)):
        made.spec.template.id.CopyFrom(made.id)
    return made


def _resource_type(request: Request) -> identifier_pb2.ResourceType:
    match request:
        case task_pb2.TaskCreateRequest():
            return identifier_pb2.TASK
        case workflow_pb2.WorkflowCreateRequest():
            return identifier_pb2.WORKFLOW
        case launch_plan_pb2.LaunchPlanCreateRequest():
            return identifier_pb2.LAUNCH_PLAN
        case _:
            assert_never(request)


def _entity(request: Request) -> Entity:
    return identifiers.KINDS[request.id.resource_type], request.id.name


def _check_place(requests: Sequence[Request]) -> None:
    places = sorted({f"{request.id.project}/{request.id.domain}" for request in requests})
    if len(places) > 1:
        raise UsageError(
            f"registered into {' and '.join(places)}, and a package is for one project and domain; "
            "record a command for each"
        )


def _url(upload: Upload) -> str:
    return f"recorded://{hashlib.sha256(upload.content).hexdigest()}/{upload.name}"


def _replace(message: Message, files: Mapping[str, Upload]) -> set[str]:
    """Rewrite what depends on where the endpoint put uploads; return the URLs that were found."""
    used: set[str] = set()

    def place(text: str) -> str:
        if text not in files:
            return text
        used.add(text)
        return _url(files[text])

    texts.rewrite(message, place)
    return used


def _check_uploads(request: Request, files: Mapping[str, Upload]) -> None:
    """Refuse what names an upload outside of a task's code: nobody would bring it along."""
    folders = {url.rpartition("/")[0] for url in files}
    for text in texts.texts(request):
        for url in (*files, *folders):
            if text == url or text.startswith(f"{url}/"):
                raise UsageError(
                    f"{request.id.name}: has the file {text.rpartition('/')[2]} as a value, which "
                    "was uploaded for it; a package carries code alone: name the file by a URL"
                )


def _ordered(made: Mapping[Entity, Request]) -> list[Request]:
    """Order requests by what they refer to, then by kind and name: clients send in any order."""
    left = dict(sorted(made.items()))
    placed: list[Request] = []
    done: set[Entity] = set()
    while left:
        ready = [
            entity
            for entity, request in left.items()
            if all(
                needed in done or needed not in made or needed == entity
                for needed in map(_referred, references(request))
            )
        ]
        # Whatever refers to itself in a circle was refused by the endpoint.
        for entity in ready or list(left):
            placed.append(left.pop(entity))
            done.add(entity)
    return placed


def _referred(identifier: identifier_pb2.Identifier) -> Entity:
    kind = identifiers.KINDS.get(identifier.resource_type, "")
    return (kind, identifier.name) if identifier.version == VERSION else ("", "")


def _pack(archive: Archive) -> bytes:
    """Write a tgz without times, owners and file names, so that equal content is equal bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in archive.members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)
