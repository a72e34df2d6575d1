"""What the `flyte` SDK 2.12 writes is what we write: the JSON of both Flytes is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.core import literals_pb2, types_pb2
from google.protobuf import json_format

from reconciler.errors import ReconcilerError
from reconciler.values.canonical import canonical
from reconciler.values.decode import decode
from reconciler.values.encode import encode
from reconciler.values.interface import TASK, bind

GOLDEN = json.loads((Path(__file__).parent / "golden" / "flyte2.json").read_text("utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in GOLDEN["cases"]}
VARIABLES = {item["key"]: item["value"] for item in GOLDEN["interface"]["inputs"]["variables"]}
PICKLED = "literal"


@pytest.mark.parametrize("name", [name for name in CASES if name != PICKLED])
def test_decoding_then_encoding_gives_the_literal_of_the_sdk(name: str) -> None:
    case = CASES[name]
    value = decode(case["literal"], case["type"])

    literal, problems = encode(value, case["type"])

    assert problems == []
    assert canonical(literal) == canonical(case["literal"])


def test_pickled_literal_has_no_yaml_form() -> None:
    case = CASES[PICKLED]

    with pytest.raises(ReconcilerError, match="which only its task can read"):
        decode(case["literal"], case["type"])


@pytest.mark.parametrize("name", list(CASES))
def test_golden_messages_are_what_protobuf_prints(name: str) -> None:
    case = CASES[name]
    type_ = json_format.ParseDict(case["type"], types_pb2.LiteralType())
    literal = json_format.ParseDict(case["literal"], literals_pb2.Literal())

    assert json_format.MessageToDict(type_) == case["type"]
    assert json_format.MessageToDict(literal) == case["literal"]


def test_inputs_are_bound_to_the_interface_of_a_task() -> None:
    bound = bind({"count": 3, "ratio": 2, "config": None}, VARIABLES, owner=TASK)

    assert bound.problems == ()
    assert bound.literals["count"] == {"scalar": {"primitive": {"integer": "3"}}}
    assert bound.literals["ratio"] == {"scalar": {"primitive": {"floatValue": 2.0}}}


def test_unknown_input_of_a_task_is_named() -> None:
    (problem,) = bind({"cuont": 3}, VARIABLES, owner=TASK).problems

    assert problem.message == 'the task has no input "cuont"'
    assert problem.fix == 'did you mean "count"?'


def test_flyte_2_checks_no_cast() -> None:
    type_ = {"collectionType": {"mapValueType": {"simple": "INTEGER"}}}
    mixed: dict[str, Any] = {"maps": [{}, {"a": 1}]}

    assert bind(mixed, {"maps": {"type": type_}}).problems
    assert bind(mixed, {"maps": {"type": type_}}, owner=TASK).problems == ()
