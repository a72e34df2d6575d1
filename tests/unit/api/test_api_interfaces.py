"""An interface that was fetched types inputs, names what is wrong with them, and is lifted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.api import interfaces
from reconciler.backends.wire import variables
from reconciler.errors import UsageError
from reconciler.model.entity import Details, Entity, What

INT, TEXT = {"simple": "INTEGER"}, {"simple": "STRING"}


def task(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Details:
    typed = {name: {"type": type_} for name, type_ in inputs.items()}
    default = {"scalar": {"primitive": {"integer": "7"}}}
    defaults = {"count": default} if "count" in inputs else {}
    return Details(
        entity=Entity(what=What.TASKS, name="etl.load", project="p", domain="d", version="v1"),
        inputs=variables.inputs(typed, defaults),
        outputs=variables.outputs({name: {"type": type_} for name, type_ in outputs.items()}),
    )


LOAD = task({"name": TEXT, "count": INT}, {"o0": INT})


def test_inputs_are_typed() -> None:
    found = interfaces.literals(LOAD, {"name": "a", "count": 3})
    assert found == {
        "name": {"scalar": {"primitive": {"stringValue": "a"}}},
        "count": {"scalar": {"primitive": {"integer": "3"}}},
    }


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(UsageError) as raised:
        interfaces.literals(LOAD, {"count": "three", "nmae": "a"})
    said = str(raised.value)
    assert said.startswith("task p/d/etl.load version v1: ")
    assert "count: " in said
    assert 'the task has no input "nmae"' in said
    assert "name: has no value, and is required" in said


def test_mapped_interface_takes_and_gives_lists() -> None:
    inputs, outputs = interfaces.lifted(LOAD)
    assert {one.name: one.literal_type for one in inputs} == {
        "name": {"collectionType": TEXT},
        "count": {"collectionType": INT},
    }
    assert [one.literal_type for one in outputs] == [{"collectionType": INT}]
    assert not any(one.has_default for one in inputs)


def test_what_is_bound_is_not_lifted() -> None:
    inputs, _ = interfaces.lifted(LOAD, bound={"count"})
    assert {one.name: one.literal_type for one in inputs} == {
        "name": {"collectionType": TEXT},
        "count": INT,
    }
    assert {one.name: one.default for one in inputs} == {"name": None, "count": 7}


def test_items_may_be_lacking_where_not_all_have_to_succeed() -> None:
    _, (output,) = interfaces.lifted(LOAD, may_lack=True)
    inner = {"unionType": {"variants": [INT, {"simple": "NONE"}]}}
    assert output.literal_type == {"collectionType": inner}
