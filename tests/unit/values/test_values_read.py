"""Literals read as values, for people and for programs."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.run import Values
from reconciler.values import msgpack, read


def primitive(**one: Any) -> dict[str, Any]:
    return {"scalar": {"primitive": one}}


def blob(uri: str, **kind: str) -> dict[str, Any]:
    return {"scalar": {"blob": {"uri": uri, "metadata": {"type": kind}}}}


COLUMN = {"name": "age", "literalType": {"simple": "INTEGER"}}
CASES: list[tuple[Any, Any]] = [
    (primitive(integer="6"), 6),
    (primitive(floatValue=2.5), 2.5),
    (primitive(stringValue="a"), "a"),
    (primitive(boolean=False), False),
    (primitive(datetime="2026-05-01T06:00:00Z"), "2026-05-01T06:00:00Z"),
    (primitive(duration="5400s"), "1h30m"),
    ({"scalar": {"noneType": {}}}, None),
    ({"collection": {"literals": [primitive(integer="1")]}}, [1]),
    ({"collection": {}}, []),
    ({"map": {"literals": {"a": primitive(integer="1")}}}, {"a": 1}),
    ({"scalar": {"union": {"value": primitive(integer="1"), "type": {}}}}, 1),
    ({"scalar": {"generic": {"a": [1.0, 2.5]}}}, {"a": [1, 2.5]}),
    (
        {"scalar": {"binary": {"value": msgpack.pack({"a": 1}), "tag": "msgpack"}}},
        {"a": 1},
    ),
    ({"scalar": {"binary": {"value": "AAE="}}}, {"base64": "AAE="}),
    (
        {"scalar": {"binary": {"value": "wQ==", "tag": "msgpack"}}},
        {"base64": "wQ==", "tag": "msgpack"},
    ),
    (blob("s3://b/f", format="csv"), {"file": "s3://b/f", "format": "csv"}),
    (blob("s3://b/d", dimensionality="MULTIPART"), {"directory": "s3://b/d"}),
    (
        {
            "scalar": {
                "structuredDataset": {
                    "uri": "s3://b/t",
                    "metadata": {
                        "structuredDatasetType": {"format": "parquet", "columns": [COLUMN]}
                    },
                }
            }
        },
        {"dataset": "s3://b/t", "format": "parquet", "columns": {"age": "int"}},
    ),
    (
        {
            "scalar": {
                "schema": {"uri": "s3://b/s", "type": {"columns": [{"name": "x", "type": "FLOAT"}]}}
            }
        },
        {"dataset": "s3://b/s", "columns": {"x": "float"}},
    ),
    ({"scalar": {"error": {"message": "broke"}}}, {"error": "broke"}),
    (
        {"offloadedMetadata": {"uri": "s3://b/l", "sizeBytes": "7000000"}},
        {"offloaded": "s3://b/l", "bytes": 7_000_000},
    ),
    ({"hash": "abc", **primitive(integer="6")}, 6),
    ({}, None),
]


@pytest.mark.parametrize(("literal", "value"), CASES)
def test_every_kind_of_literal_is_read(literal: Any, value: Any) -> None:
    found = read.value(literal)
    assert (found, type(found)) == (value, type(value))


def test_python_has_types_for_moments_and_durations() -> None:
    assert read.native(primitive(datetime="2026-05-01T06:00:00Z")) == datetime(
        2026, 5, 1, 6, tzinfo=UTC
    )
    assert read.native(primitive(duration="5400.5s")) == timedelta(seconds=5400.5)
    assert read.native({"collection": {"literals": [primitive(duration="-3s")]}}) == [
        timedelta(seconds=-3)
    ]
    assert math.isnan(float(read.native(primitive(floatValue="NaN"))))  # type: ignore[arg-type]
    assert read.value(primitive(floatValue="NaN")) == "NaN"
    assert read.native(primitive(datetime="99999-01-01T00:00:00Z")) == "99999-01-01T00:00:00Z"


def test_types_are_those_declared_else_those_of_the_literals() -> None:
    values = Values(
        literals={"a": primitive(integer="1"), "b": primitive(stringValue="x")},
        types={"a": {"type": {"unionType": {"variants": [{"simple": "INTEGER"}]}}}},
    )
    assert read.types_of(values) == {"a": "int", "b": "str"}
    assert read.shown(values) == {"a": 1, "b": "x"}
