"""What dump writes, parse reads back, and people can read too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sources.dump import dump
from reconciler.sources.yaml import parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(
    "ab \n\t:#-'\"|>{}[],&*!%@`0\\\u2028\x85\ufeff", max_size=20
)
SCALARS = [
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
]
VALUES: Any = st.recursive(
    st.one_of(*SCALARS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def read(text: str) -> Any:
    (document,), problems = parse(text.encode(), file="f")
    assert not problems
    return document.value


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_whatever_is_dumped_is_read_back(value: dict[str, Any]) -> None:
    text = dump(value)
    assert same(read(text), value)


def same(found: Any, value: Any) -> bool:
    """Equal, where a whole float may come back as the integer that JSON writes for it."""
    if isinstance(value, float):
        return float(found) == value
    if isinstance(value, dict):
        return list(found) == list(value) and all(same(found[key], value[key]) for key in value)
    if isinstance(value, list):
        return len(found) == len(value) and all(map(same, found, value))
    return bool(found == value and type(found) is type(value))


def test_every_scalar_form_stays_text_when_it_was_text() -> None:
    oracle = Path(__file__).parents[2] / "oracle" / "yaml" / "scalars.txt"
    for text in oracle.read_text(encoding="utf-8").rstrip("\n").split("\n"):
        assert read(dump({"a": text, text: 1})) == {"a": text} | {text: 1}


def test_style_is_that_of_a_person() -> None:
    value = {
        "kind": "FlyteLaunchPlan",
        "metadata": {"name": "etl-daily", "labels": {}},
        "spec": {
            "schedule": {"cron": "0 6 * * *", "every": "6h", "timezone": "Europe/Berlin"},
            "inputs": {"n": 3, "lr": 0.001, "on": "yes", "at": "12:30", "day": "2024-01-01"},
            "description": "first\n\n  second\n",
            "lists": [["a"], [{"b": 1, "c": "x\ny"}], []],
            "url": "s3://bucket/a b",
            "none": None,
        },
    }
    assert dump(value) == (
        "kind: FlyteLaunchPlan\n"
        "metadata:\n"
        "  name: etl-daily\n"
        "  labels: {}\n"
        "spec:\n"
        "  schedule:\n"
        '    cron: "0 6 * * *"\n'
        "    every: 6h\n"
        "    timezone: Europe/Berlin\n"
        "  inputs:\n"
        '    "n": 3\n'
        "    lr: 0.001\n"
        '    "on": "yes"\n'
        '    at: "12:30"\n'
        '    day: "2024-01-01"\n'
        "  description: |\n"
        "    first\n"
        "\n"
        "      second\n"
        "  lists:\n"
        "    - - a\n"
        "    - - b: 1\n"
        "        c: |-\n"
        "          x\n"
        "          y\n"
        "    - []\n"
        "  url: s3://bucket/a b\n"
        "  none: null\n"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70, "\ud800"])
def test_what_cannot_be_read_back_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r"number|surrogate|no form"):
        dump({"a": value})


def test_dumped_text_is_yaml_1_2_too() -> None:
    value = {"a": ["x", 1, 1.5, True, None], "b": "é\n"}
    assert json.loads(json.dumps(read(dump(value)))) == value
