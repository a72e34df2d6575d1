from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from plan_builders import (
    NOW,
    applied,
    calls,
    change,
    chosen,
    declared,
    key,
    ledger_of,
    live,
    live_of,
    ours,
    plan,
    plan_of,
    version,
)

from reconciler.model.digest import UNCLAIMED
from reconciler.model.ledger import Flips, Hold, Ledger
from reconciler.model.live import About, Versions
from reconciler.model.policy import Drift, Prune
from reconciler.model.resource import Resource, State
from reconciler.plan.plan import Block, Effect, Reason

PLAN = plan_of("a")
OURS = ours("a")
OLD = ours("a", 5)
SETTLED = ledger_of(PLAN)
INACTIVE = replace(PLAN, state=State.INACTIVE)
UNMANAGED = replace(PLAN, state=State.UNMANAGED)
HOLD = Hold("FlyteLaunchPlan/*/*/a", "because", NOW + timedelta(hours=1), "me")
ENDED = replace(HOLD, until=NOW)


@dataclass(frozen=True)
class Case:
    """One resource beside one reading, and what the planner makes of the two."""

    id: str
    resource: Resource
    found: Versions
    effect: Effect | None = None
    reason: Reason | None = None
    does: tuple[str, ...] = ()
    block: Block | None = None
    owns: str = ""
    ledger: Ledger | None = None
    options: dict[str, object] = field(default_factory=dict)


