"""Matchable attributes: one row per project, domain, workflow and kind.

Three quirks are kept because clients meet them: reads of a narrow level fall back to a broader row,
deletes of a broad level take the narrower rows with them, and plugin overrides merge by task type
into the oldest row that the key's set parts match (flyteadmin 1.16.8,
pkg/manager/impl/resources/resource_manager.go and gormimpl/resource_repo.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import matchable_resource_pb2 as wire

from reconciler.server.clock import now
from reconciler.server.flyte1 import keys
from reconciler.server.flyte1.refusals import invalid, missing
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store

_KINDS = {
    "task_resource_attributes": wire.TASK_RESOURCE,
    "cluster_resource_attributes": wire.CLUSTER_RESOURCE,
    "execution_queue_attributes": wire.EXECUTION_QUEUE,
    "execution_cluster_label": wire.EXECUTION_CLUSTER_LABEL,
    "plugin_overrides": wire.PLUGIN_OVERRIDE,
    "workflow_execution_config": wire.WORKFLOW_EXECUTION_CONFIG,
    "cluster_assignment": wire.CLUSTER_ASSIGNMENT,
}
_SERVER_MAX_PARALLELISM = 25

# A narrower level wins over a broader one.
_PRIORITIES = {(True, False): 10, (True, True): 100, (False, False): 5}


def kind_of(attributes: wire.MatchingAttributes | None, place: str) -> str:
    """The name of the kind that is set; QUALITY_OF_SERVICE_SPECIFICATION cannot be written."""
    if attributes is None:
        raise missing("matching_attributes")
    target = attributes.WhichOneof("target")
    if target not in _KINDS:
        raise refused(f"Unrecognized matching attributes type for request {place}")
    return name_of(_KINDS[target])


def name_of(kind: int) -> str:
    """A kind's name, or its number when the server does not know it."""
    value = wire.MatchableResource.DESCRIPTOR.values_by_number.get(kind)
    return value.name if value else str(kind)


def most_specific(
    store: Store, kind: str, *, project: str, domain: str, workflow: str = ""
) -> wire.MatchingAttributes | None:
    """The narrowest row on the path."""
    row = most_specific_row(store, kind, project=project, domain=domain, workflow=workflow)
    return None if row is None else content(row)


def most_specific_row(
    store: Store, kind: str, *, project: str, domain: str, workflow: str = ""
) -> sqlite3.Row | None:
    """The narrowest row on the path, whose level may be broader than asked for."""
    if not project and (workflow or not domain):
        raise _unexpected(kind, project=project, domain=domain, workflow=workflow)
    return store.row(
        "SELECT * FROM resources WHERE resource_type = ? AND project IN ('', ?) "
        "AND domain IN ('', ?) AND workflow IN ('', ?) AND launch_plan = '' "
        "ORDER BY priority DESC LIMIT 1",
        (kind, project, domain, workflow),
    )


def content(row: sqlite3.Row) -> wire.MatchingAttributes:
    """A row's value."""
    return wire.MatchingAttributes.FromString(row["attributes"])


def write(
    store: Store,
    attributes: wire.MatchingAttributes,
    *,
    kind: str,
    project: str,
    domain: str = "",
    workflow: str = "",
) -> None:
    """Replace the row's value; plugin overrides are merged instead.

    An empty project is not refused everywhere: it means whichever row is the oldest of its level.
    """
    key = {"resource_type": kind, "project": project, "domain": domain, "workflow": workflow}
    level = _PRIORITIES[bool(domain), bool(workflow)]
    with store.writing():
        if attributes.HasField("plugin_overrides"):
            if not domain:
                raise _unexpected(kind, project=project)
            row = keys.first(store, "resources", key)
            if row is not None:
                _replace(store, row, _merged(content(row), attributes))
                return
        if not project and (workflow or not domain):
            times = "0001-01-01 00:00:00 +0000 UTC 0001-01-01 00:00:00 +0000 UTC <nil>"
            value = " ".join(str(byte) for byte in attributes.SerializeToString())
            raise refused(
                "missing and/or invalid parameters: "
                f"{{0 {times} {project} {domain} {workflow}  {kind} {level} [{value}]}}"
            )
        row = keys.first(store, "resources", {**key, "priority": level})
        if row is not None:
            _replace(store, row, attributes)
            return
        moment = now()
        store.run(
            "INSERT INTO resources (created_at, updated_at, project, domain, workflow, "
            "launch_plan, resource_type, priority, attributes) VALUES (?, ?, ?, ?, ?, '', ?, ?, ?)",
            (
                moment,
                moment,
                project,
                domain,
                workflow,
                kind,
                level,
                attributes.SerializeToString(),
            ),
        )


