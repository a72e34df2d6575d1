"""What tasks, workflows and launch plans have in common: keys, lists and lists of names.

Each of the three is a table with the key project, domain, name, version; nothing is ever deleted.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2

from reconciler.server.flyte1 import checks, filters, keys
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import LAUNCH_PLAN, WORKFLOW, Entity
from reconciler.server.flyte1.printable import unprintable
from reconciler.server.flyte1.refusals import database, missing
from reconciler.server.status import internal, refused

if TYPE_CHECKING:
    import sqlite3

    from google.protobuf.message import Message

    from reconciler.server.flyte1.filters import Filter, Page
    from reconciler.server.store import Store, Value

_KEY = ("project", "domain", "name", "version")
_GROUPED = frozenset({"project", "domain", "name"})


def digest(message: Message, what: str) -> bytes:
    """A hash that two messages share exactly when their structure is equal.

    As flyteadmin's, it keeps the order of lists and the presence of messages and wrappers, and
    ignores the order of maps and fields that the server does not know. INTERNAL for what JSON
    cannot express, because flyteadmin hashes that.
    """
    if problem := unprintable(message):
        raise internal(f"failed to hash {what} to digest with err {problem}")
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    return hashlib.sha256(known.SerializeToString(deterministic=True)).digest()


def find(store: Store, entity: Entity, identifier: identifier_pb2.Identifier) -> sqlite3.Row | None:
    """The version's row. An empty part of the key matches anything, as flyteadmin's query does."""
    return keys.first(store, entity.table, {part: getattr(identifier, part) for part in _KEY})


def bare(identifier: identifier_pb2.Identifier) -> identifier_pb2.Identifier:
    """The four parts of a key alone, as NOT_FOUND texts show them."""
    return identifier_pb2.Identifier(
        project=identifier.project,
        domain=identifier.domain,
        name=identifier.name,
        version=identifier.version,
    )


def identifier_of(row: sqlite3.Row, kind: identifier_pb2.ResourceType) -> identifier_pb2.Identifier:
    """A stored row's identifier."""
    return identifier_pb2.Identifier(
        resource_type=kind,
        project=row["project"],
        domain=row["domain"],
        name=row["name"],
        version=row["version"],
    )


def list_versions(
    store: Store, entity: Entity, request: common_pb2.ResourceListRequest, *, method: str
) -> tuple[list[sqlite3.Row], str]:
    """The rows of a list request and the token of its next page."""
    name = optional(request, "id")
    if name is None:
        raise missing("id")
    checks.text(name.project, "project")
    checks.text(name.domain, "domain")
    filters.required_limit(request.limit)
    conditions = _name_filters(entity, project=name.project, domain=name.domain, name=name.name)
    if request.filters:
        conditions += filters.parse(request.filters, entity)
    order = filters.order(optional(request, "sort_by"), entity, default=f"{entity.table}.id")
    page = filters.page(request.limit, request.token, method=method)
    return select(store, entity, conditions, order=order, page=page)


def select(
    store: Store, entity: Entity, conditions: list[Filter], *, order: str, page: Page
) -> tuple[list[sqlite3.Row], str]:
    """The rows that meet all conditions, one page of them, and the next page's token."""
    join = ""
    if entity is LAUNCH_PLAN and any(one.entity is WORKFLOW for one in conditions):
        join = " JOIN workflows ON launch_plans.workflow_id = workflows.id"
    clause, values = filters.where(conditions)
    rows = store.rows(
        f"SELECT {entity.table}.* FROM {entity.table}{join}{clause}{order}{page.sql}",  # noqa: S608
        values,
    )
    return rows, page.token(len(rows))


def _name_filters(entity: Entity, *, project: str, domain: str, name: str = "") -> list[Filter]:
    given: tuple[tuple[str, Value], ...] = (
        ("project", project),
        ("domain", domain),
        ("name", name),
    )
    return [filters.equals(entity, column, value) for column, value in given if value]


def list_names(
    store: Store,
    entity: Entity,
    request: common_pb2.NamedEntityIdentifierListRequest,
    *,
    method: str = "",
) -> common_pb2.NamedEntityIdentifierList:
    """Distinct names. Filters are ignored; a list of launch plan names checks nothing at first."""
    if entity is not LAUNCH_PLAN:
        checks.text(request.project, "project")
        checks.text(request.domain, "domain")
        filters.required_limit(request.limit)
    sort = optional(request, "sort_by")
    order = filters.order(sort, entity, default="project, domain, name")
    page = filters.page(request.limit, request.token, method=method)
    conditions = _name_filters(entity, project=request.project, domain=request.domain)
    if request.limit == 0:
        raise refused("missing and/or invalid parameters: limit")
    if not conditions:
        raise refused("missing and/or invalid parameters: filters")
    if sort is not None and sort.key not in _GROUPED:
        raise database(
            f'column "{entity.table}.{sort.key}" must appear in the GROUP BY clause or be used in '
            "an aggregate function"
        )
    clause, values = filters.where(conditions)
    rows = store.rows(
        f"SELECT project, domain, name FROM {entity.table}{clause} "  # noqa: S608
        f"GROUP BY project, domain, name{order}{page.sql}",
        values,
    )
    return common_pb2.NamedEntityIdentifierList(
        entities=[
            common_pb2.NamedEntityIdentifier(
                project=row["project"], domain=row["domain"], name=row["name"]
            )
            for row in rows
        ],
        token=page.token(len(rows)),
    )
