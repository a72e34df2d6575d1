"""A declaration of runs on its way: what is asked of the backend, and what a drive is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from reconciler.model.drive import Drive
    from reconciler.model.key import Key
    from reconciler.model.ledger import Driven
    from reconciler.model.live import Runs
    from reconciler.model.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whose runs are to be read.

    `resource` is None for what is no longer declared: the runs that the ledger holds as started are
    read then. `content` is the digest of all that decides what is started, the contents of what it
    `takes` among it: whole names are made of it. `others` are what it looks at. `has_outputs` says
    that somebody wants the outputs of its run. `now` is the moment of the plan.
    """

    resource: Resource | None
    held: Driven | None = None
    content: str = ""
    others: Mapping[Key, Asking] = field(default_factory=dict)
    has_outputs: bool = False
    now: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pursuit:
    """What a drive is made of: the declaration, what was read for it, and what is remembered.

    `others` are the drives of what it looks at; one that is missing could not be read, or is not
    declared as it should be.
    """

    resource: Resource
    content: str
    runs: Runs
    held: Driven
    now: datetime
    others: Mapping[Key, Drive] = field(default_factory=dict)