def _replace(store: Store, row: sqlite3.Row, attributes: wire.MatchingAttributes) -> None:
    store.run(
        "UPDATE resources SET attributes = ?, updated_at = ? WHERE id = ?",
        (attributes.SerializeToString(), now(), row["id"]),
    )


def _unexpected(kind: str, *, project: str, domain: str = "", workflow: str = "") -> StatusError:
    """INTERNAL for a key that no row can have."""
    return internal(
        "unexpected error type for: missing and/or invalid parameters: "
        f"{{{project} {domain} {workflow}  {kind}}}"
    )


def _merged(
    existing: wire.MatchingAttributes, sent: wire.MatchingAttributes
) -> wire.MatchingAttributes:
    by_type = {one.task_type: one for one in existing.plugin_overrides.overrides}
    by_type |= {one.task_type: one for one in sent.plugin_overrides.overrides}
    merged = wire.MatchingAttributes()
    merged.plugin_overrides.SetInParent()
    merged.plugin_overrides.overrides.extend(by_type.values())
    return merged


def delete(store: Store, kind: str, *, project: str, domain: str = "", workflow: str = "") -> None:
    """Remove the row and every narrower one; an absent row is no error."""
    key = {"resource_type": kind, "project": project, "domain": domain, "workflow": workflow}
    clause, values = keys.condition(key)
    with store.writing():
        store.run(f"DELETE FROM resources WHERE {clause}", values)  # noqa: S608


def absent(kind: str, *, project: str, domain: str = "", workflow: str = "") -> StatusError:
    """NOT_FOUND for attributes."""
    key = f"Project:{project} Domain:{domain} Workflow:{workflow} LaunchPlan: ResourceType:{kind}"
    return StatusError(grpc.StatusCode.NOT_FOUND, f"Resource [{{{key}}}] not found")


def project_level(store: Store, kind: str, project: str) -> wire.MatchingAttributes:
    """The project's own row. WORKFLOW_EXECUTION_CONFIG is filled up from the server's settings
    and therefore never NOT_FOUND."""
    if not project:
        raise _unexpected(kind, project=project)
    row = store.row(
        "SELECT * FROM resources WHERE resource_type = ? AND project = ? AND domain = '' "
        "AND workflow = '' AND launch_plan = ''",
        (kind, project),
    )
    found = content(row) if row is not None else None
    if kind == name_of(wire.WORKFLOW_EXECUTION_CONFIG):
        config = wire.WorkflowExecutionConfig()
        if found is not None:
            config.CopyFrom(found.workflow_execution_config)
        config.max_parallelism = config.max_parallelism or _SERVER_MAX_PARALLELISM
        return wire.MatchingAttributes(workflow_execution_config=config)
    if found is None:
        raise absent(kind, project=project)
    return found


def list_all(
    store: Store, request: wire.ListMatchableAttributesRequest
) -> wire.ListMatchableAttributesResponse:
    """ListMatchableAttributes: every row of one kind, all projects and levels, in one answer."""
    if request.resource_type not in wire.MatchableResource.values():
        raise invalid("resource_type")
    rows = store.rows(
        "SELECT * FROM resources WHERE resource_type = ? ORDER BY priority DESC, id",
        (name_of(request.resource_type),),
    )
    return wire.ListMatchableAttributesResponse(
        configurations=[
            wire.MatchableAttributesConfiguration(
                attributes=content(row),
                project=row["project"],
                domain=row["domain"],
                workflow=row["workflow"],
                launch_plan=row["launch_plan"],
            )
            for row in rows
        ]
    )
