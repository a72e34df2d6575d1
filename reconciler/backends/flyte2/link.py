"""What the kinds of Flyte 2 may use of an open connection."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.wire.channel import Channel


@dataclass(frozen=True, slots=True)
class Link:
    """One channel to the control plane, and the routes to where data and secrets are."""

    channel: Channel
    routes: Routes
