"""Differences between two JSON values, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.document import show_path
from reconciler.plan.plan import FieldChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.model.document import Json, Path


def diff(before: Json, after: Json) -> tuple[FieldChange, ...]:
    """List the fields that differ, sorted by path; an absent side is None.

    Mappings are compared key by key. Lists of the same length are compared item by item, others
    are shown whole, since moving an item would otherwise read as many changes.
    """
    return tuple(
        FieldChange(show_path(path), old, new) for path, old, new in _walk((), before, after)
    )


def _walk(path: Path, before: Json, after: Json) -> Iterator[tuple[Path, Json, Json]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _walk((*path, key), before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _walk((*path, index), old, new)
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        # Python holds True and 1 for equal; whole floats and integers are equal to us too.
        yield path, before, after
