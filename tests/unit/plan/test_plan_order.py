from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from plan_builders import declared, key, ledger_of, live, live_of, member, ours, plan, plan_of

from reconciler.apply import execute
from reconciler.errors import BackendError
from reconciler.model.key import Key
from reconciler.model.live import LiveVersion, Versions
from reconciler.model.resource import Reference, State
from reconciler.plan.plan import Action, Block, Effect, Plan


def happen(made: Plan, *, failing: str = "") -> list[str]:
    """The actions of a plan in the order in which they succeed, one at a time."""
    seen: list[str] = []

    async def perform(action: Action) -> str:
        if failing and action.id.startswith(failing):
            raise BackendError("no")
        seen.append(f"{action.verb.value} {action.key.kind}/{action.key.name}")
        return ""

    asyncio.run(execute.run(made.changes, perform, parallel=1))
    return seen


TASK = member("task")
FLOW = member("flow", kind="FlyteWorkflow", refs=(TASK,))
DEFAULT = replace(
    plan_of("flow", state=State.UNMANAGED),
    group="g",
    refs=(Reference(FLOW.key, FLOW.version),),
)
NIGHTLY = replace(plan_of("nightly"), awaits="g", refs=(Reference(FLOW.key, FLOW.version),))
PACKAGE = declared(NIGHTLY, DEFAULT, FLOW, TASK)


def test_package_registers_what_is_referred_to_first_and_activates_last() -> None:
    assert happen(plan(PACKAGE, live())) == [
        "register FlyteTask/task",
        "register FlyteWorkflow/flow",
        "register FlyteLaunchPlan/flow",
        "register FlyteLaunchPlan/nightly",
        "activate FlyteLaunchPlan/nightly",
    ]


def test_package_that_is_not_registered_whole_activates_nothing() -> None:
    other = member("other")
    made = plan(declared(NIGHTLY, DEFAULT, FLOW, TASK, other), live())
    did = happen(made, failing=str(other.key))
    assert "register FlyteLaunchPlan/nightly" in did
    assert not [item for item in did if item.startswith("activate")]


def test_plan_of_another_package_goes_on() -> None:
    beside = plan_of("beside")
    made = plan(declared(NIGHTLY, DEFAULT, FLOW, TASK, beside), live())
    assert "activate FlyteLaunchPlan/beside" in happen(made, failing=str(TASK.key))


def test_package_with_a_conflict_is_held_back_whole_with_what_awaits_it() -> None:
    taken = live({TASK.key: Versions(registered={TASK.version: LiveVersion(TASK.version, {})})})
    made = plan(declared(NIGHTLY, DEFAULT, FLOW, TASK, plan_of("beside")), taken)
    held = {change.key.name for change in made.blocked}
    assert held == {"task", "flow", "nightly"}
    assert {change.block for change in made.blocked} == {Block.CONFLICT}
    (nightly,) = [change for change in made.blocked if change.key.name == "nightly"]
    assert nightly.block_detail.startswith("its package is held back: FlyteTask/p/d/task: version")


def test_package_of_which_a_part_could_not_be_read_is_held_back_whole() -> None:
    unreadable = live({}, {("FlyteTask", TASK.key.place): "no answer"})
    made = plan(PACKAGE, unreadable)
    assert happen(made) == []
    assert {change.key.name for change in made.blocked} == {"flow", "nightly"}


def test_removals_come_after_every_activation_of_their_place() -> None:
    found = live({key(name): live_of({ours(name): 6}) for name in ("a", "b", "kept")})
    wanted = declared(plan_of("x", 1), plan_of("y", 2), plan_of("kept"))
    did = happen(plan(wanted, found, max_removal_fraction=1.0))
    assert sorted(did[-2:]) == ["deactivate FlyteLaunchPlan/a", "deactivate FlyteLaunchPlan/b"]


