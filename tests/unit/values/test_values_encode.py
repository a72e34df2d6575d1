from __future__ import annotations

from typing import Any

import pytest

from reconciler.values.encode import encode
from reconciler.values.problem import ValueProblem

MSGPACK = {"annotations": {"cache-key-metadata": {"serialization-format": "msgpack"}}}
INT, FLOAT, STR = {"simple": "INTEGER"}, {"simple": "FLOAT"}, {"simple": "STRING"}
BOOL, MOMENT, NONE = {"simple": "BOOLEAN"}, {"simple": "DATETIME"}, {"simple": "NONE"}
ENUM = {"enumType": {"values": ["red", "green"]}}
FILE, CSV = {"blob": {}}, {"blob": {"format": "csv"}}
DATASET = {"structuredDatasetType": {"format": "parquet"}}
DICT = {"simple": "STRUCT"}


def union(*variants: dict[str, Any]) -> dict[str, Any]:
    return {"unionType": {"variants": list(variants)}}


def scalar(**content: Any) -> dict[str, Any]:
    return {"scalar": content}


def primitive(**content: Any) -> dict[str, Any]:
    return scalar(primitive=content)


def problems_of(value: Any, type_: Any) -> list[ValueProblem]:
    literal, problems = encode(value, type_, path=("inputs", "x"))
    assert literal is None
    return problems


@pytest.mark.parametrize(
    ("value", "type_", "literal"),
    [
        (3, INT, primitive(integer="3")),
        (3.0, INT, primitive(integer="3")),
        (-(2**63), INT, primitive(integer="-9223372036854775808")),
        (3, FLOAT, primitive(floatValue=3.0)),
        ("NaN", FLOAT, primitive(floatValue="NaN")),
        (float("inf"), FLOAT, primitive(floatValue="Infinity")),
        ("3", STR, primitive(stringValue="3")),
        (False, BOOL, primitive(boolean=False)),
        (None, NONE, scalar(noneType={})),
        ("green", ENUM, primitive(stringValue="green")),
        ("1h", {"simple": "DURATION"}, primitive(duration="3600s")),
        ({"base64": "aGk="}, {"simple": "BINARY"}, scalar(binary={"value": "aGk="})),
        ({"base64": "", "tag": "t"}, {"simple": "BINARY"}, scalar(binary={"tag": "t"})),
        ({"a": [1, None]}, DICT, scalar(generic={"a": [1.0, None]})),
        ([], {"collectionType": INT}, {"collection": {}}),
        ({}, {"mapValueType": INT}, {"map": {}}),
        (
            "s3://b/k",
            CSV,
            scalar(blob={"metadata": {"type": {"format": "csv"}}, "uri": "s3://b/k"}),
        ),
        (
            {"uri": "/mnt/k", "format": "csv"},
            FILE,
            scalar(blob={"metadata": {"type": {"format": "csv"}}, "uri": "/mnt/k"}),
        ),
        (
            {"uri": "bq://p:d.t", "format": "Parquet"},
            DATASET,
            scalar(
                structuredDataset={
                    "uri": "bq://p:d.t",
                    "metadata": {"structuredDatasetType": {"format": "Parquet"}},
                }
            ),
        ),
        ("s3://b/t", {"schema": {}}, scalar(schema={"uri": "s3://b/t", "type": {}})),
    ],
)
def test_value_becomes_the_literal_of_its_type(value: Any, type_: Any, literal: Any) -> None:
    assert encode(value, type_) == (literal, [])


@pytest.mark.parametrize(
    ("value", "type_", "message", "fix"),
    [
        ("3", INT, 'expected int, found the text "3"', "write it without quotes"),
        (3.5, INT, "expected int, found the number 3.5", "write a whole number"),
        (True, INT, "expected int, found true", ""),
        (
            2**63,
            INT,
            "the number 9223372036854775808 does not fit into 64 bits",
            "write one from -9223372036854775808 to 9223372036854775807",
        ),
        (10**100, INT, "the number of 333 bits does not fit into 64 bits", None),
        ("1.5", FLOAT, 'expected float, found the text "1.5"', "write it without quotes"),
        (10**400, FLOAT, "the number of 1329 bits is too large for a float", ""),
        (3, STR, "expected str, found the number 3", "quote it"),
        (True, STR, "expected str, found true", "quote it"),
        ("\ud800", STR, "the text is not valid Unicode", "remove the lone surrogate"),
        ("yes", BOOL, 'expected bool, found the text "yes"', "write true or false, without quotes"),
        (1, NONE, "expected null, found the number 1", "write null"),
        (
            "2024-01-02",
            MOMENT,
            'the text "2024-01-02" is not a datetime with a zone',
            'write the time and the zone too, "2024-01-02T00:00:00Z"',
        ),
        (
            90,
            {"simple": "DURATION"},
            "expected duration, found the number 90",
            'write it with its unit, for example "90s"',
        ),
        ("gren", ENUM, 'expected enum(red, green), found the text "gren"', 'did you mean "green"?'),
        (
            True,
            ENUM,
            "expected enum(red, green), found true",
            'quote it, or write one of "red", "green"',
        ),
        (
            "aGk=",
            {"simple": "BINARY"},
            'expected bytes, found the text "aGk="',
            "write {base64: ...}",
        ),
        (
            "data.csv",
            CSV,
            'expected file[csv], found the text "data.csv"',
            "write a URI such as s3://bucket/key, {uri: ..., format: ...} or {path: ...}",
        ),
        ({"format": "csv"}, CSV, "file[csv] needs a uri or a path", None),
        ([1], DICT, "expected a map, found a list", ""),
        ({"a": 2**53 + 1}, DICT, None, "write it as a text"),
        (None, {"simple": "ERROR"}, "no value can be given: only Flyte makes errors", None),
        (None, {}, "no value can be given: the input is of unknown type", None),
        (3, {"collectionType": INT}, "expected list[int], found the number 3", "write a list"),
        (3, {"mapValueType": INT}, "expected dict[str, int], found the number 3", "write a map"),
        (1.5, union(INT, STR), "expected int | str, found the number 1.5", None),
        ("x", union(INT, NONE), 'expected int, found the text "x"', ""),
    ],
)
def test_wrong_value_says_what_is_wrong_and_what_to_do(
    value: Any, type_: Any, message: str | None, fix: str | None
) -> None:
    (problem,) = problems_of(value, type_)

    assert problem.path[:2] == ("inputs", "x")
    assert problem.message == message or message is None
    assert problem.fix == fix or fix is None


