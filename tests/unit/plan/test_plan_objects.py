from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from object_builders import (
    calls,
    change,
    declared,
    found,
    held,
    ledger_of,
    plan,
    sealed,
    secret,
    trigger,
)
from plan_builders import NOW

from reconciler.model.ledger import Flips, Held, Hold, Ledger
from reconciler.model.live import Object
from reconciler.model.policy import Drift, Prune
from reconciler.model.resource import Resource, State
from reconciler.plan.plan import Block, Effect, Reason

ONE = trigger()
EDITED = trigger(tick=9)
WORDED = trigger(text="new")
INACTIVE = replace(ONE, state=State.INACTIVE)
UNMANAGED = replace(ONE, state=State.UNMANAGED)
KEY = ONE.key
SETTLED = ledger_of(ONE)
ADOPTED = ledger_of(ONE, objects={KEY: held(ONE, adopted=True)})
ANNOUNCED = Ledger("team", objects={KEY: held(ONE, "")})
HOLD = Hold("FlyteTrigger/*/*/a", "because", NOW + timedelta(hours=1), "me")
ENDED = replace(HOLD, until=NOW)
PAUSED = replace(SETTLED, holds=(HOLD,))
ON, OFF = found(), found(active=False)


@dataclass(frozen=True)
class Case:
    """One resource beside one reading, and what the planner makes of the two."""

    id: str
    resource: Resource
    live: Object | None
    effect: Effect | None = None
    reason: Reason | None = None
    does: tuple[str, ...] = ()
    block: Block | None = None
    ledger: Ledger | None = None
    options: dict[str, object] = field(default_factory=dict)


