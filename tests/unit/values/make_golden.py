"""Write golden/flytekit.json: types and literals exactly as flytekit's type engine makes them.

Run it with the Python of an environment that holds flytekit 1.16, pandas and pyarrow:

    python tests/unit/values/make_golden.py

A case is `{"name", "type", "literal"}`, both in protobuf's JSON mapping. The committed file is what
the tests read, so flytekit is needed only to write it anew.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import os
import pathlib
import tempfile
import typing

import flytekit
import pandas as pd
from flytekit import FlyteContextManager, kwtypes
from flytekit.core import context_manager
from flytekit.core.type_engine import TypeEngine
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile
from flytekit.types.pickle import FlytePickle
from flytekit.types.schema import FlyteSchema
from flytekit.types.structured import StructuredDataset
from google.protobuf import json_format

UTC = datetime.timezone.utc


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@dataclasses.dataclass
class Inner:
    rate: float
    tags: list[str]


@dataclasses.dataclass
class Config:
    name: str
    epochs: int
    lr: float
    zeta: bool = True
    alpha: typing.Optional[int] = None
    inner: Inner = dataclasses.field(default_factory=lambda: Inner(0.5, ["a"]))
    weights: dict[str, float] = dataclasses.field(default_factory=dict)
    color: Color = Color.RED
    many: list[Inner] = dataclasses.field(default_factory=list)
    when: typing.Optional[datetime.datetime] = None
    either: typing.Union[int, str] = 3


Csv = FlyteFile[typing.TypeVar("csv")]
Zips = FlyteDirectory[typing.TypeVar("zip")]
Table = typing.Annotated[StructuredDataset, kwtypes(name=str, age=int)]
TableParquet = typing.Annotated[StructuredDataset, kwtypes(name=str), "parquet"]
INNER = Inner(1.0, ["x", "y"])
FULL = Config("n", 3, 1.0, alpha=4, weights={"b": 1.0, "a": 2.5}, many=[INNER], either="s")

CASES: list[tuple[str, typing.Any, typing.Any]] = [
    ("int", int, 3),
    ("int zero", int, 0),
    ("int least", int, -(2**63)),
    ("float", float, 2.5),
    ("float whole", float, 3.0),
    ("float zero", float, 0.0),
    ("float large", float, 1e300),
    ("float tiny", float, 1e-7),
    ("str", str, "hello"),
    ("str empty", str, ""),
    ("str date", str, "2024-01-01"),
    ("bool true", bool, True),
    ("bool false", bool, False),
    ("datetime", datetime.datetime, datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("datetime micros", datetime.datetime, datetime.datetime(2024, 1, 2, 3, 4, 5, 123456, UTC)),
    ("datetime millis", datetime.datetime, datetime.datetime(2024, 1, 2, 3, 4, 5, 120000, UTC)),
    ("datetime before epoch", datetime.datetime, datetime.datetime(1960, 1, 2, tzinfo=UTC)),
    ("date", datetime.date, datetime.date(2024, 1, 2)),
    ("timedelta", datetime.timedelta, datetime.timedelta(hours=1, minutes=30)),
    ("timedelta negative", datetime.timedelta, datetime.timedelta(seconds=-1.5)),
    ("timedelta micros", datetime.timedelta, datetime.timedelta(microseconds=1)),
    ("timedelta zero", datetime.timedelta, datetime.timedelta(0)),
    ("none", type(None), None),
    ("list int", list[int], [1, 2]),
    ("list empty", list[int], []),
    ("list list", list[list[str]], [["a"], []]),
    ("list optional", list[typing.Optional[int]], [1, None]),
    ("map", dict[str, int], {"b": 1, "a": 2}),
    ("map empty", dict[str, int], {}),
    ("map list", dict[str, list[float]], {"a": [1.0, 2.5]}),
    ("optional set", typing.Optional[int], 3),
    ("optional none", typing.Optional[int], None),
    ("union int", typing.Union[int, str], 3),
    ("union str", typing.Union[int, str], "a"),
    ("union float", typing.Union[int, float, str], 1.5),
    ("union list", typing.Union[list[int], dict[str, int], bool], {"a": 1}),
    (
        "union datetime",
        typing.Union[datetime.datetime, datetime.timedelta, None],
        datetime.timedelta(1),
    ),
    ("union dataclass", typing.Optional[Inner], INNER),
    ("union enum", typing.Union[Color, int], Color.GREEN),
    ("union file", typing.Union[FlyteFile, str], "text"),
    ("enum", Color, Color.GREEN),
    ("literal str", typing.Literal["a", "b"], "b"),
    ("list enum", list[Color], [Color.RED]),
    ("dataclass", Config, FULL),
    ("dataclass defaults", Config, Config("n", 3, 0.5)),
    ("dataclass when", Config, Config("n", 3, 0.5, when=datetime.datetime(2024, 1, 2, tzinfo=UTC))),
    ("dataclass small", Inner, INNER),
    ("list dataclass", list[Inner], [INNER]),
    ("map dataclass", dict[str, Inner], {"a": INNER}),
    ("dict", dict, {"b": 1, "a": [1.5, None, {"c": "d"}], "t": True}),
    ("dict empty", dict, {}),
    ("dict int keys", dict[int, str], {1: "a"}),
    ("file", FlyteFile, FlyteFile("s3://bucket/a.txt", remote_path=False)),
    ("file csv", Csv, Csv("s3://bucket/a.csv", remote_path=False)),
    ("directory", FlyteDirectory, FlyteDirectory("s3://bucket/dir", remote_directory=False)),
    ("directory zip", Zips, Zips("s3://bucket/dir", remote_directory=False)),
    ("dataset", StructuredDataset, StructuredDataset(uri="s3://bucket/t", file_format="parquet")),
    ("dataset columns", Table, StructuredDataset(uri="s3://bucket/t", file_format="parquet")),
    ("dataset format", TableParquet, StructuredDataset(uri="s3://bucket/t", file_format="parquet")),
    ("dataset bigquery", StructuredDataset, StructuredDataset(uri="bq://p:d.t")),
    ("dataframe", pd.DataFrame, pd.DataFrame({"a": [1]})),
    ("pickle", FlytePickle[typing.Any], {1, 2}),
    ("schema", FlyteSchema, None),
    ("schema columns", FlyteSchema[kwtypes(a=int, b=str)], None),
]


@flytekit.task
def pair(a: int, b: typing.Optional[str] = "x") -> typing.NamedTuple("Out", left=int, right=str):  # type: ignore[valid-type]
    return a, b or ""


@flytekit.task
def plain(a: Csv, when: datetime.datetime) -> tuple[int, str]:
    return 1, ""


def message(value: typing.Any) -> typing.Any:
    return json_format.MessageToDict(value.to_flyte_idl())


def main() -> None:
    here = pathlib.Path(__file__).parent / "golden"
    here.mkdir(exist_ok=True)
    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        context = FlyteContextManager.current_context()
        for name, python_type, value in CASES:
            literal_type = TypeEngine.to_literal_type(python_type)
            case = {"name": name, "type": message(literal_type)}
            if value is not None or "none" in name:
                literal = TypeEngine.to_literal(context, value, python_type, literal_type)
                case["literal"] = message(literal)
            cases.append(case)
    interfaces = {t.name.rsplit(".", 1)[-1]: message(t.interface) for t in ()}
    for task in (pair, plain):
        interfaces[task.name.rsplit(".", 1)[-1]] = message(
            task.interface.to_flyte_idl()
            if False
            else flytekit.core.interface.transform_interface_to_typed_interface(
                task.python_interface
            )
        )
    text = json.dumps({"cases": cases, "interfaces": interfaces}, indent=1, sort_keys=True)
    (here / "flytekit.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
