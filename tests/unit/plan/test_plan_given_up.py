"""Declarations that are deleted one by one, that have an error, and that say what comes after."""

from __future__ import annotations

from plan_builders import (
    CLAIM,
    NOW,
    PLACE,
    applied,
    declared,
    key,
    ledger_of,
    live,
    live_of,
    ours,
    plan,
    plan_of,
)

from reconciler.model.ledger import decode, encode
from reconciler.model.policy import Prune
from reconciler.model.traits import Verb
from reconciler.plan import settle
from reconciler.plan.plan import Block, Effect

NAMES = ("a", "b", "c", "e")
RUNNING = {key(name): live_of({ours(name): 6}) for name in NAMES}
BUT_C = tuple(plan_of(name) for name in NAMES if name != "c")
EVERY = tuple(plan_of(name) for name in NAMES)


def test_given_up_is_removed_although_only_a_part_was_read() -> None:
    wanted = declared(plan_of("a"), is_whole=False)
    made = plan(wanted, live(RUNNING), given_up={key("c"): Prune.DEACTIVATE})
    assert [(one.key.name, one.effect, one.block) for one in made.changes] == [
        ("c", Effect.REMOVE, None)
    ]
    assert "2 objects" in made.warnings[0]


def test_given_up_is_removed_although_a_package_near_it_could_not_be_read() -> None:
    wanted = declared(*BUT_C[:2], unreadable={PLACE: "archive is broken"})
    made = plan(wanted, live(RUNNING), given_up={key("c"): Prune.DEACTIVATE})
    assert {one.key.name: one.block for one in made.changes} == {
        "c": None,
        "e": Block.UNREADABLE,
    }


def test_what_is_given_up_goes_its_own_way() -> None:
    made = plan(declared(*BUT_C), live(RUNNING), given_up={key("c"): Prune.KEEP})
    assert made.changes == ()
    made = plan(declared(*BUT_C), live(RUNNING), given_up={key("c"): Prune.ARCHIVE})
    assert [action.verb for action in made.changes[0].actions] == [Verb.ARCHIVE, Verb.DEACTIVATE]


def test_given_up_and_declared_by_another_stays() -> None:
    made = plan(declared(*EVERY), live(RUNNING), given_up={key("c"): Prune.DEACTIVATE})
    assert made.changes == ()


def test_removals_of_what_is_given_up_pass_the_guard() -> None:
    gone = dict.fromkeys(RUNNING, Prune.DEACTIVATE)
    made = plan(declared(is_whole=False), live(RUNNING), given_up=gone)
    assert {one.block for one in made.changes} == {Block.GUARD}


def test_faulty_documents_keep_their_objects_and_let_the_others_go_on() -> None:
    wanted = declared(*BUT_C[:2], faulty=frozenset({key("c")}))
    made = plan(wanted, live(RUNNING))
    assert [one.key.name for one in made.changes] == ["e"]


def test_faulty_documents_keep_what_the_ledger_knows_of_them() -> None:
    ledger = ledger_of(*EVERY, adopted={key("c"): "v7"})
    wanted = declared(*BUT_C, faulty=frozenset({key("c")}))
    found = live({**RUNNING, key("c"): live_of()})
    made = plan(wanted, found, ledger)
    then = settle.after(ledger, made, done={}, now=NOW)
    assert then.applied == ledger.applied
    assert then.adopted == ledger.adopted


def test_ledger_remembers_what_comes_after_a_declaration() -> None:
    wanted = declared(*BUT_C, plan_of("c", on_removal=Prune.KEEP))
    made = plan(wanted, live(RUNNING))
    assert any("no longer declared" in line for line in made.bookkeeping)
    then = settle.after(settle.before(ledger_of(), made, claim=CLAIM), made, done={}, now=NOW)
    assert then.on_removal == {key("c"): Prune.KEEP}
    assert decode(encode(then), revision=1, home=PLACE).on_removal == then.on_removal

    later = plan(declared(*BUT_C), live(RUNNING), then)
    assert later.changes == ()
    again = settle.after(then, later, done={}, now=NOW)
    assert again.on_removal == then.on_removal


def test_ledger_forgets_it_once_the_set_decides_again() -> None:
    ledger = ledger_of(*EVERY, on_removal={key("c"): Prune.KEEP})
    made = plan(declared(*EVERY), live(RUNNING), ledger)
    assert settle.after(ledger, made, done={}, now=NOW).on_removal == {}
    same = plan(declared(*BUT_C, plan_of("c", on_removal=Prune.DEACTIVATE)), live(RUNNING), ledger)
    assert settle.after(ledger, same, done={}, now=NOW).on_removal == {}


def test_ledger_forgets_it_with_the_object() -> None:
    ledger = ledger_of(*EVERY, on_removal={key("c"): Prune.ARCHIVE})
    then = applied(plan(declared(*BUT_C), live(RUNNING), ledger), ledger)
    assert then.on_removal == {}
