from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler.apply import execute
from reconciler.apply.outcome import Outcome, Report, Status
from reconciler.errors import (
    BackendError,
    ConflictError,
    DeniedError,
    ReconcilerError,
    UnavailableError,
    UnsupportedError,
    UsageError,
)
from reconciler.model.key import Key
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action, Block, Change, Effect, Reason


def action(name: str, *waits: str, opens: Sequence[str] = ()) -> Action:
    return Action(
        id=name,
        key=Key("FlyteLaunchPlan", "p", "d", name),
        verb=Verb.REGISTER,
        call="x",
        waits=waits,
        opens=tuple(opens),
    )


def change(*actions: Action, block: Block | None = None) -> Change:
    return Change(
        key=actions[0].key,
        effect=Effect.CREATE,
        reason=Reason.SPEC,
        fingerprint="",
        actions=actions,
        block=block,
    )


class Calls:
    """Remembers what was called and refuses what it is told to."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.done: list[str] = []
        self.running = 0
        self.most = 0

    async def __call__(self, item: Action) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        if item.id in self.failing:
            raise BackendError("no")
        self.done.append(item.id)
        return ""


def statuses(report: Report) -> dict[str, Status]:
    return {item.action.id: item.status for item in report.outcomes}


async def test_action_waits_for_what_it_needs() -> None:
    calls = Calls()
    await execute.run(
        [change(action("c", "b")), change(action("b", "a")), change(action("a"))], calls
    )
    assert calls.done == ["a", "b", "c"]


async def test_what_is_written_together_starts_at_once_whatever_else_waits() -> None:
    batches: list[set[str]] = []
    waiting: set[str] = set()

    async def perform(item: Action) -> str:
        waiting.add(item.id)
        await asyncio.sleep(0)
        if waiting:
            batches.append(set(waiting))
            waiting.clear()
        return ""

    changes = [change(action(name)) for name in ("a", "g1", "b", "g2", "g3", "c")]
    changes += [change(action("g4", "c"))]

    def together(item: Action) -> str:
        return "g" if item.id.startswith("g") else ""

    report = await execute.run(changes, perform, parallel=1, together=together)

    assert batches == [{"a"}, {"g1", "g2", "g3"}, {"b"}, {"c"}, {"g4"}]
    assert set(statuses(report).values()) == {Status.DONE}
    assert len(report.outcomes) == 7


async def test_failure_skips_what_waits_for_it_and_nothing_else() -> None:
    calls = Calls("a")
    changes = [
        change(action("a")),
        change(action("b", "a")),
        change(action("c", "b")),
        change(action("x")),
    ]
    report = await execute.run(changes, calls)
    assert statuses(report) == {
        "a": Status.FAILED,
        "b": Status.SKIPPED,
        "c": Status.SKIPPED,
        "x": Status.DONE,
    }
    assert [item.action.id for item in report.failures] == ["a", "b", "c"]
    assert report.done.keys() == {"x"}


async def test_barrier_opens_when_all_who_open_it_are_done() -> None:
    calls = Calls()
    changes = [
        change(action("late", "gate")),
        change(action("a", opens=["gate"])),
        change(action("b", "a", opens=["gate"])),
    ]
    await execute.run(changes, calls)
    assert calls.done == ["a", "b", "late"]


async def test_barrier_stays_shut_when_one_who_opens_it_fails() -> None:
    calls = Calls("b")
    changes = [
        change(action("late", "gate")),
        change(action("a", opens=["gate"])),
        change(action("b", opens=["gate"])),
    ]
    assert statuses(await execute.run(changes, calls))["late"] is Status.SKIPPED


async def test_barrier_that_nobody_opens_is_open() -> None:
    calls = Calls()
    await execute.run([change(action("a", "gate"))], calls)
    assert calls.done == ["a"]


async def test_blocked_changes_are_not_carried_out() -> None:
    calls = Calls()
    report = await execute.run([change(action("a"), block=Block.GUARD), change(action("b"))], calls)
    assert calls.done == ["b"]
    assert statuses(report) == {"b": Status.DONE}


@pytest.mark.parametrize("parallel", [1, 3])
async def test_calls_under_way_are_bounded(parallel: int) -> None:
    calls = Calls()
    await execute.run([change(action(str(index))) for index in range(20)], calls, parallel=parallel)
    assert calls.most == parallel
    assert len(calls.done) == 20


async def test_no_call_starts_after_the_stop_and_those_under_way_finish() -> None:
    stop = asyncio.Event()
    done: list[str] = []

    async def perform(item: Action) -> str:
        stop.set()
        await asyncio.sleep(0)
        done.append(item.id)
        return ""

    changes = [change(action(str(index))) for index in range(5)]
    report = await execute.run(changes, perform, parallel=2, stop=stop)
    assert done == ["0", "1"]
    assert [item.status for item in report.outcomes] == [Status.DONE] * 2 + [Status.SKIPPED] * 3
    assert {item.detail for item in report.outcomes[2:]} == {"interrupted before it started"}


async def test_what_was_replaced_while_inactive_is_activated_after_the_stop() -> None:
    stop = asyncio.Event()
    done: list[str] = []

    async def perform(item: Action) -> str:
        stop.set()
        done.append(item.id)
        return "2"

    def restarted(name: str) -> Change:
        deploy = replace(action(f"{name}-deploy"), verb=Verb.DEPLOY)
        activate = replace(action(f"{name}-on", deploy.id), verb=Verb.ACTIVATE, key=deploy.key)
        return change(deploy, activate)

    lone = change(replace(action("lone"), verb=Verb.ACTIVATE))
    report = await execute.run(
        [restarted("a"), lone, restarted("b")], perform, parallel=1, stop=stop
    )
    assert done == ["a-deploy", "a-on"]
    assert [item.action.id for item in report.failures] == ["lone", "b-deploy", "b-on"]


async def test_outcomes_are_told_as_they_come() -> None:
    told: list[tuple[str, int]] = []

    def progress(outcome: Outcome, total: int) -> None:
        told.append((outcome.action.id, total))

    changes = [change(action("a")), change(action("b", "a")), change(action("c", "b"))]
    await execute.run(changes, Calls("b"), progress=progress)
    assert told == [("a", 3), ("b", 3), ("c", 3)]


async def test_revision_made_by_one_action_is_what_the_next_on_that_object_is_done_over() -> None:
    seen: list[tuple[str, str]] = []

    async def perform(item: Action) -> str:
        seen.append((item.id, item.revision))
        return {"deploy": "4", "elsewhere": "9"}.get(item.id, "")

    deploy = replace(action("deploy"), key=action("x").key, revision="3")
    activate = replace(action("activate", "deploy", "elsewhere"), key=deploy.key, revision="3")
    stop = replace(action("stop", "activate"), key=deploy.key, revision="3")
    report = await execute.run(
        [change(deploy, activate, stop), change(action("elsewhere"))], perform, parallel=1
    )
    assert seen == [("deploy", "3"), ("elsewhere", ""), ("activate", "4"), ("stop", "4")]
    assert report.done == {"deploy": "4", "activate": "", "stop": "", "elsewhere": "9"}
    assert [item.action for item in report.outcomes if item.action.id == "activate"] == [activate]


async def test_fault_of_ours_is_an_outcome_and_what_is_under_way_ends() -> None:
    done: list[str] = []

    async def perform(item: Action) -> str:
        if item.id == "bug":
            raise ZeroDivisionError("a value that nobody may see")
        await asyncio.sleep(0.01)
        done.append(item.id)
        return ""

    changes = [change(action(name)) for name in ("slow", "bug", "later", "last")]
    report = await execute.run([*changes, change(action("waits", "bug"))], perform, parallel=2)

    assert done == ["slow"]
    assert {item.action.id: item.detail for item in report.outcomes if item.detail} == {
        "bug": "ZeroDivisionError at reconciler/apply/execute.py:"
        f"{_line_of_perform()}; this is a defect of the reconciler, report this line",
        "waits": "waits for bug",
        "later": "not started after a defect of the reconciler",
        "last": "not started after a defect of the reconciler",
    }
    assert report.done.keys() == {"slow"}
    assert report.unsure == {"bug"}, "nobody knows whether it was done"


def _line_of_perform() -> int:
    lines = inspect.getsource(execute).splitlines()
    return next(number for number, line in enumerate(lines, 1) if "await perform(" in line)


async def test_cancelled_run_leaves_no_call_behind() -> None:
    cancelled: list[str] = []

    async def perform(item: Action) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(item.id)
            raise
        return ""

    run = asyncio.create_task(execute.run([change(action("a")), change(action("b"))], perform))
    await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert sorted(cancelled) == ["a", "b"]


async def test_ten_thousand_removals_behind_ten_thousand_activations_end_soon() -> None:
    calls = Calls()
    first = [change(action(f"a{index}", opens=["gate"])) for index in range(10_000)]
    then = [change(action(f"b{index}", "gate")) for index in range(10_000)]
    report = await execute.run([*then, *first], calls, parallel=64)
    assert len(report.done) == 20_000
    assert {name[0] for name in calls.done[:10_000]} == {"a"}


@pytest.mark.parametrize(
    ("error", "is_unsure"),
    [
        (BackendError("refused"), True),
        (UnavailableError("no answer"), True),
        (ConflictError("moved"), False),
        (DeniedError("who are you"), False),
        (UnsupportedError("not served"), False),
        (UsageError("nothing was sent"), False),
    ],
)
async def test_call_that_may_have_been_carried_out_is_told_apart(
    error: ReconcilerError, *, is_unsure: bool
) -> None:
    async def perform(item: Action) -> str:
        raise error

    report = await execute.run([change(action("x"), action("later", "x"))], perform)
    assert report.unsure == ({"x"} if is_unsure else frozenset())
