"""Makes a package of the requests that a Flyte client sent to a recording endpoint.

What a client sends carries the project, domain and version that it was called with, and the places
that the endpoint gave to its uploads. Both become placeholders, so that the same code makes the
same package wherever and as whatever it was recorded. An identifier of something that the client
did not send stays as it is: it means what is registered already.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import assert_never

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1 import texts
from reconciler.backends.flyte1.package import identifiers, recorded
from reconciler.backends.packages import recording as shared
from reconciler.backends.packages.recording import DOMAIN, PROJECT, VERSION, Upload

Request = recorded.Request
Entity = tuple[str, str]
"""Kind and name."""


IsOwn = Callable[[Request, identifier_pb2.Identifier], bool]


def package(
    sent: Iterable[Request],
    uploads: Iterable[Upload] = (),
    *,
    activated: Iterable[str] = (),
    is_own: IsOwn = lambda _request, _identifier: True,
) -> bytes:
    """Make the bytes of a tgz of everything that was registered, in dependency order.

    `activated` are names of launch plans that the client activated. `is_own` says whether what a
    request refers to is meant as part of the package, where the package holds it. Equal content
    makes equal bytes. Raises UsageError when it cannot be one package.
    """
    requests = [_copy(request) for request in sent]
    shared.check_places(f"{one.id.project}/{one.id.domain}" for one in requests)
    created = {raw for request in requests for raw in _created(request)}
    files = {upload.url: upload for upload in uploads}
    used: set[str] = set()
    made: dict[Entity, Request] = {}
    for request in requests:
        entity = _entity(request)
        for identifier in identifiers.walk(request):
            if identifiers.raw(identifier) in created and is_own(request, identifier):
                identifier.project, identifier.domain = PROJECT, DOMAIN
                identifier.version = VERSION
        if isinstance(request, task_pb2.TaskCreateRequest):
            used |= _replace(request.spec.template, files)
        shared.check_uploads(request.id.name, request, files)
        if made.setdefault(entity, request) != request:
            raise shared.different(entity[1])
    blobs = shared.blobs(files[url] for url in used)
    names = sorted(set(activated))
    return shared.pack(recorded.write(_ordered(made), blobs, activated=names))


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


def _created(request: Request) -> Iterator[identifiers.Raw]:
    """Yield what a request registers, and the workflows that it brings along inside."""
    yield identifiers.raw(request.id)
    if isinstance(request, workflow_pb2.WorkflowCreateRequest):
        for sub in request.spec.sub_workflows:
            is_near = (sub.id.project, sub.id.domain) == (request.id.project, request.id.domain)
            if is_near and identifiers.is_together(sub.id.version, request.id.version):
                yield identifiers.raw(sub.id)


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


def _replace(message: Message, files: Mapping[str, Upload]) -> set[str]:
    """Rewrite what depends on where the endpoint put uploads; return the URLs that were found."""
    used: set[str] = set()

    def place(text: str) -> str:
        if text not in files:
            return text
        used.add(text)
        return files[text].recorded_url

    texts.rewrite(message, place)
    return used


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
