"""New executions: of launch plans and of single tasks, relaunched and recovered.

Nothing runs, so a new execution stays UNDEFINED until an event says otherwise. Side effects come
in flyteadmin's order: inputs are stored first, under the execution's name, then tags, then the
execution; a name that is taken is found out last, when the other execution's inputs are overwritten
already and may have got tags (flyteadmin 1.16.8, launchExecution and createExecutionModel).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import execution_pb2, launch_plan_pb2
from flyteidl.core import execution_pb2 as core_execution
from flyteidl.core import identifier_pb2, literals_pb2

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import (
    checks,
    execution_inputs,
    execution_rows,
    execution_settings,
    kubernetes_names,
    launch_plan_inputs,
    launch_plans,
    node_rows,
    single_tasks,
    versioned,
)
from reconciler.server.flyte1.columns import LAUNCH_PLAN, TASK, WORKFLOW
from reconciler.server.flyte1.event_kit import phase_name
from reconciler.server.flyte1.refusals import missing, not_found, taken
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store

_NAME = re.compile(r"[a-z][a-z\-0-9]*")
_MAX_NAME = 63
_MADE_LENGTH = 20
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_KIND = "FlyteWorkflow.flyte.lyft.com"
_NOT_STARTED = "failed to create workflow in propeller"
_INTERNAL = "Internal"
_Metadata = execution_pb2.ExecutionMetadata
_Error = core_execution.ExecutionError


@dataclass(slots=True)
class _Source:
    """What an execution runs: a launch plan, which for a task is the one made for it."""

    plan: launch_plan_pb2.LaunchPlan
    workflow_id: int
    launch_plan_id: int = 0
    task_id: int = 0


def create(
    store: Store, request: execution_pb2.ExecutionCreateRequest
) -> execution_pb2.ExecutionCreateResponse:
    """CreateExecution; inputs may come in the spec, where older clients put them."""
    if not request.inputs.literals:
        request.inputs.CopyFrom(request.spec.inputs)
    return _launch(store, request)


def relaunch(
    store: Store, request: execution_pb2.ExecutionRelaunchRequest
) -> execution_pb2.ExecutionCreateResponse:
    """RelaunchExecution: the same request again, whatever became of the first one."""
    row = execution_rows.existing(store, request.id)
    again = _again(row, request, _Metadata.RELAUNCH)
    again.spec.overwrite_cache = request.overwrite_cache
    return _launch(store, again, source_id=row["id"])


def recover(
    store: Store, request: execution_pb2.ExecutionRecoverRequest
) -> execution_pb2.ExecutionCreateResponse:
    """RecoverExecution: as a relaunch; the engine would take over the nodes that succeeded."""
    row = execution_rows.existing(store, request.id)
    again = _again(row, request, _Metadata.RECOVERED)
    if request.HasField("metadata"):
        again.spec.metadata.ClearField("parent_node_execution")
        if request.metadata.HasField("parent_node_execution"):
            parent = request.metadata.parent_node_execution
            again.spec.metadata.parent_node_execution.CopyFrom(parent)
    return _launch(store, again, source_id=row["id"])


def _again(
    row: sqlite3.Row,
    asked: execution_pb2.ExecutionRelaunchRequest | execution_pb2.ExecutionRecoverRequest,
    mode: execution_pb2.ExecutionMetadata.ExecutionMode,
) -> execution_pb2.ExecutionCreateRequest:
    request = execution_pb2.ExecutionCreateRequest(
        project=asked.id.project,
        domain=asked.id.domain,
        name=asked.name,
        spec=execution_rows.spec(row),
        inputs=literals_pb2.LiteralMap.FromString(row["user_inputs"]),
    )
    request.spec.metadata.mode = mode
    request.spec.metadata.reference_execution.CopyFrom(execution_rows.identifier(row))
    return request


def _launch(
    store: Store, request: execution_pb2.ExecutionCreateRequest, *, source_id: int = 0
) -> execution_pb2.ExecutionCreateResponse:
    _validate(store, request)
    source = _source(store, request.spec)
    inputs = execution_inputs.completed(request.inputs, source.plan)
    made = "a" + "".join(secrets.choice(_ALPHABET) for _ in range(_MADE_LENGTH - 1))
    key = (request.project, request.domain, request.name or made)
    # No matter what becomes of this request, the inputs are another execution's from here on.
    with store.writing():
        store.run(
            "UPDATE executions SET inputs = ?, user_inputs = ? WHERE execution_project = ? "
            "AND execution_domain = ? AND execution_name = ?",
            (inputs.SerializeToString(), request.inputs.SerializeToString(), *key),
        )
    request.spec.metadata.principal = ""
    parent_node_id, parent_id = _inherit(store, request.spec)
    plan = None if source.task_id else source.plan
    metadata = execution_settings.apply(store, request, plan)
    if not source.task_id:
        del request.spec.metadata.artifact_ids[:]
        _concurrency(store, source.plan)
    system = request.spec.metadata.system_metadata
    system.Clear()
    system.namespace = f"{request.project}-{request.domain}"
    problem = _start(key[2], request.spec, metadata)
    if not source.task_id:
        _tag(store, key, request.spec)
    elif problem:
        raise internal(problem)
    if execution_rows.find(store, key) is not None:
        raise taken("executions_pkey")
    _insert(
        store,
        key,
        request,
        source,
        inputs,
        problem,
        parent_node_execution_id=parent_node_id,
        source_execution_id=source_id or parent_id,
    )
    return execution_pb2.ExecutionCreateResponse(
        id=identifier_pb2.WorkflowExecutionIdentifier(
            project=request.project, domain=request.domain, name=key[2]
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
        kind = phase_name(identifier_pb2.ResourceType, spec.launch_plan.resource_type)
        raise refused(
            f"Invalid reference entity resource type [{kind}], only "
            "[map[TASK:<nil> LAUNCH_PLAN:<nil>]] allowed"
        )
    launch_plan_inputs.check_literals(request.inputs, "inputs")
    launch_plans.check_notifications(spec.notifications.notifications)
    checks.labels(spec.labels)


def _source(store: Store, spec: execution_pb2.ExecutionSpec) -> _Source:
    identifier = spec.launch_plan
    if identifier.resource_type == checks.TASK:
        row = versioned.find(store, TASK, identifier)
        if row is None:
            raise not_found("TASK", versioned.bare(identifier))
        workflow = single_tasks.workflow(store, identifier)
        plan = single_tasks.launch_plan(store, identifier, workflow, spec)
        return _Source(plan, workflow["id"], task_id=row["id"])
    row = versioned.find(store, LAUNCH_PLAN, identifier)
    if row is None:
        raise not_found("LAUNCH_PLAN", versioned.bare(identifier))
    return _Source(launch_plans.message(row), row["workflow_id"], launch_plan_id=row["id"])


def _inherit(store: Store, spec: execution_pb2.ExecutionSpec) -> tuple[int, int]:
    """The ids of the node and of the execution that started this one; 0 when nobody did."""
    if not spec.metadata.HasField("parent_node_execution"):
        return 0, 0
    parent = spec.metadata.parent_node_execution
    node = node_rows.existing(store, parent)
    execution = execution_rows.existing(store, parent.execution_id)
    inherited = execution_rows.spec(execution)
    spec.metadata.principal = execution["user"]
    spec.metadata.nesting = inherited.metadata.nesting + 1
    if inherited.HasField("execution_cluster_label"):
        spec.execution_cluster_label.CopyFrom(inherited.execution_cluster_label)
    return node["id"], execution["id"]


def _concurrency(store: Store, plan: launch_plan_pb2.LaunchPlan) -> None:
    """The plan's policy. Only what an engine has picked up counts, so a burst is let through."""
    if not plan.spec.HasField("concurrency_policy"):
        return
    policy = plan.spec.concurrency_policy
    row = store.row(
        "SELECT COUNT(*) AS running FROM executions "
        "JOIN launch_plans ON executions.launch_plan_id = launch_plans.id "
        "WHERE executions.execution_project = ? AND executions.execution_domain = ? "
        "AND launch_plans.name = ? AND executions.phase IN ('QUEUED', 'RUNNING')",
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
                f"concurrency limit ({policy.max}) reached for launch plan {plan.id.name}; "
                "skipping execution",
            )
        case _:
            raise internal(f"unsupported concurrency-limit behavior: {policy.behavior}")


