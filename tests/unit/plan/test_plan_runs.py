from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from plan_builders import BACKEND, CLAIM, NOW, PLACE, SET

from reconciler.apply import execute
from reconciler.apply.outcome import Report, Status
from reconciler.engine.planning import query
from reconciler.errors import BackendError, LimitError
from reconciler.model.digest import digest
from reconciler.model.drive import Drive, Row
from reconciler.model.key import Key
from reconciler.model.ledger import Driven, Hold, Ledger
from reconciler.model.live import Live, Runs
from reconciler.model.origin import Origin
from reconciler.model.policy import Prune
from reconciler.model.pursuit import Pursuit
from reconciler.model.resource import Desired, Resource
from reconciler.model.run import Launch, Phase, Run, RunId
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.plan import predict, settle
from reconciler.plan.compute import compute
from reconciler.plan.context import Context, Policy
from reconciler.plan.encode import decode, encode
from reconciler.plan.plan import Action, Block, Effect, Plan
from reconciler.plan.render import render
from reconciler.plan.stale import stale

KIND = "FlyteSeries"


def driven(pursuit: Pursuit) -> Drive:
    """Start `count` runs after each other, at most `parallel` at once, that are never repeated."""
    body = pursuit.resource.body
    known = {run.id.name: run for run in pursuit.runs.found}
    names = [f"{pursuit.content}-{index}" for index in range(int(str(body["count"])))]
    rows = [
        Row(run=known[name].id, phase=known[name].phase) if name in known else Row()
        for name in names
    ]
    failed = [
        row for row in rows if row.phase and row.phase.is_terminal and not row.phase.is_success
    ]
    late = [other for other in pursuit.others.values() if not other.is_done]
    running = [row.run for row in rows if row.run and row.phase and not row.phase.is_terminal]
    if body.get("state") == "Terminated":
        return Drive(stops=tuple(running), cause="enough", rows=tuple(rows), is_done=not running)
    if failed:
        return Drive(rows=tuple(rows), failure="a run failed")
    if late:
        return Drive(rows=tuple(rows), waits="another one is not done")
    due = [name for name in names if name not in known]
    free = max(int(str(body.get("parallel", 1))) - len(running), 0)
    launches = tuple(
        Launch(id=RunId(pursuit.resource.key.place, name), body={"name": name})
        for name in due[:free]
    )
    return Drive(
        launches=launches,
        rows=tuple(rows),
        waits=f"{len(running) + len(launches)} runs are in flight" if due or running else "",
        is_done=not due and not running,
        frozen={"seen": body["count"]},
    )


TRAITS = {
    KIND: Traits(
        kind=KIND,
        shape=Shape.RUNS,
        rank=60,
        calls={Verb.START: "Start", Verb.TERMINATE: "Stop", Verb.ANSWER: "Answer"},
        drive=driven,
    )
}


def key(name: str = "a") -> Key:
    return Key(KIND, PLACE.project, PLACE.domain, name)


def series(name: str = "a", count: int = 3, **options: Any) -> Resource:
    body = {"count": count, **options.pop("more", {})}
    launch = digest({"name": name, "count": count})
    return Resource(
        key=key(name),
        body=body,
        origin=Origin(f"{name}.yaml", 1, 1),
        digest=digest(body),
        launch=launch,
        **options,
    )


def declared(*resources: Resource, is_whole: bool = True, **options: Any) -> Desired:
    return Desired({item.key: item for item in resources}, is_whole=is_whole, **options)


class Killed(BaseException):
    """The process ends between two calls."""


