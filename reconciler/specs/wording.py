"""Says types, limits and defaults of fields in words."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from reconciler.specs import walk
from reconciler.specs.fields import WORDS
from reconciler.specs.owned import Owned
from reconciler.specs.shape import Shape

if TYPE_CHECKING:
    from reconciler.model.document import Json

_SCALARS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def type_name(kind: object) -> str:
    """Say a type: `text`, `list of text`, `map of text`, `Active | Inactive`."""
    return " or ".join(_plain_name(walk.bare(choice)) for choice in walk.alternatives(kind))


def field_type(model: type[Shape], attribute: str) -> str:
    """Say the type of a field."""
    if attribute == "deletion_policy" and issubclass(model, Owned):
        return " | ".join(model.deletion_policies)
    return type_name(model.model_fields[attribute].annotation)


def limits(info: FieldInfo) -> list[str]:
    """Say what a field allows beyond its type, one rule each."""
    found: list[str] = []
    plain = walk.bare(info.annotation)
    if get_origin(plain) is dict:
        for role, part in zip(("keys", "values"), get_args(plain), strict=True):
            parts = [rule for one in _constraints(part) for rule in _rules(one, is_text=True)]
            found += [f"{role} are {rule}" for rule in parts]
    for one in (*info.metadata, *_constraints(info.annotation)):
        for rule in _rules(one, is_text=_is_text(info.annotation)):
            if rule not in found:
                found.append(rule)
    return found


def default(model: type[Shape], attribute: str) -> str:
    """Say the default of a field; empty when it has none or is required."""
    if attribute == "deletion_policy" and issubclass(model, Owned):
        return str(model.deletion_policies[0])
    value = model.model_fields[attribute].default
    if value is None or value is PydanticUndefined or isinstance(value, Shape):
        return ""
    return show(list(value) if isinstance(value, tuple) else value)


def show(value: Json) -> str:
    """Write a value in one line, as YAML has it."""
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain_name(plain: object) -> str:
    origin, inner = get_origin(plain), get_args(plain)
    if plain is walk.FREE:
        return "any value"
    if origin is tuple:
        return f"list of {type_name(inner[0])}"
    if origin is dict:
        return f"map of {type_name(inner[1])}"
    if origin is Literal:
        return " | ".join(show(one) for one in inner)
    if isinstance(plain, type) and issubclass(plain, Shape):
        return "map of fields"
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return " | ".join(plain)
    assert isinstance(plain, type)
    return _SCALARS[plain]


def _constraints(kind: object) -> Iterator[object]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from inner[1:]
    if origin in {Annotated, tuple}:
        yield from _constraints(inner[0])
    elif origin in {Union, types.UnionType}:
        for choice in inner:
            yield from _constraints(choice)


def _rules(one: object, *, is_text: bool) -> Iterator[str]:
    unit = "characters" if is_text else "entries"
    match one:
        case FieldInfo():
            for part in one.metadata:
                yield from _rules(part, is_text=is_text)
        case StringConstraints():
            if one.pattern is not None:
                yield WORDS[str(one.pattern)]
            if one.max_length is not None:
                yield f"at most {one.max_length} characters"
        case Ge():
            yield f"at least {one.ge:g}"
        case Le():
            if one.le != 2**31 - 1:
                yield f"at most {one.le:g}"
        case MinLen():
            yield "not empty"
        case MaxLen():
            yield f"at most {one.max_length} {unit}"
        case _:
            return


def _is_text(kind: object) -> bool:
    return walk.bare(kind) is str
