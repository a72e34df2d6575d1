"""Literals go onto the wire as protobuf's own mapping has them, by whichever way."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.core import identifier_pb2, literals_pb2
from google.protobuf import json_format

from reconciler.backends.flyte1.launch_plan.wire import to_wire
from reconciler.backends.wire.message import to_json
from reconciler.model.document import Json

WORKFLOW = identifier_pb2.Identifier(project="p", domain="d", name="w", version="v")
PRIMITIVES: list[dict[str, Any]] = [
    {"stringValue": "x"},
    {"stringValue": ""},
    {"integer": "-9223372036854775808"},
    {"floatValue": 0.1},
    {"floatValue": "NaN"},
    {"boolean": False},
    {"datetime": "2026-01-01T00:00:00Z"},
    {"duration": "1.500s"},
    {},
]


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=repr)
def test_literal_is_sent_as_protobuf_maps_it(primitive: dict[str, Any]) -> None:
    scalar: Json = {"scalar": {"primitive": primitive}}
    forms: list[Json] = [
        scalar,
        {"scalar": {"primitive": primitive}, "hash": "h"},
        {"collection": {"literals": [scalar]}},
        {"scalar": {"noneType": {}}},
    ]
    for form in forms:
        body: dict[str, Any] = {"fixedInputs": {"a": form}}
        sent = to_wire(body, WORKFLOW).fixed_inputs.literals["a"]
        assert to_json(sent) == to_json(json_format.ParseDict(form, literals_pb2.Literal()))
