"""References inside a JSON schema: `#/$defs/Part` and the older `#/definitions/PartSchema`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.values.types import fields

if TYPE_CHECKING:
    from reconciler.model.document import Json

_HOPS = 50


def resolve(schema: Json, root: dict[str, Json]) -> dict[str, Json] | None:
    """Follow references within the root; None when one leads nowhere."""
    known = fields(schema)
    for _ in range(_HOPS):
        reference = known.get("$ref")
        if not isinstance(reference, str):
            return known
        target: Json = root
        for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else []:
            name = step.replace("~1", "/").replace("~0", "~")
            if name not in fields(target):
                return None
            target = fields(target)[name]
        known = fields(target)
    return None
