"""The history of ledgers: read from either Flyte, bit by bit, and never more than is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from world import World, open_world

from reconciler.backends.port import Backend
from reconciler.engine import audit
from reconciler.engine.audit import NOTHING, Audit
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Entry, Ledger, Written

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOME = Place("flytesnacks", "development")


@pytest.fixture(params=["Flyte1", "Flyte2"])
async def world(request: Any, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, flyte=request.param) as found:
        yield found


async def wrote(backend: Backend, count: int, ledger: Ledger) -> Ledger:
    for _ in range(count):
        number = ledger.revision + 1
        entry = Entry(NOON, f"p{number}", f"c{number}", "repo", f"plan-{number}", ("a",), ("b",))
        ledger = await backend.write_ledger(replace(ledger, entry=entry), HOME)
    return ledger


def revisions(found: Any) -> list[int]:
    return [one.revision for one in found]


async def test_versions_are_read_newest_first_and_no_more_than_asked_for(world: World) -> None:
    async with world.backend() as backend:
        await wrote(backend, 3, Ledger("other"))
        ledger = await wrote(backend, 45, Ledger("team"))
        every = await backend.audit(ledger, after=0, most=1000)
        assert revisions(every) == list(range(45, 0, -1))
        assert every[0].entry == Entry(NOON, "p45", "c45", "repo", "plan-45", ("a",), ("b",))
        assert revisions(await backend.audit(ledger, after=42, most=1000)) == [45, 44, 43]
        assert revisions(await backend.audit(ledger, after=0, most=2)) == [45, 44]
        older = replace(ledger, revision=7)
        assert revisions(await backend.audit(older, after=0, most=3)) == [7, 6, 5]
        assert await backend.audit(ledger, after=45, most=10) == ()
        assert await backend.audit(Ledger("nobody"), after=0, most=10) == ()
        before = world.calls()
        await backend.audit(ledger, after=0, most=40)
        assert (world.calls() - before).total() <= (2 if world.flyte == "Flyte1" else 40)


async def test_large_versions_are_read_in_smaller_pages(world: World) -> None:
    keys = [Key("FlyteLaunchPlan", "p", "d", f"plan-{number:05}") for number in range(6000)]
    large = Ledger("team", adopted=dict.fromkeys(keys, "version"))
    async with world.backend() as backend:
        ledger = await wrote(backend, 24, large)
        found = await backend.audit(ledger, after=0, most=100)
        assert revisions(found) == list(range(24, 0, -1))


@dataclass
class Fake:
    """A history of so many versions, of which some are gone; notes how many are read."""

    gone: frozenset[int] = frozenset()
    read: list[int] = field(default_factory=list)

    async def audit(self, ledger: Ledger, *, after: int, most: int) -> tuple[Written, ...]:
        asked = [one for one in range(ledger.revision, after, -1) if one not in self.gone][:most]
        self.read.append(len(asked))
        return tuple(Written(one, Entry(NOON, plan=f"{one}")) for one in asked)


async def look(known: Audit, fake: Fake, revision: int, *, keep: int = 1000) -> Audit:
    ledger = Ledger("team", revision=revision, home=HOME)
    return await audit.extended(known, ledger, cast("Backend", fake), most=10, keep=keep)


async def test_history_is_read_bit_by_bit_until_it_is_whole() -> None:
    fake, known = Fake(), NOTHING
    for _ in range(3):
        known = await look(known, fake, 25)
    assert revisions(known.entries) == list(range(25, 0, -1))
    assert known.is_whole
    assert fake.read == [10, 10, 5]
    known = await look(known, fake, 27)
    assert revisions(known.entries) == list(range(27, 0, -1))
    assert fake.read[3:] == [2]


async def test_more_news_than_one_look_reads_leave_no_hole() -> None:
    fake = Fake()
    known = await look(NOTHING, fake, 5)
    for _ in range(4):
        known = await look(known, fake, 32)
    assert revisions(known.entries) == list(range(32, 0, -1))
    assert max(fake.read) == 10


async def test_what_is_gone_is_not_waited_for_and_a_new_ledger_begins_anew() -> None:
    known = NOTHING
    fake = Fake(gone=frozenset({1, 2, 3}))
    for _ in range(2):
        known = await look(known, fake, 9)
    assert revisions(known.entries) == [9, 8, 7, 6, 5, 4]
    assert known.is_whole
    known = await look(known, Fake(), 2)
    assert revisions(known.entries) == [2, 1]


async def test_no_more_is_kept_than_there_is_room_for() -> None:
    fake, known = Fake(), NOTHING
    for _ in range(5):
        known = await look(known, fake, 100, keep=25)
    assert revisions(known.entries) == list(range(100, 75, -1))
    assert not known.is_whole
    assert fake.read == [10, 10, 10]


def test_an_apply_is_one_entry_and_one_that_was_cut_off_stays() -> None:
    begun, done = Entry(NOON, "ada", plan="a"), Entry(NOON, "ada", plan="a", done=("x",))
    cut_off, pause = Entry(NOON, "bob", plan="b"), Entry(NOON, "ada")
    found = [pause, pause, done, begun, cut_off, done, begun]
    written = [Written(7 - index, entry) for index, entry in enumerate(found)]
    assert revisions(audit.condensed(written)) == [7, 6, 5, 3, 2]
