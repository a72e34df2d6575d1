"""Judges of a pass over a Git repository: from what was done, or what stopped it, to a verdict."""

from __future__ import annotations

from datetime import datetime

from reconciler.apply.outcome import Status
from reconciler.errors import (
    BackendError,
    PolicyError,
    ReconcilerError,
    RefusedError,
    SpecError,
    UsageError,
)
from reconciler.git.faults import PASSING, Fault, SourceError
from reconciler.git.history import Past
from reconciler.git.source import Found
from reconciler.git.syncing import Synced
from reconciler.model.document import Json
from reconciler.operator import verdicts, words
from reconciler.operator.conditions import Verdict, stamp
from reconciler.operator.words import Reason
from reconciler.plan.plan import Block
from reconciler.plan.settle import is_done

_TOLD = 3
_SHOWN = 20


def of_synced(synced: Synced) -> Verdict:
    """Judge a pass that went to its end."""
    applied, plan = synced.applied, synced.planned.plan
    failures = applied.report.failures
    if failures:
        told = "; ".join(f"{one.action.key}: {one.detail}" for one in failures[:_TOLD])
        error = failures[0].error
        reason = verdicts.of_error(error).reason if error is not None else Reason.FAILED
        return Verdict(reason=reason, message=f"{len(failures)} calls did not succeed: {told}")
    if applied.ledger_error is not None:
        return verdicts.of_error(applied.ledger_error)
    if applied.stale or any(one.status is Status.DEFERRED for one in applied.report.outcomes):
        return Verdict(reason=Reason.RETRYING, message="what moved meanwhile is looked at again")
    if plan.blocked:
        worst = min(plan.blocked, key=lambda change: change.block is not Block.GUARD)
        assert worst.block is not None
        told = "; ".join(f"{one.key}: {one.block_detail}" for one in plan.blocked[:_TOLD])
        how = ""
        if worst.block is Block.GUARD:
            how = f"; annotate the FlyteSync with {words.APPROVE}={plan.id} to approve it"
        message = f"{len(plan.blocked)} changes are held back: {told}{how}"
        return Verdict(reason=verdicts.of_block(worst.block), message=message)
    count = len(synced.planned.desired.resources)
    what = "object is" if count == 1 else "objects are"
    return Verdict(reason=Reason.SUCCEEDED, message=f"{count} {what} as in {synced.found.revision}")


def of_fault(error: ReconcilerError, found: Found | None) -> Verdict:
    """Judge what stopped a pass; what was applied last stays."""
    if isinstance(error, SourceError):
        reason = Reason.GIT if error.fault in PASSING else Reason.SOURCE_INVALID
        if error.fault is Fault.SIGNATURE:
            reason = Reason.SIGNATURE
        return Verdict(reason=reason, message=str(error), is_partial=True)
    if isinstance(error, SpecError):
        told = "; ".join(str(problem) for problem in error.problems[:_TOLD])
        count = len(error.problems)
        at = f"commit {found.commit[:12]}: " if found is not None else ""
        return Verdict(
            reason=Reason.INVALID,
            message=f"{at}{count} problem{'s' if count != 1 else ''}: {told}",
            is_partial=True,
        )
    if isinstance(error, RefusedError) and not isinstance(error, BackendError):
        reason = Reason.POLICY if isinstance(error, PolicyError) else Reason.CLAIM
        return Verdict(reason=reason, message=_in_words_of_git(error, found), is_partial=True)
    if isinstance(error, UsageError):
        return Verdict(reason=Reason.INVALID, message=str(error), is_partial=True)
    return verdicts.of_error(error)


def _in_words_of_git(error: RefusedError, found: Found | None) -> str:
    """Name fields where the same refusal names flags elsewhere."""
    text = str(error).replace("--take-over ", f"{words.TAKE_OVER}=")
    if found is None:
        return text
    flag = f"--reset-to {found.commit[:12]}"
    field = f"spec.git.resetTo: {found.commit}"
    return text.replace("update the checkout", "push one that does").replace(flag, field)


def fields_of(synced: Synced, now: datetime) -> dict[str, Json]:
    """Tell what a status says besides its conditions."""
    plan, applied = synced.planned.plan, synced.applied
    done = applied.report.done
    pending = [one for one in plan.changes if one.block or not is_done(one, done)]
    blocked: list[Json] = [
        {"key": str(one.key), "why": f"{one.block}: {one.block_detail}"[:500]}
        for one in plan.blocked[:_SHOWN]
    ]
    fields: dict[str, Json] = {
        "planId": plan.id if plan.blocked else None,
        "objects": len(synced.planned.desired.resources),
        "pending": len(pending),
        "blocked": blocked or None,
        "lastAttemptedRevision": synced.found.revision,
    }
    if applied.is_complete:
        fields["lastAppliedRevision"] = synced.found.revision
    if done:
        fields["lastAppliedAt"] = stamp(now)
    return fields


def past_of(verdict: Verdict, revision: str, synced: Synced | None, now: datetime) -> Past:
    """Write a pass for the history."""
    moment = stamp(now)
    return Past(
        revision=revision,
        reason=str(verdict.reason),
        message=verdict.message,
        plan=synced.planned.plan.id if synced is not None else "",
        changes=len(synced.applied.report.done) if synced is not None else 0,
        first=moment,
        last=moment,
    )
