"""Reads and rewrites texts at any depth of a message, in nested JSON (`Struct`) too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf import struct_pb2
from google.protobuf.message import Message

Text = Callable[[str], str]


def messages(message: Message) -> Iterator[Message]:
    """Yield a message and every message in it."""
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


def rewrite(message: Message, change: Text) -> None:
    """Put every text through `change`."""
    for owner, key, text in _strings(message):
        changed = change(text)
        if changed != text:
            owner[key] = changed


def texts(message: Message) -> Iterator[str]:
    """Yield every text at any depth."""
    for _, _, text in _strings(message):
        yield text


def pod_containers(spec: struct_pb2.Struct) -> Iterator[struct_pb2.Struct]:
    """Yield the containers of a pod."""
    for name in ("containers", "initContainers"):
        for value in items(spec, name):
            if value.WhichOneof("kind") == "struct_value":
                yield value.struct_value


def items(struct: struct_pb2.Struct, name: str) -> list[struct_pb2.Value]:
    """Return a list in nested JSON; empty where there is none."""
    if name not in struct.fields or struct.fields[name].WhichOneof("kind") != "list_value":
        return []
    return list(struct.fields[name].list_value.values)


class _Field:
    """One string field of a message, written as an item."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def __setitem__(self, name: str, text: str) -> None:
        setattr(self._message, name, text)


def _strings(message: Message) -> Iterator[tuple[Any, Any, str]]:
    """Yield every string at any depth with what holds it and where."""
    for part in messages(message):
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
