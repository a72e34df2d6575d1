from __future__ import annotations

import asyncio
from dataclasses import replace

from object_builders import (
    TASK,
    declared,
    found,
    key,
    ledger_of,
    plan,
    sealed,
    secret,
    trigger,
)
from plan_builders import BACKEND

from reconciler.apply import execute
from reconciler.errors import BackendError
from reconciler.model.live import LiveVersion, Versions
from reconciler.model.policy import Prune
from reconciler.model.resource import Reference, Resource
from reconciler.plan.plan import Action, Block, Plan
from reconciler.plan.render import render

TASK_OF = replace(trigger("task"), key=key("task", kind=TASK), version="team.x", group="g")
WAITING = replace(trigger("waits"), awaits="g", refs=(Reference(TASK_OF.key, "team.x"),))
KEPT = [trigger(f"k{index}", tick=index) for index in range(3)]
RUNNING = {item.key: found(index) for index, item in enumerate(KEPT)}
GONE = trigger("gone")


def happen(made: Plan, *, failing: str = "") -> list[str]:
    """The actions of a plan in the order in which they succeed, one at a time."""
    seen: list[str] = []

    async def perform(action: Action) -> str:
        if failing and action.id.startswith(failing):
            raise BackendError("no")
        seen.append(f"{action.verb.value} {action.key.name}")
        return ""

    asyncio.run(execute.run(made.changes, perform, parallel=1))
    return seen


def test_tasks_come_before_secrets_and_secrets_before_triggers() -> None:
    made = plan(declared(WAITING, secret(), TASK_OF))
    assert happen(made) == ["register task", "deploy s", "deploy waits"]


def test_trigger_waits_for_the_whole_package_of_its_task() -> None:
    other = replace(TASK_OF, key=key("other", kind=TASK))
    made = plan(declared(WAITING, TASK_OF, other, trigger("beside")))
    assert happen(made, failing=str(other.key)) == ["register task", "deploy beside"]


def test_running_trigger_is_not_stopped_for_a_package_that_fails() -> None:
    edited = replace(WAITING, body={"tick": 9}, digest="x")
    made = plan(declared(edited, TASK_OF), {WAITING.key: found()}, ledger_of(WAITING))
    assert happen(made) == ["register task", "deploy waits", "activate waits"]
    assert happen(made, failing=str(TASK_OF.key)) == []


def test_trigger_of_a_broken_package_is_held_back() -> None:
    taken = Versions(registered={"team.x": LiveVersion("team.x", {"other": 1})})
    made = plan(declared(WAITING, TASK_OF), {TASK_OF.key: taken})
    assert {item.key.name: item.block for item in made.changes} == {
        "task": Block.CONFLICT,
        "waits": Block.CONFLICT,
    }


def removing(*resources: Resource) -> Plan:
    return plan(
        declared(*KEPT, *resources),
        {**RUNNING, GONE.key: found(), secret().key: sealed()},
        ledger_of(GONE, secret(), *KEPT),
        prune=Prune.DELETE,
    )


def test_removals_come_last() -> None:
    assert happen(removing(trigger("new", 9))) == [
        "deploy new",
        "delete s",
        "deactivate gone",
        "delete gone",
    ]


def test_nothing_is_removed_where_a_deployment_failed() -> None:
    assert happen(removing(trigger("new", 9)), failing=str(key("new"))) == []


def test_object_whose_deactivation_failed_is_not_deleted() -> None:
    did = happen(removing(), failing=f"{GONE.key}#deactivate")
    assert did == ["delete s"]


def test_failed_activation_leaves_the_rest_alone() -> None:
    edited = [trigger(item.key.name, 9) for item in KEPT[:2]]
    made = plan(declared(*edited, KEPT[2]), RUNNING, ledger_of(*KEPT))
    did = happen(made, failing=f"{KEPT[0].key}#activate")
    assert did == ["deploy k0", "deploy k1", "activate k1"]


def test_plan_shows_what_happens_to_each_object() -> None:
    backend = {**BACKEND, "version": "", "identity": "me", "chosenBy": "--endpoint"}
    objects = {
        **RUNNING,
        GONE.key: found(text="x", revision="2", changed="by somebody"),
        key("same"): found(1),
        key("theirs"): found(2),
        secret().key: sealed(),
    }
    wanted = declared(
        trigger("k0", 9), *KEPT[1:], trigger("same", 1), trigger("theirs", 3), secret(token="t2")
    )
    made = plan(wanted, objects, ledger_of(GONE, secret(), *KEPT))
    lines = [line.text for line in render(replace(made, backend=backend))]
    assert lines[1:-3] == [
        "~ FlyteSecret/p/d/s  update  s.yaml:1:1",
        f'    content: "{secret().digest}" -> "{secret(token="t2").digest}"',
        "~ FlyteTrigger/p/d/k0  update  k0.yaml:1:1",
        "    tick: 0 -> 9",
        "    note: goes on",
        "    note: it is replaced while inactive and then activated again",
        "= FlyteTrigger/p/d/same  adopt, already as declared  same.yaml:1:1",
        "! FlyteTrigger/p/d/theirs  hand-over, held back  theirs.yaml:1:1",
        "    adoption: it is not of this set and differs; set `adopt: true` to take it over",
        "    tick: 2 -> 3",
        "    note: goes on",
        "    note: it is replaced while inactive and then activated again",
        "! FlyteTrigger/p/d/gone  remove, no longer declared, held back",
        f"    report: {made.changes[-1].block_detail}",
        '    text: "x" -> (none)',
        "    tick: 6 -> (none)",
    ]
