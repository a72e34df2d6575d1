"""Streams about runs and actions: what there is, and then whatever changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.workflow import run_service_pb2 as wire

from reconciler.server.flyte2 import action_rows, attempts, grouping, run_shapes
from reconciler.server.flyte2.action_rows import ACTION_TOLD, RUN_TOLD, TERMINAL
from reconciler.server.flyte2.action_tree import ActionTree
from reconciler.server.flyte2.refusals import not_found

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Iterator

    from reconciler.server.store import Store

_PAGE = 1000
# What the manager reads of runs at first: a page of a hundred, and the row that tells of more.
_FIRST_RUNS = 101


async def run(
    store: Store, request: wire.WatchRunDetailsRequest
) -> AsyncIterator[wire.WatchRunDetailsResponse]:
    """WatchRunDetails: says that there is something to read, never what."""
    asked = request.run_id
    path = f"{RUN_TOLD}{asked.project}/{asked.domain}/{asked.name}"
    with store.changes.listening() as listener:
        if action_rows.find_run(store, asked) is None:
            raise not_found(f"run not found: {path.removeprefix(RUN_TOLD)}")
        answer = wire.WatchRunDetailsResponse()
        answer.details.SetInParent()
        while True:
            yield answer
            while path not in await listener.next():
                pass


async def action(
    store: Store, request: wire.WatchActionDetailsRequest
) -> AsyncIterator[wire.WatchActionDetailsResponse]:
    """WatchActionDetails: ends when the events tell that the last attempt has."""
    asked = request.action_id
    run_id = asked.run
    path = f"{ACTION_TOLD}{run_id.project}/{run_id.domain}/{run_id.name}/{asked.name}"
    with store.changes.listening() as listener:
        while True:
            row = action_rows.find(store, run_id, asked.name)
            if row is None:
                raise not_found(
                    "failed to get action details: not_found: action not found: action not found"
                )
            details = run_shapes.details(store, row, asked)
            yield wire.WatchActionDetailsResponse(details=details)
            if attempts.have_ended(details.attempts):
                return
            while path not in await listener.next():
                pass


async def runs(
    store: Store, request: wire.WatchRunsRequest
) -> AsyncIterator[wire.WatchRunsResponse]:
    """WatchRuns: the first runs, if there are any, and then each one that changes.

    New ones are not told. Of the targets only a project is looked at.
    """
    scope = "parent_action_name IS NULL"
    values: tuple[str, ...] = ()
    if request.WhichOneof("target") == "project_id":
        scope += " AND project = ? AND domain = ?"
        values = (request.project_id.name, request.project_id.domain)
    sql = f"SELECT * FROM v2_actions WHERE {scope}"  # noqa: S608  # own names
    order = "ORDER BY phase, created_at DESC, run_name DESC, name DESC LIMIT ?"
    with store.changes.listening() as listener:
        rows = store.rows(f"{sql} {order}", (*values, _FIRST_RUNS))
        while True:
            if rows:
                yield wire.WatchRunsResponse(runs=[run_shapes.run(row) for row in rows])
            rows = [
                row
                for path in sorted(await listener.next())
                if path.startswith(RUN_TOLD)
                for row in store.rows(
                    f"{sql} AND project || '/' || domain || '/' || run_name = ? LIMIT 1",
                    (*values, path.removeprefix(RUN_TOLD)),
                )
            ]


async def actions(
    store: Store, request: wire.WatchActionsRequest
) -> AsyncIterator[wire.WatchActionsResponse]:
    """WatchActions: all of a run, then each that changes, with those whose counts move with it."""
    asked = request.run_id
    prefix = f"{ACTION_TOLD}{asked.project}/{asked.domain}/{asked.name}/"
    tree = ActionTree(request.filter)
    with store.changes.listening() as listener:
        for page in _pages(action_rows.inside(store, asked)):
            if told := tree.changed(page):
                yield wire.WatchActionsResponse(enriched_actions=told)
        while True:
            for path in sorted(await listener.next()):
                if not path.startswith(prefix):
                    continue
                row = action_rows.find(store, asked, path.removeprefix(prefix))
                if row is not None and (told := tree.changed([row])):
                    yield wire.WatchActionsResponse(enriched_actions=told)


async def cluster_events(
    store: Store, request: wire.WatchClusterEventsRequest
) -> AsyncIterator[wire.WatchClusterEventsResponse]:
    """WatchClusterEvents: of one attempt; ends with the action, or with an event of an end."""
    asked = request.id
    run_id = asked.run
    path = f"{ACTION_TOLD}{run_id.project}/{run_id.domain}/{run_id.name}/{asked.name}"
    since = 0
    with store.changes.listening() as listener:
        while True:
            row = action_rows.find(store, run_id, asked.name)
            if row is None:
                raise not_found("action not found: action not found")
            events, since = action_rows.events_since(store, asked, request.attempt, since)
            told = [one for event in events for one in event.cluster_events]
            if told:
                yield wire.WatchClusterEventsResponse(cluster_events=told)
            if any(phase in TERMINAL for phase in (row["phase"], *(one.phase for one in events))):
                return
            while path not in await listener.next():
                pass


def _pages(rows: list[sqlite3.Row]) -> Iterator[list[sqlite3.Row]]:
    for start in range(0, len(rows), _PAGE):
        yield rows[start : start + _PAGE]


HANDLERS = {
    "WatchRunDetails": run,
    "WatchActionDetails": action,
    "WatchRuns": runs,
    "WatchActions": actions,
    "WatchClusterEvents": cluster_events,
    "WatchGroups": grouping.watch,
}
