"""The calls that are served, made from services that are given as data.

A service is a mapping from method to handler under its full name. A handler is a plain function of
store and request that returns a message, or, for a method that streams, an iterator of messages;
for one that is streamed to, a function of each message that comes.
What a service does not map is UNIMPLEMENTED, as is every service that nobody mounts.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

from reconciler.server.store import Store

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

Stream = Iterable[Message] | AsyncIterable[Message]
Handler = Callable[[Store, Any], Message | Stream]
Service = Mapping[str, Handler]

# Whoever is not signed in yet asks this service how to.
_ANONYMOUS = "AuthMetadataService"

# How the names of calls that change something begin; an upload location counts, because bytes
# follow it.
_WRITING = (
    "Abort", "Create", "Delete", "Deploy", "Enqueue", "GetOrCreate", "Record", "Recover",
    "Register", "Relaunch", "Set", "Signal", "Terminate", "Update", "Upload",
)  # fmt: skip
_NOT_WRITING = frozenset({"CreateDownloadLocation", "CreateDownloadLink"})


@dataclass(frozen=True, slots=True)
class Method:
    """One call: `path` on the wire, its messages, and what answers it, if anything does."""

    path: str
    name: str
    request_type: type[Message]
    answer_type: type[Message]
    handler: Handler | None
    is_stream: bool
    takes_stream: bool
    is_safe: bool
    is_anonymous: bool


def methods(services: Mapping[str, Service]) -> dict[str, Method]:
    """Every method of the services, by path. KeyError for a service or method that is not one."""
    found = {}
    for full_name, handlers in services.items():
        descriptors = _descriptors(full_name)
        if unknown := handlers.keys() - descriptors.keys():
            raise KeyError(f"{full_name} has no {', '.join(sorted(unknown))}")
        for name, descriptor in descriptors.items():
            method = _method(full_name, descriptor, handlers.get(name))
            found[method.path] = method
    return found


def writes(services: Iterable[str]) -> frozenset[str]:
    """Names of the services' methods that change something."""
    names = {name for service in services for name in _descriptors(service)}
    return frozenset(name for name in names - _NOT_WRITING if name.startswith(_WRITING))


def _descriptors(full_name: str) -> Mapping[str, MethodDescriptor]:
    by_name: Mapping[str, MethodDescriptor] = (
        descriptor_pool.Default().FindServiceByName(full_name).methods_by_name
    )
    return by_name


def _method(full_name: str, descriptor: MethodDescriptor, handler: Handler | None) -> Method:
    return Method(
        path=f"/{full_name}/{descriptor.name}",
        name=descriptor.name,
        request_type=message_factory.GetMessageClass(descriptor.input_type),
        answer_type=message_factory.GetMessageClass(descriptor.output_type),
        handler=handler,
        is_stream=descriptor.server_streaming,
        takes_stream=descriptor.client_streaming,
        is_safe=descriptor.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS,
        is_anonymous=full_name.endswith(_ANONYMOUS),
    )
