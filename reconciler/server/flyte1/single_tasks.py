"""A task that runs alone: the workflow and the launch plan that the server makes for it.

Both are named `.flytegen.` and the task's name, carry its version, and are SYSTEM_GENERATED, which
hides them from lists of names. The plan keeps the security context of whoever ran the task first
(flyteadmin 1.16.8, pkg/manager/impl/util/single_task_execution.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import common_pb2, launch_plan_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2
from flyteidl.core import workflow_pb2 as core_workflow

from reconciler.server.flyte1 import (
    checks,
    launch_plans,
    named_entities,
    tasks,
    versioned,
    workflows,
)
from reconciler.server.flyte1.columns import LAUNCH_PLAN, WORKFLOW

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from flyteidl.admin import execution_pb2

    from reconciler.server.store import Store

_MAX_NODE_NAME = 63
_RETRIES = 3


def workflow(store: Store, task: identifier_pb2.Identifier) -> sqlite3.Row:
    """The row of the task's own workflow, made when this is the task's first execution."""
    identifier = _generated(task, checks.WORKFLOW)
    row = versioned.find(store, WORKFLOW, identifier)
    if row is None:
        workflows.create(store, _workflow_request(store, task, identifier))
        _hide(store, identifier)
        row = versioned.find(store, WORKFLOW, identifier)
        assert row is not None
    return row


def launch_plan(
    store: Store,
    task: identifier_pb2.Identifier,
    workflow_row: sqlite3.Row,
    spec: execution_pb2.ExecutionSpec,
) -> launch_plan_pb2.LaunchPlan:
    """The task's own launch plan; the workflow that it names is called like the task."""
    identifier = _generated(task, checks.LAUNCH_PLAN)
    row = versioned.find(store, LAUNCH_PLAN, identifier)
    if row is not None:
        return launch_plans.message(row)
    request = launch_plan_pb2.LaunchPlanCreateRequest(id=identifier)
    request.spec.workflow_id.CopyFrom(task)
    request.spec.workflow_id.resource_type = checks.WORKFLOW
    for field in ("entity_metadata", "default_inputs", "fixed_inputs", "labels", "annotations"):
        getattr(request.spec, field).SetInParent()
    for field in ("auth_role", "security_context"):
        if spec.HasField(field):
            getattr(request.spec, field).CopyFrom(getattr(spec, field))
    interface = interface_pb2.TypedInterface.FromString(workflow_row["typed_interface"])
    plan = launch_plans.completed(store, request, interface)
    launch_plans.insert(store, plan, workflow_row["id"])
    _hide(store, identifier)
    return plan


def _generated(
    task: identifier_pb2.Identifier, kind: identifier_pb2.ResourceType
) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind,
        project=task.project,
        domain=task.domain,
        name=f".flytegen.{task.name}",
        version=task.version,
    )


def _workflow_request(
    store: Store, task: identifier_pb2.Identifier, identifier: identifier_pb2.Identifier
) -> workflow_pb2.WorkflowCreateRequest:
    template = tasks.compiled(store, task)
    name = "".join(
        letter for letter in task.name[-_MAX_NODE_NAME:] if letter == "-" or letter.isalnum()
    )
    node = core_workflow.Node(
        id=name,
        metadata=core_workflow.NodeMetadata(
            name=name, retries=literals_pb2.RetryStrategy(retries=_RETRIES)
        ),
        inputs=_bindings(template.interface.inputs.variables, ""),
        task_node=core_workflow.TaskNode(reference_id=task),
    )
    if template.metadata.HasField("retries"):
        node.metadata.retries.CopyFrom(template.metadata.retries)
    request = workflow_pb2.WorkflowCreateRequest(id=identifier)
    request.spec.template.id.CopyFrom(identifier)
    request.spec.template.interface.CopyFrom(template.interface)
    request.spec.template.nodes.append(node)
    request.spec.template.outputs.extend(_bindings(template.interface.outputs.variables, name))
    return request


def _bindings(names: Iterable[str], node: str) -> list[literals_pb2.Binding]:
    """Every variable bound to the output of `node` of its name; no node is the workflow itself."""
    bindings = []
    for name in sorted(names):
        binding = literals_pb2.Binding(var=name)
        binding.binding.promise.node_id = node
        binding.binding.promise.var = name
        bindings.append(binding)
    return bindings


def _hide(store: Store, identifier: identifier_pb2.Identifier) -> None:
    named_entities.update(
        store,
        common_pb2.NamedEntityUpdateRequest(
            resource_type=identifier.resource_type,
            id=common_pb2.NamedEntityIdentifier(
                project=identifier.project, domain=identifier.domain, name=identifier.name
            ),
            metadata=common_pb2.NamedEntityMetadata(state=common_pb2.SYSTEM_GENERATED),
        ),
    )
