"""Secrets of Flyte 1 as they can be seen: which keys the Kubernetes Secrets of a namespace have.

Values are read by Kubernetes' nature along with the names, and go no further than `Kept`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

from reconciler.backends.flyte1.reading.projects import places
from reconciler.backends.flyte1.secret.kept import MANAGED_BY, SET, Kept
from reconciler.backends.flyte1.secret.spec import MISSING
from reconciler.backends.flyte1.secret.vault import Vault
from reconciler.backends.wire.channel import Channel
from reconciler.errors import UnsupportedError
from reconciler.model.asked import Asked
from reconciler.model.document import Json, filled
from reconciler.model.entity import Details, Entity, What
from reconciler.model.key import Place

_OPAQUE = "Opaque"


async def secrets(channel: Channel, vault: Vault, asked: Asked) -> AsyncIterator[Entity]:
    """Yield a row for each key, named `GROUP/KEY`; what Kubernetes keeps for itself is left out."""
    _require(vault)
    cluster = await vault.cluster()
    for place in await places(channel, asked):
        listing = await cluster.list(vault.path(place))
        groups = [one for one in listing.items if one.get("type", _OPAQUE) == _OPAQUE]
        for row in sorted(_rows(place, groups), key=lambda one: one.name):
            yield row


async def details(vault: Vault, place: Place, name: str) -> Details | None:
    """Read what is known of one key."""
    _require(vault)
    group, _, key = name.partition("/")
    if not key:
        return None
    kept = await vault.read(place, group)
    for row in _rows(place, [kept.found] if kept.keys else []):
        if row.name == name:
            return Details(entity=row)
    return None


def _require(vault: Vault) -> None:
    if not vault.is_known:
        raise UnsupportedError(
            f"secrets: {MISSING}; write secrets.kubeconfig in the FlyteConnection"
        )


def _rows(place: Place, groups: Any) -> Iterator[Entity]:
    for found in groups:
        kept = Kept(found)
        metadata = found.get("metadata") or {}
        facts: dict[str, Json] = {
            "managedBy": kept.labels.get(MANAGED_BY, ""),
            "set": kept.labels.get(SET, ""),
        }
        for key in kept.keys:
            changed = kept.changed(key)
            more: dict[str, Json] = {"changedBy": changed} if changed else {}
            yield Entity(
                what=What.SECRETS,
                project=place.project,
                domain=place.domain,
                name=f"{metadata.get('name')}/{key}",
                created_at=_moment(metadata.get("creationTimestamp")),
                facts={**filled(facts), **more},
            )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
