"""What a backfill asks for, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from reconciler.model.backfill import Coverage, Going, OnFailure, Order

GRACE = timedelta(minutes=2)
"""How long a tick is left to the scheduler: it takes changes up within 30 seconds, and the version
that was active before may fire until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One backfill.

    `before` names the runs that were there when it was first seen: they are no attempts of its own,
    though they may have names that it would give. `retries` are attempts after the first.
    `max_runs` bounds what it starts in all, `max_in_flight` what all backfills of the connection
    have in flight; None for no bound. With `is_once` a tick that has any run wants no other.
    `is_ending` says that being cancelled ends what it started; under the scheduler's names that is
    only what is `known` to have been started by it. `begun` are all that it started or tried to
    since it was first seen, kept where `max_runs` bounds them.
    """

    before: frozenset[str] = frozenset()
    parallelism: int = 1
    order: Order = Order.OLDEST
    on_failure: OnFailure = OnFailure.STOP
    retries: int = 0
    coverage: Coverage = Coverage.MISSING
    max_runs: int | None = None
    max_in_flight: int | None = None
    going: Going = Going.RUNNING
    is_once: bool = False
    is_ending: bool = False
    known: frozenset[str] = frozenset()
    begun: frozenset[str] = frozenset()
