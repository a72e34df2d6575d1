"""Node executions read: one, those of an execution, of a parent, of a task; inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from flyteidl.admin import common_pb2, node_execution_pb2
from flyteidl.core import compiler_pb2, identifier_pb2

from reconciler.server.flyte1 import (
    execution_rows,
    filters,
    literal_files,
    node_rows,
    run_lists,
    task_rows,
)
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import NODE_EXECUTION
from reconciler.server.flyte1.refusals import missing
from reconciler.server.flyte1.run_identifiers import check_task, typed
from reconciler.server.status import StatusError, internal

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store

_TOP_LEVEL = filters.Filter(
    NODE_EXECUTION,
    "parent_id",
    "node_executions.parent_id IS NULL AND node_executions.parent_task_execution_id IS NULL",
    (),
)


def get(
    store: Store, request: node_execution_pb2.NodeExecutionGetRequest
) -> node_execution_pb2.NodeExecution:
    """GetNodeExecution."""
    return node_rows.message(store, node_rows.existing(store, request.id))


def list_nodes(
    store: Store, request: node_execution_pb2.NodeExecutionListRequest
) -> node_execution_pb2.NodeExecutionList:
    """ListNodeExecutions: those without a parent, or those of one parent."""
    name = request.workflow_execution_id
    if not (name.project and name.domain and name.name):
        raise missing("execution_id")
    filters.required_limit(request.limit)
    conditions = run_lists.of_execution(NODE_EXECUTION, name)
    if request.unique_parent_id:
        parent = identifier_pb2.NodeExecutionIdentifier(
            execution_id=name, node_id=request.unique_parent_id
        )
        row = node_rows.existing(store, parent)
        conditions.append(filters.equals(NODE_EXECUTION, "parent_id", row["id"]))
    else:
        conditions.append(_TOP_LEVEL)
    return _list(store, conditions, request)


def list_for_task(
    store: Store, request: node_execution_pb2.NodeExecutionForTaskListRequest
) -> node_execution_pb2.NodeExecutionList:
    """ListNodeExecutionsForTask: what an attempt of a task started, as engines of old did."""
    name = check_task(typed(optional(request, "task_execution_id")))
    filters.required_limit(request.limit)
    conditions = run_lists.of_execution(NODE_EXECUTION, name.node_execution_id.execution_id)
    row = task_rows.existing(store, name)
    conditions.append(filters.equals(NODE_EXECUTION, "parent_task_execution_id", row["id"]))
    return _list(store, conditions, request)


def _list(
    store: Store,
    conditions: list[filters.Filter],
    request: node_execution_pb2.NodeExecutionListRequest
    | node_execution_pb2.NodeExecutionForTaskListRequest,
) -> node_execution_pb2.NodeExecutionList:
    rows, token = run_lists.select(
        store, NODE_EXECUTION, conditions, request, method="ListNodeExecutions"
    )
    return node_execution_pb2.NodeExecutionList(
        node_executions=[node_rows.message(store, row, listed=True) for row in rows], token=token
    )


def get_data(
    store: Store, request: node_execution_pb2.NodeExecutionGetDataRequest
) -> node_execution_pb2.NodeExecutionGetDataResponse:
    """GetNodeExecutionData: inputs, outputs, and the workflow that a dynamic node made."""
    row = node_rows.existing(store, request.id)
    closure = node_rows.closure(row)
    base = "/".join((*execution_rows.key_of(request.id.execution_id), request.id.node_id))
    answer = node_execution_pb2.NodeExecutionGetDataResponse(
        inputs=common_pb2.UrlBlob(),
        outputs=common_pb2.UrlBlob(),
        full_inputs=literal_files.read(store, row["input_uri"]),
        full_outputs=literal_files.read(store, closure.output_uri),
        flyte_urls=common_pb2.FlyteURLs(
            inputs=f"flyte://v1/{base}/i",
            outputs=f"flyte://v1/{base}/o",
            deck=f"flyte://v1/{base}/d" if closure.deck_uri else "",
        ),
    )
    if row["dynamic_workflow_remote_closure_reference"]:
        made = _dynamic(store, row)
        answer.dynamic_workflow.id.CopyFrom(made.primary.template.id)
        answer.dynamic_workflow.compiled_workflow.CopyFrom(made)
        answer.dynamic_workflow.dynamic_job_spec_uri = closure.dynamic_job_spec_uri
    return answer


def get_dynamic(
    store: Store, request: node_execution_pb2.GetDynamicNodeWorkflowRequest
) -> node_execution_pb2.DynamicNodeWorkflowResponse:
    """GetDynamicNodeWorkflow: NOT_FOUND for a node that made none."""
    row = node_rows.existing(store, request.id)
    if not row["dynamic_workflow_remote_closure_reference"]:
        raise StatusError(grpc.StatusCode.NOT_FOUND, "node does not contain dynamic workflow")
    return node_execution_pb2.DynamicNodeWorkflowResponse(compiled_workflow=_dynamic(store, row))


def _dynamic(store: Store, row: sqlite3.Row) -> compiler_pb2.CompiledWorkflowClosure:
    raw = store.objects.read(row["dynamic_workflow_remote_closure_reference"]) or b""
    made = compiler_pb2.CompiledWorkflowClosure.FromString(raw)
    if not made.HasField("primary"):
        raise internal("Empty primary workflow definition in loaded dynamic workflow model.")
    if not made.primary.HasField("template"):
        raise internal("Empty primary workflow template in loaded dynamic workflow model.")
    return made
