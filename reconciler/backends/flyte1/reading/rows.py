"""One row of a list, read from what flyteadmin lists."""

from __future__ import annotations

from typing import Any

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.launch_plan import normal
from reconciler.backends.flyte1.package.identifiers import RESERVED
from reconciler.backends.wire.method import Method
from reconciler.backends.wire.times import moment
from reconciler.model.document import Json, filled
from reconciler.model.entity import ACTIVE, INACTIVE, Entity, Reference, What

TYPES: dict[What, Any] = {
    What.TASKS: identifier_pb2.TASK,
    What.WORKFLOWS: identifier_pb2.WORKFLOW,
    What.LAUNCH_PLANS: identifier_pb2.LAUNCH_PLAN,
}
WHATS: dict[Any, What] = {number: what for what, number in TYPES.items()}
LISTS: dict[What, tuple[Method[Any, Any], str]] = {
    What.TASKS: (methods.LIST_TASKS, "tasks"),
    What.WORKFLOWS: (methods.LIST_WORKFLOWS, "workflows"),
    What.LAUNCH_PLANS: (methods.LIST_LAUNCH_PLANS, "launch_plans"),
}
"""The call that lists versions, and the field of its answer that holds them."""


def is_for_people(name: str) -> bool:
    """Say whether a name was given by somebody, and is no ledger and no plan of a single task."""
    return not name.startswith(RESERVED)


def reference(identifier: identifier_pb2.Identifier, role: str = "") -> Reference:
    """Name what an identifier names."""
    return Reference(
        what=WHATS.get(identifier.resource_type, What.WORKFLOWS),
        project=identifier.project,
        domain=identifier.domain,
        name=identifier.name,
        version=identifier.version,
        role=role,
    )


def row(item: task_pb2.Task | workflow_pb2.Workflow | launch_plan_pb2.LaunchPlan) -> Entity:
    """Read a version; tasks and workflows have no state of their own."""
    match item:
        case launch_plan_pb2.LaunchPlan():
            return _plan(item)
        case task_pb2.Task():
            template = item.closure.compiled_task.template
            return _entity(item, What.TASKS, {"type": template.type})
        case _:
            return _entity(item, What.WORKFLOWS, {})


def _plan(plan: launch_plan_pb2.LaunchPlan) -> Entity:
    workflow = reference(plan.spec.workflow_id)
    facts: dict[str, Json] = {
        "workflow": workflow.to_dict(),
        "schedule": normal.schedule_from_wire(plan.spec.entity_metadata.schedule),
    }
    is_active = plan.closure.state == launch_plan_pb2.ACTIVE
    return Entity(
        what=What.LAUNCH_PLANS,
        project=plan.id.project,
        domain=plan.id.domain,
        name=plan.id.name,
        version=plan.id.version,
        state=ACTIVE if is_active else INACTIVE,
        created_at=moment(plan.closure, "created_at"),
        updated_at=moment(plan.closure, "updated_at"),
        facts=filled(facts),
    )


def _entity(
    item: task_pb2.Task | workflow_pb2.Workflow, what: What, facts: dict[str, Json]
) -> Entity:
    if item.short_description:
        facts = {**facts, "description": item.short_description}
    return Entity(
        what=what,
        project=item.id.project,
        domain=item.id.domain,
        name=item.id.name,
        version=item.id.version,
        created_at=moment(item.closure, "created_at"),
        facts=filled(facts),
    )
