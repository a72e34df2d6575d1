from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from object_builders import (
    applied,
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
from plan_builders import CLAIM, NOW

from reconciler.model.ledger import Flips, Held, Hold, Ledger
from reconciler.model.policy import Drift, Prune
from reconciler.model.resource import State
from reconciler.plan import settle
from reconciler.plan.plan import Effect, Plan

ONE, OTHER = trigger(), trigger("b")
EDITED = trigger(tick=9)
KEY = ONE.key
DEPLOY, ACTIVATE = f"{KEY}#deploy", f"{KEY}#activate"
EMPTY, SETTLED = Ledger("team"), ledger_of(ONE)
BOTH = ledger_of(ONE, OTHER)


def edit(**options: object) -> Plan:
    return plan(declared(EDITED), {KEY: found()}, SETTLED, **options)


# before


def test_creation_is_announced() -> None:
    made = plan(declared(ONE))
    assert settle.before(EMPTY, made, claim=CLAIM).objects == {KEY: Held("", ONE.digest)}


def test_creation_of_what_somebody_deleted_is_announced_anew() -> None:
    made = plan(declared(ONE), {}, SETTLED)
    assert settle.before(SETTLED, made, claim=CLAIM).objects == {KEY: Held("", ONE.digest)}


def test_hand_over_is_announced_and_a_refused_one_is_not() -> None:
    taken = plan(declared(replace(ONE, adopt=True)), {KEY: found(9)})
    assert settle.before(EMPTY, taken, claim=CLAIM).objects == {KEY: Held("", ONE.digest)}
    refused = plan(declared(ONE), {KEY: found(9)})
    assert settle.before(EMPTY, refused, claim=CLAIM).objects == {}


def test_what_is_being_replaced_has_content_that_nobody_knows() -> None:
    assert settle.before(SETTLED, edit(), claim=CLAIM).objects == {KEY: Held("1", "")}


def test_what_stops_in_between_is_not_as_declared() -> None:
    drifted = plan(declared(ONE, OTHER), {KEY: found(9), OTHER.key: found()}, BOTH)
    assert settle.before(BOTH, drifted, claim=CLAIM).applied == {OTHER.mark}
    worded = plan(declared(ONE), {KEY: found(text="x", revision="2")}, SETTLED)
    assert settle.before(SETTLED, worded, claim=CLAIM).applied == {ONE.mark}


def test_switch_announces_nothing() -> None:
    made = plan(declared(ONE), {KEY: found(active=False)}, SETTLED)
    assert settle.before(SETTLED, made, claim=CLAIM).objects == SETTLED.objects


# after


def test_creation_is_held_at_the_revision_that_it_made() -> None:
    ledger = applied(plan(declared(ONE)), EMPTY, revisions={DEPLOY: "5"})
    assert ledger.objects == {KEY: Held("5", ONE.digest)}
    assert ledger.applied == {ONE.mark}


def test_last_revision_counts() -> None:
    ledger = applied(edit(), SETTLED, revisions={DEPLOY: "2", ACTIVATE: "3"})
    assert ledger.objects == {KEY: Held("3", EDITED.digest)}


def test_switch_that_tells_no_revision_leaves_the_one_of_the_deployment() -> None:
    assert applied(edit(), SETTLED, revisions={DEPLOY: "2"}).objects == {
        KEY: Held("2", EDITED.digest)
    }


def test_deployment_that_tells_no_revision_is_held_at_the_one_before() -> None:
    assert applied(edit(), SETTLED).objects == {KEY: Held("1", EDITED.digest)}
    assert applied(plan(declared(ONE)), EMPTY).objects == {KEY: Held("", ONE.digest)}


def test_what_was_deployed_and_not_activated_is_held_and_has_no_mark() -> None:
    ledger = applied(edit(), SETTLED, failed=[ACTIVATE], revisions={DEPLOY: "2"})
    assert ledger.objects == {KEY: Held("2", EDITED.digest)}
    assert ledger.applied == frozenset()
    again = plan(declared(EDITED), {KEY: found(9, revision="2", active=False)}, ledger)
    assert [item.reason.value for item in again.changes] == ["spec"]


def test_creation_that_was_refused_or_skipped_is_no_longer_announced() -> None:
    assert applied(plan(declared(ONE)), EMPTY, failed=[DEPLOY]).objects == {}


def test_creation_whose_end_is_not_known_stays_announced() -> None:
    ledger = applied(plan(declared(ONE)), EMPTY, unsure=[DEPLOY])
    assert ledger.objects == {KEY: Held("", ONE.digest)}
    assert ledger.applied == frozenset()


@pytest.mark.parametrize("how", ["failed", "unsure"])
def test_edit_that_failed_stays_ours(how: str) -> None:
    ledger = applied(edit(), SETTLED, **{how: [DEPLOY, ACTIVATE]})
    assert ledger.objects == {KEY: Held("1", "")}
    again = plan(declared(EDITED), {KEY: found()}, ledger)
    assert [item.effect.value for item in again.changes] == ["update"]


def test_secret_whose_writing_failed_is_not_taken_for_what_it_was() -> None:
    before = ledger_of(secret())
    edited = secret(token="t2")
    made = plan(declared(edited), {edited.key: sealed()}, before)
    ledger = applied(made, before, unsure=[f"{edited.key}#deploy"])
    back = plan(declared(secret()), {edited.key: sealed()}, ledger)
    assert [item.effect.value for item in back.changes] == ["update"]


def test_correction_is_counted_and_gives_up_an_adoption_only_by_an_edit() -> None:
    drifted = plan(declared(ONE), {KEY: found(9, revision="2")}, SETTLED)
    assert applied(drifted, SETTLED).flips == {KEY: Flips(1, ONE.digest)}

    adopted = ledger_of(ONE, objects={KEY: held(ONE, adopted=True)})
    edited = plan(declared(EDITED), {KEY: found()}, adopted)
    assert applied(edited, adopted, revisions={DEPLOY: "2"}).objects == {
        KEY: Held("2", EDITED.digest)
    }
    stopped = plan(declared(replace(ONE, state=State.INACTIVE)), {KEY: found()}, adopted)
    after = applied(stopped, adopted, revisions={f"{KEY}#deactivate": "2"})
    assert after.objects == {KEY: Held("2", ONE.digest, adopted=True)}


def test_deactivated_object_stays_held_and_a_deleted_one_does_not() -> None:
    objects = {KEY: found(), OTHER.key: found()}
    stopped = plan(declared(OTHER), objects, BOTH)
    ledger = applied(stopped, BOTH, revisions={f"{KEY}#deactivate": "2"})
    assert ledger.objects[KEY] == Held("2", ONE.digest)
    deleted = plan(declared(OTHER), objects, BOTH, prune=Prune.DELETE)
    assert KEY not in applied(deleted, BOTH).objects
    assert KEY in applied(deleted, BOTH, failed=[f"{KEY}#delete"]).objects


# what is only kept


def test_adoption_is_held_as_such() -> None:
    made = plan(declared(ONE), {KEY: found(revision="4")})
    assert applied(made, EMPTY).objects == {KEY: Held("4", ONE.digest, adopted=True)}
    assert "the ledger records the revision of" not in "".join(made.bookkeeping)


def test_refused_adoption_is_not_held() -> None:
    made = plan(declared(ONE), {KEY: found()}, elsewhere={KEY: "other"})
    assert applied(made, EMPTY).objects == {}


def test_object_of_others_that_is_only_switched_with_leave_is_adopted() -> None:
    made = plan(declared(replace(ONE, adopt=True)), {KEY: found(active=False)})
    ledger = applied(made, EMPTY, revisions={ACTIVATE: "2"})
    assert ledger.objects == {KEY: Held("2", ONE.digest, adopted=True)}
    assert applied(made, EMPTY, failed=[ACTIVATE]).objects == {}


def test_paused_object_of_others_is_not_adopted_on_the_way() -> None:
    paused = Ledger("team", holds=(Hold(str(KEY), "because", NOW + timedelta(hours=1)),))
    made = plan(declared(replace(ONE, protect=True)), {KEY: found(active=False)}, paused)
    assert [item.effect for item in made.changes] == [Effect.PROTECT]
    assert applied(made, paused).objects == {}


def test_revision_that_moved_over_the_same_content_is_recorded_and_changes_nothing() -> None:
    made = plan(declared(ONE), {KEY: found(revision="7")}, SETTLED)
    assert made.is_empty
    assert made.bookkeeping == (f"the ledger records the revision of {KEY}",)
    ledger = applied(made, SETTLED)
    assert ledger.objects == {KEY: Held("7", ONE.digest)}
    again = plan(declared(ONE), {KEY: found(revision="7")}, ledger)
    assert (again.changes, again.bookkeeping) == ((), ())


def test_many_revisions_are_told_in_one_line() -> None:
    objects = {KEY: found(revision="7"), OTHER.key: found(revision="8")}
    made = plan(declared(ONE, OTHER), objects, BOTH)
    assert made.bookkeeping == ("the ledger records the revisions of 2 objects",)


def test_revision_is_recorded_although_the_switch_is_held_back() -> None:
    live = {KEY: found(revision="7", active=False)}
    made = plan(declared(ONE), live, SETTLED, drift=Drift.REPORT)
    assert made.blocked
    assert applied(made, SETTLED).objects == {KEY: Held("7", ONE.digest)}


def test_revision_of_an_undeclared_object_is_recorded_while_it_is_as_we_left_it() -> None:
    objects = {KEY: found(revision="7", active=False), OTHER.key: found()}
    ledger = applied(plan(declared(OTHER), objects, BOTH), BOTH)
    assert ledger.objects[KEY] == Held("7", ONE.digest)
    changed = {**objects, KEY: found(9, revision="7", active=False)}
    assert applied(plan(declared(OTHER), changed, BOTH), BOTH).objects == BOTH.objects


def test_announced_creation_that_took_place_is_held() -> None:
    announced = ledger_of(ONE, objects={KEY: Held("", ONE.digest)})
    made = plan(declared(ONE), {KEY: found(revision="3")}, announced)
    assert applied(made, announced).objects == {KEY: Held("3", ONE.digest)}


def test_undeclared_object_that_is_gone_is_given_up() -> None:
    made = plan(declared(OTHER), {OTHER.key: found()}, BOTH)
    assert f"the ledger no longer lists {KEY}" in made.bookkeeping
    ledger = applied(made, BOTH)
    assert ledger.objects.keys() == {OTHER.key}
    back = {KEY: found(), OTHER.key: found()}
    assert plan(declared(OTHER), back, ledger, prune=Prune.DELETE).changes == ()


@pytest.mark.parametrize(
    "options", [{"is_whole": False}, {"unreadable": {("FlyteTrigger", KEY.place): "no answer"}}]
)
def test_what_was_not_looked_for_or_not_readable_is_not_given_up(
    options: dict[str, object],
) -> None:
    is_whole = bool(options.pop("is_whole", True))
    made = plan(declared(OTHER, is_whole=is_whole), {OTHER.key: found()}, BOTH, **options)
    assert applied(made, BOTH).objects == BOTH.objects


def test_part_of_a_plan_teaches_the_ledger_nothing_about_the_rest() -> None:
    objects = {KEY: found(revision="7"), key("c"): found()}
    made = plan(declared(ONE, trigger("c"), OTHER), objects, SETTLED)
    part = made.part(change for change in made.changes if change.key == OTHER.key)
    ledger = applied(part, SETTLED, revisions={f"{OTHER.key}#deploy": "1"})
    assert ledger.objects == {KEY: Held("7", ONE.digest), OTHER.key: Held("1", OTHER.digest)}
