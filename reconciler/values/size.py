"""How many bytes a literal takes inline, near enough for a limit.

Counted are texts, bytes and numbers with the tags and lengths that protobuf puts around them (about
eight bytes a scalar); the type that a union repeats counts as its JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reconciler.values.types import fields, items, text

if TYPE_CHECKING:
    from reconciler.model.document import Json

_FRAME = 8


def inline_size(literal: Json) -> int:
    """Bytes of a literal on the wire, within a tenth for what is large enough to matter."""
    match literal:
        case {"scalar": {"primitive": dict(primitive)}}:
            value = next(iter(primitive.values()), None)
            if not isinstance(value, str) or "stringValue" not in primitive:
                return 2 * _FRAME
            return _FRAME + _text_size(value)
        case {"collection": collection}:
            inner = items(fields(collection).get("literals"))
            return _FRAME + sum(inline_size(one) for one in inner)
        case {"map": map_}:
            entries = fields(fields(map_).get("literals"))
            return _FRAME + sum(
                _FRAME + _text_size(key) + inline_size(one) for key, one in entries.items()
            )
        case {"scalar": {"union": dict(union)}}:
            type_size = len(json.dumps(union.get("type"), separators=(",", ":")))
            return _FRAME + type_size + inline_size(union.get("value"))
        case {"scalar": {"binary": dict(binary)}}:
            return _FRAME + len(text(binary.get("value"))) * 3 // 4
        case _:
            return len(json.dumps(literal, ensure_ascii=False, separators=(",", ":")))


def show_size(size: int) -> str:
    """Write a number of bytes for people, for example `12 KB`."""
    shown = float(size)
    for unit in ("B", "KB", "MB"):
        if shown < 1000:
            return f"{shown:.3g} {unit}"
        shown /= 1000
    return f"{shown:.3g} GB"


def _text_size(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
