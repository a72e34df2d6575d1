"""Inputs and outputs for people: types as they write them, defaults as values that give them.

Takes variables and literals as JSON in protobuf's mapping, which are the same on both Flytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.model.document import Json
from reconciler.model.entity import Variable
from reconciler.values.decode import decode
from reconciler.values.problem import NotExpressibleError
from reconciler.values.types import fields, show_type, text


def inputs(
    variables: Mapping[str, Mapping[str, Json]],
    defaults: Mapping[str, Mapping[str, Json]],
    *,
    required: Collection[str] | None = None,
) -> tuple[Variable, ...]:
    """Describe inputs; those without default are required unless `required` names those that are.

    A type that takes None needs no value either, but Flyte starts nothing without one.
    """
    found = []
    for name, variable in variables.items():
        literal = defaults.get(name)
        has_default = literal is not None
        needed = not has_default if required is None else name in required
        found.append(
            Variable(
                name=name,
                type=show_type(fields(variable.get("type"))),
                literal_type=variable.get("type"),
                is_required=needed,
                default=shown(dict(literal), variable.get("type")) if literal is not None else None,
                has_default=has_default,
                description=_description(name, variable),
            )
        )
    return tuple(found)


def outputs(variables: Mapping[str, Mapping[str, Json]]) -> tuple[Variable, ...]:
    """Describe outputs."""
    return tuple(
        Variable(
            name=name,
            type=show_type(fields(variable.get("type"))),
            literal_type=variable.get("type"),
            description=_description(name, variable),
        )
        for name, variable in variables.items()
    )


def shown(literal: Json, type_: Json) -> Json:
    """Show a literal as the value that gives it, or as it is where there is none."""
    match literal:
        case {"scalar": {"noneType": _}} | {
            "scalar": {"union": {"value": {"scalar": {"noneType": _}}}}
        }:
            return None
    try:
        return decode(literal, type_)
    except NotExpressibleError:
        return literal


def _description(name: str, variable: Mapping[str, Json]) -> str:
    """Return what somebody wrote; flytekit writes the name where nobody did."""
    found = text(variable.get("description"))
    return "" if found == name else found
