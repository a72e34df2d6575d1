"""The reconcile.yaml of an export: the set, where it may write, and its connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.export.document import document
from reconciler.model.document import Json
from reconciler.model.key import Place

EMBEDDED = "embedded"


def sync(
    name: str, *, places: Iterable[Place], connection: str, defaults: Place
) -> dict[str, Json]:
    """Declare the set that owns an export: nothing beyond the places that were exported.

    A place without a domain is a project as a whole, with all its domains.
    """
    domains: dict[str, list[str]] = {}
    for place in sorted(places):
        domains.setdefault(place.project, []).append(place.domain)
    scopes: list[Json] = [
        {"project": project, "domains": ["*"] if "" in inside else list[Json](inside)}
        for project, inside in domains.items()
    ]
    spec: dict[str, Json] = {"connection": connection} if connection else {}
    if defaults.project:
        spec["defaults"] = {"project": defaults.project, "domain": defaults.domain}
    if scopes:
        spec["scopes"] = scopes
    return document("FlyteSync", name, spec)


def connection(name: str, spec: Mapping[str, Json]) -> dict[str, Json]:
    """Declare the connection that an export was read by."""
    return document("FlyteConnection", name, spec)
