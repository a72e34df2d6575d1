"""Why one object is as it is, what the next apply does to it, and what would change that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from typing import assert_never

from reconciler.backends.port import Backend
from reconciler.engine import inventory, status
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Planned
from reconciler.engine.status import ObjectStatus, Standing
from reconciler.errors import UsageError
from reconciler.model.digest import UNCLAIMED
from reconciler.model.key import Key
from reconciler.model.ledger import Hold
from reconciler.model.traits import Shape
from reconciler.plan.plan import Block, Change, FieldChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything known of one object.

    `rule` is the rule that decides about it, `unblock` what would make it move, empty where nothing
    holds it. `ledger` lists what the set's ledger says of it.
    """

    status: ObjectStatus
    set_name: str
    digest: str = ""
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()
    ledger: tuple[str, ...] = ()
    rule: str = ""
    unblock: str = ""


async def explain(
    declaration: Declaration, backend: Backend, key: Key, *, now: datetime
) -> Explanation:
    """Explain one object of a set, or one that is only live.

    Raises UsageError when it is neither declared nor active, SpecError for faulty documents,
    BackendError when the backend does not answer.
    """
    planned = await status.planned_unclaimed(declaration, backend, now=now)
    is_known = key in planned.desired.resources or key in planned.live.objects
    if not is_known and key.domain:
        around = await inventory.active(backend, [key.place])
        objects = {**planned.live.objects, **around.objects}
        planned = replace(planned, live=replace(planned.live, objects=objects))
    found = status.of_object(key, planned, now=now)
    if found is None:
        raise UsageError(_unknown(key, planned))
    change = next((item for item in planned.plan.changes if item.key == key), None)
    resource = planned.desired.resources.get(key)
    hold = planned.ledger.hold_on(key, now)
    return Explanation(
        status=found,
        set_name=declaration.set_name,
        digest=resource.digest if resource else "",
        fields=change.fields if change else (),
        notes=change.notes if change else (),
        ledger=tuple(_ledger(key, planned, hold)),
        rule=_rule(found, change, planned),
        unblock=_unblock(found, change, hold),
    )


def _ledger(key: Key, planned: Planned, hold: Hold | None) -> list[str]:
    ledger = planned.ledger
    if ledger.set_name == UNCLAIMED or not ledger.revision:
        return []
    lines = [f"adopted version {ledger.adopted[key]}"] if key in ledger.adopted else []
    if key in ledger.objects:
        held = ledger.objects[key]
        how = "adopted" if held.adopted else "written"
        at = f"at revision {held.revision}" if held.revision else "as announced"
        lines.append(f"{how} {at}, with digest {held.digest or 'unknown'}")
    if key in ledger.runs:
        driven = ledger.runs[key]
        lines += [f"content {one} is done" for one in driven.done[-1:]]
        lines += [f"in flight: {', '.join(sorted(driven.started))}"] if driven.started else []
    if key in ledger.protected:
        lines.append("protected from removal")
    if hold is not None:
        lines.append(f"held until {hold.until.isoformat()} by {hold.by or 'nobody'}: {hold.reason}")
    if key in ledger.flips:
        flips = ledger.flips[key]
        lines.append(f"put back {flips.count} times for digest {flips.digest}")
    if key in ledger.archived:
        lines.append("its name was archived by this set")
    if key in ledger.rows:
        lines.append(f"fields written by this set: {', '.join(sorted(ledger.rows[key]))}")
    removed = [item.at.isoformat() for item in ledger.removals if item.key == key]
    lines += [f"removed at {moment}" for moment in removed]
    return lines


def _rule(found: ObjectStatus, change: Change | None, planned: Planned) -> str:
    is_object = planned.context.traits[found.key.kind].shape is Shape.OBJECT
    match found.standing:
        case Standing.READY if found.wanted == "Unmanaged":
            content = "its content is kept" if is_object else "the version is registered"
            return f"declared Unmanaged: {content}, its activation is left alone"
        case Standing.READY if found.wanted == "Inactive":
            return "declared Inactive, and nothing is active"
        case Standing.READY if is_object or not found.active:
            return "what is live is as declared, so it gets no call"
        case Standing.READY:
            return (
                "what is active has the declared content, so it gets no call, whatever its "
                "version is called"
            )
        case Standing.PENDING | Standing.WAITING:
            return _GOING_ON[found.standing]
        case Standing.DRIFT:
            return (
                "the declaration did not change since the last apply, the live side did; the "
                f"set's drift policy is {planned.context.policy.drift.value}"
            )
        case Standing.HELD:
            return "a pause in the ledger wins over the declaration until it ends"
        case Standing.BLOCKED | Standing.CONTESTED | Standing.FAILED:
            return _BLOCKS[change.block] if change and change.block else ""
        case Standing.UNDECLARED if change is not None:
            return (
                "it is the set's and not declared any more; the set's prune policy is "
                f"{planned.context.policy.prune.value}"
            )
        case Standing.UNDECLARED:
            return "it is not this set's: no plan of this set touches it"
        case Standing.UNREADABLE:
            return "unreadable is not absent: nothing is done until it can be read"
        case _:
            assert_never(found.standing)


_GOING_ON = {
    Standing.PENDING: "the declaration and what is live differ, and nothing forbids the change",
    Standing.WAITING: "runs are started once, and something has to happen before it can go on",
}

_BLOCKS = {
    Block.GUARD: "the removal guard: a pass may not stop that much in one project-domain",
    Block.PROTECTED: "protection in the ledger outlives the block that set it",
    Block.ADOPTION: "what belongs to somebody else is replaced only where that is declared",
    Block.CONTESTED: "what comes back three times is left alone, since somebody else wants it so",
    Block.REPORT: "the policy says to report and not to correct",
    Block.UNREADABLE: "absence must be proven, and a part of the project-domain was not read",
    Block.CONFLICT: "a version never changes its content",
    Block.POLICY: "while a policy of the set fails, only stops are carried out",
    Block.FAILED: "a run is started once for its content, and this one did not end well",
}


def _unblock(found: ObjectStatus, change: Change | None, hold: Hold | None) -> str:
    if hold is not None and found.standing is Standing.HELD:
        return f"`reconcile resume {found.key.name}`, or wait"
    if change is None or change.block is None:
        return ""
    return change.block_detail.partition("; ")[2] or _WAYS_OUT[change.block]


_WAYS_OUT = {
    Block.GUARD: "approve the plan by its id with --approve",
    Block.PROTECTED: "declare it with `protect: false` first",
    Block.ADOPTION: "set `adopt: true` on its declaration",
    Block.CONTESTED: "find who else writes it, then run `reconcile resume` on it",
    Block.REPORT: "change its declaration, or set the policy of the FlyteSync",
    Block.UNREADABLE: "make the project-domain readable and plan again",
    Block.CONFLICT: "register it under another version",
    Block.POLICY: "change what breaks the policy, or the policy in the FlyteSync",
    Block.FAILED: "change its content, or run it by another name",
}


def _unknown(key: Key, planned: Planned) -> str:
    known = {str(one): one for one in (*planned.desired.resources, *planned.live.objects)}
    near = get_close_matches(str(key), known, n=1, cutoff=0.6)
    guess = f'did you mean "{near[0]}"?' if near else "see `reconcile status` for what there is"
    return f"{key}: is neither declared here nor active; {guess}"