def _start(
    name: str, spec: execution_pb2.ExecutionSpec, metadata: execution_settings.Metadata
) -> str:
    """Why the one cluster that there is would not start the execution; empty when it would."""
    label = spec.execution_cluster_label.value
    if label:
        return f"{_NOT_STARTED} execution cluster label {label} is not supported"
    problem = kubernetes_names.object_problem(
        _KIND, name, labels=metadata.labels, annotations=metadata.annotations
    )
    return f"{_NOT_STARTED} {problem}" if problem else ""


def _tag(store: Store, key: tuple[str, str, str], spec: execution_pb2.ExecutionSpec) -> None:
    """One row for each label and tag; all or none, but apart from the execution's own row."""
    moment = now()
    with store.writing():
        for pair in (*spec.labels.values.items(), *((tag, "") for tag in spec.tags)):
            held = store.row(
                "SELECT id FROM execution_tags WHERE execution_project = ? "
                "AND execution_domain = ? AND execution_name = ? AND key = ? AND value = ?",
                (*key, *pair),
            )
            if held is not None:
                raise taken("execution_tags_pkey")
            store.run(
                "INSERT INTO execution_tags (created_at, updated_at, execution_project, "
                "execution_domain, execution_name, key, value) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (moment, moment, *key, *pair),
            )


