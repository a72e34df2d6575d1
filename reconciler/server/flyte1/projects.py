"""Projects and domains.

An update writes only what is not empty, so descriptions cannot be cleared, and always the state,
whose zero value is ACTIVE: an update that forgets it takes a project out of the archive. There is
no delete (flyteadmin 1.16.8, pkg/manager/impl/project_manager.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2, project_pb2

from reconciler.server.clock import now
from reconciler.server.flyte1 import checks, filters, kubernetes_names
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import PROJECT
from reconciler.server.flyte1.refusals import missing, taken
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store

_MAX_NAME = 64
_MAX_DESCRIPTION = 300


def register(
    store: Store, request: project_pb2.ProjectRegisterRequest
) -> project_pb2.ProjectRegisterResponse:
    """RegisterProject: ALREADY_EXISTS for a known id, whatever else differs."""
    project = optional(request, "project")
    if project is None:
        raise missing("project")
    checks.text(project.name, "project_name")
    _validate(project)
    with store.writing():
        if checks.find_project(store, project.id) is not None:
            raise taken("projects_pkey")
        moment = now()
        store.run(
            "INSERT INTO projects (created_at, updated_at, identifier, name, description, labels, "
            "state) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                moment,
                moment,
                project.id,
                project.name,
                project.description,
                _labels(project),
                project.state,
            ),
        )
    return project_pb2.ProjectRegisterResponse()


def update(store: Store, project: project_pb2.Project) -> project_pb2.ProjectUpdateResponse:
    """UpdateProject: empty fields keep what is stored, the state is always written."""
    row = _existing(store, project.id)
    _validate(project)
    labels = _labels(project)
    with store.writing():
        store.run(
            "UPDATE projects SET updated_at = ?, name = ?, description = ?, labels = ?, state = ? "
            "WHERE identifier = ?",
            (
                now(),
                project.name or row["name"],
                project.description or row["description"],
                row["labels"] if labels is None else labels,
                project.state,
                project.id,
            ),
        )
    return project_pb2.ProjectUpdateResponse()


def get(store: Store, request: project_pb2.ProjectGetRequest) -> project_pb2.Project:
    """GetProject: archived ones too."""
    checks.text(request.id, "project_id")
    return _message(store, _existing(store, request.id))


def list_projects(store: Store, request: project_pb2.ProjectListRequest) -> project_pb2.Projects:
    """ListProjects: without any filter all but the archived ones; limit 0 is all."""
    conditions = filters.parse(request.filters, PROJECT) if request.filters else []
    clause, values = filters.where(conditions)
    if not conditions:
        clause, values = " WHERE state <> ?", [project_pb2.Project.ARCHIVED]
    order = filters.order(optional(request, "sort_by"), PROJECT, default="identifier")
    page = filters.page(request.limit, request.token, method="ListProjects")
    rows = store.rows(f"SELECT * FROM projects{clause}{order}{page.sql}", values)  # noqa: S608
    return project_pb2.Projects(
        projects=[_message(store, row) for row in rows], token=page.token(len(rows))
    )


def get_domains(
    store: Store, _request: project_pb2.GetDomainRequest
) -> project_pb2.GetDomainsResponse:
    """GetDomains: the domains are the server's, the same for every project."""
    return project_pb2.GetDomainsResponse(domains=_domains(store))


def _domains(store: Store) -> list[project_pb2.Domain]:
    return [project_pb2.Domain(id=domain, name=domain) for domain in store.domains]


def _existing(store: Store, project: str) -> sqlite3.Row:
    row = checks.find_project(store, project)
    if row is None:
        raise StatusError(grpc.StatusCode.NOT_FOUND, f"project [{project}] not found")
    return row


def _labels(project: project_pb2.Project) -> bytes | None:
    labels = optional(project, "labels")
    return None if labels is None else labels.SerializeToString(deterministic=True)


def _validate(project: project_pb2.Project) -> None:
    checks.text(project.id, "project_id")
    checks.labels(project.labels)
    if wrong := kubernetes_names.dns_label(project.id):
        raise refused(f"invalid project id [{project.id}]: [{' '.join(wrong)}]")
    if len(project.name.encode()) > _MAX_NAME:
        raise refused(f"project_name cannot exceed {_MAX_NAME} characters")
    if len(project.description.encode()) > _MAX_DESCRIPTION:
        raise refused(f"project_description cannot exceed {_MAX_DESCRIPTION} characters")
    if project.domains:
        raise refused(
            "Domains are currently only set system wide. Please retry without domains included in "
            "your request."
        )


def _message(store: Store, row: sqlite3.Row) -> project_pb2.Project:
    project = project_pb2.Project(
        id=row["identifier"],
        name=row["name"],
        description=row["description"],
        state=row["state"],
        domains=_domains(store),
    )
    if row["labels"] is not None:
        project.labels.CopyFrom(common_pb2.Labels.FromString(row["labels"]))
    return project
