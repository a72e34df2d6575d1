"""URIs inside literals, and the stand-ins for those that are not known yet.

An input that is a local file has, until it is uploaded, the URI `flyte://local.<digest>/<name>`:
what is in it and its name, and nothing of this machine or of the store. The location that a backend
gives ends in `/<digest>/<name>`, so that a live literal tells which content it names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.values.types import fields, items, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from reconciler.model.attachment import Upload
    from reconciler.model.document import Json

_LOCAL = re.compile(r"flyte://local\.([a-z][a-z2-7]{15}/[^/]+)")
_REFERENCES = ("blob", "structuredDataset", "schema")


def stand_in(upload: Upload) -> str:
    """Return the URI that stands for a local file or folder in literals."""
    return f"flyte://local.{upload.root}/{upload.name}"


def is_stand_in(uri: str) -> bool:
    """Say whether a URI stands for a local file or folder."""
    return _LOCAL.fullmatch(uri) is not None


def tail(uri: str) -> str:
    """Return how the location of what a stand-in means ends: `/<digest>/<name>`."""
    match = _LOCAL.fullmatch(uri)
    assert match is not None
    return f"/{match[1]}"


def uris(literal: Json) -> Iterator[str]:
    """Yield the URIs of all files, folders and tables in a literal, however deep, in one order."""
    match literal:
        case {"collection": collection}:
            for one in items(fields(collection).get("literals")):
                yield from uris(one)
        case {"map": map_}:
            for _, one in sorted(fields(fields(map_).get("literals")).items()):
                yield from uris(one)
        case {"scalar": {"union": union}}:
            yield from uris(fields(union).get("value"))
        case {"scalar": dict(scalar)}:
            for name in _REFERENCES:
                if uri := text(fields(scalar.get(name)).get("uri")):
                    yield uri


def local_uris(literals: Iterable[Json]) -> frozenset[str]:
    """List the URIs in literals that stand for local files."""
    return frozenset(uri for literal in literals for uri in uris(literal) if is_stand_in(uri))


def located(literal: Json, locations: Mapping[str, str]) -> Json:
    """Put the locations of uploads in place of what stands for them."""
    return with_uris(literal, lambda uri: locations.get(uri, uri))


def with_uris(literal: Json, change: Callable[[str], str]) -> Json:
    """Change the URIs of a literal, in the order of `uris`; the literal itself is not changed."""
    match literal:
        case {"collection": {"literals": list(inner)}}:
            changed: Json = {"literals": [with_uris(one, change) for one in inner]}
            return {**fields(literal), "collection": changed}
        case {"map": {"literals": dict(inner)}}:
            entries: Json = {key: with_uris(one, change) for key, one in sorted(inner.items())}
            return {**fields(literal), "map": {"literals": entries}}
        case {"scalar": {"union": dict(union)}}:
            value = with_uris(union.get("value"), change)
            return {**fields(literal), "scalar": {"union": {**union, "value": value}}}
        case {"scalar": dict(scalar)}:
            for name in _REFERENCES:
                if uri := text(fields(scalar.get(name)).get("uri")):
                    message: Json = {**fields(scalar[name]), "uri": change(uri)}
                    return {**fields(literal), "scalar": {**scalar, name: message}}
    return literal
