from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from object_builders import (
    SECRET,
    TRAITS,
    TRIGGER,
    applied,
    calls,
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
from plan_builders import NOW, PLACE

from reconciler.model.key import Key
from reconciler.model.ledger import Hold, Ledger, Removal
from reconciler.model.live import Live, Object
from reconciler.model.policy import Prune
from reconciler.model.resource import Resource, State
from reconciler.plan.plan import Block, Change, Effect, Plan, Reason
from reconciler.plan.stale import stale

KEPT = [trigger(f"k{index}", tick=index) for index in range(4)]
GONE = trigger("gone")
LEDGER = ledger_of(GONE, *KEPT)
RUNNING = {item.key: found(index) for index, item in enumerate(KEPT)}


def removal(
    live: Object | None, ledger: Ledger = LEDGER, about: Key = GONE.key, **options: object
) -> Change | None:
    """Plan a set that keeps all but one object."""
    objects = RUNNING if live is None else {**RUNNING, about: live}
    changes = plan(declared(*KEPT), objects, ledger, **options).changes
    assert len(changes) <= 1
    return changes[0] if changes else None


@pytest.mark.parametrize(
    ("prune", "active", "does"),
    [
        (Prune.DEACTIVATE, True, ("deactivate over 1",)),
        (Prune.DEACTIVATE, False, None),
        (Prune.ARCHIVE, True, ("deactivate over 1",)),
        (Prune.DELETE, True, ("deactivate over 1", "delete over 1")),
        (Prune.DELETE, False, ("delete over 1",)),
        (Prune.KEEP, True, None),
        (Prune.REPORT, True, ()),
        (Prune.REPORT, False, None),
    ],
)
def test_prune_policy_says_what_happens_to_undeclared_objects(
    prune: Prune, *, active: bool, does: tuple[str, ...] | None
) -> None:
    made = removal(found(active=active), prune=prune)
    if does is None:
        assert made is None
        return
    assert made is not None
    assert (made.effect, made.reason) == (Effect.REMOVE, Reason.UNDECLARED)
    assert calls(made) == does
    assert made.block is (Block.REPORT if prune is Prune.REPORT else None)


def test_deletion_waits_for_the_deactivation_and_both_for_what_starts() -> None:
    made = plan(
        declared(*KEPT, trigger("new", 9)),
        {**RUNNING, GONE.key: found()},
        LEDGER,
        prune=Prune.DELETE,
    )
    gone = made.changes[-1]
    stop, delete = gone.actions
    assert stop.waits == (f"activated:{PLACE}",)
    assert delete.waits == (stop.id, f"activated:{PLACE}")
    (new,) = [change for change in made.changes if change.key.name == "new"]
    assert new.actions[0].opens == (f"activated:{PLACE}",)


@pytest.mark.parametrize(
    ("prune", "does"), [(Prune.DEACTIVATE, None), (Prune.DELETE, ("delete over t0",))]
)
def test_what_has_no_switch_only_goes_where_deletion_is_asked_for(
    prune: Prune, does: tuple[str, ...] | None
) -> None:
    ledger = ledger_of(secret("gone"), *KEPT)
    made = removal(sealed(), ledger, secret("gone").key, prune=prune)
    assert (made and calls(made)) == does


def test_object_that_nobody_holds_is_never_removed_and_listed_when_it_is_active() -> None:
    objects = {**RUNNING, key("x"): found(), key("y"): found(active=False)}
    made = plan(declared(*KEPT), objects, ledger_of(*KEPT), prune=Prune.DELETE)
    assert made.changes == ()
    assert made.foreign == (key("x"),)


def test_object_that_others_wrote_anew_with_the_same_content_is_removed() -> None:
    made = removal(found(revision="8"))
    assert made is not None
    assert calls(made) == ("deactivate over 8",)


def test_object_that_others_changed_is_reported_and_left() -> None:
    made = removal(found(9, revision="8", changed="by somebody"))
    assert made is not None
    assert made.block is Block.REPORT
    assert made.block_detail == (
        "it is not as this set left it (by somebody), so somebody else may need it; remove it by "
        "hand, or give it up with `reconcile forget`"
    )
    assert removal(found(9, revision="8", active=False)) is None


@pytest.mark.parametrize("revision", ["t0", ""])
def test_secret_is_deleted_only_while_it_is_the_one_that_was_written(revision: str) -> None:
    about = secret("gone").key
    ledger = ledger_of(*KEPT, objects={about: held(secret("gone"), revision)})
    made = removal(sealed("t0"), ledger, about, prune=Prune.DELETE)
    assert made is not None
    assert made.block is (None if revision == "t0" else Block.REPORT)


def test_announced_object_of_other_content_is_somebody_elses() -> None:
    ledger = ledger_of(*KEPT, objects={GONE.key: held(GONE, "")})
    objects = {**RUNNING, GONE.key: found(9)}
    made = plan(declared(*KEPT), objects, ledger, prune=Prune.DELETE)
    assert (made.changes, made.foreign) == ((), (GONE.key,))
    assert applied(made, ledger).objects == ledger_of(*KEPT).objects


def test_announced_object_that_was_made_is_removed() -> None:
    ledger = ledger_of(*KEPT, objects={GONE.key: held(GONE, "")})
    made = removal(found(), ledger)
    assert made is not None
    assert calls(made) == ("deactivate over 1",)


def test_protected_object_outlives_the_block_that_protected_it() -> None:
    made = removal(found(), replace(LEDGER, protected=frozenset({GONE.key})))
    assert made is not None
    assert made.block is Block.PROTECTED


def test_adopted_object_that_is_no_longer_declared_is_stopped() -> None:
    ledger = ledger_of(*KEPT, objects={GONE.key: held(GONE, adopted=True)})
    made = removal(found(), ledger)
    assert made is not None
    assert calls(made) == ("deactivate over 1",)


def test_nothing_is_removed_where_a_part_could_not_be_read() -> None:
    objects = {**RUNNING, GONE.key: found()}
    made = plan(declared(*KEPT), objects, LEDGER, unreadable={(SECRET, PLACE): "no answer"})
    assert [change.block for change in made.changes] == [Block.UNREADABLE]


def test_part_of_a_set_removes_nothing() -> None:
    made = plan(declared(*KEPT, is_whole=False), {**RUNNING, GONE.key: found()}, LEDGER)
    assert made.changes == ()
    assert made.warnings[0].startswith("1 objects of set team are not among what was read")


# guards


def lose(gone: int, of: int, *, active: bool = True, **options: object) -> Plan:
    every = [trigger(f"n{index:02d}", tick=index) for index in range(of)]
    objects = {
        item.key: found(index, active=active or index >= gone) for index, item in enumerate(every)
    }
    return plan(declared(*every[gone:]), objects, ledger_of(*every), **options)


@pytest.mark.parametrize(
    ("gone", "of", "is_allowed"), [(1, 1, False), (1, 2, True), (4, 13, False), (4, 14, True)]
)
@pytest.mark.parametrize("active", [True, False])
def test_deletions_count_as_removals_whether_active_or_not(
    gone: int, of: int, *, is_allowed: bool, active: bool
) -> None:
    made = lose(gone, of, active=active, prune=Prune.DELETE)
    assert len(made.changes) == gone
    assert {item.block for item in made.changes} == ({None} if is_allowed else {Block.GUARD})


def test_only_active_objects_count_where_nothing_is_deleted() -> None:
    every = [trigger(f"n{index}", tick=index) for index in range(6)]
    objects = {item.key: found(index, active=index < 2) for index, item in enumerate(every)}
    kept = [replace(item, state=State.INACTIVE) for item in every[2:]]
    made = plan(declared(*kept), objects, ledger_of(*every[:2], *kept))
    assert [item.block for item in made.changes] == [Block.GUARD, Block.GUARD]
    assert made.changes[0].block_detail.startswith(
        "removes all 2 active objects of set team in p/d; "
    )


def test_refusal_of_deletions_does_not_speak_of_active_objects() -> None:
    made = lose(1, 1, active=False, prune=Prune.DELETE)
    assert made.changes[0].block_detail.startswith("removes the only object of set team in p/d; ")


def test_objects_of_others_are_no_part_of_the_share() -> None:
    every = [trigger(f"n{index}", tick=index) for index in range(6)]
    objects = {item.key: found(index) for index, item in enumerate(every)}
    objects |= {key(f"x{index}"): found() for index in range(50)}
    made = plan(declared(*every[4:]), objects, ledger_of(*every))
    assert {item.block for item in made.changes} == {Block.GUARD}


def test_hand_overs_count_as_removals_whether_active_or_not() -> None:
    wanted = [trigger(f"n{index}", adopt=True) for index in range(4)]
    made = plan(declared(*wanted), {item.key: found(9, active=False) for item in wanted})
    assert {item.block for item in made.changes} == {Block.GUARD}


def test_removals_are_remembered_for_the_limit() -> None:
    made = plan(declared(*KEPT), {**RUNNING, GONE.key: found()}, LEDGER)
    assert applied(made, LEDGER).removals == (Removal(GONE.key, NOW),)


# renames


def renamed(new: Resource, live: Object, **options: object) -> Plan:
    return plan(declared(*KEPT, new), {**RUNNING, GONE.key: live}, LEDGER, **options)


@pytest.mark.parametrize("is_read", [True, False])
def test_old_name_stops_when_the_new_one_runs(*, is_read: bool) -> None:
    live = found() if is_read else Object("1", digest=GONE.digest, is_active=True)
    made = renamed(trigger("new"), live)
    gone = made.changes[-1]
    assert (gone.key, gone.renamed_to) == (GONE.key, "new")
    assert gone.actions[0].waits == (f"{key('new')}#deploy",)
    assert applied(made, LEDGER).removals == ()


def test_other_content_and_inactive_objects_are_no_renames() -> None:
    assert renamed(trigger("new", 9), found()).changes[-1].renamed_to == ""
    made = renamed(trigger("new"), found(active=False), prune=Prune.DELETE)
    assert made.changes[-1].renamed_to == ""


def test_secrets_of_one_token_are_no_renames() -> None:
    ledger = ledger_of(secret("old"), *KEPT)
    objects = {**RUNNING, secret("old").key: sealed()}
    made = plan(declared(*KEPT, secret("new")), objects, ledger, prune=Prune.DELETE)
    assert {change.renamed_to for change in made.changes} == {""}


# saved plans


def refused(made: Plan, objects: dict[Key, Object], ledger: Ledger = LEDGER) -> set[str]:
    return {change.key.name for change in stale(made, Live(objects), ledger, TRAITS, now=NOW)}


NEW = trigger("new", 8)
SAVED = plan(declared(*KEPT, NEW), {**RUNNING, GONE.key: found()}, LEDGER)
HELD = Hold(f"{TRIGGER}/*/*/new", "because", NOW + timedelta(hours=1))


def test_nothing_is_stale_on_the_state_that_was_read() -> None:
    assert refused(SAVED, {**RUNNING, GONE.key: Object("1", is_active=True)}) == set()


def test_object_that_was_written_or_switched_since_is_refused() -> None:
    assert refused(SAVED, {**RUNNING, GONE.key: found(revision="2")}) == {"gone"}
    assert refused(SAVED, {**RUNNING, GONE.key: found(active=False)}) == {"gone"}
    assert refused(SAVED, RUNNING) == {"gone"}


def test_removals_wait_for_deployments_that_are_refused() -> None:
    objects = {**RUNNING, GONE.key: found(), NEW.key: found(1)}
    assert refused(SAVED, objects) == {"new", "gone"}


def test_pause_and_protection_that_came_after_the_plan_hold() -> None:
    objects = {**RUNNING, GONE.key: found()}
    assert "new" in refused(SAVED, objects, replace(LEDGER, holds=(HELD,)))
    assert refused(SAVED, objects, replace(LEDGER, protected=frozenset({GONE.key}))) == {"gone"}


def test_object_that_was_given_up_since_is_not_removed() -> None:
    assert refused(SAVED, {**RUNNING, GONE.key: found()}, ledger_of(*KEPT)) == {"gone"}
