"""How a version that exists differs from one that is sent, in the words of flyteadmin.

It compares both as Go's encoder writes structures, path by path, as a JSON patch there and one back
would change them; what only one of the two patches touches (the end of a longer list) is left out.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import FieldDescriptor


def changes(old: Message, new: Message) -> str:
    """One paragraph for each place that differs."""
    found = _differences(_written(old), _written(new), "")
    return "\n".join(
        f"{place}:\n\t- {_shown(before)} \n\t+ {_shown(after)}" for place, before, after in found
    )


def _written(message: Message) -> Any:
    """A message as Go's encoder of JSON sees its structure."""
    if isinstance(message, Struct | Value | ListValue):
        return json_format.MessageToDict(message)
    found: dict[str, Any] = {}
    for oneof in message.DESCRIPTOR.oneofs:
        chosen = message.WhichOneof(oneof.name)
        inner = None
        if chosen is not None:
            inner = {_camel(chosen): _value(getattr(message, chosen))}
        found[_camel(oneof.name)] = inner
    for field, value in message.ListFields():
        if field.containing_oneof is None:
            found[field.name] = _many(field, value)
    return found


def _many(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {str(key): _value(value[key]) for key in value}
    return [_value(one) for one in value] if field.is_repeated else _value(value)


def _value(value: Any) -> Any:
    if isinstance(value, Message):
        return _written(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _camel(name: str) -> str:
    """The name of a field in Go."""
    made, capital = "", True
    for place, letter in enumerate(name):
        if letter == "_" and name[place + 1 : place + 2].islower():
            capital = True
            continue
        made += letter.upper() if capital else letter
        capital = letter.isdigit()
    return made


def _differences(old: Any, new: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in old and key in new:
                yield from _differences(old[key], new[key], inner)
            else:
                yield inner, old.get(key), new.get(key)
    elif isinstance(old, list) and isinstance(new, list):
        for number, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _differences(before, after, f"{place}/{number}")
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield place, old, new


def _shown(value: Any) -> str:
    """A value of JSON as Go prints it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case int() | float():
            return _number(float(value))
        case list():
            return f"[{' '.join(_shown(one) for one in value)}]"
        case dict():
            return f"map[{' '.join(f'{key}:{_shown(value[key])}' for key in sorted(value))}]"
        case _:
            return str(value)


def _number(value: float) -> str:
    """A float with as many digits as it needs, and an exponent from a million on."""
    text = json.dumps(value)
    if value and not 1e-4 <= abs(value) < 1e6:
        digits, _, power = f"{value:.17e}".partition("e")
        for places in range(17):
            digits, _, power = f"{value:.{places}e}".partition("e")
            if float(f"{digits}e{power}") == value:
                break
        return f"{digits}e{power}"
    return text.removesuffix(".0")
