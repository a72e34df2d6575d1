"""Executions, recorded and never run: a new one is QUEUED and stays so until it is terminated.

Names, labels, notifications and inputs are checked as flyteadmin 1.16.8 checks them
(validation/execution_validator.go); tag rows are written first, so that a repeated name with tags
or labels is refused by the tags' key. The concurrency policy of a launch plan counts queued ones.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2, event_pb2, execution_pb2, launch_plan_pb2
from flyteidl.core import execution_pb2 as core_execution
from flyteidl.core import identifier_pb2, literals_pb2

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import checks, filters, launch_plan_inputs, launch_plans, versioned
from reconciler.server.flyte1.castable import castable
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import (
    ADMIN_TAG,
    EXECUTION,
    EXECUTION_TAG,
    LAUNCH_PLAN,
    TASK,
    WORKFLOW,
)
from reconciler.server.flyte1.refusals import compact, missing, not_found, taken
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from flyteidl.core import interface_pb2

    from reconciler.server.store import Store

_NAME = re.compile(r"[a-z][a-z\-0-9]*")
_MAX_NAME = 63
_SERVER_MAX_PARALLELISM = 25
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_Phase = core_execution.WorkflowExecution
_JOINS = (
    (LAUNCH_PLAN, " JOIN launch_plans ON executions.launch_plan_id = launch_plans.id"),
    (WORKFLOW, " JOIN workflows ON executions.workflow_id = workflows.id"),
    (TASK, " JOIN tasks ON executions.task_id = tasks.id"),
    # By name alone: executions of the same name elsewhere match too.
    (
        EXECUTION_TAG,
        " JOIN execution_tags ON executions.execution_name = execution_tags.execution_name",
    ),
)


def create(
    store: Store, request: execution_pb2.ExecutionCreateRequest
) -> execution_pb2.ExecutionCreateResponse:
    """CreateExecution of a launch plan or of a task."""
    _validate(store, request)
    spec = request.spec
    name = request.name or "a" + "".join(secrets.choice(_ALPHABET) for _ in range(19))
    plan = spec.launch_plan.resource_type == checks.LAUNCH_PLAN
    row = versioned.find(store, LAUNCH_PLAN if plan else TASK, spec.launch_plan)
    if row is None:
        kind = "LAUNCH_PLAN" if plan else "TASK"
        raise not_found(kind, versioned.bare(spec.launch_plan))
    inputs = request.inputs
    workflow_id = launch_plan_id = task_id = 0
    closure = execution_pb2.ExecutionClosure(phase=_Phase.QUEUED)
    if plan:
        message = launch_plans.message(row)
        inputs = _inputs(request.inputs, message.spec.fixed_inputs, message.closure.expected_inputs)
        launch_plan_id, workflow_id = row["id"], row["workflow_id"]
        closure.workflow_id.CopyFrom(message.spec.workflow_id)
        _concurrency(store, message)
        spec.max_parallelism = spec.max_parallelism or message.spec.max_parallelism
    else:
        task_id = row["id"]
    moment = now()
    closure.created_at.CopyFrom(stamp(moment))
    closure.updated_at.CopyFrom(stamp(moment))
    closure.state_change_details.occurred_at.CopyFrom(stamp(moment))
    spec.metadata.principal = ""
    spec.max_parallelism = spec.max_parallelism or _SERVER_MAX_PARALLELISM
    spec.security_context.run_as.SetInParent()
    spec.metadata.system_metadata.namespace = f"{request.project}-{request.domain}"
    key = (request.project, request.domain, name)
    with store.writing():
        if not task_id:
            _tags(store, key, spec, moment)
        if _find(store, key) is not None:
            raise taken("executions_pkey")
        store.run(
            "INSERT INTO executions (created_at, updated_at, execution_project, execution_domain, "
            "execution_name, launch_plan_id, workflow_id, task_id, phase, spec, closure, inputs, "
            'execution_created_at, execution_updated_at, mode, "user", state, launch_entity) '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, ?)",
            (
                moment,
                moment,
                *key,
                launch_plan_id,
                workflow_id,
                task_id,
                "QUEUED",
                spec.SerializeToString(),
                closure.SerializeToString(),
                inputs.SerializeToString(),
                moment,
                moment,
                spec.metadata.mode,
                "task" if task_id else "launch_plan",
            ),
        )
    return execution_pb2.ExecutionCreateResponse(
        id=identifier_pb2.WorkflowExecutionIdentifier(
            project=request.project, domain=request.domain, name=name
        )
    )


def _validate(store: Store, request: execution_pb2.ExecutionCreateRequest) -> None:
    checks.text(request.project, "project")
    checks.text(request.domain, "domain")
    if request.name:
        name = request.name.lower()
        if len(name.encode()) > _MAX_NAME:
            raise refused(f"size of name exceeded length {_MAX_NAME} : {name}")
        if not _NAME.fullmatch(name):
            raise refused(f"invalid name format: {name}, does not match regex '^{_NAME.pattern}$'")
    checks.active_project_domain(store, request.project, request.domain)
    if not request.HasField("spec"):
        raise missing("spec")
    spec = request.spec
    if not spec.HasField("launch_plan"):
        raise missing("id")
    checks.identifier_fields(spec.launch_plan)
    if spec.launch_plan.resource_type not in (checks.LAUNCH_PLAN, checks.TASK):
        kind = identifier_pb2.ResourceType.Name(spec.launch_plan.resource_type)
        raise refused(f"Invalid reference entity resource type [{kind}]")
    launch_plan_inputs.check_literals(request.inputs, "inputs")
    launch_plans.check_notifications(spec.notifications.notifications)
    checks.labels(spec.labels)


def _inputs(
    sent: literals_pb2.LiteralMap,
    fixed: literals_pb2.LiteralMap,
    free: interface_pb2.ParameterMap,
) -> literals_pb2.LiteralMap:
    """What the execution would run with: sent values, then defaults, then fixed ones."""
    for name in sorted(sent.literals):
        if name not in free.parameters:
            raise refused(f"invalid input {name}")
    inputs = literals_pb2.LiteralMap()
    inputs.CopyFrom(sent)
    for name, parameter in sorted(free.parameters.items()):
        if name not in sent.literals:
            if parameter.required:
                raise refused(f"expected_inputs {name} missing")
            inputs.literals[name].CopyFrom(parameter.default)
            continue
        given = launch_plan_inputs.literal_type(name, sent.literals[name])
        if not castable(given, parameter.var.type):
            raise refused(
                f"invalid {name} input wrong type. Expected {compact(parameter.var.type)}, "
                f"but got {compact(given)}"
            )
    for name, literal in fixed.literals.items():
        if name in inputs.literals:
            raise refused(f"fixed_inputs {name} cannot be overridden")
        inputs.literals[name].CopyFrom(literal)
    return inputs


def _concurrency(store: Store, plan: launch_plan_pb2.LaunchPlan) -> None:
    if not plan.spec.HasField("concurrency_policy"):
        return
    policy = plan.spec.concurrency_policy
    row = store.row(
        "SELECT COUNT(*) AS running FROM executions "
        "JOIN launch_plans ON executions.launch_plan_id = launch_plans.id "
        "WHERE launch_plans.project = ? AND launch_plans.domain = ? AND launch_plans.name = ? "
        "AND executions.phase IN ('QUEUED', 'RUNNING')",
        (plan.id.project, plan.id.domain, plan.id.name),
    )
    if row is None or row["running"] < policy.max:
        return
    match policy.behavior:
        case launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_UNSPECIFIED:
            return
        case launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP:
            raise StatusError(
                grpc.StatusCode.ALREADY_EXISTS,
                f"concurrency limit ({policy.max}) reached for launch plan {plan.id.name}, "
                "skipping execution",
            )
        case _:
            raise internal(f"unsupported concurrency behavior {policy.behavior}")


def _tags(
    store: Store,
    key: tuple[str, str, str],
    spec: execution_pb2.ExecutionSpec,
    moment: int,
) -> None:
    pairs = [*spec.labels.values.items(), *((tag, "") for tag in spec.tags)]
    for pair in pairs:
        held = store.row(
            "SELECT id FROM execution_tags WHERE execution_project = ? AND execution_domain = ? "
            "AND execution_name = ? AND key = ? AND value = ?",
            (*key, *pair),
        )
        if held is not None:
            raise taken("execution_tags_pkey")
        store.run(
            "INSERT INTO execution_tags (created_at, updated_at, execution_project, "
            "execution_domain, execution_name, key, value) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (moment, moment, *key, *pair),
        )


def _find(store: Store, key: tuple[str, str, str]) -> sqlite3.Row | None:
    return store.row(
        "SELECT * FROM executions WHERE execution_project = ? AND execution_domain = ? "
        "AND execution_name = ?",
        key,
    )


def _existing(store: Store, name: identifier_pb2.WorkflowExecutionIdentifier | None) -> sqlite3.Row:
    if name is None:
        raise missing("execution_id")
    checks.text(name.project, "project")
    checks.text(name.domain, "domain")
    checks.text(name.name, "name")
    row = _find(store, (name.project, name.domain, name.name))
    if row is None:
        raise not_found(
            "execution",
            identifier_pb2.Identifier(project=name.project, domain=name.domain, name=name.name),
        )
    return row


def get(
    store: Store, request: execution_pb2.WorkflowExecutionGetRequest
) -> execution_pb2.Execution:
    """GetExecution."""
    return _message(_existing(store, optional(request, "id")))


def get_data(
    store: Store, request: execution_pb2.WorkflowExecutionGetDataRequest
) -> execution_pb2.WorkflowExecutionGetDataResponse:
    """GetExecutionData: the inputs; nothing ran, so there are no outputs."""
    row = _existing(store, optional(request, "id"))
    return execution_pb2.WorkflowExecutionGetDataResponse(
        full_inputs=literals_pb2.LiteralMap.FromString(row["inputs"]),
        full_outputs=literals_pb2.LiteralMap(),
    )


def update(
    store: Store, request: execution_pb2.ExecutionUpdateRequest
) -> execution_pb2.ExecutionUpdateResponse:
    """UpdateExecution: hides or shows, in any phase."""
    row = _existing(store, optional(request, "id"))
    moment = now()
    closure = execution_pb2.ExecutionClosure.FromString(row["closure"])
    closure.state_change_details.state = request.state
    closure.state_change_details.occurred_at.CopyFrom(stamp(moment))
    with store.writing():
        store.run(
            "UPDATE executions SET state = ?, closure = ?, updated_at = ? WHERE id = ?",
            (request.state, closure.SerializeToString(), moment, row["id"]),
        )
    return execution_pb2.ExecutionUpdateResponse()


def terminate(
    store: Store, request: execution_pb2.ExecutionTerminateRequest
) -> execution_pb2.ExecutionTerminateResponse:
    """TerminateExecution: nothing runs, so ABORTING and ABORTED are one step."""
    row = _existing(store, optional(request, "id"))
    if _Phase.Phase.Value(row["phase"]) in launch_plans.TERMINAL:
        reason = event_pb2.EventFailureReason()
        reason.already_in_terminal_state.current_phase = row["phase"]
        raise StatusError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "Cannot abort an already terminated workflow execution",
            reason,
        )
    moment = now()
    closure = execution_pb2.ExecutionClosure.FromString(row["closure"])
    closure.phase = _Phase.ABORTED
    closure.abort_metadata.cause = request.cause
    closure.updated_at.CopyFrom(stamp(moment))
    with store.writing():
        store.run(
            "UPDATE executions SET phase = 'ABORTED', closure = ?, updated_at = ?, "
            "execution_updated_at = ? WHERE id = ?",
            (closure.SerializeToString(), moment, moment, row["id"]),
        )
    return execution_pb2.ExecutionTerminateResponse()


def list_executions(
    store: Store, request: common_pb2.ResourceListRequest
) -> execution_pb2.ExecutionList:
    """ListExecutions: hidden ones only when a filter names the state."""
    name = optional(request, "id")
    if name is None:
        raise missing("id")
    checks.text(name.project, "project")
    checks.text(name.domain, "domain")
    filters.required_limit(request.limit)
    given = (("project", name.project), ("domain", name.domain), ("name", name.name))
    conditions = [
        filters.equals(EXECUTION, f"execution_{part}", value) for part, value in given if value
    ]
    if request.filters:
        conditions += filters.parse(request.filters, EXECUTION)
    order = filters.order(optional(request, "sort_by"), EXECUTION, default="executions.id")
    page = filters.page(request.limit, request.token, method="ListExecutions")
    entities = [EXECUTION_TAG if one.entity is ADMIN_TAG else one.entity for one in conditions]
    joins = "".join(join for entity, join in _JOINS if any(one is entity for one in entities))
    if all(one.column != "state" for one in conditions):
        conditions.append(filters.equals(EXECUTION, "state", 0))
    clause, values = filters.where(conditions)
    rows = store.rows(
        f"SELECT executions.* FROM executions{joins}{clause}{order}{page.sql}",  # noqa: S608
        values,
    )
    return execution_pb2.ExecutionList(
        executions=[_message(row) for row in rows], token=page.token(len(rows))
    )


def _message(row: sqlite3.Row) -> execution_pb2.Execution:
    return execution_pb2.Execution(
        id=identifier_pb2.WorkflowExecutionIdentifier(
            project=row["execution_project"],
            domain=row["execution_domain"],
            name=row["execution_name"],
        ),
        spec=execution_pb2.ExecutionSpec.FromString(row["spec"]),
        closure=execution_pb2.ExecutionClosure.FromString(row["closure"]),
    )