def test_format_that_is_not_the_declared_one_is_refused_at_its_place() -> None:
    expected = ValueProblem(
        ("inputs", "x", "format"),
        'the format "CSV" is not the "csv" of the input',
        'write "csv"',
    )

    assert problems_of({"uri": "s3://b/k", "format": "CSV"}, CSV) == [expected]


def test_unknown_field_of_a_reference_is_named() -> None:
    (problem,) = problems_of({"uri": "s3://b/k", "fromat": "csv"}, CSV)

    assert problem.path == ("inputs", "x", "fromat")
    assert problem.message == 'file[csv] has no field "fromat"'


def test_every_fault_of_a_nested_value_is_found_with_its_path() -> None:
    type_ = {"mapValueType": {"collectionType": INT}}

    problems = problems_of({"a": [1, "b", 2.5], "c": 3}, type_)

    assert [problem.path[2:] for problem in problems] == [("a", 1), ("a", 2), ("c",)]


def chosen(value: Any, type_: Any) -> str:
    literal, problems = encode(value, type_)
    assert problems == []
    assert isinstance(literal, dict)
    return literal["scalar"]["union"]["type"]["structure"]["tag"]  # type: ignore[index,call-overload]


TAGGED = {
    "int": {**INT, "structure": {"tag": "int"}},
    "float": {**FLOAT, "structure": {"tag": "float"}},
    "str": {**STR, "structure": {"tag": "str"}},
    "datetime": {**MOMENT, "structure": {"tag": "datetime"}},
    "file": {**FILE, "structure": {"tag": "FlyteFilePath"}},
}


@pytest.mark.parametrize(
    ("value", "names", "tag"),
    [
        (3, ["int", "float"], "int"),
        (3, ["float", "int"], "float"),
        (3.5, ["int", "float"], "float"),
        ("2024-01-02T00:00:00Z", ["datetime", "str"], "datetime"),
        ("2024-01-02", ["datetime", "str"], "str"),
        ("s3://b/k", ["file", "str"], "FlyteFilePath"),
        ("text", ["file", "str"], "str"),
        ({"type": "float", "value": 3}, ["int", "float"], "float"),
        ({"type": "str", "value": "s3://b/k"}, ["file", "str"], "str"),
        ({"type": "FlyteFilePath", "value": "s3://b/k"}, ["str", "file"], "FlyteFilePath"),
    ],
)
def test_union_takes_the_first_variant_that_fits_or_the_one_named(
    value: Any, names: list[str], tag: str
) -> None:
    assert chosen(value, union(*(TAGGED[name] for name in names))) == tag


def test_chosen_variant_that_does_not_fit_is_refused_at_its_value() -> None:
    (problem,) = problems_of({"type": "int", "value": "x"}, union(INT, STR))

    assert problem.path == ("inputs", "x", "value")


def test_map_like_a_choice_is_a_plain_value_when_it_names_no_variant() -> None:
    literal, problems = encode({"type": "car", "value": 1}, union({**DICT}, INT))

    assert problems == []
    assert literal == scalar(
        union={"type": DICT, "value": scalar(generic={"type": "car", "value": 1.0})}
    )


def test_fault_inside_the_only_variant_of_that_shape_is_shown_where_it_is() -> None:
    (problem,) = problems_of([1, "b"], union(STR, {"collectionType": INT}))

    assert problem.path == ("inputs", "x", 1)


@pytest.mark.parametrize("depth", [30, 5000])
def test_nesting_past_what_flyte_can_read_is_a_problem(depth: int) -> None:
    value: Any = 1
    type_: Any = INT
    for _ in range(depth):
        value = {"a": value}
        type_ = {"mapValueType": type_}

    assert problems_of(value, DICT)
    assert problems_of(value, {**DICT, "annotation": MSGPACK}) if depth > 100 else True
    assert problems_of(value, type_) if depth > 1000 else encode(value, type_)[1] == []
