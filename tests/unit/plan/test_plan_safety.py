from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from plan_builders import NOW, applied, declared, key, ledger_of, live, live_of, ours, plan, plan_of

from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger, Removal
from reconciler.model.live import Live, Record, Versions
from reconciler.model.resource import Resource
from reconciler.plan.plan import Block, Effect, Plan


def running(*names: str, domain: str = "d") -> dict[Key, Versions | Record]:
    return {key(name, domain=domain): live_of({ours(name): 6}) for name in names}


def names(count: int, prefix: str = "n") -> list[str]:
    return [f"{prefix}{index:02d}" for index in range(count)]


def remove(gone: int, of: int, **options: object) -> Plan:
    """Plan a set that lost the first `gone` of its `of` objects."""
    every = names(of)
    kept = [plan_of(name) for name in every[gone:]]
    found = Live(running(*every))
    return plan(declared(*kept), found, ledger_of(*kept), **options)


def blocks(made: Plan) -> set[Block | None]:
    return {change.block for change in made.changes}


@pytest.mark.parametrize(
    ("gone", "of", "is_allowed"),
    [
        (1, 1, False),
        (2, 2, False),
        (1, 2, True),
        (3, 4, True),
        (3, 100, True),
        (4, 13, False),
        (4, 14, True),
        (20, 100, True),
        (21, 100, False),
        (31, 100, False),
    ],
)
def test_limits_of_one_pass(gone: int, of: int, *, is_allowed: bool) -> None:
    made = remove(gone, of)
    assert len(made.changes) == gone
    assert blocks(made) == ({None} if is_allowed else {Block.GUARD})


def test_refusal_says_which_limit_and_how_to_go_on() -> None:
    all_of_it = remove(2, 2)
    assert all_of_it.changes[0].block_detail == (
        f"removes all 2 active objects of set team in p/d; approve with `--approve {all_of_it.id}`"
    )
    share = remove(4, 10)
    assert share.changes[0].block_detail == (
        "removes 4 of 10 active objects of set team in p/d, more than the fraction 0.3 allowed; "
        f"approve with `--approve {share.id}`"
    )


def test_approval_is_for_one_plan() -> None:
    refused = remove(2, 2)
    assert blocks(remove(2, 2, approved=refused.id)) == {None}
    assert blocks(remove(3, 3, approved=refused.id)) == {Block.GUARD}
    assert blocks(remove(2, 2, approved="x")) == {Block.GUARD}
    assert blocks(remove(2, 2, approved="")) == {Block.GUARD}


def test_approval_does_not_change_the_plan_id() -> None:
    refused = remove(2, 2)
    assert remove(2, 2, approved=refused.id).id == refused.id


def test_limits_are_per_project_domain() -> None:
    kept = [plan_of(name) for name in names(9)]
    found = {
        **running(*names(10)),
        **running("only", domain="e"),
    }
    made = plan(declared(*kept), Live(found), ledger_of(*kept))
    assert {change.key.domain: change.block for change in made.changes} == {
        "d": None,
        "e": Block.GUARD,
    }


def test_the_rest_of_the_plan_goes_on_in_the_same_place() -> None:
    found = live({key("old"): live_of({ours("old"): 6})})
    made = plan(declared(plan_of("new", 9)), found)
    assert {change.key.name: change.block for change in made.changes} == {
        "new": None,
        "old": Block.GUARD,
    }


def test_removals_of_the_last_day_count() -> None:
    def after(count: int, hours: float) -> set[Block | None]:
        gone = names(count, "gone")
        history = tuple(Removal(key(name), NOW - timedelta(hours=hours)) for name in gone)
        every = names(30)
        kept = [plan_of(name) for name in every[1:]]
        ledger = replace(ledger_of(*kept), removals=history)
        return blocks(plan(declared(*kept), Live(running(*every)), ledger))

    assert after(19, 23) == {None}
    assert after(20, 23) == {Block.GUARD}
    assert after(20, 25) == {None}


def test_removals_elsewhere_do_not_count() -> None:
    elsewhere = tuple(
        Removal(key(name, domain="e"), NOW - timedelta(hours=1)) for name in names(20, "gone")
    )
    every = names(30)
    kept = [plan_of(name) for name in every[1:]]
    ledger = replace(ledger_of(*kept), removals=elsewhere)
    assert blocks(plan(declared(*kept), Live(running(*every)), ledger)) == {None}


def test_limits_can_be_set() -> None:
    assert blocks(remove(2, 20, max_removals=1)) == {Block.GUARD}
    assert blocks(remove(9, 20, max_removal_fraction=0.5)) == {None}
    assert blocks(remove(0, 20, max_removals=0)) == set()


def hand_over(count: int, **options: object) -> Plan:
    wanted = [plan_of(name, adopt=True) for name in names(count)]
    found = live({key(name): live_of({"v1": 5}) for name in names(count)})
    return plan(declared(*wanted), found, **options)


def test_hand_overs_count_as_removals() -> None:
    assert blocks(hand_over(3)) == {None}
    refused = hand_over(4)
    assert blocks(refused) == {Block.GUARD}
    assert {change.effect for change in refused.changes} == {Effect.HAND_OVER}
    assert blocks(hand_over(4, approved=refused.id)) == {None}


def test_what_is_held_back_anyway_does_not_trip_the_guard() -> None:
    protected = ledger_of(protected=frozenset({key(name) for name in names(4)}))
    every = names(6)
    kept = [plan_of(name) for name in every[5:]]
    made = plan(declared(*kept), Live(running(*every)), protected)
    assert {change.key.name: change.block for change in made.changes} == {
        **dict.fromkeys(every[:4], Block.PROTECTED),
        every[4]: None,
    }


def test_objects_of_others_are_no_part_of_the_share() -> None:
    every = names(6)
    found = {**running(*every), **{key(f"x{i}"): live_of({"v1": 6}) for i in range(50)}}
    kept = [plan_of(name) for name in every[4:]]
    assert blocks(plan(declared(*kept), Live(found))) == {Block.GUARD}


def test_renamed_object_is_not_lost() -> None:
    renamed = _same_content("new", "old")
    found = live({key("old"): live_of({ours("old"): 6})})
    made = plan(declared(renamed), found)
    assert blocks(made) == {None}
    (old,) = [change for change in made.changes if change.key.name == "old"]
    assert old.renamed_to == "new"

    assert applied(made, Ledger("team")).removals == ()


def test_one_rename_pays_for_one_removal() -> None:
    renamed = _same_content("new", "old")
    found = live({key(name): live_of({ours(name): 6}) for name in ("old", "older")})
    made = plan(declared(renamed), found)
    removed = [change for change in made.changes if change.effect is Effect.REMOVE]
    assert sorted(change.renamed_to for change in removed) == ["", "new"]
    assert len(applied(made, Ledger("team")).removals) == 1


def test_removal_is_remembered_for_the_limit() -> None:
    made = remove(1, 3)
    ledger = applied(made, Ledger("team"))
    assert ledger.removals == (Removal(key("n00"), NOW),)
    assert ledger.removals_since(Place("p", "d"), NOW - timedelta(days=1)) == 1


def _same_content(name: str, former: str) -> Resource:
    return replace(plan_of(name), body=plan_of(former).body)


def test_what_is_taken_over_counts_as_if_it_were_owned_already() -> None:
    mine = names(10, "mine")
    wanted = [plan_of(name) for name in mine] + [plan_of(name, adopt=True) for name in names(4)]
    found = {**running(*mine), **{key(name): live_of({"v1": 5}) for name in names(4)}}
    assert blocks(plan(declared(*wanted), Live(found))) == {None}
