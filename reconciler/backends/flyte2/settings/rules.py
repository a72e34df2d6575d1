"""What the planner must know of settings.

Any domain is accepted by the open-source server, also one that it does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from reconciler.backends.flyte2.settings.values import listed
from reconciler.model.document import Json, Path
from reconciler.model.key import ALL, Key
from reconciler.model.traits import Fields

KIND = "FlyteSettings"
INSTALLATION = ALL
_PROJECT = "FlyteProject"


def refuses(
    before: Mapping[str, Json], after: Mapping[str, Json], facts: Mapping[str, Json]
) -> tuple[str, ...]:
    """Say what could not be kept: settings of a server without any, or of an unknown domain."""
    del before, after
    if not facts.get("isServed", True):
        return ("this Flyte does not serve settings",)
    domains = cast("list[str]", facts.get("domains") or [])
    domain = facts.get("domain")
    if domain and domains and domain not in domains:
        return (f"this Flyte has no domain {domain}; its domains are {', '.join(domains)}",)
    return ()


def notes(facts: Mapping[str, Json]) -> tuple[str, ...]:
    """Say when a server keeps settings without acting on them."""
    if facts.get("isApplied", True):
        return ()
    return ("this Flyte keeps settings and applies none of them to runs",)


def host(key: Key) -> tuple[Key, Path] | None:
    """Name the project that declares the settings of one of its domains, and where it does."""
    if key.project == INSTALLATION:
        return None
    return Key(_PROJECT, key.project), ("domains", key.domain, "settings")


def identity(key: Key, name: str) -> dict[str, Json]:
    """Write what names a level in a document, beside its own name."""
    del name
    return {"domain": key.domain} if key.domain else {}


FIELDS = Fields(
    is_implicit=True,
    refuses=refuses,
    notes=notes,
    host=host,
    identity=identity,
    listed=listed,
)