@dataclass
class World:
    """A Flyte with runs, and the ledger of one set; every write may be the last one."""

    runs: dict[str, Phase] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    reads: int = 0
    ledger: Ledger = field(default_factory=lambda: Ledger(SET))
    writes: int = 0
    dies_at: int = 0
    refusing: dict[str, Exception] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    given_up: dict[Key, Prune] = field(default_factory=dict)

    def context(self, desired: Desired) -> Context:
        return Context(
            set_name=SET,
            traits=TRAITS,
            ledger=self.ledger,
            now=NOW,
            desired_digest=desired.digest(),
            policy=self.policy,
            given_up=self.given_up,
        )

    def live(self, desired: Desired) -> Live:
        found: dict[Key, Any] = {}
        for about, asking in query(desired, self.context(desired)).runs.items():
            self.reads += 1
            prefix = asking.content
            names = asking.held.started if asking.resource is None and asking.held else ()
            found[about] = Runs(
                found=tuple(
                    Run(id=RunId(PLACE, name), phase=phase)
                    for name, phase in self.runs.items()
                    if name in names or (prefix and name.startswith(prefix))
                )
            )
        return Live(found)

    def plan(self, desired: Desired) -> Plan:
        return compute(desired, self.live(desired), self.context(desired), backend=BACKEND)

    def _write(self) -> None:
        self.writes += 1
        if self.writes == self.dies_at:
            raise Killed

    async def perform(self, action: Action) -> str:
        if action.field in self.refusing:
            raise self.refusing[action.field]
        self._write()
        if action.verb is Verb.TERMINATE:
            self.runs[action.field] = Phase.ABORTED
            return ""
        if action.field in self.runs:
            return ""
        self.starts.append(action.field)
        self.runs[action.field] = Phase.RUNNING
        self._write()
        return action.field

    def apply(self, plan: Plan) -> Report:
        opened = settle.before(self.ledger, plan, claim=CLAIM)
        if any(change.actions for change in plan.doable):
            self.ledger = opened
            self._write()
        report = asyncio.run(execute.run(plan.doable, self.perform))
        self.ledger = settle.after(opened, plan, done=report.done, now=NOW, unsure=report.unsure)
        self._write()
        return report

    def go(self, desired: Desired) -> Plan:
        plan = self.plan(desired)
        self.apply(plan)
        return plan

    def end(self, phase: Phase = Phase.SUCCEEDED) -> None:
        for name, now in self.runs.items():
            if not now.is_terminal:
                self.runs[name] = phase


def converge(world: World, desired: Desired) -> None:
    for _ in range(10):
        world.go(desired)
        world.end()


def test_each_pass_starts_what_may_be_in_flight_until_all_is_done() -> None:
    world, desired = World(), declared(series(count=3, more={"parallel": 2}))
    first = world.go(desired)
    assert [change.effect for change in first.changes] == [Effect.START]
    assert first.summary().start == 2
    assert first.changes[0].notes[-1] == "then waits: 2 runs are in flight"
    second = world.plan(desired)
    assert second.is_empty
    assert second.waiting == {key(): "2 runs are in flight"}
    assert second.unchanged == 0
    world.end()
    converge(world, desired)
    assert sorted(world.starts) == sorted(set(world.starts))
    assert len(world.starts) == 3


def test_what_is_done_costs_no_call_and_says_nothing() -> None:
    world, desired = World(), declared(series())
    converge(world, desired)
    assert world.ledger.runs[key()].done == (series().digest,)
    assert world.ledger.runs[key()].started == frozenset()
    world.reads = 0
    last = world.plan(desired)
    assert (last.is_empty, last.waiting, last.bookkeeping, world.reads) == (True, {}, (), 0)
    assert last.unchanged == 1


def test_becoming_done_is_told_and_written_without_any_call() -> None:
    world, desired = World(), declared(series(count=1))
    world.go(desired)
    world.end()
    done = world.plan(desired)
    assert done.is_empty
    assert f"the ledger records that {key()} is done" in done.bookkeeping


def test_going_back_to_a_former_content_starts_nothing_again() -> None:
    world = World()
    for count in (1, 2, 1, 2):
        converge(world, declared(series(count=count)))
    assert len(world.starts) == len(set(world.starts)) == 3


@pytest.mark.parametrize("dies_at", range(1, 12))
def test_killed_between_any_two_writes_nothing_runs_twice(dies_at: int) -> None:
    world, desired = World(dies_at=dies_at), declared(series(count=3, more={"parallel": 2}))
    for _ in range(12):
        try:
            world.go(desired)
        except Killed:
            world.dies_at = 0
        world.end()
    assert len(world.starts) == len(set(world.starts)) == 3
    assert world.plan(desired).is_empty
    assert world.ledger.runs[key()].started == frozenset()


