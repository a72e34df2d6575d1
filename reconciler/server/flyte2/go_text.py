"""Messages as a Go program prints them, in one line and without what is not set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def shown(message: Message) -> str:
    """Each field as `name:value`, in the order of their numbers."""
    return " ".join(
        f"{field.name}:{_value(field, one)}"
        for field, value in message.ListFields()
        for one in (value if _is_list(value) else [value])
    )


def quoted(text: str) -> str:
    """A text in quotes, with the quotes and control characters inside escaped."""
    return '"' + "".join(_ESCAPES.get(one, one) for one in text) + '"'


def _is_list(value: Any) -> bool:
    return not isinstance(value, (str, bytes, Message)) and hasattr(value, "__iter__")


def _value(field: FieldDescriptor, value: Any) -> str:
    if isinstance(value, Message):
        return f"{{{shown(value)}}}"
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return str(value) if known is None else known.name
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else str(value)
