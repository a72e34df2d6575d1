"""A parsed document that still knows where each of its fields was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.model.origin import Origin

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A plain JSON value. Integers and floats stay apart, as the text had them."""

Path = tuple[str | int, ...]
"""Steps into a JSON value: keys and list indexes."""


_Part = TypeVar("_Part")


def filled(parts: Mapping[str, _Part]) -> dict[str, _Part]:
    """Leave out what says nothing: null, false, 0, and empty texts, lists and mappings."""
    return {name: part for name, part in parts.items() if part}


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
class Content:
    """What a document says and where it says it; the fields are those of `Document`."""

    value: dict[str, Json]
    values: Mapping[Path, Origin] = field(default_factory=dict)
    keys: Mapping[Path, Origin] = field(default_factory=dict)
    words: Mapping[Path, str] = field(default_factory=dict)
    key_words: Mapping[Path, str] = field(default_factory=dict)


class Document:
    """One YAML or JSON document.

    `value` is the JSON that kubectl would send for the same text. `keys` and `values` give the
    place of each key and each value by its path; `()` is the document itself. A place that was not
    recorded falls back to that of the nearest parent. `words` and `key_words` hold the raw text of
    unquoted words, such as `on` or `n`, that YAML 1.1 reads as booleans although most people mean
    text (so not `true` and `false`): by the path of the value, and by the path that the key ends.

    A document made with `again` can be shelved: it gives its content up and reads it anew if
    somebody asks, so that thousands of valid documents take no more memory than their text.
    """

    __slots__ = ("_again", "_content", "origin")

    def __init__(
        self,
        value: dict[str, Json] | Content,
        origin: Origin,
        *,
        values: Mapping[Path, Origin] | None = None,
        keys: Mapping[Path, Origin] | None = None,
        again: Callable[[], Content] | None = None,
    ) -> None:
        if not isinstance(value, Content):
            value = Content(value, values or {}, keys or {})
        self.origin = origin
        self._content: Content | None = value
        self._again = again

    @property
    def value(self) -> dict[str, Json]:
        """The document as JSON."""
        return self.content.value

    @property
    def values(self) -> Mapping[Path, Origin]:
        """Places of values."""
        return self.content.values

    @property
    def keys(self) -> Mapping[Path, Origin]:
        """Places of keys."""
        return self.content.keys

    @property
    def words(self) -> Mapping[Path, str]:
        """Words that became booleans, by the path of the value."""
        return self.content.words

    @property
    def key_words(self) -> Mapping[Path, str]:
        """Words that became booleans, by the path that the key ends."""
        return self.content.key_words

    @property
    def content(self) -> Content:
        """All of the above, read anew when the document is shelved."""
        if self._content is not None:
            return self._content
        assert self._again is not None
        return self._again()

    def shelve(self) -> None:
        """Give up the content until somebody asks; nothing changes for a document without text."""
        if self._again is not None:
            self._content = None

    def at(self, path: Path) -> Origin:
        """Return the place of the value at `path`, or of the nearest parent that has one."""
        return _nearest(self.values, path, self.origin)

    def key_at(self, path: Path) -> Origin:
        """Return the place of the key that ends `path`, or of the nearest value above it."""
        content = self.content
        found = content.keys.get(path)
        return found if found is not None else _nearest(content.values, path, self.origin)


def _nearest(places: Mapping[Path, Origin], path: Path, default: Origin) -> Origin:
    for end in range(len(path), -1, -1):
        found = places.get(path[:end])
        if found is not None:
            return found
    return default
