"""Launch plans: immutable specs, and one state that moves.

A new plan is INACTIVE. Activating a version first takes the former version's schedule away, then
adds the new one, then flips both states; when adding fails, the former version stays ACTIVE
without a schedule. Activating the active version again restarts its schedule (flyteadmin 1.16.8,
pkg/manager/impl/launch_plan_manager.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2, launch_plan_pb2, schedule_pb2
from flyteidl.core import interface_pb2

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import checks, filters, launch_plan_inputs, versioned
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import LAUNCH_PLAN, WORKFLOW
from reconciler.server.flyte1.execution_rows import TERMINAL
from reconciler.server.flyte1.refusals import compact, invalid, missing, not_found
from reconciler.server.flyte1.structure_changes import changes
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from flyteidl.core import identifier_pb2

    from reconciler.server.store import Store

_ACTIVE = launch_plan_pb2.ACTIVE
_INACTIVE = launch_plan_pb2.INACTIVE


def create(
    store: Store, request: launch_plan_pb2.LaunchPlanCreateRequest
) -> launch_plan_pb2.LaunchPlanCreateResponse:
    """CreateLaunchPlan: the workflow must exist; unbound inputs are added to the stored spec."""
    spec = request.spec
    workflow_id = checks.identifier(optional(spec, "workflow_id"), checks.WORKFLOW)
    workflow = versioned.find(store, WORKFLOW, workflow_id)
    if workflow is None:
        raise not_found("WORKFLOW", versioned.bare(workflow_id))
    interface = interface_pb2.TypedInterface.FromString(workflow["typed_interface"])
    plan = completed(store, request, interface)
    digest = _digest(plan)
    existing = versioned.find(store, LAUNCH_PLAN, plan.id)
    if existing is not None:
        if existing["digest"] == digest:
            raise StatusError(
                grpc.StatusCode.ALREADY_EXISTS,
                "launch plan with identical structure already exists",
            )
        raise refused(
            f"{plan.id.name} launch plan with different structure already exists. (Please "
            "register a new version of the launch plan):\n"
            f"{changes(_spec(existing), plan.spec)}"
        )
    insert(store, plan, workflow["id"])
    return launch_plan_pb2.LaunchPlanCreateResponse()


def completed(
    store: Store,
    request: launch_plan_pb2.LaunchPlanCreateRequest,
    interface: interface_pb2.TypedInterface,
) -> launch_plan_pb2.LaunchPlan:
    """The plan as it is stored, with every unbound input; refuses what flyteadmin refuses."""
    identifier = checks.identifier(optional(request, "id"), checks.LAUNCH_PLAN)
    checks.active_project_domain(store, identifier.project, identifier.domain)
    spec = request.spec
    checks.labels(spec.labels)
    launch_plan_inputs.check_literals(spec.fixed_inputs, "fixed_inputs")
    launch_plan_inputs.check_parameters(spec.default_inputs, "default_inputs")
    free = launch_plan_inputs.merged(interface, spec.fixed_inputs, spec.default_inputs)
    launch_plan_inputs.check_schedule(spec.entity_metadata.schedule, free)
    spec.default_inputs.CopyFrom(free)
    check_notifications(spec.entity_metadata.notifications)
    if spec.entity_metadata.HasField("launch_conditions"):
        found = compact(spec.entity_metadata.launch_conditions)
        raise refused(f"Launch condition must be empty, found {found}")
    closure = launch_plan_pb2.LaunchPlanClosure(expected_inputs=spec.default_inputs)
    if interface.HasField("outputs"):
        closure.expected_outputs.CopyFrom(interface.outputs)
    return launch_plan_pb2.LaunchPlan(id=identifier, spec=spec, closure=closure)


def insert(store: Store, plan: launch_plan_pb2.LaunchPlan, workflow_id: int) -> None:
    """Store a new plan, inactive."""
    scheduled = _schedule_type(plan.spec.entity_metadata.schedule)
    moment = now()
    with store.writing():
        store.run(
            "INSERT INTO launch_plans (created_at, updated_at, project, domain, name, version, "
            "spec, workflow_id, closure, state, digest, schedule_type, launch_condition_type) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                moment,
                moment,
                plan.id.project,
                plan.id.domain,
                plan.id.name,
                plan.id.version,
                plan.spec.SerializeToString(),
                workflow_id,
                plan.closure.SerializeToString(),
                _INACTIVE,
                _digest(plan),
                scheduled,
                None if scheduled == "NONE" else "SCHED",
            ),
        )


def _digest(plan: launch_plan_pb2.LaunchPlan) -> bytes:
    return versioned.digest(plan, f"launch plan [{compact(plan.id)}]")


def check_notifications(notifications: Iterable[common_pb2.Notification]) -> None:
    """Each names a recipient, and only phases in which an execution ends."""
    for notification in notifications:
        kind = notification.WhichOneof("type")
        if kind is None:
            raise invalid("notification type")
        recipients = getattr(notification, kind).recipients_email
        if not recipients:
            raise missing("recipients")
        if not all(recipients):
            raise missing("recipient")
        if not TERMINAL.issuperset(notification.phases):
            raise invalid("phase")


def _schedule_type(schedule: schedule_pb2.Schedule) -> str:
    kind = schedule.WhichOneof("ScheduleExpression")
    if kind == "rate":
        return "RATE"
    if kind == "cron_schedule" or (kind == "cron_expression" and schedule.cron_expression):
        return "CRON"
    return "NONE"


def update(
    store: Store, request: launch_plan_pb2.LaunchPlanUpdateRequest
) -> launch_plan_pb2.LaunchPlanUpdateResponse:
    """UpdateLaunchPlan: the state alone.

    An incomplete identifier is refused for INACTIVE only; for ACTIVE its empty parts match
    anything, so some version is activated. INACTIVE is the zero value.
    """
    match request.state:
        case launch_plan_pb2.INACTIVE:
            _deactivate(store, checks.identifier(optional(request, "id"), checks.LAUNCH_PLAN))
        case launch_plan_pb2.ACTIVE:
            _activate(store, request.id)
        case _:
            raise refused(
                f"Unrecognized launch plan state {request.state} for update for launch plan "
                f"[{compact(optional(request, 'id'))}]"
            )
    return launch_plan_pb2.LaunchPlanUpdateResponse()


def _deactivate(store: Store, identifier: identifier_pb2.Identifier) -> None:
    row = versioned.find(store, LAUNCH_PLAN, identifier)
    if row is None:
        raise not_found("LAUNCH_PLAN", versioned.bare(identifier))
    with store.writing():
        _remove_schedule(store, row)
        store.run(
            "UPDATE launch_plans SET state = ?, updated_at = ? WHERE id = ?",
            (_INACTIVE, now(), row["id"]),
        )


def _activate(store: Store, identifier: identifier_pb2.Identifier) -> None:
    row = versioned.find(store, LAUNCH_PLAN, identifier)
    if row is None:
        raise not_found("LAUNCH_PLAN", versioned.bare(identifier))
    former = _active(store, row["project"], row["domain"], row["name"])
    if former is not None:
        with store.writing():
            _remove_schedule(store, former)
    with store.writing():
        _add_schedule(store, row)
        # The update time stays: activation is the one write that does not move it.
        if former is not None:
            store.run("UPDATE launch_plans SET state = ? WHERE id = ?", (_INACTIVE, former["id"]))
        store.run("UPDATE launch_plans SET state = ? WHERE id = ?", (_ACTIVE, row["id"]))


def _spec(row: sqlite3.Row) -> launch_plan_pb2.LaunchPlanSpec:
    return launch_plan_pb2.LaunchPlanSpec.FromString(row["spec"])


def _remove_schedule(store: Store, row: sqlite3.Row) -> None:
    store.run(
        "UPDATE schedulable_entities SET active = 0, updated_at = ? "
        "WHERE project = ? AND domain = ? AND name = ? AND version = ?",
        (now(), row["project"], row["domain"], row["name"], row["version"]),
    )


def _add_schedule(store: Store, row: sqlite3.Row) -> None:
    schedule = _spec(row).entity_metadata.schedule
    kind = schedule.WhichOneof("ScheduleExpression")
    if kind == "cron_expression" and schedule.cron_expression:
        # The native scheduler knows rates and cron schedules, not the older field.
        expression = schedule.cron_expression
        raise internal(
            f"failed adding schedule for unknown schedule expression type &{{{expression}}}"
        )
    if not schedule.cron_schedule.schedule and not schedule.rate.value:
        return
    moment = now()
    store.run(
        "INSERT INTO schedulable_entities (created_at, updated_at, project, domain, name, version, "
        "active, schedule) VALUES (?, ?, ?, ?, ?, ?, 1, ?) "
        "ON CONFLICT (project, domain, name, version) DO UPDATE SET active = 1, updated_at = ?",
        (
            moment,
            moment,
            row["project"],
            row["domain"],
            row["name"],
            row["version"],
            schedule.SerializeToString(),
            moment,
        ),
    )


def _active(store: Store, project: str, domain: str, name: str) -> sqlite3.Row | None:
    return store.row(
        "SELECT * FROM launch_plans WHERE project = ? AND domain = ? AND name = ? AND state = 1 "
        "ORDER BY id LIMIT 1",
        (project, domain, name),
    )


def get(store: Store, request: common_pb2.ObjectGetRequest) -> launch_plan_pb2.LaunchPlan:
    """GetLaunchPlan: one version."""
    identifier = checks.identifier(optional(request, "id"), checks.LAUNCH_PLAN)
    row = versioned.find(store, LAUNCH_PLAN, identifier)
    if row is None:
        raise not_found("LAUNCH_PLAN", versioned.bare(identifier))
    return message(row)


def get_active(
    store: Store, request: launch_plan_pb2.ActiveLaunchPlanRequest
) -> launch_plan_pb2.LaunchPlan:
    """GetActiveLaunchPlan: NOT_FOUND when no version of the name is active."""
    name = request.id
    checks.text(name.project, "project")
    checks.text(name.domain, "domain")
    checks.text(name.name, "name")
    row = _active(store, name.project, name.domain, name.name)
    if row is None:
        raise StatusError(
            grpc.StatusCode.NOT_FOUND,
            f"No active launch plan could be found: {name.project}:{name.domain}:{name.name}",
        )
    return message(row)


def list_launch_plans(
    store: Store, request: common_pb2.ResourceListRequest
) -> launch_plan_pb2.LaunchPlanList:
    """ListLaunchPlans: all versions, whole; filters may name columns of the workflow."""
    rows, token = versioned.list_versions(store, LAUNCH_PLAN, request, method="ListLaunchPlans")
    return _list(rows, token)


def list_active(
    store: Store, request: launch_plan_pb2.ActiveLaunchPlanListRequest
) -> launch_plan_pb2.LaunchPlanList:
    """ListActiveLaunchPlans: every active version of a project-domain, whole."""
    checks.text(request.project, "project")
    checks.text(request.domain, "domain")
    filters.required_limit(request.limit)
    order = filters.order(optional(request, "sort_by"), LAUNCH_PLAN, default="launch_plans.id")
    page = filters.page(request.limit, request.token, method="ListActiveLaunchPlans")
    conditions = [
        filters.equals(LAUNCH_PLAN, "project", request.project),
        filters.equals(LAUNCH_PLAN, "domain", request.domain),
        filters.Filter(LAUNCH_PLAN, "state", "launch_plans.state = 1", ()),
    ]
    rows, token = versioned.select(store, LAUNCH_PLAN, conditions, order=order, page=page)
    return _list(rows, token)


def list_ids(
    store: Store, request: common_pb2.NamedEntityIdentifierListRequest
) -> common_pb2.NamedEntityIdentifierList:
    """ListLaunchPlanIds: distinct names."""
    return versioned.list_names(store, LAUNCH_PLAN, request)


def _list(rows: list[sqlite3.Row], token: str) -> launch_plan_pb2.LaunchPlanList:
    return launch_plan_pb2.LaunchPlanList(launch_plans=[message(row) for row in rows], token=token)


def message(row: sqlite3.Row) -> launch_plan_pb2.LaunchPlan:
    """A stored plan; its state is a column, its times are the row's."""
    closure = launch_plan_pb2.LaunchPlanClosure.FromString(row["closure"])
    closure.state = row["state"]
    closure.created_at.CopyFrom(stamp(row["created_at"]))
    closure.updated_at.CopyFrom(stamp(row["updated_at"]))
    return launch_plan_pb2.LaunchPlan(
        id=versioned.identifier_of(row, checks.LAUNCH_PLAN),
        spec=_spec(row),
        closure=closure,
    )
