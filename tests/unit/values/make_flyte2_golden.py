"""Write golden/flyte2.json: types, literals and triggers exactly as the `flyte` SDK makes them.

Run it with the Python of an environment that holds flyte 2.12:

    python tests/unit/values/make_flyte2_golden.py

A case is `{"name", "type", "literal"}`, a trigger `{"spec", "trigger"}` with the spec of its task,
all in protobuf's JSON mapping. The committed file is what the tests read, so the SDK is needed only
to write it anew.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import enum
import json
import os
import typing
from datetime import UTC
from pathlib import Path

os.environ["FLYTE_DISABLE_SENTRY"] = "true"

import flyte
import flyte.io
import flyte.notify
import pydantic
from flyte._internal.runtime import convert, trigger_serde
from flyte._internal.runtime.task_serde import transform_native_to_typed_interface
from flyte.models import ActionPhase
from flyte.types import TypeEngine
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
    weights: dict[str, float] = dataclasses.field(default_factory=dict)
    color: Color = Color.RED
    many: list[Inner] = dataclasses.field(default_factory=list)


class Part(pydantic.BaseModel):
    weight: float
    note: typing.Optional[str] = None


class Model(pydantic.BaseModel):
    title: str
    parts: list[Part]
    size: int = 3


INNER = Inner(1.0, ["x", "y"])
MOMENT = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

CASES: list[tuple[str, typing.Any, typing.Any]] = [
    ("int", int, 3),
    ("float", float, 2.5),
    ("float whole", float, 3.0),
    ("str", str, "hello"),
    ("bool", bool, False),
    ("datetime", dt.datetime, MOMENT),
    ("timedelta", dt.timedelta, dt.timedelta(hours=1, minutes=30)),
    ("date", dt.date, dt.date(2024, 1, 2)),
    ("none", type(None), None),
    ("list int", list[int], [1, 2]),
    ("list empty", list[int], []),
    ("list list", list[list[str]], [["a"], []]),
    ("map", dict[str, int], {"b": 1, "a": 2}),
    ("map empty", dict[str, int], {}),
    ("map map", dict[str, dict[str, bool]], {"a": {"b": True}}),
    ("optional set", typing.Optional[int], 3),
    ("optional none", typing.Optional[int], None),
    ("union", typing.Union[int, str], "a"),
    ("enum", Color, Color.GREEN),
    ("literal", typing.Literal["a", "b"], "b"),
    ("dataclass", Config, Config("n", 3, 0.5, alpha=4, weights={"b": 1.0}, many=[INNER])),
    ("dataclass required", Inner, INNER),
    ("list dataclass", list[Inner], [INNER]),
    ("pydantic", Model, Model(title="t", parts=[Part(weight=1.0)])),
    ("dict", dict, {"b": 1, "a": [1.5, None, {"c": "d"}], "t": True}),
    ("file", flyte.io.File, flyte.io.File(path="s3://bucket/a.csv")),
    ("directory", flyte.io.Dir, flyte.io.Dir(path="s3://bucket/folder")),
]

environment = flyte.TaskEnvironment(name="etl")


@environment.task
async def load(
    day: dt.datetime,
    count: int,
    label: str = "x",
    ratio: float = 0.5,
    config: typing.Optional[Inner] = None,
) -> int:
    return count


DAILY = flyte.Trigger(
    name="daily",
    automation=flyte.Cron("0 6 * * *", timezone="Europe/Berlin"),
    description="Loads the events of the day before",
    inputs={"day": flyte.TriggerTime, "count": 3},
    env_vars={"LOG_LEVEL": "info"},
    interruptible=True,
    overwrite_cache=True,
    queue="critical",
    max_action_concurrency=4,
    labels={"team": "ranking"},
    annotations={"example.com/owner": "ranking"},
    custom_context={"team": "ranking"},
    notifications=(
        flyte.notify.Email(on_phase=(ActionPhase.FAILED,), recipients=("oncall@example.com",)),
        flyte.notify.NamedDelivery(on_phase=ActionPhase.TIMED_OUT, name="oncall"),
        flyte.notify.Webhook(
            on_phase=ActionPhase.SUCCEEDED, url="https://alerts.example.com/flyte", body={"a": "b"}
        ),
    ),
)
RATE = flyte.Trigger(
    name="rate",
    automation=flyte.FixedRate(360, start_time=MOMENT),
    inputs={"day": MOMENT, "ratio": 2.0, "count": 1},
    auto_activate=False,
)
ON_DEMAND = flyte.Trigger(name="on-demand", automation=None, inputs={"day": MOMENT, "count": 1})


def printed(message: typing.Any) -> typing.Any:
    return json_format.MessageToDict(message)


async def case(name: str, python_type: typing.Any, value: typing.Any) -> dict[str, typing.Any]:
    literal_type = TypeEngine.to_literal_type(python_type)
    literal = await TypeEngine.to_literal(value, python_type, literal_type)
    return {"name": name, "type": printed(literal_type), "literal": printed(literal)}


async def content() -> dict[str, typing.Any]:
    cases = [await case(*one) for one in CASES]
    interface = transform_native_to_typed_interface(load.native_interface)
    defaults = await convert.convert_upload_default_inputs(load.native_interface)
    triggers = [
        await trigger_serde.to_task_trigger(one, "etl.load", interface.inputs, defaults)
        for one in (DAILY, RATE, ON_DEMAND)
    ]
    return {
        "cases": cases,
        "interface": printed(interface),
        "defaults": [printed(one) for one in defaults],
        "triggers": {one.name: printed(one) for one in triggers},
    }


def main() -> None:
    target = Path(__file__).parent / "golden" / "flyte2.json"
    text = json.dumps(asyncio.run(content()), indent=1, sort_keys=True)
    target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
