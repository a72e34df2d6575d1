"""The strict switch: requests are checked against the rules that the messages carry.

The open-source manager checks none of them; hosted Flyte does. Rules about the organisation are
left out, since a hosted Flyte knows it from whoever calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.server.status import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from reconciler.server.methods import Handler, Stream
    from reconciler.server.store import Store


_ORGANISATION = {"org", "organization"}


def guarded(handlers: Mapping[str, Handler]) -> dict[str, Handler]:
    """The same handlers, each after a check of its request where the store is strict."""
    return {name: _guard(handler) for name, handler in handlers.items()}


def _guard(handler: Handler) -> Handler:
    def call(store: Store, request: Message) -> Message | Stream:
        if store.strict:
            _check(request)
        return handler(store, request)

    return call


def _check(request: Message) -> None:
    # A compiler of expressions comes with it, which takes a while to load.
    import protovalidate

    wrong = [
        f"{path}: {violation.proto.message}"
        for violation in protovalidate.collect_violations(request)
        if (path := _path(violation.proto.field)).rpartition(".")[2] not in _ORGANISATION
    ]
    if wrong:
        raise refused("validation error: " + "; ".join(wrong))


def _path(field: Any) -> str:
    return ".".join(element.field_name for element in field.elements)
