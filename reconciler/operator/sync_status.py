"""The status of a FlyteSync: how its objects are, what waits for approval, what was last done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.engine.applying import Applied
from reconciler.engine.planning import Planned
from reconciler.model.document import Json
from reconciler.operator.conditions import Verdict, stamp
from reconciler.operator.resources import Ref
from reconciler.operator.words import Reason
from reconciler.plan.plan import Block

_SHOWN = 20
_TOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """What a FlyteSync is judged by: the verdicts of its objects, and the pass if there was one."""

    verdicts: Mapping[Ref, Verdict]
    planned: Planned | None = None
    applied: Applied | None = None
    connection: str = ""
    before: Mapping[str, Json]
    now: datetime


def verdict(sync: Sync) -> Verdict:
    """Judge a FlyteSync: as the worst of its objects, and by what its removals wait for."""
    wrong = {ref: one for ref, one in sorted(sync.verdicts.items()) if not one.is_ready}
    fields = _fields(sync, wrong)
    guarded = _guarded(sync)
    if guarded:
        return Verdict(reason=Reason.APPROVAL, message=guarded, fields=fields)
    protected = _protected(sync)
    if protected and not wrong:
        return Verdict(reason=Reason.PROTECTED, message=protected, fields=fields)
    if not wrong:
        count = len(sync.verdicts)
        return Verdict(
            reason=Reason.SUCCEEDED, message=f"{count} objects are as declared", fields=fields
        )
    stalled = [one for one in wrong.values() if not one.is_waiting]
    worst = (stalled or list(wrong.values()))[0]
    told = [f"{ref.kind}/{ref.name}: {one.message}" for ref, one in list(wrong.items())[:_TOLD]]
    message = f"{len(wrong)} of {len(sync.verdicts)} objects are not as declared: {'; '.join(told)}"
    return Verdict(reason=worst.reason, message=message, fields=fields)


def _guarded(sync: Sync) -> str:
    """Tell which removals of objects that nobody declares any more wait for a person."""
    if sync.planned is None:
        return ""
    plan = sync.planned.plan
    held = [change for change in plan.blocked if change.block is Block.GUARD]
    if not held:
        return ""
    return (
        f"{len(held)} removals wait for approval ({held[0].block_detail.partition(';')[0]}); "
        f"annotate this object with flyte.reconciler.dev/approve={plan.id}"
    )


def _protected(sync: Sync) -> str:
    """Tell which objects that nobody declares any more may not be removed."""
    blocked = sync.planned.plan.blocked if sync.planned is not None else ()
    held = [change for change in blocked if change.block is Block.PROTECTED]
    if not held:
        return ""
    shown = ", ".join(str(change.key) for change in held[:_TOLD])
    return f"{len(held)} removals are forbidden ({shown}): {held[0].block_detail}"


def _fields(sync: Sync, wrong: Mapping[Ref, Verdict]) -> dict[str, Json]:
    blocked: list[Json] = []
    plan_id: str | None = None
    if sync.planned is not None and sync.planned.plan.blocked:
        plan = sync.planned.plan
        plan_id = plan.id
        blocked += [
            {"key": str(change.key), "why": f"{change.block}: {change.block_detail}"[:500]}
            for change in plan.blocked[:_SHOWN]
        ]
    problems: Sequence[Json] = [
        f"{ref.kind}/{ref.name}: {one.message}"[:500] for ref, one in list(wrong.items())[:_SHOWN]
    ]
    has_done = sync.applied is not None and bool(sync.applied.report.done)
    last = stamp(sync.now) if has_done else sync.before.get("lastAppliedAt")
    return {
        "planId": plan_id,
        "connection": sync.connection or None,
        "objects": len(sync.verdicts),
        "pending": len(wrong),
        "blocked": blocked or None,
        "problems": list(problems) or None,
        "lastAppliedAt": last,
    }
