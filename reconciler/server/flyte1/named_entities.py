"""Names of tasks, workflows and launch plans, with a description and a state of their own.

The state only hides: an archived plan still runs and may still be registered. An update always
writes the state and never an empty description. A list applies its limit before its filters, so
that a page with a filtered name looks like the last one (flyteadmin 1.16.8,
gormimpl/named_entity_repo.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2

from reconciler.server.clock import now
from reconciler.server.flyte1 import checks, filters
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import LAUNCH_PLAN, NAMED_ENTITY, TASK, WORKFLOW
from reconciler.server.flyte1.refusals import database, invalid, missing
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store

_TABLES = {
    checks.TASK: TASK.table,
    checks.WORKFLOW: WORKFLOW.table,
    checks.LAUNCH_PLAN: LAUNCH_PLAN.table,
}
_MAX_DESCRIPTION = 300
_GROUPED = frozenset({"project", "domain", "name"})


def update(
    store: Store, request: common_pb2.NamedEntityUpdateRequest
) -> common_pb2.NamedEntityUpdateResponse:
    """UpdateNamedEntity: the name must exist in some version."""
    kind = _kind(request.resource_type)
    name = checks.named(optional(request, "id"))
    metadata = optional(request, "metadata")
    if metadata is None:
        raise missing("metadata")
    if metadata.state and kind not in _TABLES:
        raise refused(f"Resource [{_shown(kind)}] cannot have its state updated")
    _find(store, kind, name)
    if len(metadata.description) > _MAX_DESCRIPTION:
        raise database(f"value too long for type character varying({_MAX_DESCRIPTION})")
    moment = now()
    with store.writing():
        store.run(
            "INSERT INTO named_entity_metadata (created_at, updated_at, resource_type, project, "
            "domain, name, description, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (resource_type, project, domain, name) DO UPDATE SET "
            "updated_at = excluded.updated_at, state = excluded.state, "
            "description = CASE excluded.description WHEN '' THEN description "
            "ELSE excluded.description END",
            (
                moment,
                moment,
                kind,
                name.project,
                name.domain,
                name.name,
                metadata.description,
                metadata.state,
            ),
        )
    return common_pb2.NamedEntityUpdateResponse()


def get(store: Store, request: common_pb2.NamedEntityGetRequest) -> common_pb2.NamedEntity:
    """GetNamedEntity: a name without metadata is active and without description."""
    kind = _kind(request.resource_type)
    name = checks.named(optional(request, "id"))
    return _message(_find(store, kind, name), kind)


def list_named_entities(
    store: Store, request: common_pb2.NamedEntityListRequest
) -> common_pb2.NamedEntityList:
    """ListNamedEntities: archived names too; without a filter all but generated ones."""
    checks.text(request.project, "project")
    checks.text(request.domain, "domain")
    kind = _kind(request.resource_type)
    filters.required_limit(request.limit)
    conditions = filters.parse(request.filters or "not_like(name,.flytegen%)", NAMED_ENTITY)
    sort = optional(request, "sort_by")
    order = filters.order(sort, NAMED_ENTITY, default="entities.name")
    page = filters.page(request.limit, request.token, method="ListNamedEntities")
    if kind not in _TABLES:
        raise refused(f"Cannot list entity names for resource type: {_shown(kind)}")
    for one in conditions:
        if one.column == "resource_type":
            raise database("column entities.resource_type does not exist")
    if sort is not None and sort.key not in _GROUPED:
        raise database(f'column "{sort.key}" does not exist')
    clause, values = filters.where(conditions)
    rows = store.rows(
        f"SELECT entities.project, entities.domain, entities.name, "  # noqa: S608
        f"named_entity_metadata.description, named_entity_metadata.state FROM ("
        f"SELECT project, domain, name FROM {_TABLES[kind]} AS entities "
        f"WHERE project = ? AND domain = ? GROUP BY project, domain, name{order}{page.sql}"
        f") AS entities LEFT JOIN named_entity_metadata ON "
        f"named_entity_metadata.resource_type = ? "
        f"AND named_entity_metadata.project = entities.project "
        f"AND named_entity_metadata.domain = entities.domain "
        f"AND named_entity_metadata.name = entities.name{clause}{order}",
        (request.project, request.domain, kind, *values),
    )
    return common_pb2.NamedEntityList(
        entities=[_message(row, kind) for row in rows], token=page.token(len(rows))
    )


def _kind(
    number: identifier_pb2.ResourceType,
) -> identifier_pb2.ResourceType:
    if number == identifier_pb2.UNSPECIFIED:
        raise invalid("resource_type")
    return number


def _shown(kind: identifier_pb2.ResourceType) -> str:
    value = identifier_pb2.ResourceType.DESCRIPTOR.values_by_number.get(kind)
    return value.name if value else str(kind)


def _find(
    store: Store,
    kind: identifier_pb2.ResourceType,
    name: common_pb2.NamedEntityIdentifier,
) -> sqlite3.Row:
    if kind not in _TABLES:
        raise refused(f"Cannot get NamedEntityMetadata for resource type: {_shown(kind)}")
    row = store.row(
        f"SELECT versions.project, versions.domain, versions.name, metadata.description, "  # noqa: S608
        f"metadata.state FROM {_TABLES[kind]} AS versions "
        f"LEFT JOIN named_entity_metadata AS metadata ON metadata.resource_type = ? "
        f"AND metadata.project = versions.project AND metadata.domain = versions.domain "
        f"AND metadata.name = versions.name "
        f"WHERE versions.project = ? AND versions.domain = ? AND versions.name = ? LIMIT 1",
        (kind, name.project, name.domain, name.name),
    )
    if row is None:
        raise StatusError(grpc.StatusCode.NOT_FOUND, "entry not found")
    return row


def _message(row: sqlite3.Row, kind: identifier_pb2.ResourceType) -> common_pb2.NamedEntity:
    return common_pb2.NamedEntity(
        resource_type=kind,
        id=common_pb2.NamedEntityIdentifier(
            project=row["project"], domain=row["domain"], name=row["name"]
        ),
        metadata=common_pb2.NamedEntityMetadata(
            description=row["description"] or "", state=row["state"]
        ),
    )