CASES = [
    # active
    Case(
        "new plan is registered and activated",
        PLAN,
        live_of(),
        Effect.CREATE,
        Reason.SPEC,
        (f"register {OURS}", f"activate {OURS}"),
    ),
    Case(
        "version that is registered already is only activated",
        PLAN,
        live_of(registered={OURS: 6}),
        Effect.CREATE,
        Reason.SPEC,
        (f"activate {OURS}",),
    ),
    Case("own version as declared gets no call", PLAN, live_of({OURS: 6})),
    Case(
        "own version with other content is replaced",
        PLAN,
        live_of({OLD: 5}),
        Effect.UPDATE,
        Reason.SPEC,
        (f"register {OURS}", f"activate {OURS}"),
    ),
    Case(
        "rollback registers nothing",
        PLAN,
        live_of({OLD: 5}, registered={OURS: 6}),
        Effect.UPDATE,
        Reason.SPEC,
        (f"activate {OURS}",),
    ),
    Case(
        "equal content under a foreign version is adopted without a call",
        PLAN,
        live_of({"v1": 6}),
        Effect.ADOPT,
        Reason.IDENTICAL,
        owns="v1",
    ),
    Case(
        "adopted version as declared gets no call",
        PLAN,
        live_of({"v1": 6}),
        ledger=ledger_of(PLAN, adopted={key(): "v1"}),
    ),
    Case(
        "adopted version is replaced when its declaration is edited",
        PLAN,
        live_of({"v1": 5}),
        Effect.UPDATE,
        Reason.SPEC,
        (f"register {OURS}", f"activate {OURS}"),
        ledger=ledger_of(plan_of("a", 5), adopted={key(): "v1"}),
    ),
    Case(
        "foreign version that differs is left without leave",
        PLAN,
        live_of({"v1": 5}),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case(
        "foreign version that differs is taken over with leave",
        replace(PLAN, adopt=True),
        live_of({"v1": 5}),
        Effect.HAND_OVER,
        Reason.SPEC,
        (f"register {OURS}", f"activate {OURS}"),
    ),
    Case(
        "our version being registered is no leave",
        PLAN,
        live_of({"v1": 5}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case(
        "our version being registered is no leave under another state",
        PLAN,
        live_of({"v1": 5}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
        ledger=ledger_of(UNMANAGED),
    ),
    Case(
        "foreign activation is healed where the declaration was in force",
        PLAN,
        live_of({"v1": 5}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        (f"activate {OURS}",),
        ledger=SETTLED,
    ),
    Case(
        "foreign activation is healed although something else was edited",
        PLAN,
        live_of({"v1": 5}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        (f"activate {OURS}",),
        ledger=replace(SETTLED, desired="other"),
    ),
    Case(
        "deactivation by others is healed",
        PLAN,
        live_of(registered={OURS: 6}),
        Effect.UPDATE,
        Reason.FOREIGN,
        (f"activate {OURS}",),
        ledger=SETTLED,
    ),
    Case(
        "old version of ours that somebody put back is replaced",
        PLAN,
        live_of({OLD: 5}, registered={OURS: 6}),
        Effect.UPDATE,
        Reason.DRIFT,
        (f"activate {OURS}",),
        ledger=SETTLED,
    ),
    Case(
        "drift is only reported where the policy says so",
        PLAN,
        live_of({"v1": 5}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        block=Block.REPORT,
        ledger=SETTLED,
        options={"drift": Drift.REPORT},
    ),
    Case(
        "drift is reported, not corrected, when another object was edited",
        PLAN,
        live_of(registered={OURS: 6}),
        Effect.UPDATE,
        Reason.FOREIGN,
        block=Block.REPORT,
        ledger=replace(SETTLED, desired="other"),
        options={"drift": Drift.REPORT},
    ),
    Case(
        "edit is carried out under the report policy",
        PLAN,
        live_of({OLD: 5}),
        Effect.UPDATE,
        Reason.SPEC,
        (f"register {OURS}", f"activate {OURS}"),
        ledger=ledger_of(plan_of("a", 5)),
        options={"drift": Drift.REPORT},
    ),
    Case(
        "two corrections are not enough to give up",
        PLAN,
        live_of({"v1": 5}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        (f"activate {OURS}",),
        ledger=replace(SETTLED, flips={key(): Flips(2, PLAN.digest)}),
    ),
    Case(
        "after three corrections it is contested",
        PLAN,
        live_of({"v1": 5}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        block=Block.CONTESTED,
        ledger=replace(SETTLED, flips={key(): Flips(3, PLAN.digest)}),
    ),
    Case(
        "contested stays contested when another object was edited",
        PLAN,
        live_of(registered={OURS: 6}),
        Effect.UPDATE,
        Reason.FOREIGN,
        block=Block.CONTESTED,
        ledger=replace(SETTLED, desired="other", flips={key(): Flips(3, PLAN.digest)}),
    ),
    Case(
        "corrections of an earlier declaration do not count",
        PLAN,
        live_of({"v1": 5}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        (f"activate {OURS}",),
        ledger=replace(SETTLED, flips={key(): Flips(3, "other")}),
    ),
    Case(
        "adopted object that others replace is reported",
        PLAN,
        live_of({"v2": 7}, registered={"v1": 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        block=Block.REPORT,
        owns="v1",
        ledger=ledger_of(PLAN, adopted={key(): "v1"}),
    ),
    Case(
        "adopted object that others replace is reported although another object was edited",
        PLAN,
        live_of({"v2": 7}, registered={"v1": 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        block=Block.REPORT,
        owns="v1",
        ledger=replace(ledger_of(PLAN, adopted={key(): "v1"}), desired="other"),
    ),
    Case(
        "adopted object that others stop is reported",
        PLAN,
        live_of(registered={"v1": 6}),
        Effect.UPDATE,
        Reason.FOREIGN,
        block=Block.REPORT,
        owns="v1",
        ledger=ledger_of(PLAN, adopted={key(): "v1"}),
    ),
    # existing
    Case(
        "chosen version that is active already is adopted",
        chosen("a", "v1"),
        live_of({"v1": 5}),
        Effect.ADOPT,
        Reason.IDENTICAL,
        owns="v1",
    ),
    Case(
        "chosen version is activated and never registered",
        chosen("a", "v1"),
        live_of(registered={"v1": 5}),
        Effect.CREATE,
        Reason.SPEC,
        ("activate v1",),
        owns="v1",
    ),
    Case(
        "chosen version that is not registered is a conflict",
        chosen("a", "v1"),
        live_of(),
        Effect.UPDATE,
        Reason.SPEC,
        block=Block.CONFLICT,
    ),
    Case(
        "choosing another version replaces the one chosen before",
        chosen("a", "v2"),
        live_of({"v1": 5}, registered={"v2": 6}),
        Effect.UPDATE,
        Reason.SPEC,
        ("activate v2",),
        owns="v2",
        ledger=ledger_of(chosen("a", "v1"), adopted={key(): "v1"}),
    ),
    Case(
        "choosing another version needs leave where nothing was chosen before",
        chosen("a", "v2"),
        live_of({"v1": 5}, registered={"v2": 6}),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
        owns="v2",
    ),
    Case(
        "CI that moves a chosen plan is reported",
        chosen("a", "v1"),
        live_of({"v2": 5}, registered={"v1": 5}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        block=Block.REPORT,
        owns="v1",
        ledger=ledger_of(chosen("a", "v1"), adopted={key(): "v1"}),
    ),
    # inactive, unmanaged, pauses
    Case(
        "inactive plan is registered and not activated",
        INACTIVE,
        live_of(),
        Effect.REGISTER,
        Reason.SPEC,
        (f"register {OURS}",),
    ),
    Case("inactive plan that is registered needs nothing", INACTIVE, live_of(registered={OURS: 6})),
    Case(
        "own version of an inactive plan is stopped",
        INACTIVE,
        live_of({OURS: 6}, registered={OURS: 6}),
        Effect.DEACTIVATE,
        Reason.SPEC,
        (f"deactivate {OURS}",),
    ),
    Case(
        "own old version of an inactive plan is stopped and the new one registered",
        INACTIVE,
        live_of({OLD: 5}),
        Effect.DEACTIVATE,
        Reason.SPEC,
        (f"register {OURS}", f"deactivate {OLD}"),
    ),
    Case(
        "foreign version of an inactive plan is left without leave",
        INACTIVE,
        live_of({"v1": 6}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case(
        "foreign version of an inactive plan is stopped with leave",
        replace(INACTIVE, adopt=True),
        live_of({"v1": 6}, registered={OURS: 6}),
        Effect.HAND_OVER,
        Reason.SPEC,
        ("deactivate v1",),
    ),
    Case(
        "activation by others of an inactive plan is healed",
        INACTIVE,
        live_of({OURS: 6}, registered={OURS: 6}),
        Effect.DEACTIVATE,
        Reason.DRIFT,
        (f"deactivate {OURS}",),
        ledger=ledger_of(INACTIVE),
    ),
    Case(
        "unmanaged plan is registered",
        UNMANAGED,
        live_of(),
        Effect.REGISTER,
        Reason.SPEC,
        (f"register {OURS}",),
    ),
    Case(
        "activation of an unmanaged plan is left alone",
        UNMANAGED,
        live_of({"v1": 5}, registered={OURS: 6}),
    ),
    Case(
        "unmanaged plan whose content runs under another version needs nothing",
        UNMANAGED,
        live_of({"v1": 6}),
    ),
    Case(
        "pause stops what is ours",
        PLAN,
        live_of({OURS: 6}),
        Effect.DEACTIVATE,
        Reason.HOLD,
        (f"deactivate {OURS}",),
        ledger=replace(SETTLED, holds=(HOLD,)),
    ),
    Case(
        "paused plan that is stopped needs nothing",
        PLAN,
        live_of(registered={OURS: 6}),
        ledger=replace(SETTLED, holds=(HOLD,)),
    ),
    Case(
        "paused plan that was never registered waits",
        PLAN,
        live_of(),
        ledger=Ledger("team", holds=(HOLD,)),
    ),
    Case(
        "pause does not stop what belongs to others",
        PLAN,
        live_of({"v1": 5}),
        Effect.HAND_OVER,
        Reason.HOLD,
        block=Block.ADOPTION,
        ledger=replace(SETTLED, holds=(HOLD,)),
    ),
    Case(
        "pause of another plan does not matter",
        PLAN,
        live_of({OURS: 6}),
        ledger=replace(SETTLED, holds=(replace(HOLD, pattern="*/b"),)),
    ),
    Case(
        "plan starts again when its pause has ended, whatever the drift policy is",
        PLAN,
        live_of(registered={OURS: 6}),
        Effect.UPDATE,
        Reason.HOLD,
        (f"activate {OURS}",),
        ledger=Ledger("team", holds=(ENDED,)),
        options={"drift": Drift.REPORT},
    ),
    Case(
        "adopted plan starts again under its adopted version",
        PLAN,
        live_of(registered={"v1": 6}),
        Effect.UPDATE,
        Reason.HOLD,
        ("activate v1",),
        owns="v1",
        ledger=Ledger("team", adopted={key(): "v1"}, holds=(ENDED,)),
    ),
    # two active
    Case(
        "second version of ours is stopped",
        PLAN,
        live_of({OLD: 5, OURS: 6}),
        Effect.UPDATE,
        Reason.SPEC,
        (f"deactivate {OLD}",),
    ),
    Case(
        "second version of others is left without leave",
        PLAN,
        live_of({"v1": 5, OURS: 6}),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
    Case(
        "second version of others is stopped with leave",
        replace(PLAN, adopt=True),
        live_of({"v1": 5, OURS: 6}),
        Effect.HAND_OVER,
        Reason.SPEC,
        ("deactivate v1",),
    ),
    Case(
        "second version of others that came later is stopped",
        PLAN,
        live_of({"v1": 5, OURS: 6}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        ("deactivate v1",),
        ledger=SETTLED,
    ),
    Case(
        "second version beside an adopted one is reported",
        PLAN,
        live_of({"v1": 6, "v2": 5}),
        Effect.HAND_OVER,
        Reason.FOREIGN,
        block=Block.REPORT,
        owns="v1",
        ledger=ledger_of(PLAN, adopted={key(): "v1"}),
    ),
    # conflicts
    Case(
        "our version with other content is a conflict",
        PLAN,
        live_of(registered={OURS: 9}),
        Effect.REGISTER,
        Reason.SPEC,
        block=Block.CONFLICT,
    ),
    # what is kept at the name
    Case(
        "description is written",
        replace(PLAN, description="nightly"),
        live_of({OURS: 6}, about=About("hourly")),
        Effect.UPDATE,
        Reason.SPEC,
        ("describe",),
    ),
    Case(
        "description that is there needs nothing",
        replace(PLAN, description="nightly"),
        live_of({OURS: 6}, about=About("nightly")),
    ),
    Case(
        "description that is not declared is left alone",
        PLAN,
        live_of({OURS: 6}, about=About("of others")),
    ),
    Case(
        "hidden name that is declared is shown again",
        PLAN,
        live_of(registered={OURS: 6}, about=About("", is_archived=True)),
        Effect.CREATE,
        Reason.SPEC,
        (f"activate {OURS}", "describe"),
    ),
    Case(
        "name that a pause keeps from being registered is not described",
        replace(PLAN, description="nightly"),
        live_of(),
        ledger=Ledger("team", holds=(HOLD,)),
    ),
    Case(
        "new name is described once it is registered",
        replace(PLAN, description="nightly"),
        live_of(),
        Effect.CREATE,
        Reason.SPEC,
        (f"register {OURS}", f"activate {OURS}", "describe"),
    ),
    Case(
        "description is not written while the plan is held back",
        replace(PLAN, description="nightly"),
        live_of({"v1": 5}, about=About()),
        Effect.HAND_OVER,
        Reason.SPEC,
        block=Block.ADOPTION,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_declared_plan(case: Case) -> None:
    made = change(case.resource, case.found, case.ledger, **case.options)
    if case.effect is None:
        assert made is None
        return
    assert made is not None

    assert (made.effect, made.reason, made.block) == (case.effect, case.reason, case.block)
    assert tuple(calls(made)) == case.does
    assert made.owns == case.owns


def test_activation_waits_for_its_registration() -> None:
    made = change(PLAN, live_of())
    assert made is not None
    register, activate = made.actions
    assert activate.waits == (register.id,)


def test_change_shows_the_fields_in_the_words_of_the_language() -> None:
    made = change(PLAN, live_of({OLD: 5}))
    assert made is not None
    assert [(item.path, item.before, item.after) for item in made.fields] == [
        ("schedule.cron", "0 5 * * *", "0 6 * * *")
    ]


def test_change_says_what_the_move_does() -> None:
    made = change(PLAN, live_of({OLD: 5}))
    assert made is not None
    assert "ticks missed before the switch are not caught up" in made.notes


def test_versions_of_a_former_set_name_are_ours() -> None:
    former = ours("a", 5, set_name="group")
    as_foreign = change(PLAN, live_of({former: 5}))
    assert as_foreign is not None
    assert as_foreign.block is Block.ADOPTION

    made = change(PLAN, live_of({former: 5}), previous_names=("group",))

    assert made is not None
    assert (made.effect, made.block) == (Effect.UPDATE, None)


def test_version_of_a_set_whose_name_begins_like_ours_is_foreign() -> None:
    other = ours("a", 5, set_name="team-b")
    made = change(PLAN, live_of({other: 5}))
    assert made is not None
    assert made.block is Block.ADOPTION


def test_refused_hand_over_stays_refused_when_our_version_gets_registered() -> None:
    found = live({key(): live_of({"v1": 5})})
    first = plan(declared(PLAN), found)
    ledger = applied(first, Ledger("team"))
    registered = live({key(): live_of({"v1": 5}, registered={OURS: 6})})

    again = plan(declared(PLAN), registered, ledger)

    assert [item.block for item in again.changes] == [Block.ADOPTION]


def test_registering_a_plan_unmanaged_is_no_way_around_the_leave() -> None:
    ledger = applied(plan(declared(UNMANAGED), live({key(): live_of({"v1": 5})})), Ledger("team"))
    found = live({key(): live_of({"v1": 5}, registered={OURS: 6})})
    for _ in range(3):
        made = plan(declared(PLAN), found, ledger)
        assert [item.block for item in made.changes] == [Block.ADOPTION]
        ledger = applied(made, ledger)


def test_object_that_comes_back_three_times_is_contested_and_left() -> None:
    ledger = SETTLED
    found = live({key(): live_of({"v1": 5}, registered={OURS: 6})})
    for _ in range(3):
        made = plan(declared(PLAN), found, ledger)
        assert not made.blocked
        ledger = applied(made, ledger)
    made = plan(declared(PLAN), found, ledger)
    assert [item.block for item in made.changes] == [Block.CONTESTED]
    assert "put back 3 times" in made.changes[0].block_detail

    assert applied(made, ledger) == ledger


def test_edit_ends_a_contest() -> None:
    ledger = replace(SETTLED, flips={key(): Flips(3, PLAN.digest)})
    edited = plan_of("a", 9, adopt=True)
    made = plan(declared(edited), live({key(): live_of({"v1": 5})}), ledger)
    assert not made.blocked

    assert applied(made, ledger).flips == {}


def test_plan_outside_a_set_does_not_ask_to_adopt_forever() -> None:
    loose = plan_of("a", set_name=UNCLAIMED, protect=True)
    found = live({key(): live_of({"v1": 6})})
    assert plan(declared(loose, is_whole=False), found, set_name=UNCLAIMED).is_empty


def test_undeclared_version_of_ours_is_stopped() -> None:
    made = plan(declared(plan_of("b")), live({key(): live_of({OURS: 6, "v1": 5})}), SETTLED)
    (gone,) = [item for item in made.changes if item.key == key()]
    assert (gone.effect, gone.reason) == (Effect.REMOVE, Reason.UNDECLARED)
    assert [action.version for action in gone.actions] == [OURS]


@pytest.mark.parametrize(
    ("found", "ledger"),
    [
        (live_of({"v1": 6}), SETTLED),
        (live_of({ours("a", 5, set_name="team-b"): 6}), SETTLED),
        (live_of({"v2": 6}), ledger_of(PLAN, adopted={key(): "v1"})),
        (live_of(registered={OURS: 6}), SETTLED),
    ],
    ids=["foreign", "of another set", "not the adopted version", "inactive"],
)
def test_what_is_not_ours_or_does_not_run_is_never_removed(found: Versions, ledger: Ledger) -> None:
    assert plan(declared(), live({key(): found}), ledger).changes == ()


def test_adopted_version_that_is_no_longer_declared_is_stopped() -> None:
    ledger = ledger_of(PLAN, plan_of("b"), adopted={key(): "v1"})
    made = plan(declared(plan_of("b")), live({key(): live_of({"v1": 6})}), ledger, max_removals=5)
    assert [
        action.version for item in made.changes for action in item.actions if item.key == key()
    ] == ["v1"]


def test_adoption_ends_with_the_version_so_that_it_is_not_stopped_when_it_comes_back() -> None:
    ledger = ledger_of(PLAN, adopted={key(): "v1"})
    moved = plan(declared(), live({key(): live_of({"v2": 7})}), ledger)
    assert "the ledger no longer lists FlyteLaunchPlan/p/d/a as adopted" in moved.bookkeeping
    ledger = applied(moved, ledger)
    assert ledger.adopted == {}

    assert plan(declared(), live({key(): live_of({"v1": 6})}), ledger).changes == ()


def test_protected_object_outlives_the_block_that_protected_it() -> None:
    protected = plan_of("a", protect=True)
    made = plan(declared(protected), live({key(): live_of({OURS: 6})}), SETTLED)
    assert [item.effect for item in made.changes] == [Effect.PROTECT]
    ledger = applied(made, SETTLED)
    found = live({key(): live_of({OURS: 6}), key("b"): live_of({ours("b"): 6})})

    gone = plan(declared(plan_of("b")), found, ledger)
    assert [item.block for item in gone.changes] == [Block.PROTECTED]
    assert applied(gone, ledger).protected == {key()}

    without_word = plan(declared(PLAN, plan_of("b")), found, ledger)
    assert without_word.changes == ()
    assert applied(without_word, ledger).protected == {key()}

    released = plan(declared(plan_of("a", protect=False)), found, ledger)
    assert applied(released, ledger).protected == frozenset()


@pytest.mark.parametrize(
    ("prune", "does"),
    [
        (Prune.DEACTIVATE, ["deactivate"]),
        (Prune.ARCHIVE, ["archive", "deactivate"]),
        (Prune.KEEP, None),
        (Prune.REPORT, ["deactivate"]),
    ],
)
def test_prune_policy_says_what_happens_to_undeclared_objects(
    prune: Prune, does: list[str] | None
) -> None:
    found = live({key(): live_of({OURS: 6}), key("b"): live_of({ours("b"): 6})})
    made = plan(declared(plan_of("b")), found, ledger_of(PLAN, plan_of("b")), prune=prune)
    if does is None:
        assert made.changes == ()
        return
    (gone,) = made.changes
    assert [action.verb.value for action in gone.actions] == does
    assert gone.block is (Block.REPORT if prune is Prune.REPORT else None)


def test_archived_name_stays_listed_until_it_is_shown_again() -> None:
    found = live({key(): live_of({OURS: 6}), key("b"): live_of({ours("b"): 6})})
    made = plan(declared(plan_of("b")), found, ledger_of(PLAN, plan_of("b")), prune=Prune.ARCHIVE)
    ledger = applied(made, SETTLED)
    assert ledger.archived == {key()}
    hidden = live({key(): live_of(registered={OURS: 6}, about=About("", is_archived=True))})
    back = plan(declared(PLAN), hidden, ledger)
    (shown,) = back.changes
    assert [action.verb.value for action in shown.actions] == ["activate", "describe"]

    assert applied(back, ledger).archived == frozenset()


def test_fingerprint_moves_with_what_is_active_and_with_what_is_registered() -> None:
    seen = {
        made.fingerprint
        for found in (
            live_of({OLD: 5}),
            live_of({OLD: 5, "v1": 4}),
            live_of({OLD: 5}, registered={OURS: 6}),
            live_of(registered={OURS: 6}),
            live_of(),
        )
        if (made := change(PLAN, found)) is not None
    }
    assert len(seen) == 5


def test_workflow_whose_content_the_list_does_not_tell_is_known_by_its_version() -> None:
    flow = replace(
        plan_of("w", state=State.UNMANAGED), key=key("w", kind="FlyteWorkflow"), version="team.x"
    )
    known = Versions(registered={"team.x": version("team.x", None)})
    assert change(flow, known) is None
