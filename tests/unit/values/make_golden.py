"""Write golden/flytekit.json: types and literals exactly as flytekit's type engine makes them.

Run it with the Python of an environment that holds flytekit 1.16, pandas, pyarrow and pydantic:

    python tests/unit/values/make_golden.py

A case is `{"name", "type", "literal"}`, both in protobuf's JSON mapping. The committed file is what
the tests read, so flytekit is needed only to write it anew.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import os
import tempfile
import typing
from datetime import UTC
from pathlib import Path

import flytekit
import pandas as pd
import pydantic
from flytekit.core.interface import (
    transform_inputs_to_parameters,
    transform_interface_to_typed_interface,
)
from flytekit.core.type_engine import TypeEngine
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile
from flytekit.types.pickle import FlytePickle
from flytekit.types.schema import FlyteSchema
from flytekit.types.structured import StructuredDataset
from google.protobuf import json_format

# ruff: noqa: UP007, UP045 - Optional and Union are the forms whose types are asked for


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


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
    when: typing.Optional[dt.datetime] = None
    either: typing.Union[int, str] = 3


@dataclasses.dataclass
class Holder:
    file: FlyteFile
    anything: dict
    pairs: dict[str, dict[str, int]]
    matrix: list[list[float]]


class Part(pydantic.BaseModel):
    weight: float
    note: typing.Optional[str] = None


class Model(pydantic.BaseModel):
    title: str
    parts: list[Part]
    size: int = 3
    kind: typing.Literal["a", "b"] = "a"


Csv = FlyteFile[typing.TypeVar("csv")]
Zips = FlyteDirectory[typing.TypeVar("zip")]
Table = typing.Annotated[StructuredDataset, flytekit.kwtypes(name=str, age=int)]
Parquet = typing.Annotated[StructuredDataset, flytekit.kwtypes(name=str), "parquet"]

INNER = Inner(1.0, ["x", "y"])
FULL = Config("n", 3, 1.0, alpha=4, weights={"b": 1.0, "a": 2.5}, many=[INNER], either="s")
MOMENT = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
TABLE = StructuredDataset(uri="s3://bucket/t", file_format="parquet")
ONLY_TYPE = object()


def remote_file(kind: type = FlyteFile) -> FlyteFile:
    return kind("s3://bucket/a.csv", remote_path=False)


def remote_folder(kind: type = FlyteDirectory) -> FlyteDirectory:
    return kind("s3://bucket/folder", remote_directory=False)


CASES: list[tuple[str, typing.Any, typing.Any]] = [
    ("int", int, 3),
    ("int zero", int, 0),
    ("int least", int, -(2**63)),
    ("float", float, 2.5),
    ("float whole", float, 3.0),
    ("float zero", float, 0.0),
    ("float large", float, 1e300),
    ("float tiny", float, 1e-7),
    ("float infinite", float, float("-inf")),
    ("str", str, "hello"),
    ("str empty", str, ""),
    ("str date", str, "2024-01-01"),
    ("bool true", bool, True),
    ("bool false", bool, False),
    ("datetime", dt.datetime, MOMENT),
    ("datetime micros", dt.datetime, MOMENT.replace(microsecond=123456)),
    ("datetime millis", dt.datetime, MOMENT.replace(microsecond=120000)),
    ("datetime before epoch", dt.datetime, dt.datetime(1960, 1, 2, tzinfo=UTC)),
    ("date", dt.date, dt.date(2024, 1, 2)),
    ("timedelta", dt.timedelta, dt.timedelta(hours=1, minutes=30)),
    ("timedelta negative", dt.timedelta, dt.timedelta(seconds=-1.5)),
    ("timedelta micros", dt.timedelta, dt.timedelta(microseconds=1)),
    ("timedelta zero", dt.timedelta, dt.timedelta(0)),
    ("none", type(None), None),
    ("list int", list[int], [1, 2]),
    ("list empty", list[int], []),
    ("list list", list[list[str]], [["a"], []]),
    ("list optional", list[typing.Optional[int]], [1, None]),
    ("list union", list[typing.Union[int, str]], [1, "a"]),
    ("list dict", list[dict], [{"a": 1}, {}]),
    ("map", dict[str, int], {"b": 1, "a": 2}),
    ("map empty", dict[str, int], {}),
    ("map list", dict[str, list[float]], {"a": [1.0, 2.5]}),
    ("map map", dict[str, dict[str, bool]], {"a": {"b": True}}),
    ("optional set", typing.Optional[int], 3),
    ("optional none", typing.Optional[int], None),
    ("optional list", typing.Optional[list[str]], ["a"]),
    ("union int", typing.Union[int, str], 3),
    ("union str", typing.Union[int, str], "a"),
    (
        "union str that could be a datetime",
        typing.Union[dt.datetime, str],
        "2024-01-02T03:04:05Z",
    ),
    ("union float", typing.Union[int, float, str], 1.5),
    ("union whole float", typing.Union[int, float, str], 2.0),
    ("union list", typing.Union[list[int], dict[str, int], bool], {"a": 1}),
    (
        "union duration",
        typing.Union[dt.datetime, dt.timedelta, None],
        dt.timedelta(1),
    ),
    ("union dataclass", typing.Optional[Inner], INNER),
    ("union enum", typing.Union[Color, int], Color.GREEN),
    ("union file", typing.Union[FlyteFile, str], "text"),
    ("enum", Color, Color.GREEN),
    ("literal str", typing.Literal["a", "b"], "b"),
    ("literal int", typing.Literal[1, 2], 2),
    ("list enum", list[Color], [Color.RED]),
    ("dataclass", Config, FULL),
    ("dataclass defaults", Config, Config("n", 3, 0.5)),
    ("dataclass datetime", Config, Config("n", 3, 0.5, when=MOMENT)),
    ("dataclass required", Inner, INNER),
    ("dataclass nested", Holder, Holder(remote_file(), {"k": [1, "x"]}, {"a": {"b": 1}}, [[1.0]])),
    ("list dataclass", list[Inner], [INNER]),
    ("map dataclass", dict[str, Inner], {"a": INNER}),
    ("pydantic", Model, Model(title="t", parts=[Part(weight=1.0)], kind="b")),
    ("dict", dict, {"b": 1, "a": [1.5, None, {"c": "d"}], "t": True}),
    ("dict empty", dict, {}),
    ("dict int keys", dict, {1: "a"}),
    ("dict whole float", dict, {"a": 1.0}),
    ("file", FlyteFile, remote_file()),
    ("file csv", Csv, remote_file(Csv)),
    ("list file", list[FlyteFile], [remote_file()]),
    ("directory", FlyteDirectory, remote_folder()),
    ("directory zip", Zips, remote_folder(Zips)),
    ("dataset", StructuredDataset, TABLE),
    ("dataset columns", Table, TABLE),
    ("dataset format", Parquet, TABLE),
    ("dataset bigquery", StructuredDataset, StructuredDataset(uri="bq://project:data.table")),
    ("dataframe", pd.DataFrame, ONLY_TYPE),
    ("pickle", FlytePickle[typing.Any], ONLY_TYPE),
    ("schema", FlyteSchema, ONLY_TYPE),
    ("schema columns", FlyteSchema[flytekit.kwtypes(a=int, b=str)], ONLY_TYPE),
]
# other values than above, since flytekit remembers the literals it has made
OLD_FORMAT = [
    ("old dataclass", Config, dataclasses.replace(FULL, epochs=5)),
    ("old dataclass required", Inner, Inner(2.0, ["z"])),
    ("old dict", dict, {"b": 1, "a": [1.5, None, {"c": "e"}], "t": True}),
]


@flytekit.task
def tuples(when: dt.datetime, files: list[Csv]) -> tuple[int, str]:
    return len(files), str(when)


@flytekit.task
def named(
    count: int,
    label: typing.Optional[str] = "x",
    config: Inner = INNER,
    ratio: float = 1.0,
    path: FlyteFile = "s3://bucket/default.csv",
) -> typing.NamedTuple("Out", left=int, right=str):
    return count, label or ""


def printed(message: typing.Any) -> typing.Any:
    return json_format.MessageToDict(message.to_flyte_idl())


def case(name: str, python_type: typing.Any, value: typing.Any) -> dict[str, typing.Any]:
    literal_type = TypeEngine.to_literal_type(python_type)
    made = {"name": name, "type": printed(literal_type)}
    if value is not ONLY_TYPE:
        context = flytekit.FlyteContextManager.current_context()
        made["literal"] = printed(TypeEngine.to_literal(context, value, python_type, literal_type))
    return made


def main() -> None:
    target = Path(__file__).parent / "golden" / "flytekit.json"
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        cases = [case(*one) for one in CASES]
        os.environ["FLYTE_USE_OLD_DC_FORMAT"] = "true"
        for name, python_type, value in OLD_FORMAT:
            made = case(name, python_type, value)
            # an older client writes no such annotation
            made["type"].pop("annotation", None)
            cases.append(made)
        del os.environ["FLYTE_USE_OLD_DC_FORMAT"]
        context = flytekit.FlyteContextManager.current_context()
        interfaces = {
            task.name.rpartition(".")[2]: {
                "interface": printed(transform_interface_to_typed_interface(task.python_interface)),
                "parameters": printed(
                    transform_inputs_to_parameters(context, task.python_interface)
                ),
            }
            for task in (tuples, named)
        }
    content = json.dumps({"cases": cases, "interfaces": interfaces}, indent=1, sort_keys=True)
    target.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
