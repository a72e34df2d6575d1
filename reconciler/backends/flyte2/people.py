"""Who did something, as far as a server stores identities."""

from __future__ import annotations

from flyteidl2.common import identity_pb2


def name_of(identity: identity_pb2.EnrichedIdentity) -> str:
    """Name a user or an application; empty where none is kept, as on the open-source server."""
    match identity.WhichOneof("principal"):
        case "user":
            spec = identity.user.spec
            return spec.email or f"{spec.first_name} {spec.last_name}".strip()
        case "application":
            return identity.application.spec.name
        case _:
            return ""
