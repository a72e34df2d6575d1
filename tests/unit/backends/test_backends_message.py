"""Messages from JSON and back, remembered or not."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.core import literals_pb2
from google.protobuf import json_format

from reconciler.backends.wire.message import from_json, to_json


@pytest.mark.parametrize("size", [1, 10_000])
def test_json_fills_a_message_whether_short_or_long(size: int) -> None:
    value: Any = {"scalar": {"primitive": {"stringValue": "\u00fc" * size}}}
    for _ in range(2):
        message = from_json(value, literals_pb2.Literal(hash="h"))
        assert message.hash == "h"
        assert to_json(message) == {**value, "hash": "h"}


def test_json_of_another_message_is_refused() -> None:
    with pytest.raises(json_format.ParseError):
        from_json({"nothing": 1}, literals_pb2.Literal())
