"""How the manager refuses a call: Connect's codes, with texts of its own.

What PostgreSQL refuses is INTERNAL there, client faults included, under the text of the query that
failed.
"""

from __future__ import annotations

import grpc

from reconciler.server.status import StatusError, internal


def not_found(text: str) -> StatusError:
    """NOT_FOUND."""
    return StatusError(grpc.StatusCode.NOT_FOUND, text)


def taken(text: str) -> StatusError:
    """ALREADY_EXISTS."""
    return StatusError(grpc.StatusCode.ALREADY_EXISTS, text)


def unknown_object(what: str, name: str) -> StatusError:
    """INTERNAL: an action has no object in Kubernetes; `what` is who looks for it."""
    return internal(f'failed to get {what} {name}: taskactions.flyte.org "{name}" not found')


def database(query: str, text: str, state: str) -> StatusError:
    """INTERNAL, as every query that PostgreSQL refuses with `state`; `query` is the failed one."""
    return internal(f"{query}: ERROR: {text} (SQLSTATE {state})")


class TextError(ValueError):
    """A text cannot be written as protobuf; the words are the Go library's."""

    def __init__(self) -> None:
        super().__init__("string field contains invalid UTF-8")


def cut(text: str, limit: int) -> str:
    """The first `limit` bytes of a text; TextError when that cuts a character in two."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    try:
        return raw[:limit].decode()
    except UnicodeDecodeError:
        raise TextError from None
