"""Executions read, listed, hidden and terminated.

Nothing ends an execution but an event: termination writes the cause and waits in ABORTING for the
engine, as flyteadmin 1.16.8 does (pkg/manager/impl/execution_manager.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2, event_pb2, execution_pb2
from flyteidl.core import literals_pb2

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import checks, execution_rows, filters, literal_files
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import (
    ADMIN_TAG,
    EXECUTION,
    EXECUTION_TAG,
    LAUNCH_PLAN,
    TASK,
    WORKFLOW,
)
from reconciler.server.flyte1.refusals import missing
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store

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


def get(
    store: Store, request: execution_pb2.WorkflowExecutionGetRequest
) -> execution_pb2.Execution:
    """GetExecution."""
    name = execution_rows.check_identifier(optional(request, "id"))
    return execution_rows.message(execution_rows.existing(store, name))


def get_data(
    store: Store, request: execution_pb2.WorkflowExecutionGetDataRequest
) -> execution_pb2.WorkflowExecutionGetDataResponse:
    """GetExecutionData: inputs with the plan's defaults, and the outputs when they can be read.

    An incomplete identifier is not refused, it finds some execution.
    """
    row = execution_rows.existing(store, request.id)
    closure = execution_rows.message(row).closure
    outputs = closure.output_data
    if closure.HasField("outputs"):
        outputs = literal_files.read(store, closure.outputs.uri)
    return execution_pb2.WorkflowExecutionGetDataResponse(
        inputs=common_pb2.UrlBlob(),
        outputs=common_pb2.UrlBlob(),
        full_inputs=literals_pb2.LiteralMap.FromString(row["inputs"]),
        full_outputs=outputs,
    )


def update(
    store: Store, request: execution_pb2.ExecutionUpdateRequest
) -> execution_pb2.ExecutionUpdateResponse:
    """UpdateExecution: hides or shows, in any phase."""
    name = execution_rows.check_identifier(optional(request, "id"))
    row = execution_rows.existing(store, name)
    closure = execution_rows.closure(row)
    closure.state_change_details.CopyFrom(
        execution_pb2.ExecutionStateChangeDetails(state=request.state, occurred_at=stamp(now()))
    )
    execution_rows.write(
        store, "executions", row, state=request.state, closure=closure.SerializeToString()
    )
    return execution_pb2.ExecutionUpdateResponse()


def terminate(
    store: Store, request: execution_pb2.ExecutionTerminateRequest
) -> execution_pb2.ExecutionTerminateResponse:
    """TerminateExecution: ABORTING, with the last cause that was given; refused at the end."""
    name = execution_rows.check_identifier(optional(request, "id"))
    row = execution_rows.existing(store, name)
    if execution_rows.phase(row) in execution_rows.TERMINAL:
        raise already_ended("Cannot abort an already terminated workflow execution", row["phase"])
    closure = execution_rows.closure(row)
    closure.phase = execution_rows.Phase.ABORTING
    closure.abort_metadata.cause = request.cause
    execution_rows.write(
        store,
        "executions",
        row,
        phase="ABORTING",
        # An empty cause keeps a former one in the column, where only filters see it.
        abort_cause=request.cause or row["abort_cause"],
        closure=closure.SerializeToString(),
    )
    return execution_pb2.ExecutionTerminateResponse()


def already_ended(text: str, phase: str) -> StatusError:
    """FAILED_PRECONDITION for what comes after the end; the detail names a phase."""
    reason = event_pb2.EventFailureReason()
    reason.already_in_terminal_state.current_phase = phase
    return StatusError(grpc.StatusCode.FAILED_PRECONDITION, text, reason)


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
        executions=[_listed(row) for row in rows], token=page.token(len(rows))
    )


def _listed(row: sqlite3.Row) -> execution_pb2.Execution:
    message = execution_rows.message(row, listed=True)
    message.spec.ClearField("inputs")
    message.closure.ClearField("computed_inputs")
    return message
