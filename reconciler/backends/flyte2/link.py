"""What the kinds of Flyte 2 may use of an open connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.packages.uploads import Uploads
from reconciler.backends.wire.channel import Channel
from reconciler.model.key import Key
from reconciler.model.secret import Content


@dataclass(frozen=True, slots=True)
class Link:
    """One channel to the control plane, and the routes to where data and secrets are.

    `contents` are what declared secrets are to hold. `uploads` holds what the packages at hand
    attached, and where code was put. `revisions` are those that its own writes made of mutable
    objects, since an action only knows the one that was read before the first of them.
    """

    channel: Channel
    routes: Routes
    contents: dict[Key, Content] = field(default_factory=dict, repr=False)
    revisions: dict[Key, int] = field(default_factory=dict)
    uploads: Uploads = field(default_factory=Uploads)
