"""Rewrites texts at any depth of a message, and flytekit's settings among them.

flytekit keeps a copy of its settings in `_F_SS_C`; at run time it takes project, domain, version
and the place of the code from the execution (flytekit 1.16, bin/entrypoint.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import struct_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1 import settings_text
from reconciler.backends.flyte1.settings_text import VARIABLE
from reconciler.backends.packages import texts
from reconciler.backends.packages.texts import Text, messages

_UNSAID = ("project", "domain", "version", "source_root")


def rewrite(message: Message, change: Text) -> None:
    """Put every text through `change`, also the place of the code in flytekit's settings.

    The settings lose what registering fills in.
    """
    for holder, name, text in settings(message):
        setattr(holder, name, _plain(text, change))
    texts.rewrite(message, change)


def settings(message: Message) -> Iterator[tuple[Any, str, str]]:
    """Find flytekit's settings: in a container's environment, or in a pod's within a Struct.

    Yields what holds the text, the name of its field, and the text.
    """
    for part in messages(message):
        if isinstance(part, struct_pb2.Struct):
            named = "name" in part.fields and part.fields["name"].string_value == VARIABLE
            if named and "value" in part.fields:
                value = part.fields["value"]
                yield value, "string_value", value.string_value
        elif "key" in part.DESCRIPTOR.fields_by_name and getattr(part, "key", "") == VARIABLE:
            yield part, "value", str(getattr(part, "value", ""))


def _plain(text: str, place: Text) -> str:
    """Take out of flytekit's settings what registering fills in; what is not understood stays."""
    value = settings_text.unpack(text)
    if value is None:
        return text
    value.update({name: None for name in _UNSAID if name in value})
    fast = value.get("fast_serialization_settings")
    if isinstance(fast, dict) and isinstance(fast.get("distribution_location"), str):
        fast["distribution_location"] = place(fast["distribution_location"])
    return settings_text.pack(value)
