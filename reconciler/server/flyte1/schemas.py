"""Whether a value of one JSON schema may go where another is expected.

Struct types carry such schemas. A wider schema fits a narrower one: it has every property of the
narrower one, requires at least what that requires, and may have more; each of its alternatives fits
one of the other's. Types, formats and constants must be equal; titles, defaults, ranges, lengths,
`additionalProperties` and the members of enums do not count (all seen on flyteadmin 1.16.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct

_EQUAL = ("type", "format", "const", "pattern")
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")


def fits(wide: Struct, narrow: Struct) -> bool:
    """Whether values of `wide` are accepted as `narrow`."""
    if wide == narrow:
        return True
    left, right = json_format.MessageToDict(wide), json_format.MessageToDict(narrow)
    return _Comparison(left, right).fits(left, right)


class _Comparison:
    """Two documents, whose parts refer to their own definitions."""

    def __init__(self, wide: dict[str, Any], narrow: dict[str, Any]) -> None:
        self._wide = wide
        self._narrow = narrow
        self._under_way: set[tuple[int, int]] = set()

    def fits(self, wide: Any, narrow: Any) -> bool:
        """Whether one part fits another."""
        wide, narrow = _resolved(self._wide, wide), _resolved(self._narrow, narrow)
        if not isinstance(wide, dict) or not isinstance(narrow, dict):
            return bool(wide == narrow)
        pair = (id(wide), id(narrow))
        if pair in self._under_way:
            # A definition that refers to itself fits if nothing else speaks against it.
            return True
        self._under_way.add(pair)
        if any(wide.get(word) != narrow.get(word) for word in _EQUAL):
            return False
        if not set(narrow.get("required", ())) <= set(wide.get("required", ())):
            return False
        had, wanted = wide.get("properties", {}), narrow.get("properties", {})
        if any(name not in had or not self.fits(had[name], wanted[name]) for name in wanted):
            return False
        if "items" in narrow and not self.fits(wide.get("items"), narrow["items"]):
            return False
        return all(self._alternatives(wide.get(word), narrow.get(word)) for word in _ALTERNATIVES)

    def _alternatives(self, wide: Any, narrow: Any) -> bool:
        if wide is None or narrow is None:
            return wide is narrow
        return all(any(self.fits(one, other) for other in narrow) for one in wide)


def _resolved(document: dict[str, Any], part: Any) -> Any:
    """The definition that a part refers to; the part itself when it refers to none."""
    reference = part.get("$ref") if isinstance(part, dict) else None
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return part
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return part if found is None else found
