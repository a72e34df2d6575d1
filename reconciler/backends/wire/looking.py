"""What looking at the projects of both Flytes has in common: their messages have like fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from reconciler.model.asked import Asked, Told
from reconciler.model.document import Json, filled
from reconciler.model.entity import ACTIVE, ARCHIVED, Details, Entity, What
from reconciler.model.key import Place

_OF_PROJECTS = frozenset({ACTIVE, ARCHIVED, "system-generated", "system-archived"})

TOLD = {
    What.PROJECTS: Told(frozenset({"name", "state"}), _OF_PROJECTS),
    What.DOMAINS: Told(frozenset({"name"})),
    What.SECRETS: Told(frozenset({"name", "created"})),
}
"""The fields of rows, and their states, that both tell."""


def project(message: Any, state: str) -> Entity:
    """Read one project; `state` is the name of its state, without a prefix."""
    facts: dict[str, Json] = {
        "displayName": message.name,
        "description": message.description,
        "labels": dict(message.labels.values),
        "domains": [domain.id for domain in message.domains],
    }
    return Entity(
        what=What.PROJECTS,
        name=message.id,
        state=state.lower().replace("_", "-"),
        facts=filled(facts),
    )


async def places(listed: AsyncIterator[Any], asked: Asked) -> tuple[Place, ...]:
    """Gather the project-domains of projects that a list is about, sorted."""
    found = {
        place
        async for message in listed
        for domain in message.domains
        if asked.is_in(place := Place(message.id, domain.id))
    }
    return tuple(sorted(found))


async def named(listed: AsyncIterator[Entity], name: str) -> Details | None:
    """Find one by its name."""
    async for one in listed:
        if one.name == name:
            return Details(entity=one)
    return None
