"""The ledger of a set on Flyte 2: one writer at a time, found wherever it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from backends_servers import FlyteServer
from backends_triggers import Triggers

from reconciler.backends.flyte2 import channel, ledger
from reconciler.backends.flyte2.backend import Flyte2
from reconciler.backends.flyte2.routing import Routes
from reconciler.errors import BackendError, ConflictError
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Entry, Ledger

HOME, AWAY = Place("p", "d"), Place("q", "d")
KEY = Key("FlyteTrigger", "p", "d", "daily")
FULL = Ledger(
    "team",
    adopted={KEY: "7"},
    places=frozenset({HOME}),
    entry=Entry(at=datetime(2026, 5, 1, tzinfo=UTC), by="tester"),
)


@pytest.fixture
def triggers(flyte: FlyteServer) -> Triggers:
    found = Triggers()
    found.serve(flyte)
    return found


@asynccontextmanager
async def backend(flyte: FlyteServer) -> AsyncIterator[Flyte2]:
    async with channel.connect(flyte.settings(), read_only=False) as opened:
        yield Flyte2(opened, Routes(opened))


async def test_ledger_comes_back_as_it_was_written_for_one_call_each(
    flyte: FlyteServer, triggers: Triggers
) -> None:
    async with backend(flyte) as opened:
        written = await opened.write_ledger(FULL, HOME)
        found = await opened.read_ledger("team", HOME)

    assert found == written == replace(FULL, revision=1, home=HOME)
    assert flyte.calls == {"TriggerService.DeployTrigger": 1, "TriggerService.GetTriggerDetails": 1}


async def test_ledger_is_an_inactive_trigger_that_nothing_fires(
    flyte: FlyteServer, triggers: Triggers
) -> None:
    async with backend(flyte) as opened:
        await opened.write_ledger(FULL, HOME)
    (details,) = triggers.revisions["p", "d", ledger.RESERVED, "team"]

    assert not details.spec.active
    assert not details.automation_spec.HasField("schedule")


async def test_of_many_first_writers_one_succeeds(flyte: FlyteServer, triggers: Triggers) -> None:
    async def write(opened: Flyte2, number: int) -> int:
        try:
            await opened.write_ledger(replace(FULL, desired=str(number)), HOME)
        except ConflictError:
            return -1
        return number

    async with backend(flyte) as opened:
        answers = await asyncio.gather(*(write(opened, number) for number in range(8)))
        found = await opened.read_ledger("team", HOME)

    (winner,) = [number for number in answers if number >= 0]
    assert (found.desired, found.revision) == (str(winner), 1)


async def test_write_after_an_old_revision_is_a_conflict(
    flyte: FlyteServer, triggers: Triggers
) -> None:
    async with backend(flyte) as opened:
        first = await opened.write_ledger(FULL, HOME)
        second = await opened.write_ledger(replace(first, desired="2"), HOME)
        with pytest.raises(ConflictError, match="set team: somebody else wrote revision 2 in betw"):
            await opened.write_ledger(replace(first, desired="3"), HOME)
        assert await opened.read_ledger("team", HOME) == second


async def test_deleted_ledger_is_written_anew_with_its_own_numbers(
    flyte: FlyteServer, triggers: Triggers
) -> None:
    async with backend(flyte) as opened:
        await opened.write_ledger(FULL, HOME)
        triggers.delete("p", "d", ledger.RESERVED, "team")
        assert await opened.read_ledger("team", HOME) == Ledger("team")
        written = await opened.write_ledger(FULL, HOME)

    assert written.revision == 2


async def test_ledger_away_from_home_is_found_by_its_name(
    flyte: FlyteServer, triggers: Triggers
) -> None:
    async with backend(flyte) as opened:
        await opened.write_ledger(FULL, AWAY)
        await opened.write_ledger(Ledger("team-b"), AWAY)
        found = await opened.read_ledger("team", HOME)
        again = await opened.write_ledger(found, HOME)

    assert (found.home, again.home, again.revision) == (AWAY, AWAY, 2)


async def test_all_ledgers_are_one_list_and_a_call_each(
    flyte: FlyteServer, triggers: Triggers
) -> None:
    async with backend(flyte) as opened:
        for name, home in (("one", HOME), ("two", AWAY), ("three", Place("r", "d"))):
            await opened.write_ledger(Ledger(name), home)
        flyte.calls.clear()
        found = await opened.ledgers([HOME, AWAY])

    assert {name: item.home for name, item in found.items()} == {"one": HOME, "two": AWAY}
    assert flyte.calls == {"TriggerService.ListTriggers": 1, "TriggerService.GetTriggerDetails": 2}


async def test_large_ledger_is_packed(flyte: FlyteServer, triggers: Triggers) -> None:
    keys = [Key("FlyteTrigger", "p", "d", f"plan-{index}") for index in range(20_000)]
    large = replace(FULL, adopted=dict.fromkeys(keys, "1"))
    async with backend(flyte) as opened:
        await opened.write_ledger(large, HOME)
        found = await opened.read_ledger("team", HOME)
    (details,) = triggers.revisions["p", "d", ledger.RESERVED, "team"]

    assert found.adopted == large.adopted
    assert details.ByteSize() < 300_000


@pytest.mark.parametrize(
    "annotations",
    [
        {},
        {"ledger": "{"},
        {"ledger": '{"format": 99}'},
        {"ledger": '"text"'},
        {"ledger.gz": "%%"},
        {"ledger.gz": "AAAA"},
    ],
)
async def test_content_that_is_no_ledger_is_an_error_and_not_an_empty_one(
    flyte: FlyteServer, triggers: Triggers, annotations: dict[str, str]
) -> None:
    async with backend(flyte) as opened:
        await opened.write_ledger(FULL, HOME)
        (details,) = triggers.revisions["p", "d", ledger.RESERVED, "team"]
        details.spec.run_spec.annotations.values.clear()
        details.spec.run_spec.annotations.values.update(annotations)
        with pytest.raises(BackendError, match="ledger of set team: "):
            await opened.read_ledger("team", HOME)


async def test_ledger_under_another_name_is_not_believed(
    flyte: FlyteServer, triggers: Triggers
) -> None:
    async with backend(flyte) as opened:
        await opened.write_ledger(FULL, HOME)
        (details,) = triggers.revisions.pop(("p", "d", ledger.RESERVED, "team"))
        details.id.name.name = "other"
        triggers.revisions["p", "d", ledger.RESERVED, "other"] = [details]
        with pytest.raises(BackendError, match="ledger of set other: is not that set's"):
            await opened.read_ledger("other", HOME)
