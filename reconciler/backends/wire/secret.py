"""What declared secrets of both Flytes have in common: a token for a body, and where they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import cast

from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.live import Query
from reconciler.model.resource import Resource
from reconciler.specs.secret import Rotate, SecretSpec
from reconciler.specs.validate import Declared

KIND = "FlyteSecret"


def asked(query: Query) -> Mapping[Place, set[Key]]:
    """Gather the secrets that are asked for, by where they are."""
    found: dict[Place, set[Key]] = defaultdict(set)
    for key in query.objects:
        if key.kind == KIND:
            found[key.place].add(key)
    return found


def resource(declared: Declared, key: Key, body: dict[str, Json]) -> Resource:
    """Make the resource of a declared secret; `body` stands for its value."""
    spec = cast("SecretSpec", declared.spec)
    return Resource(
        key=key,
        body=body,
        origin=declared.document.origin,
        digest=digest(body),
        adopt=spec.adopt,
        protect=spec.protect,
        always=spec.rotate is Rotate.ALWAYS,
    )
