"""A parsed document that still knows where each of its fields was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.origin import Origin

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A plain JSON value. Integers and floats stay apart, as the text had them."""

Path = tuple[str | int, ...]
"""Steps into a JSON value: keys and list indexes."""


def show_path(path: Path) -> str:
    """Render a path as a person writes it: `spec.inputs["a b"][0]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "a").replace("-", "a").isalnum():
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML or JSON document.

    `value` is the JSON that kubectl would send for the same text. `keys` and `values` give the
    place of each key and each value by its path; `()` is the document itself. A place that was not
    recorded falls back to that of the nearest parent. `words` and `key_words` hold the raw text of
    unquoted words, such as `on` or `n`, that YAML 1.1 reads as booleans although most people mean
    text (so not `true` and `false`): by the path of the value, and by the path that the key ends.
    """

    value: dict[str, Json]
    origin: Origin
    values: Mapping[Path, Origin] = field(default_factory=dict, repr=False, compare=False)
    keys: Mapping[Path, Origin] = field(default_factory=dict, repr=False, compare=False)
    words: Mapping[Path, str] = field(default_factory=dict, repr=False, compare=False)
    key_words: Mapping[Path, str] = field(default_factory=dict, repr=False, compare=False)

    def at(self, path: Path) -> Origin:
        """Return the place of the value at `path`, or of the nearest parent that has one."""
        return _nearest(self.values, path, self.origin)

    def key_at(self, path: Path) -> Origin:
        """Return the place of the key that ends `path`, or of the nearest value above it."""
        found = self.keys.get(path)
        return found if found is not None else _nearest(self.values, path, self.origin)


def _nearest(places: Mapping[Path, Origin], path: Path, default: Origin) -> Origin:
    for end in range(len(path), -1, -1):
        found = places.get(path[:end])
        if found is not None:
            return found
    return default
