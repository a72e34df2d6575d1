"""Writes an example as YAML with the description of each field above it."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.specs import descriptions, walk
from reconciler.specs.examples import EXAMPLES
from reconciler.specs.owned import Owned
from reconciler.specs.registry import API_VERSION, KINDS
from reconciler.specs.shape import Shape, written_name

if TYPE_CHECKING:
    from reconciler.model.document import Json

_WIDTH = 96
_PLAIN = re.compile(r"[A-Za-z_~./][A-Za-z0-9_~./@:-]*[A-Za-z0-9_/]")
_WORDS = frozenset({"yes", "no", "on", "off", "true", "false", "null"})
_HEAD = """\
# {kind}: {text}
# Every field once; a line that begins with `#` and no space is an alternative that is left out.
apiVersion: {api_version}
kind: {kind}
metadata:
  name: {name}
spec:
"""


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where the writer is: at which field, how deep, and whether all of it is left out."""

    path: str = ""
    depth: int = 1
    is_off: bool = False

    def at(self, name: str, off: frozenset[str]) -> _Spot:
        path = f"{self.path}.{name}" if self.path else name
        return _Spot(path, self.depth, self.is_off or path in off)

    def deeper(self, steps: int = 1) -> _Spot:
        return replace(self, depth=self.depth + steps)


def example(kind: str) -> str:
    """Return the annotated example of a kind; raises KeyError for a kind not served."""
    model, shown = KINDS[kind], EXAMPLES[kind]
    text = " ".join(descriptions.of_model(model).split())
    head = _HEAD.format(kind=kind, text=text, api_version=API_VERSION, name=shown.name)
    lines = list(_fields(model, shown.spec, _Spot(), shown.off))
    return head + "\n".join(lines) + "\n"


def own_first(model: type[Shape]) -> list[str]:
    """Return the fields of a model, those that every kind has at the end."""
    common = list(Owned.model_fields) if issubclass(model, Owned) else []
    return [name for name in model.model_fields if name not in common] + common


def _fields(
    model: type[Shape], values: Mapping[str, Json], spot: _Spot, off: frozenset[str]
) -> Iterator[str]:
    for attribute in own_first(model):
        name = written_name(model, attribute)
        if name in values:
            yield from _comment(descriptions.of_field(model, attribute), spot)
            kind = model.model_fields[attribute].annotation
            yield from _entry(name, kind, values[name], spot=spot.at(name, off), off=off)


def _entry(
    name: str, kind: object, value: Json, *, spot: _Spot, off: frozenset[str]
) -> Iterator[str]:
    shapes = walk.shapes_in(kind)
    if not shapes or not isinstance(value, dict | list):
        yield _line(f"{_scalar(name)}: {_flow(value)}", spot)
        return
    yield _line(f"{_scalar(name)}:", spot)
    if isinstance(value, list):
        for one in value:
            assert isinstance(one, dict)
            yield _line("-", spot.deeper())
            yield from _fields(shapes[0], one, spot.deeper(2), off)
    elif walk.is_map(kind):
        for key, one in value.items():
            yield from _entry(key, shapes[0], one, spot=spot.deeper(), off=off)
    else:
        yield from _fields(shapes[0], value, spot.deeper(), off)


def _comment(text: str, spot: _Spot) -> Iterator[str]:
    start = "  " * spot.depth + "# "
    for paragraph in text.split("\n\n"):
        whole = " ".join(paragraph.split())
        yield from textwrap.wrap(whole, _WIDTH, initial_indent=start, subsequent_indent=start)


def _line(text: str, spot: _Spot) -> str:
    return f"{'  ' * spot.depth}{'#' if spot.is_off else ''}{text}"


def _flow(value: Json) -> str:
    match value:
        case str():
            return _scalar(value)
        case list():
            return f"[{', '.join(_flow(one) for one in value)}]"
        case dict():
            inner = ", ".join(f"{_scalar(key)}: {_flow(one)}" for key, one in value.items())
            return f"{{{inner}}}"
        case _:
            return json.dumps(value)


def _scalar(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return text if is_plain else json.dumps(text, ensure_ascii=False)
