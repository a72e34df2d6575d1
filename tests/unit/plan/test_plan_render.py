from __future__ import annotations

from dataclasses import replace
from typing import cast

from plan_builders import declared, key, ledger_of, live, live_of, ours, plan, plan_of

from reconciler.model.key import Place
from reconciler.plan.encode import encode
from reconciler.plan.plan import Plan
from reconciler.plan.render import Style, render

BACKEND = {
    "flyte": "Flyte1",
    "version": "v1.16.8",
    "endpoint": "here:443",
    "identity": "me",
    "chosenBy": "--endpoint",
}


def text(made: Plan, **options: int) -> str:
    return "\n".join(line.text for line in render(replace(made, backend=BACKEND), **options))


def test_plan_says_what_happens_why_and_where_it_is_declared() -> None:
    wanted = declared(plan_of("a"), plan_of("b", 9), plan_of("c"), plan_of("d"), plan_of("same"))
    found = live(
        {
            key("b"): live_of({ours("b"): 6}),
            key("c"): live_of({"v1": 6}),
            key("d"): live_of({"v1": 5}),
            key("gone"): live_of({ours("gone", 3): 3}),
            key("same"): live_of({ours("same"): 6}),
            key("theirs"): live_of({"v1": 1}),
        }
    )
    made = plan(wanted, found, ledger_of(plan_of("same")))
    assert (
        text(made)
        == """\
set team on Flyte1 v1.16.8 at here:443 as me (chosen by --endpoint)
+ FlyteLaunchPlan/p/d/a  create  a.yaml:1:1
    schedule: {"cron": "0 6 * * *"}
    workflow: {"name": "etl", "version": "v1"}
~ FlyteLaunchPlan/p/d/b  update  b.yaml:1:1
    schedule.cron: "0 6 * * *" -> "0 9 * * *"
    note: the old version may still fire for up to 30 seconds
    note: ticks missed before the switch are not caught up
    note: schedule moves from "0 6 * * *" to "0 9 * * *"
= FlyteLaunchPlan/p/d/c  adopt, already as declared  c.yaml:1:1
! FlyteLaunchPlan/p/d/d  hand-over, held back  d.yaml:1:1
    adoption: active version v1 is not of this set and differs; set `adopt: true` to take it over
    schedule.cron: "0 5 * * *" -> "0 6 * * *"
    note: the old version may still fire for up to 30 seconds
    note: ticks missed before the switch are not caught up
    note: schedule moves from "0 5 * * *" to "0 6 * * *"
- FlyteLaunchPlan/p/d/gone  remove, no longer declared
    schedule: {"cron": "0 3 * * *"} -> (none)
    workflow: {"name": "etl", "version": "v1"} -> (none)
ledger: records this declaration
Plan: 1 to add, 1 to change, 1 to remove. (1 to adopt, 1 held back, 1 unchanged)
Plan id: PLAN
1 active object here is not of this set (see `reconcile status`).""".replace("PLAN", made.id)
    )


def test_empty_plan_says_so() -> None:
    made = plan(
        declared(plan_of("a")), live({key("a"): live_of({ours("a"): 6})}), ledger_of(plan_of("a"))
    )
    assert text(made).splitlines()[1:] == ["No changes. 1 object is as declared."]


def test_unreadable_place_is_never_an_empty_plan() -> None:
    made = plan(
        declared(plan_of("a")), live({}, {("FlyteLaunchPlan", Place("p", "d")): "no answer"})
    )
    assert "No changes" not in text(made)
    assert "(1 unreadable)" in text(made)
    styles = [line.style for line in render(made)]
    assert Style.WARN in styles


def test_long_plan_is_cut_and_counted() -> None:
    made = plan(declared(*(plan_of(f"n{index}") for index in range(5))), live())
    assert "... and 3 more changes" in text(made, limit=2).splitlines()
    assert "n2" not in text(made, limit=2)


def test_long_value_is_cut_on_the_screen() -> None:
    long = replace(plan_of("a"), body={"labels": {"x": "y" * 500}})
    lines = text(plan(declared(long), live())).splitlines()
    assert max(len(line) for line in lines) < 140


def test_rename_is_told_at_the_old_name() -> None:
    renamed = replace(plan_of("new"), body=plan_of("old").body)
    made = plan(declared(renamed), live({key("old"): live_of({ours("old"): 6})}))
    assert "    note: renamed to new" in text(made).splitlines()


def test_many_removals_held_back_for_one_reason_are_folded() -> None:
    gone = {key(f"n{index}"): live_of({ours(f"n{index}"): 6}) for index in range(9)}
    made = plan(declared(), live(gone))
    lines = text(made).splitlines()

    shown = [line for line in lines if line.startswith("! FlyteLaunchPlan/")]
    assert [line.split()[1] for line in shown] == [str(key(f"n{index}")) for index in range(3)]
    assert sum("guard: removes all 9 active objects" in line for line in lines) == 3
    assert "! ... and 6 more of p/d held back for the same reason (-o json has all)" in lines
    assert "9 held back" in lines[-2]
    assert len(cast("list[object]", encode(made)["changes"])) == 9


def test_few_removals_held_back_are_shown_one_by_one() -> None:
    gone = {key(f"n{index}"): live_of({ours(f"n{index}"): 6}) for index in range(4)}
    lines = text(plan(declared(), live(gone))).splitlines()
    assert sum(line.startswith("! FlyteLaunchPlan/") for line in lines) == 4
    assert not any("more of p/d" in line for line in lines)


def test_reasons_that_differ_are_folded_apart() -> None:
    there = key("a0", domain="other")
    gone = {
        **{key(f"n{index}"): live_of({ours(f"n{index}"): 6}) for index in range(6)},
        there: live_of({ours("a0"): 6}),
    }
    lines = text(plan(declared(), live(gone))).splitlines()
    assert "! ... and 3 more of p/d held back for the same reason (-o json has all)" in lines
    assert any(line.startswith(f"! {there} ") for line in lines)
