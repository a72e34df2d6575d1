from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgpack
import pytest

from reconciler.values.encode import encode

GOLDEN = json.loads((Path(__file__).parent / "golden" / "flytekit.json").read_text("utf-8"))
TYPES: dict[str, Any] = {case["name"]: case["type"] for case in GOLDEN["cases"]}
CONFIG = {"name": "n", "epochs": 3, "lr": 1}
STRUCT = {"simple": "STRUCT"}


def packed(value: Any, type_: Any) -> Any:
    literal, problems = encode(value, type_)
    assert problems == []
    assert isinstance(literal, dict)
    binary: Any = literal["scalar"]["binary"]  # type: ignore[index,call-overload]
    assert binary["tag"] == "msgpack"
    return msgpack.unpackb(base64.b64decode(binary["value"]))


def schema(**metadata: Any) -> dict[str, Any]:
    return {**STRUCT, "metadata": metadata}


def test_numbers_take_the_kind_of_the_schema() -> None:
    made = packed({**CONFIG, "epochs": 3.0, "weights": {"a": 1}}, TYPES["dataclass"])

    assert [type(made["epochs"]), type(made["lr"]), type(made["weights"]["a"])] == [
        int,
        float,
        float,
    ]


def test_fields_are_written_in_the_order_of_the_class_whatever_that_of_the_text() -> None:
    one = packed({**CONFIG, "zeta": False, "alpha": 1}, TYPES["dataclass"])
    other = packed(
        {"alpha": 1, "zeta": False, **dict(reversed(CONFIG.items()))}, TYPES["dataclass"]
    )

    assert list(one) == list(other) == ["name", "epochs", "lr", "alpha", "zeta"]


def test_untyped_dicts_are_equal_bytes_whatever_the_order_of_the_text() -> None:
    assert encode({"b": 1, "a": 2.0}, TYPES["dict"]) == encode({"a": 2, "b": 1.0}, TYPES["dict"])


@pytest.mark.parametrize(
    ("change", "path", "message", "fix"),
    [
        (
            {"epochs": "3"},
            ("epochs",),
            'expected int, found the text "3"',
            "write it without quotes",
        ),
        (
            {"epochs": 2.5},
            ("epochs",),
            "expected int, found the number 2.5",
            "write a whole number",
        ),
        ({"name": 3}, ("name",), "expected str, found the number 3", "quote it"),
        ({"alhpa": 1}, ("alhpa",), 'Config has no field "alhpa"', 'did you mean "alpha"?'),
        ({"inner": {"rate": 1}}, ("inner",), 'the field "tags" is missing', 'add "tags"'),
        (
            {"color": "gren"},
            ("color",),
            'the text "gren" is not one of the values',
            'did you mean "green"?',
        ),
        (
            {"many": [{"rate": "x", "tags": []}]},
            ("many", 0, "rate"),
            'expected float, found the text "x"',
            "write it without quotes",
        ),
        ({"either": 1.5}, ("either",), "expected int | str, found the number 1.5", ""),
        ({"alpha": "x"}, ("alpha",), 'expected int, found the text "x"', "write it without quotes"),
    ],
)
def test_fault_in_a_dataclass_is_shown_at_its_field(
    change: Any, path: Any, message: str, fix: str
) -> None:
    literal, (problem,) = encode({**CONFIG, **change}, TYPES["dataclass"])

    assert literal is None
    assert (problem.path, problem.message, problem.fix) == (path, message, fix)


def test_missing_and_unknown_fields_are_found_together() -> None:
    _, problems = encode({"nam": "n", "epochs": 3}, TYPES["dataclass"])

    assert [problem.message for problem in problems] == [
        'the field "name" is missing',
        'the field "lr" is missing',
        'Config has no field "nam"',
    ]


def test_pydantic_models_are_read_through_their_references() -> None:
    made = packed({"parts": [{"weight": 2}], "title": "t"}, TYPES["pydantic"])

    assert made == {"title": "t", "parts": [{"weight": 2.0}]}
    _, (problem,) = encode({"parts": [{"wieght": 2, "weight": 1}], "title": "t"}, TYPES["pydantic"])
    assert problem.path == ("parts", 0, "wieght")


def test_schema_of_marshmallow_is_read_and_gives_a_protobuf_struct() -> None:
    type_ = schema(
        **{"$ref": "#/definitions/FooSchema", "$schema": "http://json-schema.org/draft-07/schema#"},
        definitions={
            "FooSchema": {
                "type": "object",
                "properties": {
                    "a": {"type": "integer"},
                    "b": {"type": ["string", "null"]},
                },
                "additionalProperties": False,
            }
        },
    )

    assert encode({"a": 1, "b": None}, type_) == (
        {"scalar": {"generic": {"a": 1.0, "b": None}}},
        [],
    )
    assert [one.path for one in encode({"a": "x", "b": 1}, type_)[1]] == [("a",), ("b",)]


def test_tuples_are_checked_item_by_item() -> None:
    pair = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}
    type_ = schema(properties={"p": {**pair, "minItems": 2.0, "maxItems": 2.0}})

    assert encode({"p": [1, "a"]}, type_)[1] == []
    assert [one.path for one in encode({"p": ["a", "b"]}, type_)[1]] == [("p", 0)]
    assert [one.message for one in encode({"p": [1]}, type_)[1]] == ["has 1 items, fewer than 2"]


@pytest.mark.parametrize(
    "loop",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"$ref": "#/nowhere"},
        {"allOf": [{"$ref": "#"}]},
        {"type": {"a": 1}, "properties": 3, "required": "x"},
    ],
    ids=["itself", "twice itself", "nowhere", "all of itself", "nonsense"],
)
def test_senseless_schema_never_hangs_or_raises(loop: Any) -> None:
    literal, problems = encode({"a": 1}, {**STRUCT, "metadata": loop})

    assert (literal is None) == bool(problems)


def test_recursive_schema_with_alternatives_ends_on_a_deep_wrong_value() -> None:
    node = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}}
    value: Any = {"wrong": 1}
    for _ in range(40):
        value = {"next": value}

    _, problems = encode(value, {**STRUCT, "metadata": node})

    assert problems
