"""Finds the type that the language has at a path, for suggestions, documentation and quoting."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Union, cast, get_args, get_origin

from pydantic import BaseModel, JsonValue

from reconciler.specs.shape import Shape

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from reconciler.model.document import Path

FREE = JsonValue
"""The type of a value that may be any JSON."""


def bare(kind: object) -> object:
    """Take annotations and `None` off a type; a type that has alternatives stays as it is."""
    choices = alternatives(kind)
    return choices[0] if len(choices) == 1 else kind


def alternatives(kind: object) -> tuple[object, ...]:
    """Return the types that a type may be, without `None`."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in {Union, types.UnionType}:
        parts = (one for one in get_args(kind) if one is not type(None))
        return tuple(one for part in parts for one in alternatives(part))
    return (kind,)


def shape_of(kind: object) -> type[Shape] | None:
    """Return the model that a type is, or has as one of its alternatives."""
    for choice in alternatives(kind):
        plain = bare(choice)
        if isinstance(plain, type) and issubclass(plain, Shape):
            return plain
    return None


def shapes_in(kind: object) -> list[type[Shape]]:
    """Return the models that a type is, or holds in lists and maps."""
    found: list[type[Shape]] = []
    for choice in alternatives(kind):
        plain = bare(choice)
        if isinstance(plain, type) and issubclass(plain, Shape):
            found.append(plain)
        elif get_origin(plain) in {dict, tuple}:
            found += [one for part in get_args(plain) for one in shapes_in(part)]
    return found


def field_of(model: type[BaseModel], name: str) -> tuple[str, FieldInfo] | None:
    """Return attribute name and field for the name that users write."""
    for attribute, info in model.model_fields.items():
        if (info.alias or attribute) == name:
            return attribute, info
    return None


def step(kind: object, key: str | int) -> object | None:
    """Return the type one step below, None when the language has nothing there."""
    if bare(kind) is FREE:
        return FREE
    model = shape_of(kind)
    if model is not None:
        found = field_of(model, str(key))
        return found[1].annotation if found else None
    plain = bare(kind)
    if get_origin(plain) is dict:
        return cast("object", get_args(plain)[1])
    if get_origin(plain) is tuple and isinstance(key, int):
        return cast("object", get_args(plain)[0])
    return None


def at(kind: object, path: Path) -> object | None:
    """Return the type at a path, None when the language has nothing there."""
    found: object | None = kind
    for key in path:
        if found is None:
            return None
        found = step(found, key)
    return found


def parents_of(model: type[Shape], name: str) -> list[str]:
    """Return the fields of a model whose own model has a field of this name."""
    return [
        info.alias or attribute
        for attribute, info in model.model_fields.items()
        if (below := shape_of(info.annotation)) is not None and field_of(below, name) is not None
    ]


def is_list(kind: object) -> bool:
    """Tell whether a type is a list."""
    return get_origin(bare(kind)) is tuple


def is_map(kind: object) -> bool:
    """Tell whether keys below this type are the user's own."""
    return get_origin(bare(kind)) is dict or bare(kind) is FREE


def is_users(model: object, path: Path) -> bool:
    """Tell whether the value at a path is the user's own: any JSON, or text in a map."""
    if at(model, path) is None:
        return False
    return bare(at(model, path)) is FREE or (
        bool(path) and is_map(at(model, path[:-1])) and shape_of(at(model, path)) is None
    )
