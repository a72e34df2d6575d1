from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from plan_builders import (
    NOW,
    PLACE,
    declared,
    key,
    ledger_of,
    live,
    live_of,
    member,
    ours,
    plan,
    plan_of,
)

from reconciler.backends.flyte1.adapters import TRAITS
from reconciler.model.ledger import Hold, Ledger
from reconciler.model.live import Live, LiveVersion, Versions
from reconciler.model.resource import Reference
from reconciler.plan.plan import Plan
from reconciler.plan.stale import stale

LEDGER = ledger_of()


def refused(made: Plan, found: Live, ledger: Ledger = LEDGER) -> set[str]:
    return {change.key.name for change in stale(made, found, ledger, TRAITS, now=NOW)}


def test_nothing_is_stale_on_the_state_that_was_read() -> None:
    found = live({key("b"): live_of({ours("b", 5): 5})})
    made = plan(declared(plan_of("a"), plan_of("b")), found)
    assert refused(made, found) == set()


def test_object_that_moved_is_refused_alone() -> None:
    found = live({key("b"): live_of({ours("b", 5): 5})})
    made = plan(declared(plan_of("a"), plan_of("b")), found)
    assert refused(made, live({key("b"): live_of({"v1": 5})})) == {"b"}


def test_object_that_cannot_be_read_is_refused() -> None:
    made = plan(declared(plan_of("a")), live())
    assert refused(made, live({}, {("FlyteLaunchPlan", PLACE): "no answer"})) == {"a"}


def test_removals_wait_for_activations_that_are_refused() -> None:
    found = live({key(name): live_of({ours(name): 6}) for name in ("gone", "kept")})
    made = plan(declared(plan_of("a"), plan_of("kept")), found)
    moved = live({**found.objects, key("a"): live_of({"v1": 5})})
    assert refused(made, moved) == {"a", "gone"}


def test_old_name_goes_on_when_the_new_one_is_refused() -> None:
    found = live({key(name): live_of({ours(name): 6}) for name in ("old", "kept")})
    renamed = replace(plan_of("new"), body=plan_of("old").body)
    made = plan(declared(renamed, plan_of("kept")), found)
    moved = live({**found.objects, key("new"): live_of({"v1": 5})})
    assert refused(made, moved) == {"new", "old"}


def test_package_is_activated_whole_or_not_at_all() -> None:
    task = member("task")
    nightly = replace(plan_of("nightly"), awaits="g", refs=(Reference(task.key, task.version),))
    made = plan(declared(task, nightly, plan_of("beside")), live())
    there = Versions(registered={task.version: LiveVersion(task.version, task.body)})
    assert refused(made, live({task.key: there})) == {"task", "nightly"}


def test_pause_that_came_after_the_plan_holds() -> None:
    made = plan(declared(plan_of("a"), plan_of("b")), live())
    hold = Hold("*/a", "because", NOW + timedelta(hours=1))
    assert refused(made, live(), replace(LEDGER, holds=(hold,))) == {"a"}
    over = replace(hold, until=NOW)
    assert refused(made, live(), replace(LEDGER, holds=(over,))) == set()


def test_protection_that_came_after_the_plan_holds() -> None:
    found = live({key(name): live_of({ours(name): 6}) for name in ("gone", "kept")})
    made = plan(declared(plan_of("kept")), found)
    ledger = replace(LEDGER, protected=frozenset({key("gone")}))
    assert refused(made, found, ledger) == {"gone"}


def test_changes_that_are_held_back_anyway_are_not_refused_again() -> None:
    made = plan(declared(plan_of("a")), live({key("a"): live_of({"v1": 5})}))
    assert made.blocked
    assert refused(made, live()) == set()


def test_what_hangs_on_something_that_hangs_is_refused_too() -> None:
    task = member("task")
    nightly = replace(plan_of("nightly"), awaits="g", refs=(Reference(task.key, task.version),))
    found = live({key(name): live_of({ours(name): 6}) for name in ("gone", "kept")})
    made = plan(declared(task, nightly, plan_of("kept")), found)
    there = Versions(registered={task.version: LiveVersion(task.version, task.body)})
    assert refused(made, live({**found.objects, task.key: there})) == {"task", "nightly", "gone"}