def _insert(
    store: Store,
    key: tuple[str, str, str],
    request: execution_pb2.ExecutionCreateRequest,
    source: _Source,
    inputs: literals_pb2.LiteralMap,
    problem: str,
    **parents: int,
) -> None:
    moment = now()
    spec = request.spec
    closure = _closure(store, source, spec, moment)
    if problem:
        closure.phase = execution_rows.Phase.FAILED
        closure.error.CopyFrom(_Error(code=_INTERNAL, message=problem, kind=_Error.SYSTEM))
    values = {
        "created_at": moment,
        "updated_at": moment,
        "execution_project": key[0],
        "execution_domain": key[1],
        "execution_name": key[2],
        "launch_plan_id": source.launch_plan_id,
        "workflow_id": source.workflow_id,
        "task_id": source.task_id,
        "phase": "FAILED" if problem else "UNDEFINED",
        "spec": spec.SerializeToString(),
        "closure": closure.SerializeToString(),
        "inputs": inputs.SerializeToString(),
        "user_inputs": request.inputs.SerializeToString(),
        "execution_created_at": moment,
        "execution_updated_at": moment,
        "mode": spec.metadata.mode,
        "cluster": "",
        "user": spec.metadata.principal,
        "state": execution_pb2.EXECUTION_ACTIVE,
        "launch_entity": "task" if source.task_id else "launch_plan",
        "error_kind": "SYSTEM" if problem else None,
        "error_code": _INTERNAL if problem else None,
        **parents,
    }
    columns = ", ".join(f'"{name}"' for name in values)
    places = ", ".join("?" * len(values))
    with store.writing():
        store.run(
            f"INSERT INTO executions ({columns}) VALUES ({places})",  # noqa: S608  # own names
            tuple(values.values()),
        )


def _closure(
    store: Store, source: _Source, spec: execution_pb2.ExecutionSpec, moment: int
) -> execution_pb2.ExecutionClosure:
    closure = execution_pb2.ExecutionClosure(created_at=stamp(moment), updated_at=stamp(moment))
    closure.state_change_details.principal = spec.metadata.principal
    closure.state_change_details.occurred_at.CopyFrom(stamp(moment))
    workflow = store.row(f"SELECT * FROM {WORKFLOW.table} WHERE id = ?", (source.workflow_id,))  # noqa: S608
    if workflow is not None:
        closure.workflow_id.CopyFrom(versioned.identifier_of(workflow, checks.WORKFLOW))
    notifications = source.plan.spec.entity_metadata.notifications
    if spec.notifications.notifications:
        notifications = spec.notifications.notifications
    elif spec.disable_all:
        return closure
    closure.notifications.extend(notifications)
    return closure
