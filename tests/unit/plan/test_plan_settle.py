from __future__ import annotations

from datetime import timedelta

import pytest
from plan_builders import (
    CLAIM,
    NOW,
    PLACE,
    applied,
    chosen,
    declared,
    key,
    ledger_of,
    live,
    live_of,
    ours,
    plan,
    plan_of,
)

from reconciler.model.key import Place
from reconciler.model.ledger import Flips, Hold, Ledger, Removal
from reconciler.model.policy import Drift, Prune
from reconciler.plan import settle

A, B = plan_of("a"), plan_of("b")
EMPTY = Ledger("team")


def test_before_the_first_write_the_set_is_claimed_and_its_places_listed() -> None:
    made = plan(declared(A, plan_of("x", domain="e")), live())
    opened = settle.before(EMPTY, made, claim=CLAIM)
    assert opened.claim == CLAIM
    assert opened.places == {PLACE, Place("p", "e")}
    assert (opened.desired, opened.applied) == ("", frozenset())


def test_names_to_archive_are_listed_before_it_is_done() -> None:
    found = live({key("a"): live_of({ours("a"): 6}), key("b"): live_of({ours("b"): 6})})
    made = plan(declared(B), found, ledger_of(A, B), prune=Prune.ARCHIVE)
    assert settle.before(EMPTY, made, claim=CLAIM).archived == {key("a")}


@pytest.mark.parametrize("failed", ["register", "activate"])
def test_failed_object_keeps_no_mark_and_the_declaration_is_not_recorded(failed: str) -> None:
    made = plan(declared(A, B), live())
    ledger = applied(made, EMPTY, failed=[f"{key('a')}#{failed}"])
    assert ledger.applied == {B.mark}
    assert ledger.desired == ""


def test_failed_edit_keeps_the_mark_of_what_runs() -> None:
    edited = plan_of("a", 9)
    found = live({key("a"): live_of({ours("a"): 6})})
    made = plan(declared(edited), found, ledger_of(A))
    ledger = applied(made, ledger_of(A), failed=[f"{key('a')}#activate"])
    assert ledger.applied == {A.mark}


def test_edit_replaces_the_mark() -> None:
    edited = plan_of("a", 9)
    found = live({key("a"): live_of({ours("a"): 6})})
    ledger = applied(plan(declared(edited), found, ledger_of(A)), ledger_of(A))
    assert ledger.applied == {edited.mark}


def test_removed_object_loses_its_mark() -> None:
    found = live({key("a"): live_of({ours("a"): 6}), key("b"): live_of({ours("b"): 6})})
    before = ledger_of(A, B)
    assert applied(plan(declared(B), found, before), before).applied == {B.mark}


def test_failed_removal_is_not_counted_and_keeps_its_mark() -> None:
    found = live({key("a"): live_of({ours("a"): 6}), key("b"): live_of({ours("b"): 6})})
    before = ledger_of(A, B)
    made = plan(declared(B), found, before)
    (gone,) = made.changes
    ledger = applied(made, before, failed=[gone.actions[0].id])
    assert ledger.removals == ()
    assert ledger.applied == {A.mark, B.mark}
    assert ledger.desired == before.desired


def test_what_is_held_back_keeps_the_mark_it_had() -> None:
    foreign = live({key("a"): live_of({"v1": 5})})
    assert applied(plan(declared(A), foreign), EMPTY).applied == frozenset()
    before = ledger_of(A)
    made = plan(declared(A), foreign, before, drift=Drift.REPORT)
    assert applied(made, before).applied == {A.mark}


def test_what_could_not_be_read_keeps_the_mark_it_had() -> None:
    unreadable = live({}, {("FlyteLaunchPlan", PLACE): "no answer"})
    before = ledger_of(A, B)
    made = plan(declared(plan_of("a", 9), B), unreadable, before)
    ledger = applied(made, before)
    assert ledger.applied == {A.mark, B.mark}
    assert ledger.desired == before.desired


def test_paused_object_has_no_mark_so_that_its_start_is_no_drift() -> None:
    hold = Hold("*/a", "because", NOW + timedelta(hours=1))
    before = ledger_of(A, B, holds=(hold,))
    found = live({key("a"): live_of({ours("a"): 6}), key("b"): live_of({ours("b"): 6})})
    stopped = applied(plan(declared(A, B), found, before), before)
    assert stopped.applied == {B.mark}
    assert stopped.flips == {}

    later = NOW + timedelta(hours=2)
    idle = live({**found.objects, key("a"): live_of(registered={ours("a"): 6})})
    made = plan(declared(A, B), idle, stopped, now=later, drift=Drift.REPORT)
    assert not made.blocked
    started = applied(made, stopped, now=later)
    assert started.applied == {A.mark, B.mark}
    assert started.holds == ()


