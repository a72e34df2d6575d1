"""Descriptions of task and workflow versions: made with them, never changed.

Reads ignore the resource type, so that a task and a workflow which share name and version can
answer with each other's text (flyteadmin 1.16.8, gormimpl/description_entity_repo.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2, description_entity_pb2

from reconciler.server.clock import now
from reconciler.server.flyte1 import checks, filters, versioned
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import (
    DESCRIPTION_ENTITY,
    LAUNCH_PLAN,
    TASK,
    WORKFLOW,
    Entity,
)
from reconciler.server.flyte1.refusals import database, invalid, taken
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.core import identifier_pb2

    from reconciler.server.store import Store

_MAX_SHORT = 4000
_ENTITIES = {
    checks.TASK: TASK,
    checks.WORKFLOW: WORKFLOW,
    checks.LAUNCH_PLAN: LAUNCH_PLAN,
}


def create(
    store: Store,
    identifier: identifier_pb2.Identifier,
    description: description_entity_pb2.DescriptionEntity | None,
) -> str:
    """Store a new version's description; its short text, empty when none was sent."""
    if description is None:
        return ""
    if len(description.short_description) > _MAX_SHORT:
        raise database(f"value too long for type character varying({_MAX_SHORT})")
    key = (identifier.project, identifier.domain, identifier.name, identifier.version)
    same = "resource_type = ? AND project = ? AND domain = ? AND name = ? AND version = ?"
    query = f"SELECT id FROM description_entities WHERE {same}"  # noqa: S608
    if store.row(query, (identifier.resource_type, *key)) is not None:
        raise taken("description_entities_pkey")
    moment = now()
    store.run(
        "INSERT INTO description_entities (created_at, updated_at, resource_type, project, domain, "
        "name, version, short_description, long_description, link) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            moment,
            moment,
            identifier.resource_type,
            *key,
            description.short_description,
            description.long_description.SerializeToString(deterministic=True),
            description.source_code.link,
        ),
    )
    return description.short_description


def get(
    store: Store, request: common_pb2.ObjectGetRequest
) -> description_entity_pb2.DescriptionEntity:
    """GetDescriptionEntity."""
    if request.id.resource_type == 0:
        raise invalid("resource_type")
    checks.identifier_fields(request.id)
    row = versioned.find(store, DESCRIPTION_ENTITY, request.id)
    if row is None:
        raise StatusError(grpc.StatusCode.NOT_FOUND, "entry not found")
    return _message(row)


def list_descriptions(
    store: Store, request: description_entity_pb2.DescriptionEntityListRequest
) -> description_entity_pb2.DescriptionEntityList:
    """ListDescriptionEntities: of one name, all versions."""
    name = checks.named(optional(request, "id"))
    filters.required_limit(request.limit)
    given = (("project", name.project), ("domain", name.domain), ("name", name.name))
    conditions = [filters.equals(DESCRIPTION_ENTITY, column, value) for column, value in given]
    if request.filters:
        conditions += _conditions(request.filters, _ENTITIES.get(request.resource_type))
    order = filters.order(optional(request, "sort_by"), DESCRIPTION_ENTITY, default="id")
    page = filters.page(request.limit, request.token, method="ListWorkflows")
    clause, values = filters.where(conditions)
    rows = store.rows(
        f"SELECT * FROM description_entities{clause}{order}{page.sql}",  # noqa: S608
        values,
    )
    return description_entity_pb2.DescriptionEntityList(
        descriptionEntities=[_message(row) for row in rows], token=page.token(len(rows))
    )


def _conditions(text: str, primary: Entity | None) -> list[filters.Filter]:
    """Filters name the columns of the described entity, and are used on those of descriptions."""
    conditions = []
    for one in filters.parse(text, primary):
        problem = one.problem
        if one.column not in DESCRIPTION_ENTITY.columns:
            problem = database(f'column "{one.column}" does not exist')
        sql = one.sql.replace(f"{one.entity.table}.", f"{DESCRIPTION_ENTITY.table}.", 1)
        conditions.append(filters.Filter(DESCRIPTION_ENTITY, one.column, sql, one.values, problem))
    return conditions


def _message(row: sqlite3.Row) -> description_entity_pb2.DescriptionEntity:
    return description_entity_pb2.DescriptionEntity(
        id=versioned.identifier_of(row, row["resource_type"]),
        short_description=row["short_description"],
        long_description=description_entity_pb2.Description.FromString(row["long_description"]),
        source_code=description_entity_pb2.SourceCode(link=row["link"]),
    )
