"""What no single call shows: many runs of Flyte 2 are listed page by page without reading all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import firing_kit
import pytest
from firing_kit import SECOND, Firing, micros

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT, DOMAIN, TASK = "flytesnacks", "development", "env.t"
PLACE = {"project": PROJECT, "domain": DOMAIN}
COUNT = 10_000
BEGIN = micros("2026-03-01T00:00:00Z")
OWNER = {"projectId": {"name": PROJECT, "domain": DOMAIN}}
TRIGGER = PLACE | {"taskName": TASK, "name": "hourly"}
NEWEST = {"sortByFields": [{"key": "created_at", "direction": "DESCENDING"}]}
OLDEST = {"sortByFields": [{"key": "created_at", "direction": "ASCENDING"}]}
SINCE = {"field": "created_at", "function": "GREATER_THAN_OR_EQUAL"}
QUEUED = {"field": "phase", "function": "EQUAL", "values": ["1"]}


@pytest.fixture(scope="module")
def flyte(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firing]:
    """A store with the trigger `hourly` and ten thousand runs of it, one each second."""
    with firing_kit.opened(tmp_path_factory.mktemp("flyte"), BEGIN) as firing:
        template = {"type": "python", "metadata": {}, "interface": {}, "container": {"image": "i"}}
        identifier = PLACE | {"name": TASK, "version": "v1"}
        firing.call("DeployTask", {"taskId": identifier, "spec": {"taskTemplate": template}})
        spec = {"active": True, "taskVersion": "v1"}
        schedule = {"cron": {"expression": "0 * * * *"}}
        automation = {"type": "TYPE_SCHEDULE", "schedule": schedule}
        firing.call("DeployTrigger", {"name": TRIGGER, "spec": spec, "automationSpec": automation})
        firing.call("CreateRun", {"runId": PLACE | {"name": "x0"}, "triggerName": TRIGGER})
        _multiply(firing)
        yield firing


def _multiply(flyte: Firing) -> None:
    """Make of the run `x0` as many as there have to be."""
    info = flyte.store.rows("SELECT name FROM pragma_table_info('v2_actions')")
    own = {"id", "run_name", "created_at"}
    copied = ", ".join(f'"{row["name"]}"' for row in info if row["name"] not in own)
    with flyte.store.writing():
        flyte.store.run(
            "WITH RECURSIVE numbers(n) AS "  # the table's own columns
            f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {COUNT - 1}) "
            f"INSERT INTO v2_actions (run_name, created_at, {copied}) "
            f"SELECT 'x' || n, created_at + n * {SECOND}, {copied} "
            "FROM numbers, v2_actions WHERE run_name = 'x0'"
        )


def pages(flyte: Firing, scope: dict[str, Any], listing: dict[str, Any]) -> list[list[str]]:
    """The names of all runs, page by page."""
    found: list[list[str]] = []
    token = ""
    while not found or token:
        request = listing | {"limit": 200, "token": token}
        answer = flyte.call("ListRuns", {"request": request, **scope})
        found.append([one.action.id.run.name for one in answer.runs])
        token = answer.token
    return found


@pytest.mark.parametrize("scope", [OWNER, {"triggerName": TRIGGER}], ids=["place", "trigger"])
def test_ten_thousand_runs_come_once_each_in_pages(flyte: Firing, scope: dict[str, Any]) -> None:
    found = pages(flyte, scope, OLDEST)

    assert len(found) == COUNT // 200
    assert [name for page in found for name in page] == [f"x{number}" for number in range(COUNT)]


def test_window_of_a_gap_search_costs_its_own_pages(flyte: Firing) -> None:
    since = SINCE | {"values": ["2026-03-01T02:30:00Z"]}

    found = pages(flyte, {"triggerName": TRIGGER}, NEWEST | {"filters": [since]})

    assert len(found) == 5
    assert [name for page in found for name in page] == [f"x{n}" for n in range(9999, 8999, -1)]


@pytest.mark.parametrize(
    ("scope", "listing"),
    [
        (OWNER, {}),
        (OWNER, NEWEST),
        (OWNER, OLDEST | {"filters": [QUEUED]}),
        ({"triggerName": TRIGGER}, {}),
        ({"triggerName": TRIGGER}, NEWEST),
        ({"triggerName": TRIGGER}, NEWEST | {"filters": [SINCE | {"values": ["2026-03-01"]}]}),
        ({"taskName": PLACE | {"name": TASK}}, NEWEST),
        ({"taskId": PLACE | {"name": TASK, "version": "v1"}}, OLDEST),
    ],
)
def test_a_page_is_read_from_an_index_and_sorts_nothing(
    flyte: Firing, scope: dict[str, Any], listing: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Any]] = []
    read = flyte.store.rows

    def rows(sql: str, values: Any = ()) -> Any:
        asked.append((sql, values))
        return read(sql, values)

    monkeypatch.setattr(flyte.store, "rows", rows)
    flyte.call("ListRuns", {"request": listing | {"limit": 100}, **scope})

    ((sql, values),) = asked
    steps = [row["detail"] for row in read(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any("USING INDEX v2_actions_" in step for step in steps), steps
    # Rows of one moment alone may have to be put in order.
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps), steps
