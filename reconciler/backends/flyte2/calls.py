"""Which function carries out which verb on which kind of Flyte 2."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from reconciler.backends.wire.channel import Channel
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action

Perform = Callable[[Channel, Action], Awaitable[None]]

PERFORM: Mapping[tuple[str, Verb], Perform] = {}
