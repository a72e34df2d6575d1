"""Laws of a reconciler for mutable objects, over random histories of a small Flyte."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st
from object_builders import TRAITS
from object_world import (
    DECLARED,
    HANDS,
    HISTORIES,
    KEYS,
    POLICIES,
    TRIGGERS,
    Declared,
    Hand,
    Killed,
    Step,
    Wanted,
    World,
)
from plan_builders import PLACE

from reconciler.model.key import Key
from reconciler.model.live import Live
from reconciler.model.resource import State
from reconciler.plan.context import Policy
from reconciler.plan.encode import decode, encode
from reconciler.plan.plan import Block, Plan
from reconciler.plan.stale import stale

KEY, OTHER_KEY, SECRET_KEY = KEYS
ONE, TWO = Wanted(1), Wanted(2)
EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "0"))
LAW = settings(max_examples=EXAMPLES or 80, derandomize=not EXAMPLES)


def world_after(history: list[Step], wanted: Declared, policy: Policy) -> World:
    world = World(policy=policy)
    world.play(history)
    world.declare(wanted)
    return world


def held_back(made: Plan) -> dict[Key, Block | None]:
    return {change.key: change.block for change in made.blocked}


@LAW
@given(HISTORIES, DECLARED, POLICIES)
def test_applying_converges_and_a_second_run_is_silent(
    history: list[Step], wanted: Declared, policy: Policy
) -> None:
    world = world_after(history, wanted, policy)
    first = world.plan()
    report = world.apply(first)
    assert report.failures == ()
    ledger, calls, world.flyte.details = world.ledger, len(world.flyte.calls), 0

    again = world.plan()

    assert again.doable == ()
    assert held_back(again) == held_back(first)
    assert again.bookkeeping == ()
    # Contents are read again only where they are not what the ledger holds.
    assert world.flyte.details == len(differing(world))
    world.apply(again)
    assert (world.ledger, len(world.flyte.calls)) == (ledger, calls)


def differing(world: World) -> set[Key]:
    """Triggers that are looked after and are not as the ledger holds them."""
    known, state = world.ledger.objects, world.state()
    wanted = {about: one.digest for about, one in world.wanted.resources.items()}
    return {
        about
        for about in state.keys() & {*known, *wanted} & set(TRIGGERS)
        if about not in known
        or {known[about].digest, state[about][0]} != {wanted.get(about, known[about].digest)}
    }


@LAW
@given(HISTORIES, DECLARED, POLICIES)
def test_what_runs_is_what_is_declared(
    history: list[Step], wanted: Declared, policy: Policy
) -> None:
    world = world_after(history, wanted, policy)
    check_that_it_runs_as_declared(world, wanted)


@LAW
@example([{SECRET_KEY: ONE}], {SECRET_KEY: TWO}, {SECRET_KEY: ONE}, Policy(), 1, True)
@example([{KEY: ONE}], {KEY: TWO}, {KEY: ONE}, Policy(), 1, True)
@example([], {KEY: ONE}, {KEY: TWO}, Policy(), 1, True)
@given(HISTORIES, DECLARED, DECLARED, POLICIES, st.integers(1, 3), st.booleans())
def test_killed_and_edited_the_next_run_does_what_is_declared_then(
    history: list[Step], first: Declared, then: Declared, policy: Policy, at: int, after: bool
) -> None:
    world = world_after(history, first, policy)
    world.flyte.dies_at, world.flyte.dies_after = len(world.flyte.calls) + at, after
    with suppress(Killed):
        world.apply()
    world.flyte.dies_at = 0
    world.declare(then)
    check_that_it_runs_as_declared(world, then)


def check_that_it_runs_as_declared(world: World, wanted: Declared) -> None:
    made = world.plan()
    world.apply(made)
    for about, one in wanted.items():
        resource = one.resource(about)
        is_paused = about in TRIGGERS and world.ledger.hold_on(about, world.now)
        if about in held_back(made) or (is_paused and one.state is not State.UNMANAGED):
            continue
        content, active = world.state()[about]
        assert content == resource.digest
        if about in TRIGGERS and one.state is not State.UNMANAGED:
            assert active is (one.state is State.ACTIVE)


@LAW
@given(HISTORIES, DECLARED, POLICIES)
def test_where_switches_tell_no_revision_the_next_run_only_looks(
    history: list[Step], wanted: Declared, policy: Policy
) -> None:
    world = World(policy=policy)
    world.flyte.tells = False
    world.play(history)
    world.declare(wanted)
    world.apply()
    calls = len(world.flyte.calls)
    assert world.plan().doable == ()
    world.apply()
    again = world.plan()
    assert (again.doable, again.bookkeeping) == ((), ())
    assert len(world.flyte.calls) == calls


@LAW
@given(HISTORIES, DECLARED, POLICIES, st.integers(1, 8), st.booleans())
def test_killed_at_any_call_the_next_run_ends_in_the_same_state(
    history: list[Step], wanted: Declared, policy: Policy, at: int, after: bool
) -> None:
    undisturbed = world_after(history, wanted, policy)
    world = deepcopy(undisturbed)
    undisturbed.apply()
    world.flyte.dies_at, world.flyte.dies_after = len(world.flyte.calls) + at, after
    with suppress(Killed):
        world.apply()
    world.flyte.dies_at = 0

    world.apply()

    again = world.plan()
    assert again.doable == ()
    assert world.state() == undisturbed.state()
    assert held_back(again) == held_back(undisturbed.plan())
    assert owned(world) == owned(undisturbed)


def owned(world: World) -> dict[Key, tuple[str, bool]]:
    return {about: (held.digest, held.adopted) for about, held in world.ledger.objects.items()}


@LAW
@example([{KEY: ONE, OTHER_KEY: ONE}, Hand(KEY, "write", 3, True)], {OTHER_KEY: ONE}, Policy())
@given(HISTORIES, DECLARED, POLICIES)
def test_objects_of_others_are_untouched(
    history: list[Step], wanted: Declared, policy: Policy
) -> None:
    world = world_after(history, wanted, policy)
    before, calls, mine = world.flyte.objects.copy(), len(world.flyte.calls), world.ledger.objects
    world.apply()
    touched = {about for _, about in world.flyte.calls[calls:]}
    for about, stored in before.items():
        leave = about in wanted and wanted[about].adopt
        if about not in mine and not leave:
            assert about not in touched
            assert world.flyte.objects[about] == stored
        if about in mine and about not in wanted:
            # What somebody else wrote over it is somebody else's.
            is_ours = stored.revision == mine[about].revision or (
                about in TRIGGERS and world_digest(world, about, before) == mine[about].digest
            )
            assert is_ours or about not in touched


def world_digest(world: World, about: Key, before: dict[Key, object]) -> str:
    copy = World(flyte=replace(world.flyte, objects=before))
    return copy.state()[about][0]


@LAW
@given(HISTORIES, DECLARED, POLICIES, st.sampled_from(sorted({about.kind for about in KEYS})))
def test_unreadable_removes_nothing_and_changes_nothing_of_its_kind(
    history: list[Step], wanted: Declared, policy: Policy, kind: str
) -> None:
    world = world_after(history, wanted, policy)
    rest = {about: item for about, item in world.read().objects.items() if about.kind != kind}
    made = world.plan(Live(rest, {(kind, PLACE): "no answer"}))
    assert not [item for item in made.doable if item.key.kind == kind or item.key not in wanted]
    assert made.unread == len([about for about in wanted if about.kind == kind])

    known = world.ledger.objects
    world.apply(made)
    kept = {about for about in known if about.kind == kind}
    assert {about: known[about] for about in kept} == {
        about: held for about, held in world.ledger.objects.items() if about.kind == kind
    }


@LAW
@given(HISTORIES, DECLARED, POLICIES, st.lists(HANDS, max_size=3))
def test_saved_plan_does_nothing_to_what_moved_since(
    history: list[Step], wanted: Declared, policy: Policy, since: list[Hand]
) -> None:
    world = world_after(history, wanted, policy)
    saved = decode(json.loads(json.dumps(encode(world.plan()))))
    before = world.flyte.objects.copy()
    for hand in since:
        hand.act(world.flyte)
    moved = {about for about in KEYS if before.get(about) != world.flyte.objects.get(about)}
    refused = {item.key for item in stale(saved, world.read(), world.ledger, TRAITS, now=world.now)}
    assert moved & {item.key for item in saved.doable} <= refused
    calls = len(world.flyte.calls)

    part = saved.part(item for item in saved.changes if item.key not in refused)
    report = world.apply(part)

    assert report.failures == ()
    assert not moved & {about for _, about in world.flyte.calls[calls:]}
    world.apply()
    assert world.plan().doable == ()


@LAW
@given(HISTORIES, DECLARED, POLICIES, st.lists(HANDS, min_size=1, max_size=3))
def test_write_in_between_is_a_conflict_and_the_next_run_plans_again(
    history: list[Step], wanted: Declared, policy: Policy, since: list[Hand]
) -> None:
    world = world_after(history, wanted, policy)
    made = world.plan()
    for hand in since:
        hand.act(world.flyte)
    mine = world.ledger.objects
    before = world.flyte.objects.copy()
    world.apply(made)
    for about, stored in before.items():
        # A deployment over another revision never goes through.
        if about not in mine and about in wanted and not wanted[about].adopt:
            assert world.flyte.objects[about] == stored
    first = world.plan()
    world.apply(first)
    again = world.plan()
    assert again.doable == ()
    assert held_back(again) == held_back(first)


@LAW
@given(HISTORIES, DECLARED, POLICIES)
def test_renaming_the_set_changes_nothing(
    history: list[Step], wanted: Declared, policy: Policy
) -> None:
    world = world_after(history, wanted, policy)
    world.apply()
    first = world.plan()
    world.ledger = replace(world.ledger, set_name="squad")
    world.set_name = "squad"
    again = world.plan()
    assert (again.doable, again.bookkeeping) == ((), ())
    assert held_back(again) == held_back(first)
