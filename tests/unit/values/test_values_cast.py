"""Our cast check answers as flyteadmin 1.16.8 did.

golden/castable.json holds random pairs of types, and literals with a type, each with the answer of
the server's `AreTypesCastable` (for literals after its `LiteralTypeForLiteral`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.values.cast import castable, type_of

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "golden" / "castable.json").read_text("utf-8")
)
INT = {"simple": "INTEGER"}


def test_every_recorded_answer_of_flyteadmin_is_ours() -> None:
    wrong = []
    for case in CASES:
        upstream = type_of(case["literal"]) if "literal" in case else case["up"]
        if castable(upstream, case["down"]) != case["castable"]:
            wrong.append(case)

    assert wrong == []
    assert {case["castable"] for case in CASES} == {True, False}


@pytest.mark.parametrize(
    ("upstream", "downstream", "expected"),
    [
        (INT, INT, True),
        (INT, {"simple": "FLOAT"}, False),
        ({"simple": "STRING"}, {"enumType": {"values": ["a"]}}, True),
        ({"collectionType": {"simple": "NONE"}}, {"collectionType": INT}, True),
        ({"blob": {"format": "csv"}}, {"blob": {}}, True),
        ({"blob": {"format": "csv"}}, {"blob": {"format": "zip"}}, False),
        ({"unionType": {"variants": [INT]}}, INT, True),
        (INT, {"unionType": {"variants": [INT, INT]}}, False),
        ({"simple": "NONE"}, {"structuredDatasetType": {}}, True),
        (None, INT, False),
    ],
    ids=[
        "same type",
        "int is no float",
        "text is an enum",
        "empty list",
        "any format",
        "other format",
        "union of one variant",
        "two variants fit",
        "dataset may be none",
        "unknown type",
    ],
)
def test_cast_follows_the_rule(upstream: Any, downstream: Any, expected: bool) -> None:
    assert castable(upstream, downstream) is expected


def test_schema_that_refers_to_itself_ends() -> None:
    loop = {"$ref": "#"}
    tree = {"anyOf": [{"$ref": "#"}, {"type": "null"}]}

    assert not castable(
        {"simple": "STRUCT", "metadata": loop}, {"simple": "STRUCT", "metadata": tree}
    )