def test_what_was_decided_at_first_sight_is_written_before_anything_starts() -> None:
    world, desired = World(dies_at=2), declared(series(count=2))
    with pytest.raises(Killed):
        world.go(desired)
    assert world.ledger.runs[key()].frozen == {"seen": 2}
    assert world.starts == []


def test_a_limit_leaves_a_run_for_the_next_pass_and_is_no_failure() -> None:
    world, desired = World(), declared(series(count=1))
    name = world.plan(desired).changes[0].actions[0].field
    world.refusing[name] = LimitError("concurrency limit (1) reached")
    report = world.apply(world.plan(desired))
    assert [item.status for item in report.outcomes] == [Status.DEFERRED]
    assert (report.failures, report.deferred) == ((), report.outcomes)
    assert world.ledger.runs[key()].started == frozenset()
    world.refusing.clear()
    converge(world, desired)
    assert world.starts == [name]


def test_a_run_that_may_have_been_started_stays_named() -> None:
    world, desired = World(), declared(series(count=1))
    name = world.plan(desired).changes[0].actions[0].field
    world.refusing[name] = BackendError("cut off")
    world.apply(world.plan(desired))
    assert world.ledger.runs[key()].started == {name}


def test_a_run_that_was_there_is_success_and_not_ours_to_stop() -> None:
    world, desired = World(), declared(series(count=1))
    plan = world.plan(desired)
    world.runs[plan.changes[0].actions[0].field] = Phase.RUNNING
    assert stale(plan, world.live(desired), world.ledger, TRAITS, now=NOW) == ()
    report = world.apply(plan)
    assert (report.failures, world.starts) == ((), [])
    assert world.ledger.runs[key()].started == frozenset()


def test_a_failure_is_a_change_that_is_held_back() -> None:
    world, desired = World(), declared(series(count=2))
    world.go(desired)
    world.end(Phase.FAILED)
    plan = world.plan(desired)
    assert [(one.block, one.block_detail) for one in plan.changes] == [
        (Block.FAILED, "a run failed")
    ]
    assert f"! {key()}  start, held back  a.yaml:1:1" in [line.text for line in render(plan)]


def test_one_waits_for_those_it_looks_at() -> None:
    first, second = series("a", count=1), series("b", count=1, looks_at=(key("a"),))
    world, desired = World(), declared(second, first)
    plan = world.go(desired)
    assert [change.key for change in plan.changes] == [key("a")]
    assert plan.waiting == {key("b"): "another one is not done"}
    world.end()
    assert [change.key for change in world.go(desired).changes] == [key("b")]


def test_what_takes_from_another_has_another_content_with_it() -> None:
    second = series("b", count=1, looks_at=(key("a"),), takes=(key("a"),))
    world = World()
    converge(world, declared(series("a", count=1), second))
    assert len(world.starts) == 2
    converge(world, declared(series("a", count=2), second))
    assert len(world.starts) == 5, "both of the new a, and b once more"


def test_two_that_wait_for_each_other_are_told_so() -> None:
    first = series("a", looks_at=(key("b"),))
    second = series("b", looks_at=(key("a"),))
    plan = World().plan(declared(first, second))
    assert [one.block for one in plan.changes] == [Block.FAILED, Block.FAILED]
    assert "waits for" in plan.changes[0].block_detail


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({"is_whole": False}, f"{key('x')} is not among what was read"),
        ({"faulty": frozenset({key("x")})}, f"{key('x')} has an error"),
    ],
)
def test_what_is_not_there_is_waited_for(options: Mapping[str, Any], waits: str) -> None:
    plan = World().plan(declared(series(looks_at=(key("x"),)), **options))
    assert plan.waiting == {key(): waits}


def test_what_is_declared_nowhere_will_not_come() -> None:
    plan = World().plan(declared(series(looks_at=(key("x"),))))
    assert plan.changes[0].block_detail == (
        f"it looks at {key('x')}, which is not declared in this set"
    )


def test_a_pause_starts_nothing() -> None:
    world, desired = World(), declared(series())
    hold = Hold(str(key()), "maintenance", NOW.replace(year=2027))
    before = world.plan(desired)
    world.ledger = replace(world.ledger, holds=(hold,))
    plan = world.plan(desired)
    assert plan.is_empty
    assert plan.waiting[key()].endswith("maintenance")
    held = stale(before, world.live(desired), world.ledger, TRAITS, now=NOW)
    assert [change.key for change in held] == [key()]


