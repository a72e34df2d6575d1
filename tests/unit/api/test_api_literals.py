"""Values of runs read like a dictionary, with the types that a program asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_runs_kit import integer, integers

from reconciler.api.literals import AbsentValueError, Literals
from reconciler.errors import UsageError
from reconciler.model.run import Values


@dataclass
class Config:
    rows: int
    name: str = "all"


class Doubled:
    """A type of one's own: integers are twice what they are."""

    def serves(self, type_: Any, /) -> bool:
        return type_ == {"type": {"simple": "INTEGER"}}

    def encode(self, _value: Any, _type: Any, /) -> Any:
        return None

    def decode(self, literal: Any, _type: Any, /) -> Any:
        number = int(literal["scalar"]["primitive"]["integer"])
        if number > 100:
            raise ValueError("too large for it")
        return number * 2


STRUCT = {"scalar": {"generic": {"rows": 3.0}}}


def test_values_are_read_like_a_dictionary() -> None:
    outputs = Literals(integers(o0=6, rows=7))

    assert outputs["o0"] == 6
    assert outputs.named(0) == 6
    assert list(outputs.keys()) == ["o0", "rows"]
    assert dict(outputs) == {"o0": 6, "rows": 7}
    assert len(outputs) == 2
    assert "x" not in outputs
    assert outputs.get("x") is None
    assert outputs.get("x", 1) == 1
    assert outputs.type_of("o0") == "int"
    assert outputs.raw("o0")["scalar"]["primitive"]["integer"] == "6"
    assert outputs.to_dict() == {"o0": 6, "rows": 7}


def test_absent_value_names_those_that_there_are() -> None:
    with pytest.raises(AbsentValueError) as caught:
        Literals(integers(rows=7, total=1))["row"]
    assert str(caught.value) == "row: there is no value of this name; did you mean rows?"
    with pytest.raises(KeyError):
        Literals(integers(rows=7))["x"]
    with pytest.raises(AbsentValueError, match="there is none at all"):
        Literals(Values())["x"]
    with pytest.raises(AbsentValueError, match="there are rows, total"):
        Literals(integers(rows=7, total=1)).raw("zzz")


def test_type_asked_for_goes_before_a_hint_and_a_hint_before_the_literal() -> None:
    values = Values(literals={"config": STRUCT, "n": integer(5)})
    plain = Literals(values)
    hinted = Literals(values, hints={"config": Config, "n": float})

    assert plain["config"] == {"rows": 3}
    assert hinted["config"] == Config(3)
    assert hinted.get("config", as_type=dict[str, int]) == {"rows": 3}
    assert (hinted["n"], type(hinted["n"])) == (5.0, float)
    assert plain.get("n", as_type=str | int) == 5


def test_value_of_another_type_is_refused_with_its_place() -> None:
    values = Values(literals={"config": {"scalar": {"generic": {"rows": "many"}}}})
    with pytest.raises(UsageError, match=r"^config\.rows: is not a Config: .*; ask for another"):
        Literals(values).get("config", as_type=Config)


def test_one_that_cannot_be_read_as_asked_leaves_the_others_alone() -> None:
    values = Values(literals={"config": STRUCT, "n": integer(5)})
    outputs = Literals(values, hints={"config": int})
    assert outputs["n"] == 5
    with pytest.raises(UsageError, match=r"^config: is not a int"):
        outputs["config"]


def test_types_of_ones_own_are_asked_first() -> None:
    outputs = Literals(integers(a=5, b=500), types=(Doubled(),))
    assert outputs["a"] == 10
    assert outputs["b"] == 500


def test_showing_reads_nothing() -> None:
    outputs = Literals(integers(a=5, b=6))
    assert repr(outputs) == "Literals(a: int, b: int)"
    assert outputs["a"] == 5
    assert repr(outputs) == "Literals(a=5, b: int)"


def test_moments_are_those_of_python() -> None:
    values = Values(
        literals={
            "at": {"scalar": {"primitive": {"datetime": "2026-05-01T06:00:00Z"}}},
            "took": {"scalar": {"primitive": {"duration": "90s"}}},
        }
    )
    outputs = Literals(values)
    assert outputs["at"] == datetime(2026, 5, 1, 6, tzinfo=UTC)
    assert outputs.get("took", as_type=timedelta) == timedelta(seconds=90)
    assert outputs.to_dict() == {"at": "2026-05-01T06:00:00Z", "took": "1m30s"}