def test_ended_pause_stays_listed_until_the_object_was_started() -> None:
    ended = Hold("*/a", "because", NOW - timedelta(hours=1))
    before = ledger_of(B, holds=(ended,))
    idle = live({key("a"): live_of(registered={ours("a"): 6})})
    made = plan(declared(A, B), idle, before)
    ledger = applied(made, before, failed=[f"{key('a')}#activate"])
    assert ledger.holds == (ended,)

    part = plan(declared(B, is_whole=False), idle, before)
    assert applied(part, before).holds == (ended,)


def test_steady_set_writes_nothing_although_time_goes_by() -> None:
    old = Removal(key("x"), NOW - timedelta(days=2))
    ended = Hold("*/z", "because", NOW - timedelta(hours=1))
    before = ledger_of(A, removals=(old,), holds=(ended,))
    made = plan(declared(A), live({key("a"): live_of({ours("a"): 6})}), before)
    assert applied(made, before).same_content(before)


def test_next_write_drops_what_is_over() -> None:
    old = Removal(key("x"), NOW - timedelta(days=2))
    ended = Hold("*/z", "because", NOW - timedelta(hours=1))
    before = ledger_of(A, removals=(old,), holds=(ended,))
    ledger = applied(
        plan(declared(A, B), live({key("a"): live_of({ours("a"): 6})}), before), before
    )
    assert (ledger.removals, ledger.holds) == ((), ())


def test_adoption_is_recorded_and_ends_when_ours_runs() -> None:
    adopted = applied(plan(declared(A), live({key("a"): live_of({"v1": 6})})), EMPTY)
    assert adopted.adopted == {key("a"): "v1"}
    edited = plan(declared(plan_of("a", 9)), live({key("a"): live_of({"v1": 6})}), adopted)
    assert applied(edited, adopted).adopted == {}


def test_adoption_stays_when_the_replacement_fails() -> None:
    before = ledger_of(A, adopted={key("a"): "v1"})
    edited = plan(declared(plan_of("a", 9)), live({key("a"): live_of({"v1": 6})}), before)
    assert applied(edited, before, failed=[f"{key('a')}#activate"]).adopted == {key("a"): "v1"}


def test_adoption_that_a_crash_left_behind_is_dropped_with_the_next_apply() -> None:
    before = ledger_of(A, adopted={key("a"): "v1"})
    made = plan(declared(A), live({key("a"): live_of({ours("a"): 6})}), before)
    assert made.changes == ()
    assert applied(made, before).adopted == {}


def test_chosen_version_is_owned_once_it_runs() -> None:
    made = plan(declared(chosen("a", "v1")), live({key("a"): live_of(registered={"v1": 6})}))
    assert applied(made, EMPTY).adopted == {key("a"): "v1"}
    assert applied(made, EMPTY, failed=[f"{key('a')}#activate"]).adopted == {}


def test_corrections_are_counted_and_failed_ones_are_not() -> None:
    before = ledger_of(A)
    found = live({key("a"): live_of({"v1": 5}, registered={ours("a"): 6})})
    made = plan(declared(A), found, before)
    once = applied(made, before)
    assert once.flips == {key("a"): Flips(1, A.digest)}
    assert applied(made, once).flips == {key("a"): Flips(2, A.digest)}
    assert applied(made, before, failed=[f"{key('a')}#activate"]).flips == {}


def test_part_of_a_set_records_its_marks_and_nothing_of_the_rest() -> None:
    before = ledger_of(B)
    made = plan(declared(A, is_whole=False), live(), before)
    ledger = applied(made, before)
    assert ledger.applied == {A.mark, B.mark}
    assert ledger.desired == before.desired


def test_removal_on_its_own_takes_the_mark_along() -> None:
    found = live({key("a"): live_of({ours("a"): 6}), key("b"): live_of({ours("b"): 6})})
    before = ledger_of(A, B)
    made = plan(declared(B, plan_of("c")), found, before)
    part = made.part(change for change in made.changes if change.key.name == "a")
    assert applied(part, before).applied == {B.mark}


def test_ended_pause_stays_listed_while_anything_else_succeeds() -> None:
    ended = Hold("*/a", "because", NOW - timedelta(hours=1))
    before = ledger_of(B, holds=(ended,))
    idle = live({key("a"): live_of(registered={ours("a"): 6}), key("b"): live_of({ours("b"): 6})})
    made = plan(declared(A, B, plan_of("c")), idle, before)
    ledger = applied(made, before, failed=[f"{key('a')}#activate"])
    assert ledger.applied == {B.mark, plan_of("c").mark}
    assert ledger.holds == (ended,)
