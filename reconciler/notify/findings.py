"""What a plan says that somebody may want to be told of; pure."""

from __future__ import annotations

from reconciler.engine.planning import Planned
from reconciler.plan.plan import Block, Plan, Reason

DRIFTS = frozenset({Reason.DRIFT, Reason.FOREIGN})
"""Reasons of changes that somebody else is behind."""


def drifted(plan: Plan) -> frozenset[str]:
    """Name what somebody else changed."""
    return frozenset(str(one.key) for one in plan.changes if one.reason in DRIFTS)


def contested(plan: Plan) -> frozenset[str]:
    """Name what is put back no longer."""
    return frozenset(str(one.key) for one in plan.changes if one.block is Block.CONTESTED)


def missed(planned: Planned) -> frozenset[str]:
    """Name the ticks that nothing ran for, of schedules whose gaps are looked for."""
    return frozenset(
        f"{key.project}/{key.domain}/{key.name} at {tick:%Y-%m-%d %H:%M:%S} UTC"
        for key, drive in planned.plan.drives.items()
        for tick in drive.missed or ()
    )
