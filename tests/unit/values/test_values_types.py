from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.values.types import show_type

GOLDEN = json.loads((Path(__file__).parent / "golden" / "flytekit.json").read_text("utf-8"))
TYPES: dict[str, Any] = {case["name"]: case["type"] for case in GOLDEN["cases"]}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("int", "int"),
        ("timedelta", "duration"),
        ("none", "None"),
        ("list optional", "list[int | None]"),
        ("map list", "dict[str, list[float]]"),
        ("enum", "enum(red, green)"),
        ("literal int", "enum(1, 2)"),
        ("dataclass", "Config"),
        ("dict", "dict"),
        ("file", "file"),
        ("file csv", "file[csv]"),
        ("directory zip", "directory[zip]"),
        ("dataset", "dataset"),
        ("dataset format", "dataset[parquet]"),
        ("schema columns", "schema"),
        ("union dataclass", "Inner | None"),
    ],
)
def test_types_read_as_people_write_them(name: str, shown: str) -> None:
    assert show_type(TYPES[name]) == shown


@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        ({"simple": "BINARY"}, "bytes"),
        ({"simple": "STRUCT", "metadata": {"$ref": "#/definitions/FooSchema"}}, "Foo"),
        ({"unionType": {}}, "empty union"),
        ({}, "unknown type"),
        (None, "unknown type"),
        ({"simple": "NEWER"}, "NEWER"),
    ],
)
def test_odd_types_still_have_a_name(type_: Any, shown: str) -> None:
    assert show_type(type_) == shown
