"""Laws of a reconciler, over random histories of a real server."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws_world import (
    DECLARED,
    DOMAINS,
    HANDS,
    HISTORIES,
    LAW,
    SYNC,
    SYNCS,
    WRITES_TO_PLANS,
    Declared,
    Flyte,
    Hand,
    Step,
    Where,
    blocked,
    document,
    open_flyte,
)

from reconciler.engine.applying import Run
from reconciler.engine.planning import NO_OPTIONS
from reconciler.errors import SpecError
from reconciler.model.digest import split_version
from reconciler.plan.encode import decode, encode


def of_set(version: str) -> bool:
    return split_version(version) is not None


def ever_ours(history: list[Step], declared: Declared) -> set[Where]:
    """Plans that were declared before, or may be taken over now."""
    before = {where for step in history if isinstance(step, tuple) for where, _ in step}
    return before | {where for where, wanted in declared if wanted.adopt}


@LAW
@given(HISTORIES, DECLARED, SYNCS)
def test_applying_converges_and_a_second_run_is_silent(
    history: list[Step], declared: Declared, sync: str
) -> None:
    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play(history, sync)
            flyte.declare(declared, sync)
            first = await flyte.apply()
            assert first.is_complete, first.report.failures

            again = await flyte.plan()
            assert again.doable == ()
            assert blocked(again) == blocked(first.plan)
            assert again.bookkeeping == ()
            assert flyte.reactivated == []

            writes = flyte.world.server.writes
            await flyte.world.reconcile()
            await flyte.apply()
            assert flyte.world.server.writes == writes

    asyncio.run(law())


@LAW
@given(HISTORIES, DECLARED, SYNCS)
def test_objects_of_others_and_objects_out_of_scope_are_untouched(
    history: list[Step], declared: Declared, sync: str
) -> None:
    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play(history, sync)
            before, written = await flyte.snapshot(), len(flyte.written)
            flyte.declare(declared, sync)
            await flyte.apply()
            after = await flyte.snapshot()

            mine = ever_ours(history, declared)
            wanted = {where for where, _ in declared}
            for (domain, name, version), state in before.items():
                is_described = not version and (domain, name) in wanted
                if not of_set(version) and (domain, name) not in mine and not is_described:
                    assert after[domain, name, version] == state
            assert {item for item in after if item[0] == "production"} == {
                item for item in before if item[0] == "production"
            }
            assert [place for _, place in flyte.written[written:] if place == "production"] == []
            # Nobody's content ever changes, and nothing is ever deleted.
            for (domain, name, version), (_, content) in before.items():
                assert not version or after[domain, name, version][1] == content
            # What is new is ours, and declared.
            for domain, name, version in after.keys() - before.keys():
                assert not version or of_set(version)
                assert (domain, name) in wanted

    asyncio.run(law())


@LAW
@given(HISTORIES, DECLARED, SYNCS, st.integers(1, 14), st.booleans())
def test_killed_at_any_write_the_next_run_ends_in_the_same_state(
    history: list[Step], declared: Declared, sync: str, at: int, after: bool
) -> None:
    async def end(*, crash: bool) -> tuple[object, Flyte, object]:
        async with open_flyte() as flyte:
            await flyte.play(history, sync)
            flyte.declare(declared, sync)
            if crash:
                await flyte.crash(at, after=after)
            final = await flyte.apply()
            assert final.is_complete
            again = await flyte.plan()
            assert again.doable == ()
            return await flyte.snapshot(), flyte, blocked(again)

    undisturbed, _, held = asyncio.run(end(crash=False))
    recovered, flyte, still_held = asyncio.run(end(crash=True))

    assert recovered == undisturbed
    assert still_held == held
    assert flyte.reactivated == []


@LAW
@given(HISTORIES, DECLARED, SYNCS)
def test_a_plan_sends_no_write(history: list[Step], declared: Declared, sync: str) -> None:
    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play(history, sync)
            flyte.declare(declared, sync)
            writes, before = flyte.world.server.writes, await flyte.snapshot()
            read_only = await flyte.plan()
            async with flyte.world.session() as session:
                open_channel = await session.plan(NO_OPTIONS, now=flyte.world.now)

            assert open_channel.plan == read_only
            assert flyte.world.server.writes == writes
            assert await flyte.snapshot() == before

    asyncio.run(law())


@LAW
@given(HISTORIES, DECLARED, st.randoms(use_true_random=False))
def test_order_of_files_does_not_matter(
    history: list[Step], declared: Declared, shuffle: random.Random
) -> None:
    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play(history)
            flyte.declare(declared)
            first = await flyte.plan()
            mixed = list(declared)
            shuffle.shuffle(mixed)
            flyte.declare(tuple(mixed))
            assert (await flyte.plan()).id == first.id

            documents = [json.dumps(document(where, wanted)) for where, wanted in reversed(mixed)]
            flyte.world.declare()
            if documents:
                flyte.world.write({"deep/er/all.yaml": "\n---\n".join(documents)})
            again = await flyte.plan()
            assert again.id == first.id
            assert [change.key for change in again.changes] == [
                change.key for change in first.changes
            ]

    asyncio.run(law())


@LAW
@given(
    HISTORIES,
    DECLARED,
    st.sampled_from(DOMAINS),
    st.sampled_from(["ListActiveLaunchPlans", "ListLaunchPlans", "ListWorkflows"]),
)
def test_unreadable_is_not_absent(
    history: list[Step], declared: Declared, domain: str, method: str
) -> None:
    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play(history)
            flyte.declare(declared)
            written = len(flyte.written)
            flyte.unreadable = (domain, method)
            with suppress(SpecError):  # where the interface of a workflow could not be looked up
                await flyte.apply()
            flyte.unreadable = ("", "")

            touched = {
                (name, where)
                for name, where in flyte.written[written:]
                if name in WRITES_TO_PLANS and where == domain
            }
            # The other lists are asked only where something is to be looked up.
            if flyte.refusals:
                assert touched == set()
            await flyte.apply()
            again = await flyte.plan()
            assert again.doable == ()

    asyncio.run(law())


@LAW
@given(DECLARED, st.sampled_from(["{", "kind: FlyteLaunchPlan\n", "\x00", "a: 1\na: 2\n"]))
def test_unreadable_declaration_writes_nothing(declared: Declared, broken: str) -> None:
    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play([declared])
            writes, before = flyte.world.server.writes, await flyte.snapshot()
            flyte.declare(())
            flyte.world.write({"broken.yaml": broken})
            with pytest.raises(SpecError, match=r"broken\.yaml"):
                await flyte.world.reconcile()
            assert flyte.world.server.writes == writes
            assert await flyte.snapshot() == before

    asyncio.run(law())


@LAW
@given(DECLARED, DECLARED, st.lists(HANDS.map(lambda hand: replace(hand, tick=9)), max_size=3))
def test_going_back_registers_nothing(
    first: Declared, second: Declared, others: list[Hand]
) -> None:
    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play([*others, first])
            if blocked(await flyte.plan()):
                return  # what was held back was never registered
            await flyte.play([second])
            registered = flyte.world.calls()["CreateLaunchPlan"]
            await flyte.play([first])
            assert flyte.world.calls()["CreateLaunchPlan"] == registered
            assert flyte.reactivated == []

    asyncio.run(law())


@LAW
@given(HISTORIES, DECLARED)
def test_renaming_the_set_writes_the_ledger_only(history: list[Step], declared: Declared) -> None:
    renamed = SYNC.replace("{name: team}", "{name: squad}") + "  previousNames: [team]\n"

    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play([*history, declared])
            held = blocked(await flyte.plan())
            before, written = await flyte.snapshot(), len(flyte.written)
            flyte.declare(declared, sync=renamed)
            planned = await flyte.plan()
            assert planned.doable == ()
            await flyte.world.reconcile()

            assert {method for method, _ in flyte.written[written:]} <= {"CreateTask"}
            assert await flyte.snapshot() == before
            again = await flyte.plan()
            assert (again.doable, again.bookkeeping) == ((), ())
            assert blocked(again) == held

    asyncio.run(law())


@LAW
@given(HISTORIES, DECLARED, HISTORIES)
def test_saved_plan_does_nothing_to_what_moved_since(
    history: list[Step], declared: Declared, since: list[Step]
) -> None:
    async def law() -> None:
        async with open_flyte() as flyte:
            await flyte.play(history)
            flyte.declare(declared)
            planned = await flyte.world.plan()
            planned = await flyte.world.plan(approved=planned.plan.id)
            saved = decode(json.loads(json.dumps(encode(planned.plan))))
            before = by_name(await flyte.snapshot())
            await flyte.play([step for step in since if not isinstance(step, tuple)])
            moved = by_name(await flyte.snapshot())
            async with flyte.world.session() as session:
                applied = await session.apply_saved(saved, Run(now=flyte.world.now, by="tester"))
            after = by_name(await flyte.snapshot())

            assert not applied.report.failures
            promised = {(change.key.domain, change.key.name) for change in saved.doable}
            refused = {(change.key.domain, change.key.name) for change in applied.stale}
            for where in after.keys() | moved.keys():
                if where not in promised or where in refused:
                    assert after.get(where) == moved.get(where)
                else:
                    assert states(before.get(where)) == states(moved.get(where))
            assert flyte.reactivated == []

            await flyte.apply()
            assert (await flyte.plan()).doable == ()

    asyncio.run(law())


Kept = dict[str, tuple[str, bytes]]


def by_name(snapshot: dict[tuple[str, str, str], tuple[str, bytes]]) -> dict[Where, Kept]:
    """Group a snapshot by plan."""
    found: defaultdict[Where, Kept] = defaultdict(dict)
    for (domain, name, version), state in snapshot.items():
        found[domain, name][version] = state
    return dict(found)


def states(kept: Kept | None) -> set[str]:
    """The active versions of a plan."""
    return {version for version, (state, _) in (kept or {}).items() if state == "ACTIVE"}
