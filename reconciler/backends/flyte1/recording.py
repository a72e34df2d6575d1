"""Makes a package of the requests that a Flyte client sent to a recording endpoint.

What a client sends carries the project, domain and version that it was called with, and the places
that the endpoint gave to its uploads. Both become placeholders, so that the same code makes the
same package wherever and as whatever it was recorded. An identifier of something that the client
did not send stays as it is: it means what is registered already.

flytekit keeps a copy of its settings in `_F_SS_C`, base64 of gzip of JSON; at run time it takes
project, domain, version and the place of the code from the execution (flytekit 1.16,
bin/entrypoint.py).
"""

from __future__ import annotations

import base64
import binascii
import copy
import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from google.protobuf import struct_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1.package import identifiers, recorded
from reconciler.backends.flyte1.task import SETTINGS
from reconciler.errors import UsageError
from reconciler.sources.archive import Archive

PROJECT = "{{ registration.project }}"
DOMAIN = "{{ registration.domain }}"
VERSION = "{{ registration.version }}"

_UNSAID = ("project", "domain", "version", "source_root")

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
    blobs = [
        recorded.Blob(_url(files[url]), files[url].name, files[url].content) for url in sorted(used)
    ]
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
    raise AssertionError(type(request))


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

    for holder, name, text in _settings(message):
        setattr(holder, name, _plain(text, place))
    for owner, key, text in _strings(message):
        if text in files:
            owner[key] = place(text)
    return used


def _settings(message: Message) -> Iterator[tuple[Any, str, str]]:
    """Find flytekit's settings: in a container's environment, or in a pod's within a Struct."""
    for part in _messages(message):
        if isinstance(part, struct_pb2.Struct):
            named = "name" in part.fields and part.fields["name"].string_value == SETTINGS
            if named and "value" in part.fields:
                value = part.fields["value"]
                yield value, "string_value", value.string_value
        elif "key" in part.DESCRIPTOR.fields_by_name and getattr(part, "key", "") == SETTINGS:
            yield part, "value", str(getattr(part, "value", ""))


def _plain(text: str, place: Any) -> str:
    """Take out of flytekit's settings what registering fills in; what is not understood stays."""
    try:
        value = json.loads(gzip.decompress(base64.b64decode(text, validate=True)))
    except (binascii.Error, OSError, EOFError, zlib.error, ValueError):
        return text
    if not isinstance(value, dict):
        return text
    value.update({name: None for name in _UNSAID if name in value})
    fast = value.get("fast_serialization_settings")
    if isinstance(fast, dict) and isinstance(fast.get("distribution_location"), str):
        fast["distribution_location"] = place(fast["distribution_location"])
    packed = gzip.compress(json.dumps(value).encode(), mtime=0)
    return base64.b64encode(packed).decode("ascii")


def _check_uploads(request: Request, files: Mapping[str, Upload]) -> None:
    """Refuse what names an upload outside of a task's code: nobody would bring it along."""
    folders = {url.rpartition("/")[0] for url in files}
    for _, _, text in _strings(request):
        for url in (*files, *folders):
            if text == url or text.startswith(f"{url}/"):
                raise UsageError(
                    f"{request.id.name}: has the file {text.rpartition('/')[2]} as a value, which "
                    "was uploaded for it; a package carries code alone: name the file by a URL"
                )


def _messages(message: Message) -> Iterator[Message]:
    stack: list[Message] = [message]
    while stack:
        current = stack.pop()
        yield current
        for descriptor, value in current.ListFields():
            if descriptor.message_type is None:
                continue
            if isinstance(value, Message):
                stack.append(value)
            elif isinstance(value, Mapping):
                stack.extend(item for item in value.values() if isinstance(item, Message))
            else:
                stack.extend(value)


class _Field:
    """One string field of a message, written as an item."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def __setitem__(self, name: str, text: str) -> None:
        setattr(self._message, name, text)


def _strings(message: Message) -> Iterator[tuple[Any, Any, str]]:
    """Yield every string at any depth with what holds it and where."""
    for part in _messages(message):
        for descriptor, value in part.ListFields():
            if isinstance(value, str):
                yield _Field(part), descriptor.name, value
            elif isinstance(value, Mapping):
                yield from (
                    (value, key, item) for key, item in value.items() if isinstance(item, str)
                )
            elif not isinstance(value, (Message, bytes, int, float)):
                yield from (
                    (value, index, item)
                    for index, item in enumerate(value)
                    if isinstance(item, str)
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
