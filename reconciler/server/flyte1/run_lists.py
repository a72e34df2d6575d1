"""Lists of what executions own: nodes, attempts of tasks, signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.server.flyte1 import filters
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import EXECUTION, NODE_EXECUTION, TASK

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.core import identifier_pb2

    from reconciler.server.flyte1.columns import Entity
    from reconciler.server.store import Store

_KEY = ("execution_project", "execution_domain", "execution_name")


def of_execution(
    entity: Entity, name: identifier_pb2.WorkflowExecutionIdentifier
) -> list[filters.Filter]:
    """The conditions that pick what one execution owns."""
    values = (name.project, name.domain, name.name)
    return [
        filters.equals(entity, column, value) for column, value in zip(_KEY, values, strict=True)
    ]


def select(
    store: Store, entity: Entity, conditions: list[filters.Filter], request: Any, *, method: str
) -> tuple[list[sqlite3.Row], str]:
    """The rows of one page, with the request's filters and order, and the next page's token."""
    if request.filters:
        conditions = conditions + filters.parse(request.filters, entity)
    order = filters.order(optional(request, "sort_by"), entity, default=f"{entity.table}.id")
    page = filters.page(request.limit, request.token, method=method)
    joined = [one.entity for one in conditions]
    joins = ""
    if any(one is NODE_EXECUTION for one in joined) and entity is not NODE_EXECUTION:
        joins += _join(entity, NODE_EXECUTION, (*_KEY, "node_id"))
    if any(one is EXECUTION for one in joined):
        joins += _join(entity, EXECUTION, _KEY)
    if any(one is TASK for one in joined):
        joins += " LEFT" + _join(entity, TASK, ("project", "domain", "name", "version"))
    clause, values = filters.where(conditions)
    rows = store.rows(
        f"SELECT {entity.table}.* FROM {entity.table}{joins}{clause}{order}{page.sql}",  # noqa: S608
        values,
    )
    return rows, page.token(len(rows))


def _join(entity: Entity, other: Entity, columns: tuple[str, ...]) -> str:
    equal = " AND ".join(f"{entity.table}.{name} = {other.table}.{name}" for name in columns)
    return f" JOIN {other.table} ON {equal}"
