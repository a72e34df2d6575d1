"""Whether one JSON schema takes all values of another, by the rules of flyteadmin 1.16.8.

Facts: `isSuperTypeInJSON` in flytepropeller/pkg/compiler/validators/typing.go, which asks the Go
module gitlab.com/yvesf/json-schema-compare and ignores what that says it has not implemented, but
only outside `anyOf`, `oneOf` and `allOf`: inside them such a remark counts as a difference.
The rules for `if`, `dependencies` and number bounds, which no Flyte client writes, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.values.schema import resolve
from reconciler.values.types import fields, items, text

if TYPE_CHECKING:
    from reconciler.model.document import Json

_DEEPEST = 50


def covers(upstream: Json, downstream: Json) -> bool:
    """Tell whether the type with the schema `upstream` may stand where `downstream` is declared."""
    return _Pair(fields(downstream), fields(upstream)).fits(downstream, upstream, 0, strict=False)


class _Pair:
    """The roots of two schemas, for references: `narrow` is declared, `wide` is given."""

    __slots__ = ("narrow_root", "wide_root")

    def __init__(self, narrow_root: dict[str, Json], wide_root: dict[str, Json]) -> None:
        self.narrow_root = narrow_root
        self.wide_root = wide_root

    def fits(self, narrow: Json, wide: Json, depth: int, *, strict: bool) -> bool:
        if depth > _DEEPEST:
            return False
        one, other = resolve(narrow, self.narrow_root), resolve(wide, self.wide_root)
        if one is None or other is None:
            return False
        types, wide_types = _types(one), _types(other)
        extra = wide_types - types
        if types - wide_types or (extra and not (extra == {"object"} and not types)):
            return False
        if "string" in types and not _strings_fit(one, other):
            return False
        if "array" in types and not self.arrays_fit(one, other, depth, strict=strict):
            return False
        is_object = "object" in types or not types
        if is_object and not self.objects_fit(one, other, depth, strict=strict):
            return False
        if one.get("const") is not None and one.get("const") != other.get("const"):
            return False
        return all(self.parts_fit(one, other, word, depth) for word in ("allOf", "anyOf", "oneOf"))

    def parts_fit(
        self, narrow: dict[str, Json], wide: dict[str, Json], word: str, depth: int
    ) -> bool:
        parts, wide_parts = items(narrow.get(word)), items(wide.get(word))
        if not parts and not wide_parts:
            return True
        if not parts or not wide_parts:
            return False
        return all(
            any(self.fits(part, one, depth + 1, strict=True) for part in parts)
            for one in wide_parts
        )

    def objects_fit(
        self, narrow: dict[str, Json], wide: dict[str, Json], depth: int, *, strict: bool
    ) -> bool:
        unread = ("additionalProperties", "patternProperties", "not")
        if strict and any(_is_set(schema, word) for schema in (narrow, wide) for word in unread):
            return False
        if set(map(str, items(narrow.get("required")))) - set(
            map(str, items(wide.get("required")))
        ):
            return False
        if not _bounds_fit(narrow, wide, "Properties"):
            return False
        given = fields(wide.get("properties"))
        return all(
            name in given and self.fits(schema, given[name], depth + 1, strict=strict)
            for name, schema in fields(narrow.get("properties")).items()
        )

    def arrays_fit(
        self, narrow: dict[str, Json], wide: dict[str, Json], depth: int, *, strict: bool
    ) -> bool:
        if strict and ("additionalItems" in narrow or "additionalItems" in wide):
            return False
        if not _bounds_fit(narrow, wide, "Items"):
            return False
        if narrow.get("uniqueItems") is True and wide.get("uniqueItems") is not True:
            return False
        match narrow.get("items"), wide.get("items"):
            case (None, _):
                return True
            case (list(first), list(second)):
                return len(first) == len(second) and all(
                    self.fits(one, other, depth + 1, strict=strict)
                    for one, other in zip(first, second, strict=True)
                )
            case (dict(first), dict(second)):
                return self.fits(first, second, depth + 1, strict=strict)
            case _:
                return False


def _types(schema: dict[str, Json]) -> set[str]:
    declared = schema.get("type")
    return {declared} if isinstance(declared, str) else {text(one) for one in items(declared)}


def _is_set(schema: dict[str, Json], word: str) -> bool:
    return schema.get(word) is not None


def _bounds_fit(narrow: dict[str, Json], wide: dict[str, Json], of: str) -> bool:
    least, wide_least = _number(narrow, f"min{of}"), _number(wide, f"min{of}")
    most, wide_most = _number(narrow, f"max{of}"), _number(wide, f"max{of}")
    is_above = least is None or (wide_least is not None and wide_least >= least)
    is_below = most is None or (wide_most is not None and wide_most <= most)
    return is_above and is_below


def _number(schema: dict[str, Json], word: str) -> float | None:
    value = schema.get(word)
    return value if isinstance(value, int | float) else None


def _strings_fit(narrow: dict[str, Json], wide: dict[str, Json]) -> bool:
    if text(narrow.get("format")) != text(wide.get("format")) or not _bounds_fit(
        narrow, wide, "Length"
    ):
        return False
    if "pattern" in narrow and narrow["pattern"] != wide.get("pattern"):
        return False
    allowed = items(narrow.get("enum"))
    return not allowed or all(one in allowed for one in items(wide.get("enum")))