CASES = [
    # active
    Case(
        "new trigger starts with the call that makes it",
        ONE,
        None,
        Effect.CREATE,
        Reason.SPEC,
        ("deploy on over nothing",),
    ),
    Case("trigger as declared gets no call", ONE, ON, ledger=SETTLED),
    Case(
        "trigger that others wrote anew with the same content gets no call",
        ONE,
        found(revision="7"),
        ledger=SETTLED,
    ),
    Case(
        "edit that does not let it run on goes out inactive and is activated",
        EDITED,
        ON,
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy off over 1", "activate over 1"),
        ledger=SETTLED,
    ),
    Case(
        "edit that lets it run on is one call",
        WORDED,
        ON,
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy on over 1",),
        ledger=SETTLED,
    ),
    Case(
        "edit of what is inactive starts it with the same call",
        EDITED,
        OFF,
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy on over 1",),
        ledger=SETTLED,
    ),
    Case(
        "trigger that was declared inactive is activated",
        ONE,
        OFF,
        Effect.UPDATE,
        Reason.SPEC,
        ("activate over 1",),
        ledger=ledger_of(INACTIVE),
    ),
    Case(
        "deletion by others is healed",
        ONE,
        None,
        Effect.CREATE,
        Reason.DRIFT,
        ("deploy on over nothing",),
        ledger=SETTLED,
    ),
    Case(
        "content of others is replaced over the revision that was read",
        ONE,
        found(9, revision="4"),
        Effect.UPDATE,
        Reason.DRIFT,
        ("deploy off over 4", "activate over 4"),
        ledger=SETTLED,
    ),
    Case(
        "deactivation by others is healed",
        ONE,
        found(active=False, revision="2"),
        Effect.UPDATE,
        Reason.FOREIGN,
        ("activate over 2",),
        ledger=SETTLED,
    ),
    Case(
        "drift is only reported where the policy says so",
        ONE,
        found(9, revision="2"),
        Effect.UPDATE,
        Reason.DRIFT,
        block=Block.REPORT,
        ledger=SETTLED,
        options={"drift": Drift.REPORT},
    ),
    Case(
        "deletion is only reported where the policy says so",
        ONE,
        None,
        Effect.CREATE,
        Reason.DRIFT,
        block=Block.REPORT,
        ledger=SETTLED,
        options={"drift": Drift.REPORT},
    ),
    Case(
        "drift of what was adopted is reported, not fought over",
        ONE,
        found(active=False, revision="2"),
        Effect.UPDATE,
        Reason.FOREIGN,
        block=Block.REPORT,
        ledger=ADOPTED,
    ),
    Case(
        "edit is carried out under the report policy",
        EDITED,
        OFF,
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy on over 1",),
        ledger=SETTLED,
        options={"drift": Drift.REPORT},
    ),
    Case(
        "edit of what was adopted is carried out",
        EDITED,
        OFF,
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy on over 1",),
        ledger=ADOPTED,
    ),
    Case(
        "two corrections are not enough to give up",
        ONE,
        OFF,
        Effect.UPDATE,
        Reason.FOREIGN,
        ("activate over 1",),
        ledger=replace(SETTLED, flips={KEY: Flips(2, ONE.digest)}),
    ),
    Case(
        "what comes back three times is left alone",
        ONE,
        OFF,
        Effect.UPDATE,
        Reason.FOREIGN,
        block=Block.CONTESTED,
        ledger=replace(SETTLED, flips={KEY: Flips(3, ONE.digest)}),
    ),
    # others
    Case("equal content is adopted without a call", ONE, ON, Effect.ADOPT, Reason.IDENTICAL),
    Case(
        "different content is left without leave",
        ONE,
        found(9),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case(
        "different content is left without leave although nothing runs",
        ONE,
        found(9, active=False),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case(
        "different content is taken over with leave",
        replace(ONE, adopt=True),
        found(9, revision="5"),
        Effect.HAND_OVER,
        Reason.SPEC,
        ("deploy off over 5", "activate over 5"),
    ),
    Case(
        "equal content that is inactive is not started without leave",
        ONE,
        OFF,
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case(
        "equal content that is inactive is only started with leave",
        replace(ONE, adopt=True),
        OFF,
        Effect.HAND_OVER,
        Reason.SPEC,
        ("activate over 1",),
    ),
    Case(
        "what another set holds is not adopted without leave",
        ONE,
        ON,
        Effect.ADOPT,
        Reason.IDENTICAL,
        block=Block.ADOPTION,
        options={"elsewhere": {KEY: "other"}},
    ),
    Case(
        "what another set holds is adopted with leave",
        replace(ONE, adopt=True),
        ON,
        Effect.ADOPT,
        Reason.IDENTICAL,
        options={"elsewhere": {KEY: "other"}},
    ),
    Case(
        "mark without a held object is no leave",
        ONE,
        found(9),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
        ledger=replace(SETTLED, objects={}),
    ),
    # announced creations
    Case("announced creation that took place is ours", ONE, ON, ledger=ANNOUNCED),
    Case(
        "announced creation that did not take place is done",
        ONE,
        None,
        Effect.CREATE,
        Reason.SPEC,
        ("deploy on over nothing",),
        ledger=ANNOUNCED,
    ),
    Case(
        "announcement is no proof for other content",
        ONE,
        found(9),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
        ledger=ANNOUNCED,
    ),
    Case(
        "creation that was interrupted is ours to switch",
        ONE,
        OFF,
        Effect.UPDATE,
        Reason.SPEC,
        ("activate over 1",),
        ledger=ANNOUNCED,
    ),
    # inactive, unmanaged
    Case(
        "new inactive trigger is made and not started",
        INACTIVE,
        None,
        Effect.CREATE,
        Reason.SPEC,
        ("deploy off over nothing",),
    ),
    Case("inactive trigger as declared gets no call", INACTIVE, OFF, ledger=ledger_of(INACTIVE)),
    Case(
        "trigger that is declared inactive is stopped",
        INACTIVE,
        ON,
        Effect.DEACTIVATE,
        Reason.SPEC,
        ("deactivate over 1",),
        ledger=SETTLED,
    ),
    Case(
        "trigger that is edited and declared inactive is stopped by one call",
        replace(EDITED, state=State.INACTIVE),
        ON,
        Effect.DEACTIVATE,
        Reason.SPEC,
        ("deploy off over 1",),
        ledger=SETTLED,
    ),
    Case(
        "activation by others of an inactive trigger is healed",
        INACTIVE,
        found(revision="2"),
        Effect.DEACTIVATE,
        Reason.FOREIGN,
        ("deactivate over 2",),
        ledger=ledger_of(INACTIVE),
    ),
    Case(
        "active trigger of others is not stopped without leave",
        INACTIVE,
        ON,
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case("inactive trigger of others is adopted", INACTIVE, OFF, Effect.ADOPT, Reason.IDENTICAL),
    Case(
        "new unmanaged trigger starts inactive",
        UNMANAGED,
        None,
        Effect.CREATE,
        Reason.SPEC,
        ("deploy off over nothing",),
    ),
    Case("active unmanaged trigger is left so", UNMANAGED, ON, ledger=ledger_of(UNMANAGED)),
    Case("inactive unmanaged trigger is left so", UNMANAGED, OFF, ledger=ledger_of(UNMANAGED)),
    Case(
        "edit of an active unmanaged trigger keeps it active with one call",
        replace(EDITED, state=State.UNMANAGED),
        ON,
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy on over 1",),
        ledger=ledger_of(UNMANAGED),
    ),
    Case(
        "edit of an inactive unmanaged trigger keeps it inactive",
        replace(EDITED, state=State.UNMANAGED),
        OFF,
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy off over 1",),
        ledger=ledger_of(UNMANAGED),
    ),
    Case("unmanaged trigger of others is adopted", UNMANAGED, ON, Effect.ADOPT, Reason.IDENTICAL),
    # pauses
    Case(
        "pause stops what is ours",
        ONE,
        ON,
        Effect.DEACTIVATE,
        Reason.HOLD,
        ("deactivate over 1",),
        ledger=PAUSED,
    ),
    Case("paused trigger that is stopped needs nothing", ONE, OFF, ledger=PAUSED),
    Case("paused trigger is not edited", EDITED, OFF, ledger=PAUSED),
    Case("paused trigger that is not there waits", ONE, None, ledger=PAUSED),
    Case(
        "pause stops an edited trigger and deploys nothing",
        EDITED,
        ON,
        Effect.DEACTIVATE,
        Reason.HOLD,
        ("deactivate over 1",),
        ledger=PAUSED,
    ),
    Case(
        "pause does not stop what belongs to others",
        ONE,
        found(9),
        Effect.HAND_OVER,
        Reason.HOLD,
        block=Block.ADOPTION,
        ledger=Ledger("team", holds=(HOLD,)),
    ),
    Case(
        "pause stops what belongs to others with leave",
        replace(ONE, adopt=True),
        found(9),
        Effect.HAND_OVER,
        Reason.HOLD,
        ("deactivate over 1",),
        ledger=Ledger("team", holds=(HOLD,)),
    ),
    Case("inactive trigger of others waits", ONE, OFF, ledger=Ledger("team", holds=(HOLD,))),
    Case(
        "pause of another trigger does not matter",
        ONE,
        ON,
        ledger=replace(SETTLED, holds=(replace(HOLD, pattern="*/b"),)),
    ),
    Case(
        "pause does not stop what is not ours to switch",
        UNMANAGED,
        ON,
        ledger=replace(ledger_of(UNMANAGED), holds=(HOLD,)),
    ),
    Case(
        "trigger starts again when its pause has ended, whatever the drift policy is",
        ONE,
        OFF,
        Effect.UPDATE,
        Reason.HOLD,
        ("activate over 1",),
        ledger=replace(SETTLED, holds=(ENDED,)),
        options={"drift": Drift.REPORT},
    ),
    # what cannot be read back
    Case(
        "new secret is written",
        secret(),
        None,
        Effect.CREATE,
        Reason.SPEC,
        ("deploy off over nothing",),
    ),
    Case("secret that was written gets no call", secret(), sealed(), ledger=ledger_of(secret())),
    Case(
        "changed token is written",
        secret(token="t2"),
        sealed(),
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy off over t0",),
        ledger=ledger_of(secret()),
    ),
    Case(
        "secret that others made again is written",
        secret(),
        sealed("t9"),
        Effect.UPDATE,
        Reason.DRIFT,
        ("deploy off over t9",),
        ledger=ledger_of(secret()),
    ),
    Case(
        "secret that others made again is only reported where the policy says so",
        secret(),
        sealed("t9"),
        Effect.UPDATE,
        Reason.DRIFT,
        block=Block.REPORT,
        ledger=ledger_of(secret()),
        options={"drift": Drift.REPORT},
    ),
    Case(
        "secret of others is left without leave, since nobody can compare it",
        secret(),
        sealed(),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case(
        "secret of others is overwritten with leave",
        secret(adopt=True),
        sealed(),
        Effect.HAND_OVER,
        Reason.SPEC,
        ("deploy off over t0",),
    ),
    Case(
        "announced secret that is there is ours and written again",
        secret(),
        sealed(),
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy off over t0",),
        ledger=Ledger("team", objects={secret().key: held(secret(), "")}),
    ),
    Case(
        "secret whose writing was interrupted is written again",
        secret(),
        sealed(),
        Effect.UPDATE,
        Reason.DRIFT,
        ("deploy off over t0",),
        ledger=ledger_of(secret(), objects={secret().key: Held("t0", "")}),
    ),
    Case(
        "secret that is to be written always is, and does not drift",
        secret(always=True),
        sealed(),
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy off over t0",),
        ledger=ledger_of(secret()),
        options={"drift": Drift.REPORT},
    ),
    Case(
        "pause is nothing to what has no switch",
        secret(token="t2"),
        sealed(),
        Effect.UPDATE,
        Reason.SPEC,
        ("deploy off over t0",),
        ledger=replace(ledger_of(secret()), holds=(replace(HOLD, pattern="*"),)),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_declared_object(case: Case) -> None:
    made = change(case.resource, case.live, case.ledger, **case.options)
    if case.effect is None:
        assert made is None
        return
    assert made is not None

    assert (made.effect, made.reason, made.block) == (case.effect, case.reason, case.block)
    assert calls(made) == case.does


@pytest.mark.parametrize("prune", [Prune.DEACTIVATE, Prune.DELETE])
def test_undeclared_secret_is_only_deleted_where_that_is_asked_for(prune: Prune) -> None:
    kept = [secret(f"k{index}") for index in range(3)]
    live = {item.key: sealed() for item in (secret(), *kept)}
    made = plan(declared(*kept), live, ledger_of(secret(), *kept), prune=prune)
    does = [calls(item) for item in made.changes]
    assert does == ([("delete over t0",)] if prune is Prune.DELETE else [])