def test_nothing_is_removed_where_an_activation_failed() -> None:
    found = live({key(name): live_of({ours(name): 6}) for name in ("a", "kept")})
    made = plan(declared(plan_of("x", 1), plan_of("y", 2), plan_of("kept")), found)
    did = happen(made, failing=f"{key('x')}#activate")
    assert "activate FlyteLaunchPlan/y" in did
    assert "deactivate FlyteLaunchPlan/a" not in did


def test_failed_registration_holds_removals_back_too() -> None:
    found = live({key(name): live_of({ours(name): 6}) for name in ("a", "kept")})
    made = plan(declared(plan_of("x", 1), plan_of("kept")), found)
    assert happen(made, failing=f"{key('x')}#register") == []


def test_failure_in_another_place_does_not_matter() -> None:
    found = live({key(name): live_of({ours(name): 6}) for name in ("a", "kept")})
    made = plan(declared(plan_of("x", domain="e"), plan_of("kept")), found)
    did = happen(made, failing=str(key("x", domain="e")))
    assert did == ["deactivate FlyteLaunchPlan/a"]


RENAMED = replace(plan_of("new"), body=plan_of("old", 3).body)
BEFORE_RENAME = live(
    {key("old"): live_of({ours("old", 3): 3}), key("kept"): live_of({ours("kept"): 6})}
)


def test_rename_stops_the_old_name_after_the_new_one_runs() -> None:
    made = plan(declared(RENAMED, plan_of("kept")), BEFORE_RENAME)
    assert happen(made) == [
        "register FlyteLaunchPlan/new",
        "activate FlyteLaunchPlan/new",
        "deactivate FlyteLaunchPlan/old",
    ]


def test_rename_does_not_wait_for_other_activations() -> None:
    made = plan(declared(RENAMED, plan_of("kept"), plan_of("x", 1)), BEFORE_RENAME)
    did = happen(made, failing=f"{key('x')}#activate")
    assert did[-1] == "deactivate FlyteLaunchPlan/old"


def test_old_name_goes_on_when_the_new_one_cannot_start() -> None:
    made = plan(declared(RENAMED, plan_of("kept")), BEFORE_RENAME)
    did = happen(made, failing=f"{key('new')}#activate")
    assert "deactivate FlyteLaunchPlan/old" not in did


def test_another_content_under_another_name_is_no_rename() -> None:
    made = plan(declared(plan_of("new", 9), plan_of("kept")), BEFORE_RENAME)
    assert {change.renamed_to for change in made.changes} == {""}


def test_same_content_in_another_domain_is_no_rename() -> None:
    elsewhere = replace(RENAMED, key=key("new", domain="e"))
    made = plan(declared(elsewhere, plan_of("kept")), BEFORE_RENAME)
    assert {change.renamed_to for change in made.changes} == {""}


def test_order_of_the_declaration_is_not_part_of_the_plan() -> None:
    resources = [*PACKAGE.resources.values(), *(plan_of(f"n{index}") for index in range(6))]
    objects = {key(f"n{index}"): live_of({ours(f"n{index}", 5): 5}) for index in range(9)}
    first = plan(declared(*resources), live(objects), ledger_of())
    for seed in range(5):
        shuffle = random.Random(seed).shuffle
        shuffle(resources)
        found: list[tuple[Key, Versions]] = list(objects.items())
        shuffle(found)
        again = plan(declared(*resources), live(dict(found)), ledger_of())
        assert again == first


def test_changes_are_listed_by_rank_and_removals_last() -> None:
    found = live({key("a"): live_of({ours("a"): 6}), key("b"): live_of({ours("b"): 6})})
    made = plan(declared(NIGHTLY, DEFAULT, FLOW, TASK, plan_of("b", 7)), found)
    assert [(change.key.kind, change.key.name) for change in made.changes] == [
        ("FlyteTask", "task"),
        ("FlyteWorkflow", "flow"),
        ("FlyteLaunchPlan", "b"),
        ("FlyteLaunchPlan", "flow"),
        ("FlyteLaunchPlan", "nightly"),
        ("FlyteLaunchPlan", "a"),
    ]
    assert made.changes[-1].effect is Effect.REMOVE
