"""Plans of any size and with any text in them, for tests of reports."""

from __future__ import annotations

from typing import Any

from reconciler.model.key import Key
from reconciler.model.origin import Origin
from reconciler.plan.plan import Block, Change, Effect, FieldChange, Plan, Reason
from reconciler.report.subject import Subject

BACKEND = {"endpoint": "flyte.example.com:443", "flyte": "Flyte1", "version": "v1.16.8"}


def change(
    name: str = "a", effect: Effect = Effect.UPDATE, *, block: Block | None = None, **given: Any
) -> Change:
    given.setdefault("fields", (FieldChange("schedule.cron", "0 6 * * *", "0 7 * * *"),))
    given.setdefault("origin", Origin(f"specs/{name}.yaml", 2, 1))
    given.setdefault("reason", Reason.SPEC)
    return Change(
        key=Key("FlyteLaunchPlan", "ranking", "production", name),
        effect=effect,
        fingerprint="",
        block=block,
        **given,
    )


def plan(*changes: Change, **given: Any) -> Plan:
    given.setdefault("set_name", "ranking-prod")
    return Plan(id="apwnwl3u2tbk2aaa", backend=BACKEND, desired="d", changes=changes, **given)


def subject(*changes: Change, **given: Any) -> Subject:
    return Subject(target="ranking-prod", plan=plan(*changes), **given)


def mixed(count: int) -> list[Change]:
    """Make changes of which a few are loud, whatever the number."""
    loud = [
        change("gone", Effect.REMOVE, origin=None, reason=Reason.UNDECLARED),
        change("theirs", Effect.HAND_OVER),
        change("held", Effect.REMOVE, origin=None, block=Block.GUARD, block_detail="too many"),
    ]
    if count == 1:
        return [change("daily")]
    quiet = [
        change(f"plan-{index:05}", Effect.CREATE if index % 3 else Effect.UPDATE)
        for index in range(count - len(loud))
    ]
    return [*quiet, *loud]
