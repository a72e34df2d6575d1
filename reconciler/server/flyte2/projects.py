"""Projects.

An update replaces name, description, labels and state together; what it leaves out is emptied.
Domains are the server's and ignored when sent. There is no delete, and archiving hides a project
from a list without filters and does nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flyteidl2.common import list_pb2
from flyteidl2.project import project_service_pb2 as wire
from flyteidl2.task import run_pb2

from reconciler.server.clock import now
from reconciler.server.flyte2 import lists
from reconciler.server.flyte2.columns import PROJECTS
from reconciler.server.flyte2.lists import Condition, Listing
from reconciler.server.flyte2.nul_texts import worded
from reconciler.server.flyte2.refusals import database, not_found, taken
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import internal, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store, Value

# The manager's default configuration, in its order.
DOMAINS = {"development": "Development", "production": "Production", "staging": "Staging"}

_MAX_DESCRIPTION = 300
_OFFSET = re.compile(r"\s*([+-]?[0-9]+)")
_FUNCTIONS = {
    "eq": list_pb2.Filter.EQUAL,
    "ne": list_pb2.Filter.NOT_EQUAL,
    "contains": list_pb2.Filter.CONTAINS,
    "value_in": list_pb2.Filter.VALUE_IN,
}
_UNARCHIVED = Condition(
    list_pb2.Filter.NOT_EQUAL, "state", (str(int(wire.PROJECT_STATE_ARCHIVED)),), is_array=False
)


def create(store: Store, request: wire.CreateProjectRequest) -> wire.CreateProjectResponse:
    """CreateProject: any id but the empty one; ALREADY_EXISTS for a known one."""
    project = request.project
    if not project.id:
        raise refused("project.id is required")
    values = _values(project, "create")
    with store.writing():
        if find(store, project.id) is not None:
            raise taken(f"project already exists: {project.id}")
        store.run(
            "INSERT INTO v2_projects (name, description, labels, state, updated_at, identifier, "
            "created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, project.id, now()),
        )
    return wire.CreateProjectResponse()


def update(store: Store, request: wire.UpdateProjectRequest) -> wire.UpdateProjectResponse:
    """UpdateProject: replaces everything but the domains."""
    project = request.project
    if not project.id:
        raise refused("project.id is required")
    values = _values(project, "update")
    with store.writing():
        _existing(store, project.id)
        store.run(
            "UPDATE v2_projects SET name = ?, description = ?, labels = ?, state = ?, "
            "updated_at = ? WHERE identifier = ?",
            (*values, project.id),
        )
    return wire.UpdateProjectResponse()


def get(store: Store, request: wire.GetProjectRequest) -> wire.GetProjectResponse:
    """GetProject: archived ones too."""
    if not request.id:
        raise refused("id is required")
    return wire.GetProjectResponse(project=_message(_existing(store, request.id)))


def list_projects(store: Store, request: wire.ListProjectsRequest) -> wire.ListProjectsResponse:
    """ListProjects: without any filter text all but the archived ones; limit 0 is all."""
    offset, order = _offset(request.token), _order(request)
    texts = request.filters.strip().split("+") if request.filters.strip() else []
    conditions = tuple(_filter(text) for text in texts)
    if not request.filters:
        conditions = (_UNARCHIVED,)
    listing = Listing(PROJECTS, request.limit, offset, conditions, order)
    clause, values = listing.where("failed to list projects", {})
    rows = store.rows(f"SELECT * FROM v2_projects{clause}{listing.page}", values)  # noqa: S608
    page = wire.Projects(projects=[_message(row) for row in rows], token=listing.token(len(rows)))
    return wire.ListProjectsResponse(projects=page)


def find(store: Store, project: str) -> sqlite3.Row | None:
    """The project's row."""
    return store.row("SELECT * FROM v2_projects WHERE identifier = ?", (project,))


def required(store: Store, project: str) -> None:
    """A project that another service asks for: NOT_FOUND when it is not there."""
    if not project:
        raise internal("failed to validate project: invalid_argument: id is required")
    if find(store, project) is None:
        raise not_found(f'project "{project}" not found')


def _existing(store: Store, project: str) -> sqlite3.Row:
    row = find(store, project)
    if row is None:
        raise not_found(f"project not found: {project}")
    return row


def _values(project: wire.Project, verb: str) -> tuple[Value, ...]:
    description = project.description
    if len(description) > _MAX_DESCRIPTION:
        # As SQL wants it, blanks beyond the end are no excess.
        if description[_MAX_DESCRIPTION:].strip(" "):
            text = f"value too long for type character varying({_MAX_DESCRIPTION})"
            raise database(f"failed to {verb} project {project.id}", text, "22001")
        description = description[:_MAX_DESCRIPTION]
    labels = project.labels.SerializeToString(deterministic=True) or None
    return project.name, description, labels, project.state, now()


def _offset(token: str) -> int:
    """Any text that begins with a number is a token."""
    if not token:
        return 0
    found = _OFFSET.match(token)
    if found is None or abs(int(found[1])) > lists.MAX_OFFSET:
        raise refused(f"invalid token format: {token}")
    if (offset := int(found[1])) < 0:
        raise refused(f"invalid offset: {offset} (must be non-negative)")
    return offset


def _order(request: wire.ListProjectsRequest) -> str:
    return lists.sort(request.sort_by, PROJECTS) if request.sort_by.key else ""


def _filter(text: str) -> Condition:
    """One `function(field,value)`; nothing inside a value can be escaped."""
    text = text.strip()
    opening = text.find("(")
    if opening <= 0 or not text.endswith(")"):
        raise refused(f"invalid filter format: {text}")
    field, comma, raw = text[opening + 1 : -1].partition(",")
    if not comma:
        raise refused(f"invalid filter arguments: {text}")
    if (column := field.strip()) not in PROJECTS.columns:
        raise refused(f"invalid filter field: {column}")
    name, value = text[:opening].strip().lower(), raw.strip()
    if name not in _FUNCTIONS:
        raise refused(f"unsupported filter function: {name}")
    if name == "value_in":
        values = tuple(one.strip() for one in value.split(";"))
        return Condition(list_pb2.Filter.VALUE_IN, column, values, is_array=True)
    return Condition(_FUNCTIONS[name], column, (value,), is_array=False)


def _message(row: sqlite3.Row) -> wire.Project:
    project = wire.Project(
        id=row["identifier"],
        name=row["name"],
        description=row["description"],
        state=row["state"],
        domains=[wire.Domain(id=name, name=shown) for name, shown in DOMAINS.items()],
    )
    if row["labels"]:
        project.labels.CopyFrom(run_pb2.Labels.FromString(row["labels"]))
    return project


HANDLERS = worded(
    guarded(
        {
            "CreateProject": create,
            "UpdateProject": update,
            "GetProject": get,
            "ListProjects": list_projects,
        }
    ),
    {
        "CreateProject": "failed to create project {0.project.id}",
        "UpdateProject": "failed to update project {0.project.id}",
        "GetProject": "failed to get project {0.id}",
        "ListProjects": "failed to list projects",
    },
)
