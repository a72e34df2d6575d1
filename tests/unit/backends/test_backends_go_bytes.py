"""Bytes in Go's order: hashes as the open-source manager 2.0.43 made them of uploaded inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2, run_pb2
from google.protobuf import json_format

from reconciler.backends.flyte2.trigger.inputs import hash_of
from reconciler.backends.wire import go_bytes

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "values" / "golden" / "flyte2.json").read_text("utf-8")
)
NONE = {
    "scalar": {
        "union": {
            "value": {"scalar": {"noneType": {}}},
            "type": {"simple": "NONE", "structure": {"tag": "none"}},
        }
    }
}


def named(**literals: Any) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in literals.items()]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (
            {
                "literals": named(
                    count={"scalar": {"primitive": {"integer": "3"}}},
                    ratio={"scalar": {"primitive": {"floatValue": 0.75}}},
                ),
                "context": [
                    {"key": "team", "value": "x"},
                    {"key": "_u_kickoff_time_input_arg", "value": "day"},
                ],
            },
            "K4Kf00N7Has",
        ),
        (
            {
                "literals": named(
                    count={"scalar": {"primitive": {"integer": "5"}}},
                    day={"scalar": {"primitive": {"datetime": "2024-01-02T03:04:05Z"}}},
                    label={"scalar": {"primitive": {"stringValue": "x"}}},
                    ratio={"scalar": {"primitive": {"floatValue": 0.5}}},
                    config=NONE,
                )
            },
            "kJsJN3YahGc",
        ),
        (
            {
                "literals": named(
                    a=NONE,
                    b={
                        "hash": "h",
                        "metadata": {"b": "2", "a": "1"},
                        "map": {
                            "literals": {
                                "z": NONE,
                                "a": {"scalar": {"primitive": {"integer": "0"}}},
                            }
                        },
                    },
                )
            },
            "46nyzC-8Q5Y",
        ),
    ],
)
def test_hash_is_the_one_of_the_server(inputs: dict[str, Any], expected: str) -> None:
    assert hash_of(json_format.ParseDict(inputs, common_pb2.Inputs())) == expected


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_bytes_mean_the_same(case: dict[str, Any]) -> None:
    literal = json_format.ParseDict(case["literal"], literals_pb2.Literal())

    written = go_bytes.encode(literal)

    assert literals_pb2.Literal.FromString(written) == literal
    assert len(written) == len(literal.SerializeToString(deterministic=True))


def test_maps_are_sorted_and_empty_entries_are_written() -> None:
    labels = run_pb2.Labels(values={"b": "", "a": "1", "é": "2"})
    nested = literals_pb2.LiteralMap()
    nested.literals["z"].scalar.primitive.integer = 0
    nested.literals["a"].SetInParent()

    assert go_bytes.encode(labels) == labels.SerializeToString(deterministic=True)
    assert go_bytes.encode(nested) == nested.SerializeToString(deterministic=True)


def test_fields_of_a_oneof_come_last() -> None:
    spec = run_pb2.RunSpec(notification_rule_name="a", max_action_concurrency=1, run_base_dir="b")

    assert go_bytes.encode(spec) == b"h\x01r\x01bR\x01a"
    assert spec.SerializeToString() == b"R\x01ah\x01r\x01b"
