"""Protobuf messages of Flyte as plain JSON, the way `google.protobuf.json_format` prints them."""

from __future__ import annotations

import json
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import Message

from reconciler.model.document import Json

M = TypeVar("M", bound=Message)

_SHORT = 1000


def to_json(message: Message) -> dict[str, Json]:
    """Write a message as JSON in protobuf's mapping, unset fields left out.

    Plans of one team share most of their types and literals, so the latest results are remembered
    by content; treat them as read-only.
    """
    content = message.SerializeToString(deterministic=True)
    return _by_content(cast("Hashable", type(message)), content)


@lru_cache(maxsize=4096)
def _by_content(kind: Hashable, content: bytes) -> dict[str, Json]:
    message = cast("type[Message]", kind).FromString(content)
    return cast("dict[str, Json]", json_format.MessageToDict(message))


def from_json(value: Any, message: M) -> M:
    """Fill a message from its JSON form and return it; short forms are remembered as above."""
    text = json.dumps(value)
    if len(text) > _SHORT:
        json_format.ParseDict(value, message)
    else:
        message.MergeFromString(_from_text(cast("Hashable", type(message)), text))
    return message


@lru_cache(maxsize=4096)
def _from_text(kind: Hashable, text: str) -> bytes:
    message = json_format.Parse(text, cast("type[Message]", kind)())
    return message.SerializeToString(deterministic=True)
