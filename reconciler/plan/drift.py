"""The drift policy: what no edit explains is corrected, reported, or left alone as contested."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.policy import Drift
from reconciler.plan.context import Context
from reconciler.plan.plan import Block, Change, Reason

CONTESTED_AFTER = 3
"""Corrections of one object, for one declaration, after which it is left alone."""


def judge(change: Change, context: Context) -> Change:
    """Hold a correction back where the policy, the adoption or the object's history says so."""
    if change.reason not in {Reason.DRIFT, Reason.FOREIGN}:
        return change
    ledger = context.ledger
    if context.policy.drift is Drift.REPORT or ledger.is_adopted(change.key):
        return replace(
            change, block=Block.REPORT, block_detail="changed outside Git; drift is reported only"
        )
    flips = ledger.flips.get(change.key)
    if flips and flips.digest == change.digest and flips.count >= CONTESTED_AFTER:
        return replace(
            change,
            block=Block.CONTESTED,
            block_detail=(
                f"put back {flips.count} times and changed again each time; find who else writes "
                "it, then run `reconcile resume` on it or change its declaration"
            ),
        )
    return change
