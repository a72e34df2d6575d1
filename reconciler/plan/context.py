"""What planning needs besides the two states: who we are, what we own, what is allowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.model.digest import UNCLAIMED, split_version
from reconciler.model.policy import Drift, Prune

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from reconciler.model.drive import Outside
    from reconciler.model.key import Key
    from reconciler.model.ledger import Ledger
    from reconciler.model.resource import Resource
    from reconciler.model.traits import Traits


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a set may do on its own.

    `max_removals` counts per project-domain in 24 hours; `max_removal_fraction` (0 to 1) is the
    share of a set's active objects in one project-domain that one pass may remove, and counts above
    three removals. `approved` is the id of a plan whose removals a person has approved.
    """

    prune: Prune = Prune.DEACTIVATE
    drift: Drift = Drift.CORRECT
    max_removals: int = 20
    max_removal_fraction: float = 0.3
    approved: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Arguments of one planning; `now` is the moment it is made for.

    `elsewhere` names the other sets that adopted objects declared here, `outside` the runs that
    declarations of a kind have in flight, where it was to be read. `given_up` are objects
    whose declaration somebody deletes, with what is to happen to each: they are removed even where
    only a part of the set was read.
    """

    set_name: str
    traits: Mapping[str, Traits]
    ledger: Ledger
    now: datetime
    desired_digest: str
    previous_names: tuple[str, ...] = ()
    elsewhere: Mapping[Key, str] = field(default_factory=dict)
    outside: Mapping[str, Outside] = field(default_factory=dict)
    given_up: Mapping[Key, Prune] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    @property
    def is_settled(self) -> bool:
        """Say whether the declaration is the one applied last: what differs then is a drift."""
        return self.ledger.desired == self.desired_digest

    @property
    def has_ledger(self) -> bool:
        """Say whether anything can be remembered: documents without a set have no ledger."""
        return self.set_name != UNCLAIMED

    def is_applied(self, resource: Resource) -> bool:
        """Say whether this very object was as declared here: what differs then is a drift."""
        return resource.mark in self.ledger.applied

    def prune_of(self, key: Key) -> Prune:
        """Tell what happens to an object of ours that is not declared."""
        asked = self.given_up.get(key) or self.ledger.on_removal.get(key)
        return asked or self.policy.prune

    def is_ours(self, version: str) -> bool:
        """Say whether the version's name proves that this set (under any of its names) made it."""
        parts = split_version(version)
        return parts is not None and parts[0] in {self.set_name, *self.previous_names}

    def other_owner(self, key: Key, version: str) -> str:
        """Name the other set that made or adopted a live version; empty when there is none."""
        parts = split_version(version)
        maker = parts[0] if parts is not None and not self.is_ours(version) else ""
        return self.elsewhere.get(key, "") or maker.replace(UNCLAIMED, "")

    def owns(self, key: Key, version: str) -> bool:
        """Say whether a live version is this set's: made by it, or adopted in the ledger."""
        return self.is_ours(version) or self.ledger.adopted.get(key) == version
