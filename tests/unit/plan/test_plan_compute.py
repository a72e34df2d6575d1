from __future__ import annotations

from dataclasses import replace

from plan_builders import (
    BACKEND,
    PLACE,
    applied,
    declared,
    key,
    live,
    live_of,
    ours,
    plan,
    plan_of,
)

from reconciler.model.digest import UNCLAIMED
from reconciler.model.key import Place
from reconciler.model.ledger import Ledger
from reconciler.plan.plan import Block, Effect, Plan, Summary

LAUNCH_PLANS = ("FlyteLaunchPlan", PLACE)
RUNNING = {key(name): live_of({ours(name): 6}) for name in ("a", "b", "c")}


def test_unreadable_is_not_absent() -> None:
    found = live({}, {LAUNCH_PLANS: "no answer"})
    made = plan(declared(plan_of("a"), plan_of("x", domain="e")), found)
    assert [change.key.domain for change in made.changes] == ["e"]
    assert made.unread == 1
    assert made.warnings == (
        "FlyteLaunchPlan in p/d could not be read, so nothing is changed there: no answer",
    )
    assert not made.summary().unchanged


def test_unreadable_kind_holds_back_the_removals_of_its_place() -> None:
    found = live(RUNNING, {("FlyteTask", PLACE): "no answer"})
    made = plan(declared(plan_of("a"), plan_of("b")), found)
    assert [(change.key.name, change.block) for change in made.changes] == [("c", Block.UNREADABLE)]
    assert made.changes[0].block_detail == "not all of p/d could be read: no answer"


def test_unreadable_declaration_holds_back_the_removals_of_its_place() -> None:
    wanted = declared(plan_of("a"), plan_of("b"), unreadable={PLACE: "archive is broken"})
    made = plan(wanted, live(RUNNING))
    assert [change.block for change in made.changes] == [Block.UNREADABLE]


def test_unreadable_elsewhere_does_not_matter() -> None:
    found = live(RUNNING, {("FlyteLaunchPlan", Place("p", "e")): "no answer"})
    made = plan(declared(plan_of("a"), plan_of("b")), found)
    assert [change.block for change in made.changes] == [None]


def test_part_of_a_set_removes_nothing_and_says_so() -> None:
    made = plan(declared(plan_of("a"), is_whole=False), live(RUNNING))
    assert made.changes == ()
    (warning,) = made.warnings
    assert warning == (
        "2 objects of set team are not among what was read; "
        "only a run over the set's whole root removes anything"
    )


def test_documents_without_a_set_remove_nothing_and_keep_nothing() -> None:
    running = {key("b"): live_of({ours("b", set_name=UNCLAIMED): 6})}
    made = plan(
        declared(plan_of("a", set_name=UNCLAIMED), is_whole=False),
        live(running),
        set_name=UNCLAIMED,
    )
    assert [change.effect for change in made.changes] == [Effect.CREATE]
    assert (made.warnings, made.bookkeeping) == ((), ())


def test_active_objects_of_nobody_are_listed() -> None:
    found = live({key("z"): live_of({"v1": 6}), key("y"): live_of({"v1": 6}), key("x"): live_of()})
    assert plan(declared(), found).foreign == (key("y"), key("z"))


def test_plan_id_covers_set_endpoint_declaration_and_state() -> None:
    base = plan(declared(plan_of("a")), live())
    others = {
        plan(declared(plan_of("a", 9)), live()).id,
        plan(declared(plan_of("a")), live({key("a"): live_of({ours("a", 5): 5})})).id,
        plan(declared(plan_of("a"), plan_of("b")), live()).id,
        plan(declared(plan_of("a")), live(), set_name="other").id,
        base.id,
    }
    assert len(others) == 5


def test_summary_counts_what_is_done_and_what_is_held_back() -> None:
    wanted = declared(plan_of("a"), plan_of("new"), plan_of("b", 9), plan_of("same"), plan_of("no"))
    found = live(
        {
            **RUNNING,
            key("same"): live_of({"v1": 6}),
            key("no"): live_of({"v1": 1}),
        }
    )
    assert plan(wanted, found).summary() == Summary(
        add=1, change=1, remove=1, adopt=1, blocked=1, unchanged=1
    )


def settled() -> tuple[Plan, Ledger]:
    made = plan(declared(plan_of("a")), live())
    return made, applied(made, Ledger("team"))


def test_ledger_learns_places_marks_and_declaration() -> None:
    made, ledger = settled()
    assert made.bookkeeping == ("the ledger records this declaration",)
    assert ledger.places == {PLACE}
    assert ledger.applied == {plan_of("a").mark}
    assert ledger.desired == declared(plan_of("a")).digest()


def test_nothing_is_kept_twice() -> None:
    _, ledger = settled()
    again = plan(declared(plan_of("a")), live({key("a"): live_of({ours("a"): 6})}), ledger)
    assert (again.changes, again.bookkeeping) == ((), ())
    assert applied(again, ledger) is not None
    assert applied(again, ledger) == ledger


def test_lost_ledger_learns_the_places_again() -> None:
    found = live({key("a"): live_of({ours("a"): 6})})
    made = plan(declared(plan_of("a")), found, Ledger("team"))
    assert made.changes == ()
    assert applied(made, Ledger("team")).places == {PLACE}


def test_adopted_place_is_listed() -> None:
    made = plan(declared(plan_of("a")), live({key("a"): live_of({"v1": 6})}))
    ledger = applied(made, Ledger("team"))
    assert (ledger.adopted, ledger.places) == ({key("a"): "v1"}, {PLACE})


def test_part_of_a_plan_teaches_the_ledger_nothing_about_the_rest() -> None:
    made = plan(declared(plan_of("a", protect=True), plan_of("b")), live())
    part = made.part(change for change in made.changes if change.key.name == "b")
    assert not part.is_whole
    ledger = applied(part, Ledger("team"))
    assert ledger.applied == {plan_of("b").mark}
    assert (ledger.protected, ledger.desired) == (frozenset(), "")


def test_endpoint_is_part_of_the_plan() -> None:
    made = plan(declared(plan_of("a")), live())
    assert made.backend == BACKEND
    moved = replace(made, backend={**BACKEND, "endpoint": "there"})
    assert moved != made
