"""Takes lists of objects apart, as `kubectl get -o yaml` prints them, each with its own places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeVar

from reconciler.model.document import Content, Document, Path
from reconciler.model.origin import Problem
from reconciler.specs.registry import ALL_KINDS, API_VERSION

T = TypeVar("T")

_LISTS = tuple(f"{kind}List" for kind in ALL_KINDS)


def unfold(document: Document) -> Iterator[Document | Problem]:
    """Yield the objects of a list, or the document itself when it is none.

    An entry that is no object is yielded as a problem.
    """
    items = document.value.get("items")
    if not is_list(document) or not isinstance(items, list):
        yield document
        return
    values, keys = _by_item(document.values), _by_item(document.keys)
    words, key_words = _by_item(document.words), _by_item(document.key_words)
    for index, item in enumerate(items):
        place = document.at(("items", index))
        if not isinstance(item, dict):
            yield Problem(place, "must be an object", path=f"items[{index}]")
            continue
        yield from unfold(
            Document(
                Content(item, values[index], keys[index], words[index], key_words[index]), place
            )
        )


def is_list(document: Document) -> bool:
    """Tell whether a document is a list of objects that may be ours."""
    kind, version = document.value.get("kind"), document.value.get("apiVersion")
    return (kind == "List" and version == "v1") or (kind in _LISTS and version == API_VERSION)


def _by_item(places: Mapping[Path, T]) -> defaultdict[int, dict[Path, T]]:
    found: defaultdict[int, dict[Path, T]] = defaultdict(dict)
    for path, place in places.items():
        match path:
            case ("items", int(index), *rest):
                found[index][tuple(rest)] = place
            case _:
                pass
    return found
