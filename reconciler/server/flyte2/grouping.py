"""Runs of a project by the task that they run, for pages of people.

The manager fills in neither names of environments nor averages of times (v2.0.43).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from flyteidl2.workflow import run_definition_pb2
from flyteidl2.workflow import run_service_pb2 as wire

from reconciler.server.clock import micros, stamp
from reconciler.server.flyte2 import action_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Sequence

    from reconciler.server.store import Store, Value

_MAX_RUNS = 1000
_MAX_RECENT = 10
_PAUSE_SECONDS = 5.0


async def watch(
    store: Store, request: wire.WatchGroupsRequest
) -> AsyncIterator[wire.WatchGroupsResponse]:
    """WatchGroups: all groups, once where the time has an end, else every five seconds."""
    yield wire.WatchGroupsResponse(task_groups=_groups(store, request), sentinel=True)
    while not request.HasField("end_date"):
        await asyncio.sleep(_PAUSE_SECONDS)
        if groups := _groups(store, request):
            yield wire.WatchGroupsResponse(task_groups=groups, sentinel=True)


def _groups(store: Store, request: wire.WatchGroupsRequest) -> list[run_definition_pb2.TaskGroup]:
    by_task: dict[str, list[sqlite3.Row]] = {}
    for row in _runs(store, request):
        name = row["task_name"] or row["task_short_name"] or row["name"]
        by_task.setdefault(name, []).append(row)
    return [_group(name, rows) for name, rows in by_task.items()]


def _runs(store: Store, request: wire.WatchGroupsRequest) -> list[sqlite3.Row]:
    """The newest runs; an empty name of project or domain is any."""
    where = ["parent_action_name IS NULL"]
    values: list[Value] = []
    place = request.project_id
    for column, value in (("project", place.name), ("domain", place.domain)):
        if value:
            where.append(f"{column} = ?")
            values.append(value)
    for sign, field in ((">=", "start_date"), ("<=", "end_date")):
        if request.HasField(field):
            where.append(f"created_at {sign} ?")
            values.append(micros(getattr(request, field)))
    condition = " AND ".join(where)
    sql = f"SELECT * FROM v2_actions WHERE {condition} ORDER BY created_at DESC LIMIT ?"  # noqa: S608  # own names
    return store.rows(sql, [*values, _MAX_RUNS])


def _group(name: str, rows: Sequence[sqlite3.Row]) -> run_definition_pb2.TaskGroup:
    """One task's runs, which come the newest first."""
    counts = Counter(row["phase"] for row in rows)
    group = run_definition_pb2.TaskGroup
    return group(
        task_name=name,
        total_runs=len(rows),
        latest_run_time=stamp(rows[0]["created_at"]),
        average_failure_rate=counts[action_rows.FAILED] / len(rows),
        phase_counts=[
            group.PhaseCounts(phase=phase, count=count) for phase, count in counts.items()
        ],
        recent_statuses=[
            group.RecentStatus(run_name=row["run_name"], phase=row["phase"])
            for row in rows[:_MAX_RECENT]
        ],
    )
