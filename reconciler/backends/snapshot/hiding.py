"""Values give way to keyed digests: a change is still seen, and nothing is shown.

The key is made anew for each snapshot and stands in it, so that marks of two snapshots tell nothing
of each other. Whoever has the file can try guesses, as with the digest in every version: a value
that is easily guessed is no secret, and secrets are in no snapshot at all.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.model.digest import canonical, encode_hash
from reconciler.model.document import Json

SHOWN = frozenset(
    {
        *("workflow", "task", "schedule", "existing", "concurrency", "maxActionConcurrency"),
        *("maxParallelism", "interruptible", "overwriteCache"),
    }
)
"""Fields of the language whose values are no one's secret and tell a reader what runs when."""

SHOWN_IN_RECORDS = frozenset({"state", "displayName", "pluginOverrides"})
"""Steps of a record's paths that mark such fields; the planner's rules look at them."""

_BEGIN, _END = "(hidden ", ")"


@dataclass(frozen=True, slots=True)
class Hider:
    """Makes marks of values under one key."""

    key: bytes = field(repr=False)

    def mark(self, value: Json) -> str:
        """Return what stands for a value."""
        raw = hmac.new(self.key, canonical(value), hashlib.sha256).digest()
        return f"{_BEGIN}{encode_hash(raw)}{_END}"

    def hide(self, value: Json) -> Json:
        """Replace every value in a tree; names, and how many there are, stay."""
        if isinstance(value, dict) and value:
            return {name: self.hide(item) for name, item in value.items()}
        if isinstance(value, list) and value:
            return [self.hide(item) for item in value]
        return value if value in (None, {}, []) else self.mark(value)

    def hide_fields(self, fields: Mapping[str, Json]) -> dict[str, Json]:
        """Replace the values of a description in the words of the language."""
        return {name: item if name in SHOWN else self.hide(item) for name, item in fields.items()}

    def hide_record(self, fields: Mapping[str, Json]) -> dict[str, Json]:
        """Replace the values of a record, whose names are paths."""
        return {
            path: item if SHOWN_IN_RECORDS.intersection(path.split("/")) else self.hide(item)
            for path, item in fields.items()
        }

    def marks(self, *trees: Json) -> dict[str, Json]:
        """Map the marks of all values in some trees back to them."""
        return {self.mark(value): value for tree in trees for value in _values(tree)}


def reveal(value: Json, known: Mapping[str, Json]) -> Json:
    """Put the values back that are known; the marks of the others stay."""
    if isinstance(value, dict):
        return {name: reveal(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [reveal(item, known) for item in value]
    if isinstance(value, str) and value.startswith(_BEGIN):
        return known.get(value, value)
    return value


def _values(tree: Json) -> Iterator[Json]:
    if isinstance(tree, dict):
        for item in tree.values():
            yield from _values(item)
    elif isinstance(tree, list):
        for item in tree:
            yield from _values(item)
    elif tree is not None:
        yield tree
