"""Tasks: a deploy of a known version replaces what is stored and keeps when it was first deployed.

There is no delete. A deploy may carry triggers; a list of them that is not empty hides every other
trigger of the task, an empty one leaves all as they are (v2.0.43, runs/repository/impl/task.go).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.task import task_service_pb2 as wire
from flyteidl2.trigger import trigger_definition_pb2
from google.protobuf.message import DecodeError

from reconciler.server.clock import now, stamp
from reconciler.server.flyte2 import lists, projects, trigger_rows
from reconciler.server.flyte2.columns import TASKS, VERSIONS
from reconciler.server.flyte2.lists import Condition
from reconciler.server.flyte2.nul_texts import worded
from reconciler.server.flyte2.refusals import TextError, cut, not_found, taken
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store, Value

_SHORT = 255
_LONG = 2048
_KEY = ("project", "domain", "name", "version")

_Trigger = tuple[
    identifier_pb2.TriggerName,
    trigger_definition_pb2.TriggerSpec,
    common_pb2.TriggerAutomationSpec,
]


def deploy(store: Store, request: wire.DeployTaskRequest) -> wire.DeployTaskResponse:
    """DeployTask: never ALREADY_EXISTS, unless the store is strict and the content differs."""
    identifier, spec = request.task_id, request.spec
    projects.required(store, identifier.project)
    triggers = [_trigger(identifier, one) for one in request.triggers]
    if not request.HasField("spec"):
        raise internal("proto: Marshal called with nil")
    try:
        _shorten(spec)
    except TextError as error:
        raise internal(str(error)) from None
    with store.writing():
        _upsert(store, identifier, spec)
        if triggers:
            _replace_triggers(store, identifier, triggers)
    return wire.DeployTaskResponse()


def _shorten(spec: task_definition_pb2.TaskSpec) -> None:
    if spec.HasField("environment"):
        spec.environment.description = cut(spec.environment.description, _SHORT)
    if spec.HasField("documentation"):
        about = spec.documentation
        about.short_description = cut(about.short_description, _SHORT)
        about.long_description = cut(about.long_description, _LONG)


def _trigger(
    task: task_definition_pb2.TaskIdentifier, embedded: task_definition_pb2.TaskTrigger
) -> _Trigger:
    """An embedded trigger of this version. Its refusals show twice what they are."""
    try:
        trigger_rows.check_cron(embedded.name, embedded.automation_spec)
        description = cut(embedded.spec.description, _SHORT)
    except StatusError as error:
        raise refused(f"invalid_argument: {error.text}") from None
    except TextError as error:
        raise refused(f'failed to build trigger model for "{embedded.name}": {error}') from None
    sent = embedded.spec
    spec = trigger_definition_pb2.TriggerSpec(
        active=sent.active, task_version=task.version, description=description
    )
    for field in ("run_spec", "offloaded_input_data", "inputs"):
        if sent.HasField(field):
            getattr(spec, field).CopyFrom(getattr(sent, field))
    name = identifier_pb2.TriggerName(
        project=task.project, domain=task.domain, task_name=task.name, name=embedded.name
    )
    return name, spec, embedded.automation_spec


def _upsert(
    store: Store,
    identifier: task_definition_pb2.TaskIdentifier,
    spec: task_definition_pb2.TaskSpec,
) -> None:
    content = spec.SerializeToString(deterministic=True)
    environment = spec.environment.name
    values: dict[str, Value] = {
        "environment": environment,
        "function_name": _function(identifier.name, environment),
        "task_spec": content,
        "env_description": spec.environment.description or None,
        "short_description": spec.documentation.short_description or None,
        "updated_at": now(),
    }
    row = find(store, identifier)
    if row is None:
        values |= {part: getattr(identifier, part) for part in _KEY}
        values["created_at"] = values["updated_at"]
        places = ", ".join("?" * len(values))
        sql = f"INSERT INTO v2_tasks ({', '.join(values)}) VALUES ({places})"  # noqa: S608
        store.run(sql, list(values.values()))
        return
    if store.strict and row["task_spec"] != content:
        raise taken(f"task {identifier.name} version {identifier.version} already exists")
    changes = ", ".join(f"{column} = ?" for column in values)
    sql = f"UPDATE v2_tasks SET {changes} WHERE id = ?"  # noqa: S608
    store.run(sql, (*values.values(), row["id"]))


def _function(name: str, environment: str) -> str:
    prefix = f"{environment}."
    if environment and name.startswith(prefix):
        return name.removeprefix(prefix)
    return name.rpartition(".")[2]


def _replace_triggers(
    store: Store, task: task_definition_pb2.TaskIdentifier, triggers: list[_Trigger]
) -> None:
    kept = {name.name for name, _, _ in triggers}
    for other in trigger_rows.names(store, task.project, task.domain, task.name):
        if other not in kept:
            name = identifier_pb2.TriggerName(
                project=task.project, domain=task.domain, task_name=task.name, name=other
            )
            trigger_rows.delete(store, name)
    row = None
    for name, spec, automation in triggers:
        row = trigger_rows.upsert(store, name, spec, automation)
    if row is not None:
        trigger_rows.refresh_task(store, row)


def find(store: Store, identifier: task_definition_pb2.TaskIdentifier) -> sqlite3.Row | None:
    """The version's row."""
    return store.row(
        "SELECT * FROM v2_tasks WHERE project = ? AND domain = ? AND name = ? AND version = ?",
        [getattr(identifier, part) for part in _KEY],
    )


