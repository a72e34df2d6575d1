"""Ten thousand executions: every list is read in pages, and no more of them than it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import execution_pb2
from running_kit import Phase, Played, at, open_played

from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import What
from reconciler.model.run import Mode
from reconciler.model.run import Phase as Told

COUNT = 10_000
PAGE = 500
LIST = "AdminService.ListExecutions"


@pytest.fixture
async def flyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Played]:
    """An embedded Flyte with the executions x0 to x9999, a minute apart, of which ten run."""
    monkeypatch.setattr("running_kit.ENDPOINT", "")
    async with open_played(tmp_path) as played:
        metadata = execution_pb2.ExecutionMetadata(
            mode=execution_pb2.ExecutionMetadata.SCHEDULED, scheduled_at=at(0)
        )
        await played.start("x0", metadata=metadata)
        multiply(played)
        for index in range(0, COUNT, COUNT // 10):
            await played.tell(f"x{index}", Phase.RUNNING, 0)
        yield played


def multiply(played: Played) -> None:
    """Copy the row of x0, each copy a minute younger, its closure too."""
    store = played.server.store
    row = store.row("SELECT * FROM executions WHERE execution_name = 'x0'")
    assert row is not None
    names = [name for name in row.keys() if name != "id"]  # noqa: SIM118  # a row is no mapping
    places = ", ".join("?" for _ in names)
    columns = ", ".join(f'"{name}"' for name in names)
    closure = execution_pb2.ExecutionClosure.FromString(row["closure"])
    first = closure.created_at.ToMicroseconds()
    with store.writing():
        for index in range(1, COUNT):
            created = first + index * 60_000_000
            closure.created_at.FromMicroseconds(created)
            changed: dict[str, Any] = {
                "execution_name": f"x{index}",
                "execution_created_at": created,
                "closure": closure.SerializeToString(),
            }
            values = [changed.get(name, row[name]) for name in names]
            store.run(f"INSERT INTO executions ({columns}) VALUES ({places})", values)


async def test_ten_thousand_runs_come_once_each_in_pages_the_newest_first(flyte: Played) -> None:
    before = flyte.channel.calls[LIST]

    names = await flyte.names(domain="development")

    assert names == [f"x{index}" for index in range(COUNT - 1, -1, -1)]
    assert flyte.channel.calls[LIST] - before <= COUNT // PAGE + 1


async def test_filters_leave_pages_that_do_not_match_to_the_server(flyte: Played) -> None:
    before = flyte.channel.calls[LIST]

    running = await flyte.names(domain="development", phases=frozenset({Told.RUNNING}))
    named = await flyte.names(domain="development", names=("x123", "x7"))
    alike = await flyte.names(domain="development", names=("x999*",))

    assert running == [f"x{index}" for index in range(9000, -1, -1000)]
    assert named == ["x123", "x7"]
    assert alike == [*(f"x{index}" for index in range(9999, 9989, -1)), "x999"]
    assert flyte.channel.calls[LIST] - before == 3


async def test_search_for_ticks_costs_the_pages_of_its_window(flyte: Played) -> None:
    newest = (await flyte.all(limit=1, domain="development"))[0]
    assert newest.created_at is not None
    before = flyte.channel.calls[LIST]

    found = await flyte.all(
        domain="development",
        entity=(What.LAUNCH_PLANS, "etl"),
        modes=frozenset({Mode.SCHEDULED, Mode.MANUAL}),
        created_after=newest.created_at - timedelta(minutes=999),
        archived=True,
    )

    assert len(found) == 1000
    assert flyte.channel.calls[LIST] - before <= 3


async def test_newest_run_costs_one_page_and_a_reader_that_stops_reads_no_more(
    flyte: Played,
) -> None:
    before = flyte.channel.calls[LIST]

    assert await flyte.names(domain="development", limit=1) == [f"x{COUNT - 1}"]
    runs = flyte.running.runs(AskedRuns(project=flyte.project, domain="development"))
    assert (await anext(runs)).id.name == f"x{COUNT - 1}"

    assert flyte.channel.calls[LIST] - before == 2
