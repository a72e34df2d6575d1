"""Which struct type may feed which: their JSON schemas decide."""

from __future__ import annotations

from typing import Any

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.core import types_pb2

INTEGER, TEXT, NUMBER, NULL = ({"type": kind} for kind in ("integer", "string", "number", "null"))


def schema(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "title": "A",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def struct(body: dict[str, Any] | None) -> types_pb2.LiteralType:
    kind = types_pb2.LiteralType(simple=types_pb2.STRUCT)
    if body is not None:
        kind.metadata.update(body)
    return kind


FITS = {
    "same": (schema(a=INTEGER), schema(a=INTEGER)),
    "more_properties": (schema(a=INTEGER, b=TEXT), schema(a=INTEGER)),
    "more_optional_properties": (schema(["a"], a=INTEGER, b=TEXT), schema(a=INTEGER)),
    "more_required": (schema(a=INTEGER), schema([], a=INTEGER)),
    "other_title": (schema(a=INTEGER) | {"title": "B"}, schema(a=INTEGER)),
    "with_default": (schema([], a=INTEGER | {"default": 1}), schema([], a=INTEGER)),
    "more_inside": (schema(a=schema(x=INTEGER, y=TEXT)), schema(a=schema(x=INTEGER))),
    "array": (
        schema(a={"type": "array", "items": INTEGER}, b=INTEGER),
        schema(a={"type": "array", "items": INTEGER}),
    ),
    "optional_value": (
        schema(a={"anyOf": [INTEGER, NULL]}, b=INTEGER),
        schema(a={"anyOf": [INTEGER, NULL]}),
    ),
    "enum": (schema(a={"enum": ["x", "y"]}, b=INTEGER), schema(a={"enum": ["x", "y"]})),
    "other_enum": (schema(a={"enum": ["x"]}), schema(a={"enum": ["y"]})),
    "alternatives_in_another_order": (
        schema(a={"anyOf": [INTEGER, NULL]}),
        schema(a={"anyOf": [NULL, INTEGER]}),
    ),
    "fewer_alternatives": (schema(a={"anyOf": [INTEGER]}), schema(a={"anyOf": [INTEGER, NULL]})),
    "other_range": (schema(a=INTEGER | {"minimum": 1}), schema(a=INTEGER | {"minimum": 2})),
    "other_additional_properties": (
        schema(a={"type": "object", "additionalProperties": INTEGER}),
        schema(a={"type": "object", "additionalProperties": TEXT}),
    ),
    "definition": (
        schema(a={"$ref": "#/definitions/X"}) | {"definitions": {"X": schema(x=TEXT, y=TEXT)}},
        schema(a={"$ref": "#/definitions/X"}) | {"definitions": {"X": schema(x=TEXT)}},
    ),
    "unknown_giver": (None, schema(a=INTEGER)),
    "unknown_taker": (schema(a=INTEGER), None),
}
FITS_NOT = {
    "fewer_properties": (schema(a=INTEGER), schema(a=INTEGER, b=TEXT)),
    "fewer_optional_properties": (schema(a=INTEGER), schema(["a"], a=INTEGER, b=TEXT)),
    "other_property": (schema(b=INTEGER), schema(a=INTEGER)),
    "other_type": (schema(a=TEXT), schema(a=INTEGER)),
    "integer_for_number": (schema(a=INTEGER), schema(a=NUMBER)),
    "number_for_integer": (schema(a=NUMBER), schema(a=INTEGER)),
    "less_required": (schema([], a=INTEGER), schema(a=INTEGER)),
    "less_inside": (schema(a=schema(x=INTEGER)), schema(a=schema(x=INTEGER, y=TEXT))),
    "other_type_inside": (schema(a=schema(x=TEXT)), schema(a=schema(x=INTEGER))),
    "array_of_others": (
        schema(a={"type": "array", "items": INTEGER}),
        schema(a={"type": "array", "items": TEXT}),
    ),
    "optional_value_for_value": (schema(a={"anyOf": [INTEGER, NULL]}), schema(a=INTEGER)),
    "more_alternatives": (
        schema(a={"anyOf": [INTEGER, TEXT, NULL]}),
        schema(a={"anyOf": [INTEGER, NULL]}),
    ),
    "value_for_optional_value": (schema(a=INTEGER), schema(a={"anyOf": [INTEGER, NULL]})),
    "other_format": (schema(a=TEXT | {"format": "date"}), schema(a=TEXT)),
    "other_constant": (schema(a={"const": 1}), schema(a={"const": 2})),
    "other_definition": (
        schema(a={"$ref": "#/definitions/X"}) | {"definitions": {"X": schema(x=TEXT)}},
        schema(a={"$ref": "#/definitions/X"}) | {"definitions": {"X": schema(x=INTEGER)}},
    ),
}


async def feed(flyte1: Client, owner: str, giver: Any, taker: Any) -> Any:
    """The answer to a workflow in which one task's struct goes into another's."""
    await flyte1.ok("CreateTask", make.task(owner, "giver", outputs={"o": struct(giver)}))
    await flyte1.ok("CreateTask", make.task(owner, "taker", inputs={"i": struct(taker)}))
    reference = make.identifier(make.TASK, owner, "taker")
    nodes = [
        make.task_node("n0", make.identifier(make.TASK, owner, "giver")),
        make.task_node("n1", reference, i=make.promise("n0", "o")),
    ]
    return await flyte1.attempt("CreateWorkflow", make.workflow(owner, nodes=nodes))


@pytest.mark.parametrize("name", FITS)
async def test_struct_fits(flyte1: Client, project: str, name: str) -> None:
    answer = await feed(flyte1, project, *FITS[name])
    assert not hasattr(answer, "code"), answer


@pytest.mark.parametrize("name", FITS_NOT)
async def test_struct_does_not_fit(flyte1: Client, project: str, name: str) -> None:
    answer = await feed(flyte1, project, *FITS_NOT[name])
    assert answer.code == "INVALID_ARGUMENT"
    assert "Code: MismatchingTypes, Node Id: n1" in answer.text
