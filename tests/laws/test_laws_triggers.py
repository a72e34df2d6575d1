"""Laws of a reconciler, over random histories of triggers on a Flyte 2, loose and strict."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from laws_world import (
    DECLARED,
    DOMAINS,
    EXAMPLES,
    HANDS,
    HISTORIES,
    LAW,
    SYNC,
    Declared,
    Hand,
    Step,
    Wanted,
    Where,
    blocked,
)
from laws_world2 import WRITES_TO_TRIGGERS, Flyte2, open_flyte2

from reconciler.engine.applying import Run
from reconciler.engine.planning import NO_OPTIONS
from reconciler.plan.encode import decode, encode

LAW2 = settings(LAW, max_examples=EXAMPLES or 25)
SYNCS2 = st.sampled_from(
    [
        SYNC,
        SYNC,
        SYNC + "  prune: Delete\n",
        SYNC + "  drift: Report\n",
        SYNC + "  prune: Report\n",
    ]
)
STRICT = st.booleans()


def holds(law: Callable[[Flyte2], Awaitable[None]], *, strict: bool) -> None:
    """Prove a law in a world of its own."""

    async def prove() -> None:
        async with open_flyte2(strict=strict) as flyte:
            await law(flyte)

    asyncio.run(prove())


@LAW2
@given(HISTORIES, DECLARED, SYNCS2, STRICT)
def test_applying_triggers_converges_and_a_second_run_is_silent(
    history: list[Step], declared: Declared, sync: str, strict: bool
) -> None:
    async def law(flyte: Flyte2) -> None:
        await flyte.play(history, sync)
        flyte.declare(declared, sync)
        first = await flyte.apply()
        assert first.is_complete, first.report.failures

        again = await flyte.plan()
        assert again.doable == ()
        assert blocked(again) == blocked(first.plan)
        assert again.bookkeeping == ()

        writes = flyte.world.server.writes
        await flyte.world.reconcile()
        await flyte.apply()
        assert flyte.world.server.writes == writes

    holds(law, strict=strict)


@LAW2
@given(HISTORIES, DECLARED, SYNCS2, STRICT)
def test_triggers_of_others_and_out_of_scope_are_untouched(
    history: list[Step], declared: Declared, sync: str, strict: bool
) -> None:
    async def law(flyte: Flyte2) -> None:
        await flyte.play(history, sync)
        before, written = await flyte.snapshot(), len(flyte.written)
        flyte.declare(declared, sync)
        applied = await flyte.apply()
        after = await flyte.snapshot()

        ever = {where for step in history if isinstance(step, tuple) for where, _ in step}
        mine = ever | {where for where, wanted in declared if wanted.adopt}
        changed = {(change.key.domain, _name(change.key.name)) for change in applied.plan.doable}
        for (domain, name, _), state in before.items():
            if (domain, name) not in mine or (domain, name) not in changed:
                assert after[domain, name, ""] == state
        assert {item for item in after if item[0] == "production"} == {
            item for item in before if item[0] == "production"
        }
        assert [place for _, place in flyte.written[written:] if place == "production"] == []
        wanted = {where for where, _ in declared}
        assert {(domain, name) for domain, name, _ in after.keys() - before.keys()} <= wanted

    holds(law, strict=strict)


@LAW2
@given(HISTORIES, DECLARED, SYNCS2, st.integers(1, 14), st.booleans(), STRICT)
def test_killed_at_any_write_triggers_end_in_the_same_state(
    history: list[Step], declared: Declared, sync: str, at: int, after: bool, strict: bool
) -> None:
    async def end(*, crash: bool) -> tuple[object, object]:
        async with open_flyte2(strict=strict) as flyte:
            await flyte.play(history, sync)
            flyte.declare(declared, sync)
            if crash:
                await flyte.crash(at, after=after)
            final = await flyte.apply()
            assert final.is_complete, final.report.failures
            again = await flyte.plan()
            assert again.doable == ()
            return await flyte.snapshot(), blocked(again)

    assert asyncio.run(end(crash=True)) == asyncio.run(end(crash=False))


@LAW2
@given(HISTORIES, DECLARED, SYNCS2)
def test_a_plan_of_triggers_sends_no_write(
    history: list[Step], declared: Declared, sync: str
) -> None:
    async def law(flyte: Flyte2) -> None:
        await flyte.play(history, sync)
        flyte.declare(declared, sync)
        writes, before = flyte.world.server.writes, await flyte.snapshot()
        read_only = await flyte.plan()
        async with flyte.world.session() as session:
            open_channel = await session.plan(NO_OPTIONS, now=flyte.world.now)
        assert open_channel.plan.id == read_only.id
        assert flyte.world.server.writes == writes
        assert await flyte.snapshot() == before

    holds(law, strict=False)


@LAW2
@given(HISTORIES, DECLARED, st.randoms(use_true_random=False))
def test_order_of_documents_of_triggers_does_not_matter(
    history: list[Step], declared: Declared, shuffle: random.Random
) -> None:
    async def law(flyte: Flyte2) -> None:
        await flyte.play(history)
        flyte.declare(declared)
        first = await flyte.plan()
        mixed = list(declared)
        shuffle.shuffle(mixed)
        flyte.declare(tuple(mixed))
        again = await flyte.plan()
        assert again.id == first.id
        assert [change.key for change in again.changes] == [change.key for change in first.changes]

    holds(law, strict=False)


@LAW2
@given(
    HISTORIES,
    DECLARED,
    st.sampled_from(DOMAINS),
    st.sampled_from(["ListTriggers", "GetTriggerDetails", "GetTaskDetails"]),
)
def test_unreadable_triggers_are_not_absent(
    history: list[Step], declared: Declared, domain: str, method: str
) -> None:
    async def law(flyte: Flyte2) -> None:
        await flyte.play(history)
        flyte.declare(declared)
        before = await flyte.snapshot()
        flyte.unreadable = (domain, method)
        flyte.refusals = 0
        with suppress(Exception):  # the ledger may be what cannot be read
            await flyte.apply()
        refused = flyte.refusals
        flyte.unreadable = ("", "")
        after = await flyte.snapshot()

        if refused:
            for (where, name, _), state in before.items():
                if where == domain:
                    assert after[where, name, ""] == state
        await flyte.apply()
        again = await flyte.plan()
        assert again.doable == ()

    holds(law, strict=False)


@LAW2
@given(HISTORIES, DECLARED)
def test_renaming_a_set_of_triggers_writes_ledgers_only(
    history: list[Step], declared: Declared
) -> None:
    renamed = SYNC.replace("{name: team}", "{name: squad}") + "  previousNames: [team]\n"

    async def law(flyte: Flyte2) -> None:
        await flyte.play([*history, declared])
        held = blocked(await flyte.plan())
        before, written = await flyte.snapshot(), len(flyte.written)
        flyte.declare(declared, sync=renamed)
        planned = await flyte.plan()
        assert planned.doable == ()
        await flyte.world.reconcile()

        assert {method for method, _ in flyte.written[written:]} <= {"DeployTrigger"}
        assert await flyte.snapshot() == before
        again = await flyte.plan()
        assert (again.doable, again.bookkeeping) == ((), ())
        assert blocked(again) == held

    holds(law, strict=False)


@LAW2
@given(HISTORIES, DECLARED, st.lists(HANDS, max_size=4))
def test_saved_plan_of_triggers_does_nothing_to_what_moved_since(
    history: list[Step], declared: Declared, since: list[Hand]
) -> None:
    async def law(flyte: Flyte2) -> None:
        await flyte.play(history)
        flyte.declare(declared)
        planned = await flyte.world.plan()
        planned = await flyte.world.plan(approved=planned.plan.id)
        saved = decode(json.loads(json.dumps(encode(planned.plan))))
        await flyte.play(list(since))
        moved = await flyte.snapshot()
        async with flyte.world.session() as session:
            applied = await session.apply_saved(saved, Run(now=flyte.world.now, by="tester"))
        after = await flyte.snapshot()

        assert not applied.report.failures
        promised = {(change.key.domain, _name(change.key.name)) for change in saved.doable}
        refused = {(change.key.domain, _name(change.key.name)) for change in applied.stale}
        for domain, name, _ in after.keys() | moved.keys():
            where: Where = (domain, name)
            if where not in promised or where in refused:
                assert after.get((*where, "")) == moved.get((*where, ""))
        await flyte.apply()
        assert (await flyte.plan()).doable == ()

    holds(law, strict=False)


def test_histories_touch_triggers() -> None:
    """A law over histories that write nothing would prove nothing."""

    async def law(flyte: Flyte2) -> None:
        hand = Hand(("development", "a"), "v1", 1, active=True)
        await flyte.play([hand, ((("development", "b"), Wanted(2)),)])
        assert {method for method, _ in flyte.written} >= {"UploadInputs"} | (
            WRITES_TO_TRIGGERS & {"DeployTrigger"}
        )
        assert len(await flyte.snapshot()) == 6

    holds(law, strict=True)


def _name(name: str) -> str:
    return name.partition("/")[2]
