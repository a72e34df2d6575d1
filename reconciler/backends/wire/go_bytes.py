"""Messages as bytes in the order in which Go writes them, for hashes that servers make.

Go sorts fields by number as everybody does, but those of a oneof come after all others
(google.golang.org/protobuf/internal/order, LegacyFieldOrder), so that the same message has other
bytes there than here. Map entries are sorted by key, as with `deterministic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

_BYTES = 2
"""The wire type of what has a length before it."""


def encode(message: Message) -> bytes:
    """Write a message as Go's deterministic marshaller does."""
    fields = sorted(message.ListFields(), key=lambda item: _order(item[0]))
    return b"".join(part for field, value in fields for part in _parts(message, field, value))


def _order(field: FieldDescriptor) -> tuple[int, int]:
    oneof = field.containing_oneof
    if oneof is None or oneof.name.startswith("_"):  # `optional` makes a oneof of its own
        return 0, field.number
    return oneof.index + 1, field.number


def _parts(message: Message, field: FieldDescriptor, value: Any) -> Iterator[bytes]:
    inner = field.message_type
    if inner is None:
        yield _alone(message, field)
    elif inner.GetOptions().map_entry:
        if inner.fields_by_name["value"].message_type is None:
            yield _alone(message, field)
            return
        for key in sorted(value, key=str.encode):
            entry = _sized(1, key.encode()) + _sized(2, encode(value[key]))
            yield _sized(field.number, entry)
    else:
        for item in [value] if isinstance(value, Message) else value:
            yield _sized(field.number, encode(item))


def _alone(message: Message, field: FieldDescriptor) -> bytes:
    """Write one field that holds no message, as if there were no other."""
    alone = type(message)()
    alone.CopyFrom(message)
    for other, _ in message.ListFields():
        if other.number != field.number:
            alone.ClearField(other.name)
    return alone.SerializeToString(deterministic=True)


def _sized(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
