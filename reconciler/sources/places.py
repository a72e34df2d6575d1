"""Where each key and value of a document was written, worked out only when somebody asks.

A document is kept as its JSON value and a skeleton beside it. The skeleton of a mapping holds three
items per key, in the order of the keys: the place of the key, the place of the value, and the
skeleton of the value (None for a scalar). That of a list holds the last two per item. A place is
one integer, `line << 32 | column`, both from 0 as scanned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.model.origin import Origin

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path

Skeleton = list["int | Skeleton | None"]
"""The places of one mapping or list, see above."""

Locate = Callable[[int], Origin]
"""Turns a packed place into an origin."""

_COLUMN = (1 << 32) - 1


def pack(line: int, column: int) -> int:
    """Put line and column into one integer."""
    return line << 32 | column


def unpack(place: int) -> tuple[int, int]:
    """Take line and column out of one integer."""
    return place >> 32, place & _COLUMN


def walk(value: Json, skeleton: Skeleton | None) -> Iterator[tuple[Path, int, int]]:
    """Yield path, place of the key (-1 in a list) and place of the value, parents first."""
    pending: list[tuple[Path, Json, Skeleton | None]] = [((), value, skeleton)]
    while pending:
        path, node, places = pending.pop()
        if places is None:
            continue
        below: list[tuple[Path, Json, Skeleton | None]] = []
        for step, child, key_place, place, child_places in _entries(node, places):
            yield (*path, step), key_place, place
            below.append(((*path, step), child, child_places))
        pending += reversed(below)


class Places(Mapping["Path", Origin]):
    """Origins of the values of a document (or of its keys) by path; `()` is the document."""

    __slots__ = ("_all", "_keys", "_locate", "_root", "_skeleton", "_value")

    def __init__(
        self, value: Json, skeleton: Skeleton, *, root: int, locate: Locate, keys: bool
    ) -> None:
        self._value = value
        self._skeleton = skeleton
        self._root = root
        self._locate = locate
        self._keys = keys
        self._all: dict[Path, int] | None = None

    def _index(self) -> dict[Path, int]:
        if self._all is None:
            found: dict[Path, int] = {} if self._keys else {(): self._root}
            for path, key_place, place in walk(self._value, self._skeleton):
                if not self._keys:
                    found[path] = place
                elif key_place >= 0:
                    found[path] = key_place
            self._all = found
        return self._all

    def __getitem__(self, path: Path) -> Origin:
        return self._locate(self._index()[path])

    def __iter__(self) -> Iterator[Path]:
        return iter(self._index())

    def __len__(self) -> int:
        return len(self._index())

    def __contains__(self, path: object) -> bool:
        return path in self._index()


class Words(Mapping["Path", str]):
    """Raw text of the plain words that became booleans, by the path of the value (or the key)."""

    __slots__ = ("_all", "_keys", "_skeleton", "_value", "_words")

    def __init__(
        self, value: Json, skeleton: Skeleton, *, words: Mapping[int, str], keys: bool
    ) -> None:
        self._value = value
        self._skeleton = skeleton
        self._words = words
        self._keys = keys
        self._all: dict[Path, str] | None = None

    def _index(self) -> dict[Path, str]:
        if self._all is None:
            self._all = {
                path: self._words[place]
                for path, key_place, value_place in walk(self._value, self._skeleton)
                if (place := key_place if self._keys else value_place) in self._words
            }
        return self._all

    def __getitem__(self, path: Path) -> str:
        return self._index()[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._index())

    def __len__(self) -> int:
        return len(self._index())


def _entries(
    node: Json, places: Skeleton
) -> Iterator[tuple[str | int, Json, int, int, Skeleton | None]]:
    """Yield step, child, place of the key (-1 in a list), place and skeleton of the child."""
    if isinstance(node, dict):
        for number, (key, child) in enumerate(node.items()):
            key_place, place, below = places[number * 3 : number * 3 + 3]
            yield key, child, _place(key_place), _place(place), _below(below)
    elif isinstance(node, list):
        for number, child in enumerate(node):
            place, below = places[number * 2 : number * 2 + 2]
            yield number, child, -1, _place(place), _below(below)


def _place(item: int | Skeleton | None) -> int:
    assert isinstance(item, int)
    return item


def _below(item: int | Skeleton | None) -> Skeleton | None:
    assert not isinstance(item, int)
    return item
