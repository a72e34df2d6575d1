"""What JSON cannot express of a message, in the words of Go: flyteadmin's digests are of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

_SECOND = 10**9
_MOST_SECONDS = 315_576_000_000


def unprintable(message: Message) -> str:
    """The first thing that is wrong with a message; empty when all of it can be printed."""
    match message:
        case Duration():
            return _duration(message)
        case Timestamp():
            wrong = not 0 <= message.nanos < _SECOND
            return f"ns out of range [0, {_SECOND})" if wrong else ""
        case Value() if message.WhichOneof("kind") is None:
            return "nil Value"
        case _:
            return next(filter(None, map(unprintable, _inner(message))), "")


def _duration(length: Duration) -> str:
    if abs(length.seconds) > _MOST_SECONDS:
        return f"seconds out of range {length.seconds}"
    if abs(length.nanos) >= _SECOND:
        return f"ns out of range ({-_SECOND}, {_SECOND})"
    if length.seconds * length.nanos < 0:
        return "signs of seconds and nanos do not match"
    return ""


def _inner(message: Message) -> Iterator[Message]:
    """The messages that a message holds, maps in order of their keys."""
    value: Any
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                yield from (value[key] for key in sorted(value))
        elif field.is_repeated:
            yield from value
        else:
            yield value
