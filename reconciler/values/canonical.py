"""One form for literals that mean the same, for comparing and digests.

What differs without meaning is the order of keys inside msgpack and the width of its numbers
(flytekit writes the order of the class or of the dict, `encode` its own), and the metadata
`format: json`, by which flytekit tells an untyped dict in a Struct from a pickled one. Everything
else that a literal holds is kept as `MessageToDict` prints it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.values import msgpack
from reconciler.values.types import fields

if TYPE_CHECKING:
    from reconciler.model.document import Json


def canonical(literal: Json) -> Json:
    """Give the form that all literals of one meaning share; the literal itself is not changed."""
    match literal:
        case dict() if literal.get("metadata") == {"format": "json"}:
            return canonical({key: one for key, one in literal.items() if key != "metadata"})
        case {"collection": {"literals": list(inner)}}:
            return {
                **fields(literal),
                "collection": {"literals": [canonical(one) for one in inner]},
            }
        case {"map": {"literals": dict(inner)}}:
            return {
                **fields(literal),
                "map": {"literals": {key: canonical(one) for key, one in inner.items()}},
            }
        case {"scalar": {"union": dict(union)}} if "value" in union:
            return {
                **fields(literal),
                "scalar": {"union": {**union, "value": canonical(union["value"])}},
            }
        case {"scalar": {"binary": {"tag": msgpack.TAG, "value": str(encoded)}}}:
            binary: Json = {"tag": msgpack.TAG, "value": msgpack.sort_maps(encoded)}
            return {**fields(literal), "scalar": {"binary": binary}}
        case _:
            return literal
