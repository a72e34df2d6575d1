"""Workflows: immutable versions of a compiled template.

The compiled closure is kept beside the interface; lists answer with the interface alone. A
workflow's own launch plan is a convention of clients, nothing makes it here (flyteadmin 1.16.8,
pkg/manager/impl/workflow_manager.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2, launch_plan_pb2, workflow_pb2
from flyteidl.core import compiler_pb2, interface_pb2

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import checks, compiler, descriptions, tasks, versioned
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import LAUNCH_PLAN, WORKFLOW
from reconciler.server.flyte1.graph import LaunchPlanInterface
from reconciler.server.flyte1.refusals import compact, missing, not_found
from reconciler.server.flyte1.structure_changes import changes
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.core import identifier_pb2

    from reconciler.server.store import Store

_NODE_LIMIT = 100
_OWN_NODES = 2


def create(
    store: Store, request: workflow_pb2.WorkflowCreateRequest
) -> workflow_pb2.WorkflowCreateResponse:
    """CreateWorkflow: referenced tasks and launch plans must be registered before."""
    identifier = checks.identifier(optional(request, "id"), checks.WORKFLOW)
    checks.active_project_domain(store, identifier.project, identifier.domain)
    if not request.HasField("spec") or not request.spec.HasField("template"):
        raise missing("spec")
    template = request.spec.template
    template.id.CopyFrom(identifier)
    interface = b""
    if template.HasField("interface"):
        interface = template.interface.SerializeToString(deterministic=True)
    compiled = _compile(store, request)
    digest = versioned.digest(compiled, f"workflow [{compact(identifier)}]")
    existing = versioned.find(store, WORKFLOW, identifier)
    if existing is not None:
        if existing["digest"] == digest:
            raise _same(identifier)
        raise _different(identifier, changes(_summary(existing).compiled_workflow, compiled))
    moment = now()
    closure = workflow_pb2.WorkflowClosure(compiled_workflow=compiled, created_at=stamp(moment))
    key = (identifier.project, identifier.domain, identifier.name, identifier.version)
    with store.writing():
        description = descriptions.create(store, identifier, optional(request.spec, "description"))
        store.run(
            "INSERT INTO workflows (created_at, updated_at, project, domain, name, version, "
            "typed_interface, remote_closure_identifier, closure, digest, short_description) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                moment,
                moment,
                *key,
                interface,
                "/".join(("metadata", "admin", *key)),
                closure.SerializeToString(),
                digest,
                description,
            ),
        )
    return workflow_pb2.WorkflowCreateResponse()


def _compile(
    store: Store, request: workflow_pb2.WorkflowCreateRequest
) -> compiler_pb2.CompiledWorkflowClosure:
    try:
        compiled = compiler.compile_workflow(
            request.spec.template,
            request.spec.sub_workflows,
            task=lambda identifier: tasks.compiled(store, identifier),
            launch_plan=lambda identifier: _launch_plan(store, identifier),
        )
    except StatusError as error:
        if error.is_panic:
            raise
        raise refused(
            f"failed to compile workflow for [{compact(request.id)}] with err: {error.text}"
        ) from None
    count = len(compiled.primary.template.nodes) - _OWN_NODES
    if count > _NODE_LIMIT:
        raise refused(
            f"number of nodes in workflow [{compact(request.id)}] exceeds limit "
            f"({count} > {_NODE_LIMIT})"
        )
    return compiled


def _launch_plan(store: Store, identifier: identifier_pb2.Identifier) -> LaunchPlanInterface:
    row = versioned.find(store, LAUNCH_PLAN, identifier)
    if row is None:
        raise not_found("LAUNCH_PLAN", versioned.bare(identifier))
    closure = launch_plan_pb2.LaunchPlanClosure.FromString(row["closure"])
    return LaunchPlanInterface(closure.expected_inputs, optional(closure, "expected_outputs"))


def _same(identifier: identifier_pb2.Identifier) -> StatusError:
    reason = workflow_pb2.CreateWorkflowFailureReason()
    reason.exists_identical_structure.id.CopyFrom(identifier)
    return StatusError(
        grpc.StatusCode.ALREADY_EXISTS,
        "workflow with identical structure already exists",
        reason,
    )


def _different(identifier: identifier_pb2.Identifier, changed: str) -> StatusError:
    """What is stored beside the database is not read, so all but the interface is new."""
    reason = workflow_pb2.CreateWorkflowFailureReason()
    reason.exists_different_structure.id.CopyFrom(identifier)
    return refused(
        f"{identifier.name} workflow with different structure already exists. "
        f"(Please register a new version of the workflow):\n{changed}",
        reason,
    )


def get(store: Store, request: common_pb2.ObjectGetRequest) -> workflow_pb2.Workflow:
    """GetWorkflow: one version with its compiled closure."""
    identifier = checks.identifier(optional(request, "id"), checks.WORKFLOW)
    row = versioned.find(store, WORKFLOW, identifier)
    if row is None:
        raise not_found("WORKFLOW", versioned.bare(identifier))
    closure = workflow_pb2.WorkflowClosure.FromString(row["closure"])
    closure.created_at.CopyFrom(stamp(row["created_at"]))
    return _message(row, closure)


def list_workflows(
    store: Store, request: common_pb2.ResourceListRequest
) -> workflow_pb2.WorkflowList:
    """ListWorkflows: all versions, with nothing but their interfaces."""
    rows, token = versioned.list_versions(store, WORKFLOW, request, method="ListWorkflows")
    return workflow_pb2.WorkflowList(
        workflows=[_message(row, _summary(row)) for row in rows], token=token
    )


def list_ids(
    store: Store, request: common_pb2.NamedEntityIdentifierListRequest
) -> common_pb2.NamedEntityIdentifierList:
    """ListWorkflowIds: distinct names."""
    return versioned.list_names(store, WORKFLOW, request, method="ListWorkflowIdentifiers")


def _summary(row: sqlite3.Row) -> workflow_pb2.WorkflowClosure:
    closure = workflow_pb2.WorkflowClosure(created_at=stamp(row["created_at"]))
    closure.compiled_workflow.primary.template.interface.CopyFrom(
        interface_pb2.TypedInterface.FromString(row["typed_interface"])
    )
    return closure


def _message(row: sqlite3.Row, closure: workflow_pb2.WorkflowClosure) -> workflow_pb2.Workflow:
    return workflow_pb2.Workflow(
        id=versioned.identifier_of(row, checks.WORKFLOW),
        closure=closure,
        short_description=row["short_description"],
    )
