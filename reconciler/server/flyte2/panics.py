"""What the manager takes for granted: a request without it ends as a panic does, INTERNAL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.message import Message

    from reconciler.server.methods import Handler, Stream
    from reconciler.server.store import Store


class PanicError(StatusError):
    """INTERNAL without a text."""

    def __init__(self) -> None:
        super().__init__(grpc.StatusCode.INTERNAL, "")


def passed_on() -> StatusError:
    """UNAVAILABLE: what a service sees of another one that panics."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, "unexpected EOF")


def breaking(
    handlers: Mapping[str, Handler],
    needed: Mapping[str, str],
    refusal: Callable[[], StatusError] = PanicError,
) -> dict[str, Handler]:
    """The same handlers, some of which need a message of the request, whose path is given."""
    return {
        name: _needing(handler, needed[name].split("."), refusal) if name in needed else handler
        for name, handler in handlers.items()
    }


def _needing(handler: Handler, path: list[str], refusal: Callable[[], StatusError]) -> Handler:
    def call(store: Store, request: Message) -> Message | Stream:
        found = request
        for field in path:
            if not found.HasField(field):
                raise refusal()
            found = getattr(found, field)
        return handler(store, request)

    return call
