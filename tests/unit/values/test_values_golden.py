"""What flytekit 1.16 writes is what we write, and what we read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flyteidl.core import literals_pb2, types_pb2
from google.protobuf import json_format

from reconciler.errors import ReconcilerError
from reconciler.values.canonical import canonical
from reconciler.values.cast import castable, type_of
from reconciler.values.decode import decode
from reconciler.values.encode import encode

GOLDEN = json.loads((Path(__file__).parent / "golden" / "flytekit.json").read_text("utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in GOLDEN["cases"]}
NOT_EXPRESSIBLE = {"dict int keys": "keys that are not text", "dict whole float": "unchanged"}
WITH_LITERAL = [name for name, case in CASES.items() if "literal" in case]
EXPRESSIBLE = [name for name in WITH_LITERAL if name not in NOT_EXPRESSIBLE]


@pytest.mark.parametrize("name", EXPRESSIBLE)
def test_decoding_then_encoding_gives_the_literal_of_flytekit(name: str) -> None:
    case = CASES[name]
    value = decode(case["literal"], case["type"])

    literal, problems = encode(value, case["type"])

    assert problems == []
    assert canonical(literal) == canonical(case["literal"])


@pytest.mark.parametrize("name", [name for name in NOT_EXPRESSIBLE if name in CASES])
def test_literal_without_a_yaml_form_is_refused_with_the_reason(name: str) -> None:
    case = CASES[name]

    with pytest.raises(ReconcilerError, match=NOT_EXPRESSIBLE[name]):
        decode(case["literal"], case["type"])


@pytest.mark.parametrize("name", WITH_LITERAL)
def test_flyte_casts_the_type_of_each_literal_to_its_own_type(name: str) -> None:
    case = CASES[name]

    assert castable(type_of(case["literal"]), case["type"])


@pytest.mark.parametrize("name", list(CASES))
def test_golden_messages_are_what_protobuf_prints(name: str) -> None:
    case = CASES[name]
    type_ = json_format.ParseDict(case["type"], types_pb2.LiteralType())
    literal = json_format.ParseDict(case.get("literal", {}), literals_pb2.Literal())

    assert json_format.MessageToDict(type_) == case["type"]
    assert json_format.MessageToDict(literal) == case.get("literal", {})