def get(store: Store, request: wire.GetTaskDetailsRequest) -> wire.GetTaskDetailsResponse:
    """GetTaskDetails: the one call that answers with a task's spec."""
    row = _existing(store, request.task_id)
    details = task_definition_pb2.TaskDetails(
        task_id=_identifier(row), metadata=_metadata(row), spec=_spec(row)
    )
    return wire.GetTaskDetailsResponse(details=details)


def spec(
    store: Store, identifier: task_definition_pb2.TaskIdentifier
) -> task_definition_pb2.TaskSpec:
    """The spec of a version; NOT_FOUND when there is none."""
    return _spec(_existing(store, identifier))


def _existing(store: Store, identifier: task_definition_pb2.TaskIdentifier) -> sqlite3.Row:
    row = find(store, identifier)
    if row is None:
        shown = " ".join(getattr(identifier, part) for part in _KEY)
        raise not_found(f"task not found: {{{shown}}}")
    return row


def _spec(row: sqlite3.Row) -> task_definition_pb2.TaskSpec:
    return task_definition_pb2.TaskSpec.FromString(row["task_spec"])


def list_tasks(store: Store, request: wire.ListTasksRequest) -> wire.ListTasksResponse:
    """ListTasks: of each name the version first deployed last, among those that the filters keep.

    Both totals are 0 on a page without rows.
    """
    listing = lists.read(request.request, TASKS)
    scope: dict[str, Value] = {}
    if request.HasField("project_id"):
        scope = lists.scope_of(request.project_id, {"project": "name", "domain": "domain"})
    by_whom = tuple(
        Condition(list_pb2.Filter.EQUAL, "deployed_by", (one.deployed_by,), is_array=False)
        for one in request.known_filters
        if one.HasField("deployed_by")
    )
    listing = replace(listing, conditions=listing.conditions + by_whom)
    clause, values = listing.where("failed to list tasks", scope)
    rows = store.rows(f"{_ranked(clause)} {listing.page}", values)
    metadata = wire.ListTasksResponse.ListTasksMetadata()
    if rows:
        metadata.filtered_total = _count(store, clause, values)
        in_scope = " AND ".join(f"{column} = ?" for column in scope)
        metadata.total = _count(store, f" WHERE {in_scope}" * bool(scope), list(scope.values()))
    return wire.ListTasksResponse(
        tasks=[
            task_definition_pb2.Task(
                task_id=_identifier(row),
                metadata=_metadata(row),
                task_summary=task_definition_pb2.TaskSummary(),
            )
            for row in rows
        ],
        token=listing.token(len(rows)),
        metadata=metadata,
    )


def _ranked(clause: str) -> str:
    return (
        "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY project, domain, name "  # noqa: S608
        f"ORDER BY created_at DESC) AS rank FROM v2_tasks{clause}) WHERE rank = 1"
    )


def _count(store: Store, clause: str, values: list[Value]) -> int:
    row = store.row(
        "SELECT COUNT(*) AS number FROM "  # noqa: S608
        f"(SELECT DISTINCT project, domain, name FROM v2_tasks{clause})",
        values,
    )
    return 0 if row is None else row["number"]


def list_versions(store: Store, request: wire.ListVersionsRequest) -> wire.ListVersionsResponse:
    """ListVersions: the one first deployed last comes first."""
    listing = lists.read(request.request, VERSIONS)
    name = lists.scope_of(request.task_name, {part: part for part in _KEY[:3]})
    clause, values = listing.where("failed to list versions", name)
    rows = store.rows(f"SELECT * FROM v2_tasks{clause}{listing.page}", values)  # noqa: S608
    versions = [
        wire.ListVersionsResponse.VersionResponse(
            version=row["version"], deployed_at=stamp(row["created_at"])
        )
        for row in rows
    ]
    return wire.ListVersionsResponse(versions=versions, token=listing.token(len(rows)))


def _identifier(row: sqlite3.Row) -> task_definition_pb2.TaskIdentifier:
    return task_definition_pb2.TaskIdentifier(**{part: row[part] for part in _KEY})


def _metadata(row: sqlite3.Row) -> task_definition_pb2.TaskMetadata:
    return task_definition_pb2.TaskMetadata(
        short_name=row["function_name"],
        environment_name=row["environment"],
        deployed_at=stamp(row["created_at"]),
        short_description=row["short_description"] or "",
        triggers_summary=_triggers(row),
    )


def _triggers(row: sqlite3.Row) -> task_definition_pb2.TaskTriggersSummary | None:
    summary = task_definition_pb2.TaskTriggersSummary
    if row["total_triggers"] == 0:
        return None
    if row["total_triggers"] > 1:
        return summary(
            stats=summary.TriggerStats(total=row["total_triggers"], active=row["active_triggers"])
        )
    try:
        automation = common_pb2.TriggerAutomationSpec.FromString(row["trigger_automation_spec"])
    except DecodeError:
        # Bytes that are no ASCII were stored as text about them.
        return None
    return summary(
        details=summary.TriggerDetails(
            name=row["trigger_name"],
            active=row["active_triggers"] > 0,
            automation_spec=automation,
        )
    )


_SHOWN = "{{{0.task_id.project} {0.task_id.domain} {0.task_id.name} {0.task_id.version}}}"
HANDLERS = worded(
    guarded(
        {
            "DeployTask": deploy,
            "GetTaskDetails": get,
            "ListTasks": list_tasks,
            "ListVersions": list_versions,
        }
    ),
    {
        "DeployTask": f"failed to upsert task {_SHOWN}",
        "GetTaskDetails": f"failed to get task {_SHOWN}",
        "ListTasks": "failed to list tasks",
        "ListVersions": "failed to list versions",
    },
)
