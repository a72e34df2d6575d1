"""Reads the descriptions of kinds and fields from the docstrings of the models.

Only documentation needs them, so the source is read on demand: importing the models stays cheap.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from reconciler.specs.shape import Shape


def of_model(model: type[Shape]) -> str:
    """Return what a model is, in Markdown."""
    return inspect.getdoc(model) or ""


def of_field(model: type[Shape], attribute: str) -> str:
    """Return what a field is, in Markdown; empty when nobody wrote it down."""
    for owner in model.__mro__:
        module = sys.modules.get(owner.__module__)
        if module is not None and owner.__module__.startswith(f"{__package__}."):
            text = _texts(module).get((owner.__name__, attribute))
            if text is not None:
                return text
    return ""


@functools.cache
def _texts(module: ModuleType) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for owner in ast.parse(inspect.getsource(module)).body:
        if not isinstance(owner, ast.ClassDef):
            continue
        for field, text in zip(owner.body, owner.body[1:], strict=False):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(doc))),
                ):
                    found[owner.name, name] = inspect.cleandoc(doc)
                case _:
                    pass
    return found