def test_declared_as_terminated_stops_what_runs() -> None:
    world = World()
    world.go(declared(series(count=2, more={"parallel": 2})))
    ended = declared(series(count=2, more={"parallel": 2, "state": "Terminated"}))
    plan = world.go(ended)
    assert [(one.effect, len(one.actions)) for one in plan.changes] == [(Effect.STOP, 2)]
    assert plan.summary().remove == 1
    assert set(world.runs.values()) == {Phase.ABORTED}
    assert world.go(ended).is_empty
    world.reads = 0
    assert world.plan(ended).is_empty
    assert world.reads == 0


def test_no_longer_declared_leaves_runs_alone_and_forgets_them() -> None:
    world = World()
    world.go(declared(series(count=1)))
    world.go(declared())
    assert set(world.runs.values()) == {Phase.RUNNING}
    assert world.ledger.runs == {}


def test_no_longer_declared_stops_its_own_where_it_asked_for_it() -> None:
    world, other = World(), series("b", count=1, on_removal=Prune.TERMINATE)
    world.go(declared(series(count=1, on_removal=Prune.TERMINATE), other))
    world.runs["foreign"] = Phase.RUNNING
    plan = world.go(declared(other))
    assert [(one.key, one.effect, one.block) for one in plan.changes] == [
        (key(), Effect.REMOVE, None)
    ]
    assert sorted(world.runs.values()) == [Phase.ABORTED, Phase.RUNNING, Phase.RUNNING]
    assert set(world.ledger.runs) == {key("b")}


def test_removing_the_last_one_needs_an_approval() -> None:
    world = World()
    world.go(declared(series(count=1, on_removal=Prune.TERMINATE)))
    plan = world.plan(declared())
    assert [one.block for one in plan.changes] == [Block.GUARD]
    assert plan.changes[0].block_detail.startswith("removes the only active object of set ")
    world.policy = Policy(approved=plan.id)
    world.go(declared())
    assert set(world.runs.values()) == {Phase.ABORTED}
    assert world.ledger.runs == {}


def test_deleting_the_last_declaration_itself_needs_none() -> None:
    world = World()
    world.go(declared(series(count=1, on_removal=Prune.TERMINATE)))
    world.given_up = {key(): Prune.TERMINATE}
    plan = world.go(declared(is_whole=False))
    assert [(one.effect, one.block) for one in plan.changes] == [(Effect.REMOVE, None)]
    assert set(world.runs.values()) == {Phase.ABORTED}


def test_a_part_of_a_set_forgets_nothing() -> None:
    world = World()
    world.go(declared(series(count=1)))
    before = world.ledger.runs
    world.go(declared(is_whole=False))
    assert world.ledger.runs == before


def test_a_plan_tells_how_far_a_declaration_is_and_reads_back() -> None:
    world, desired = World(), declared(series(count=2))
    world.go(desired)
    plan = world.plan(desired)
    found = encode(plan)
    assert found["runs"] == [
        {
            "key": str(key()),
            "state": "waiting",
            "waits": "1 runs are in flight",
            "counts": {"due": 1, "running": 1},
            "rows": [
                {"place": "p/d", "run": world.starts[0], "phase": "running"},
                {},
            ],
        }
    ]
    assert decode(found).waiting == plan.waiting
    assert decode(encode(world.plan(declared(series(count=5))))).keeps.runs


def test_a_plan_on_top_of_another_finds_its_runs_started() -> None:
    world, desired = World(), declared(series(count=1))
    plan = world.plan(desired)
    asked = query(desired, world.context(desired))
    then = predict.after(world.live(desired), plan, TRAITS, asked)
    again = compute(desired, then, world.context(desired), backend=BACKEND)
    assert (again.is_empty, again.waiting) == (True, {key(): "1 runs are in flight"})


def test_the_ledger_remembers_some_contents() -> None:
    world = World()
    for count in range(1, 12):
        converge(world, declared(series(count=count)))
    assert len(world.ledger.runs[key()].done) == 8
    assert Driven() == Driven((), {}, frozenset())
