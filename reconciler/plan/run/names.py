"""Whole names of declared runs: what they are made of says that equal names have equal content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.digest import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.document import Json
    from reconciler.model.key import Key


def run_name(key: Key, body: Mapping[str, Json], content: str, *, longest: int) -> str:
    """Name the run of a declaration: as it says, else its prefix and a digest.

    The digest has the place in it, since some Flytes keep the runs of all projects in one room, and
    the declaration, since two of them with one prefix are two runs.
    """
    if body.get("name"):
        return str(body["name"])
    tail = digest([content, key.project, key.domain, key.name])
    prefix = str(body["prefix"])[: longest - len(tail) - 1]
    return f"{prefix.rstrip('-')}-{tail}"


def prefix_of(name: str) -> str:
    """Make what a name begins with of a Kubernetes name, which may begin with a digit."""
    plain = name.replace(".", "-")
    return plain if plain[:1].isalpha() else f"r{plain}"
