from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from object_builders import (
    TASK,
    TRAITS,
    TRIGGER,
    calls,
    change,
    declared,
    found,
    held,
    key,
    ledger_of,
    plan,
    sealed,
    secret,
    trigger,
)
from plan_builders import NOW

from reconciler.model.digest import UNCLAIMED
from reconciler.model.ledger import Flips, Held, Hold, Ledger
from reconciler.model.live import Object
from reconciler.model.policy import Drift
from reconciler.model.resource import Reference, Resource, State
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
        "secret whose writing was interrupted is written again, and no drift",
        secret(),
        sealed(),
        Effect.UPDATE,
        Reason.SPEC,
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


def test_change_shows_the_fields_and_the_state_in_the_words_of_the_language() -> None:
    made = change(EDITED, found(active=False), SETTLED)
    assert made is not None
    assert [(item.path, item.before, item.after) for item in made.fields] == [
        ("tick", 6, 9),
        ("state", "Inactive", "Active"),
    ]


def test_difference_that_the_language_has_no_words_for_is_shown_as_it_is() -> None:
    worded = replace(TRAITS[TRIGGER], describe=lambda body: {"tick": body["tick"]})
    made = change(WORDED, ON, SETTLED, traits={**TRAITS, TRIGGER: worded})
    assert made is not None
    assert [(item.path, item.before, item.after) for item in made.fields] == [("text", None, "new")]


def test_new_object_shows_its_content() -> None:
    made = change(ONE, None)
    assert made is not None
    assert [(item.path, item.before, item.after) for item in made.fields] == [("tick", None, 6)]


def test_content_that_cannot_be_read_back_is_shown_by_its_digest() -> None:
    edited = secret(token="t2")
    made = change(edited, sealed(), ledger_of(secret()))
    assert made is not None
    (shown,) = made.fields
    assert (shown.path, shown.before, shown.after) == ("", secret().digest, edited.digest)

    again = change(secret(), sealed("t9"), ledger_of(secret()))
    assert again is not None
    assert [(item.before, item.after) for item in again.fields] == [(None, secret().digest)]


@pytest.mark.parametrize(
    ("resource", "live", "ledger", "notes"),
    [
        (ONE, None, None, ("starts",)),
        (ONE, OFF, SETTLED, ("starts",)),
        (
            EDITED,
            ON,
            SETTLED,
            ("goes on", "it is replaced while inactive and then activated again"),
        ),
        (WORDED, ON, SETTLED, ("goes on", "it stays active while it is replaced")),
        (
            replace(EDITED, state=State.UNMANAGED),
            ON,
            ledger_of(UNMANAGED),
            ("goes on", "it stays active while it is replaced"),
        ),
        (UNMANAGED, None, None, ("it starts inactive, since its state is not managed",)),
        (INACTIVE, ON, SETTLED, ()),
        (
            ONE,
            found(9, revision="4", changed="by somebody at noon"),
            SETTLED,
            (
                "goes on",
                "it is replaced while inactive and then activated again",
                "last written by somebody else: by somebody at noon",
            ),
        ),
        (
            secret(always=True),
            sealed(),
            ledger_of(secret()),
            ("it is written by every apply, as declared",),
        ),
    ],
)
def test_change_says_what_its_fields_do_not_show(
    resource: Resource, live: Object | None, ledger: Ledger | None, notes: tuple[str, ...]
) -> None:
    made = change(resource, live, ledger)
    assert made is not None
    assert made.notes == notes


@pytest.mark.parametrize(
    ("resource", "live", "detail"),
    [
        (ONE, found(9), "it is not of this set and differs; "),
        (ONE, OFF, "it is not of this set and is inactive; "),
        (INACTIVE, ON, "it is not of this set and is active; "),
        (secret(), sealed(), "it is not of this set and its content cannot be read back; "),
    ],
)
def test_what_needs_leave_says_why(resource: Resource, live: Object, detail: str) -> None:
    made = change(resource, live)
    assert made is not None
    assert made.block_detail == f"{detail}set `adopt: true` to take it over"


def test_activation_waits_for_its_deployment_and_the_deployment_for_its_task() -> None:
    task = replace(trigger("t"), key=key("t", kind=TASK), version="team.x")
    made = change(replace(EDITED, refs=(Reference(task.key, "team.x"),)), ON, SETTLED)
    assert made is not None
    deploy, activate = made.actions
    assert (deploy.body, deploy.call) == (EDITED.body, "TriggerService.DeployTrigger")
    assert deploy.refs == (Reference(task.key, "team.x"),)
    assert activate.waits == (deploy.id,)

    both = plan(declared(replace(EDITED, refs=deploy.refs), task), {KEY: ON}, SETTLED)
    (edited,) = [item for item in both.changes if item.key == KEY]
    assert edited.actions[0].waits == (f"{task.key}#register",)


def test_fingerprint_moves_with_the_revision_and_the_switch() -> None:
    seen = {
        made.fingerprint
        for live in (found(9), found(9, revision="2"), found(9, active=False), None)
        if (made := change(EDITED if live is None else ONE, live, None)) is not None
    }
    assert len(seen) == 4


def test_object_outside_a_set_is_not_asked_for_to_adopt_for_ever() -> None:
    loose = {"set_name": UNCLAIMED}
    assert change(ONE, ON, None, **loose) is None
    made = change(replace(ONE, adopt=True), found(9), None, **loose)
    assert made is not None
    assert made.effect is Effect.HAND_OVER


def test_what_cannot_be_read_back_needs_a_ledger_to_be_written_twice() -> None:
    first = change(secret(), None, None, set_name=UNCLAIMED)
    assert first is not None
    assert first.block is None

    again = change(secret(adopt=True), sealed(), None, set_name=UNCLAIMED)

    assert again is not None
    assert again.block is Block.CONFLICT
    assert again.block_detail == (
        "it is there, its content cannot be read back, and documents without a set cannot "
        "remember it; write a FlyteSync"
    )


def test_content_that_differs_where_nobody_wrote_since_is_no_drift() -> None:
    """What stands for a value may stay while the value changes; the revision tells who wrote."""
    wanted = trigger(tick=6)
    for revision, reason in (("1", Reason.SPEC), ("2", Reason.DRIFT)):
        live = {wanted.key: found(tick=7, revision=revision)}
        made = plan(declared(wanted), live, ledger_of(wanted))
        (change,) = made.changes
        assert change.reason is reason


def test_unreadable_object_is_neither_made_nor_changed() -> None:
    made = plan(declared(ONE), {}, SETTLED, unreadable={(TRIGGER, KEY.place): "no answer"})
    assert (made.changes, made.unread) == ((), 1)
