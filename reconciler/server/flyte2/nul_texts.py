"""Texts with a NUL, which PostgreSQL refuses: each call says so in words of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from reconciler.server.status import StatusError
from reconciler.server.store import TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from reconciler.server.methods import Handler, Stream
    from reconciler.server.store import Store

NUL = 'ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'
# What was not read for it is not found, where it is one thing that was asked for.
_NOT_FOUND = frozenset({"GetTaskDetails", "GetRunDetails", "GetActionDetails"})


def worded(handlers: Mapping[str, Handler], words: Mapping[str, str]) -> dict[str, Handler]:
    """The same handlers, some of which say what failed; in it, `{0...}` are the request's."""
    return {
        name: _worded(name, handler, words[name]) if name in words else handler
        for name, handler in handlers.items()
    }


def _worded(name: str, handler: Handler, words: str) -> Handler:
    code = grpc.StatusCode.NOT_FOUND if name in _NOT_FOUND else grpc.StatusCode.INTERNAL

    def call(store: Store, request: Message) -> Message | Stream:
        try:
            return handler(store, request)
        except TextError:
            raise StatusError(code, f"{words.format(request)}: {NUL}") from None

    return call
