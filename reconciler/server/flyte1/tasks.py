"""Tasks: immutable versions of a task template.

The stored closure is the sent template with its identifier replaced by the request's. A repeated
create is answered after an insert failed, by comparing digests (flyteadmin 1.16.8,
pkg/manager/impl/task_manager.go and validation/task_validator.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2, task_pb2
from flyteidl.core import tasks_pb2

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import (
    checks,
    descriptions,
    task_compiler,
    task_resources,
    versioned,
)
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import TASK
from reconciler.server.flyte1.refusals import compact, missing, not_found
from reconciler.server.flyte1.structure_changes import changes
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.core import identifier_pb2

    from reconciler.server.store import Store


def create(store: Store, request: task_pb2.TaskCreateRequest) -> task_pb2.TaskCreateResponse:
    """CreateTask: ALREADY_EXISTS for equal content, INVALID_ARGUMENT for other content."""
    identifier = checks.identifier(optional(request, "id"), checks.TASK)
    checks.active_project_domain(store, identifier.project, identifier.domain)
    if not request.HasField("spec") or not request.spec.HasField("template"):
        raise missing("spec")
    template = request.spec.template
    _validate(store, identifier, template)
    template.id.CopyFrom(identifier)
    task_compiler.check(template)
    closure = task_pb2.TaskClosure(compiled_task={"template": template})
    digest = versioned.digest(closure.compiled_task, f"task [{compact(identifier)}]")
    existing = versioned.find(store, TASK, identifier)
    if existing is not None:
        if existing["digest"] == digest:
            raise StatusError(
                grpc.StatusCode.ALREADY_EXISTS, "task with identical structure already exists"
            )
        stored = task_pb2.TaskClosure.FromString(existing["closure"]).compiled_task
        raise refused(
            f"{identifier.name} task with different structure already exists. (Please register a "
            f"new version of the task):\n{changes(stored, closure.compiled_task)}"
        )
    moment = now()
    closure.created_at.CopyFrom(stamp(moment))
    with store.writing():
        description = descriptions.create(store, identifier, optional(request.spec, "description"))
        store.run(
            "INSERT INTO tasks (created_at, updated_at, project, domain, name, version, closure, "
            "digest, type, short_description) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                moment,
                moment,
                identifier.project,
                identifier.domain,
                identifier.name,
                identifier.version,
                closure.SerializeToString(),
                digest,
                template.type,
                description,
            ),
        )
    return task_pb2.TaskCreateResponse()


def _validate(
    store: Store, identifier: identifier_pb2.Identifier, template: tasks_pb2.TaskTemplate
) -> None:
    checks.text(template.type, "type")
    if not template.HasField("metadata"):
        raise missing("metadata")
    if template.metadata.HasField("runtime"):
        checks.text(template.metadata.runtime.version, "runtime version")
    if not template.HasField("interface"):
        raise missing("typed interface")
    if template.HasField("container"):
        checks.text(template.container.image, "image")
        task_resources.validate(store, identifier, template)
    elif template.HasField("k8s_pod"):
        if not template.k8s_pod.HasField("pod_spec"):
            raise refused(
                "invalid TaskSpecification, pod tasks should specify their target as a K8sPod "
                "with a defined pod spec"
            )
        task_resources.validate_pod(store, identifier, template)


def get(store: Store, request: common_pb2.ObjectGetRequest) -> task_pb2.Task:
    """GetTask: an incomplete identifier is not refused, it finds some version."""
    row = versioned.find(store, TASK, request.id)
    if row is None:
        raise not_found("TASK", versioned.bare(request.id))
    return _message(row)


def list_tasks(store: Store, request: common_pb2.ResourceListRequest) -> task_pb2.TaskList:
    """ListTasks: all versions with their templates."""
    rows, token = versioned.list_versions(store, TASK, request, method="ListTasks")
    return task_pb2.TaskList(tasks=[_message(row) for row in rows], token=token)


def list_ids(
    store: Store, request: common_pb2.NamedEntityIdentifierListRequest
) -> common_pb2.NamedEntityIdentifierList:
    """ListTaskIds: distinct names."""
    return versioned.list_names(store, TASK, request, method="ListUniqueTaskIdentifiers")


def compiled(store: Store, identifier: identifier_pb2.Identifier) -> tasks_pb2.TaskTemplate:
    """The template that a workflow refers to; NOT_FOUND when there is none."""
    row = versioned.find(store, TASK, identifier)
    if row is None:
        raise not_found("TASK", versioned.bare(identifier))
    closure = task_pb2.TaskClosure.FromString(row["closure"])
    if not closure.compiled_task.HasField("template"):
        raise internal("a stored task has no template")
    return closure.compiled_task.template


def _message(row: sqlite3.Row) -> task_pb2.Task:
    closure = task_pb2.TaskClosure.FromString(row["closure"])
    closure.created_at.CopyFrom(stamp(row["created_at"]))
    return task_pb2.Task(
        id=versioned.identifier_of(row, checks.TASK),
        closure=closure,
        short_description=row["short_description"],
    )
