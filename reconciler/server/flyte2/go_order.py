"""The bytes of a message in the order in which the manager, a Go program, writes them.

Fields of a oneof come after all others, which are sorted by number; so do those of every message
within. What is given are bytes of a deterministic encoding, so that maps are sorted already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message


def in_go_order(message: Message) -> bytes:
    """Encode a message as Go's deterministic marshaller does."""
    return _reorder(message.SerializeToString(deterministic=True), message.DESCRIPTOR)


def _reorder(data: bytes, kind: Any) -> bytes:
    fields = []
    for number, head, body in _split(data):
        field = kind.fields_by_number[number]
        inner = field.message_type
        content = body if inner is None else _reorder(body, inner)
        oneof = field.containing_oneof
        is_last = oneof is not None and not (oneof.name.startswith("_") and len(oneof.fields) == 1)
        fields.append((is_last, number, head + content))
    # Entries of a repeated field keep their order, since sorting is stable.
    fields.sort(key=lambda field: field[:2])
    return b"".join(encoded for _, _, encoded in fields)


def _split(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Each field's number, what stands before its content, and the content."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                _, end = _varint(data, at)
            case 1:
                end = at + 8
            case 2:
                size, at = _varint(data, at)
                end = at + size
            case 5:
                end = at + 4
            case other:
                raise ValueError(f"wire type {other} is not written by anybody")
        yield tag >> 3, data[start:at], data[at:end]
        at = end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
