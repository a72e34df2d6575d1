"""Attempts of tasks read: one, those of a node, inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import common_pb2, task_execution_pb2

from reconciler.server.flyte1 import execution_rows, filters, literal_files, run_lists, task_rows
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.columns import TASK_EXECUTION
from reconciler.server.flyte1.run_identifiers import check_node, check_task, typed

if TYPE_CHECKING:
    from reconciler.server.store import Store


def get(
    store: Store, request: task_execution_pb2.TaskExecutionGetRequest
) -> task_execution_pb2.TaskExecution:
    """GetTaskExecution: one attempt."""
    name = check_task(typed(optional(request, "id")))
    return task_rows.message(store, task_rows.existing(store, name))


def list_tasks(
    store: Store, request: task_execution_pb2.TaskExecutionListRequest
) -> task_execution_pb2.TaskExecutionList:
    """ListTaskExecutions: the attempts of a node."""
    name = check_node(optional(request, "node_execution_id"))
    filters.required_limit(request.limit)
    conditions = run_lists.of_execution(TASK_EXECUTION, name.execution_id)
    conditions.append(filters.equals(TASK_EXECUTION, "node_id", name.node_id))
    rows, token = run_lists.select(
        store, TASK_EXECUTION, conditions, request, method="ListTaskExecutions"
    )
    return task_execution_pb2.TaskExecutionList(
        task_executions=[task_rows.message(store, row) for row in rows], token=token
    )


def get_data(
    store: Store, request: task_execution_pb2.TaskExecutionGetDataRequest
) -> task_execution_pb2.TaskExecutionGetDataResponse:
    """GetTaskExecutionData: inputs and outputs of an attempt."""
    name = check_task(typed(optional(request, "id")))
    row = task_rows.existing(store, name)
    node = name.node_execution_id
    parts = (*execution_rows.key_of(node.execution_id), node.node_id, str(name.retry_attempt))
    base = "/".join(parts)
    return task_execution_pb2.TaskExecutionGetDataResponse(
        inputs=common_pb2.UrlBlob(),
        outputs=common_pb2.UrlBlob(),
        full_inputs=literal_files.read(store, row["input_uri"]),
        full_outputs=literal_files.read(store, task_rows.closure(row).output_uri),
        flyte_urls=common_pb2.FlyteURLs(
            inputs=f"flyte://v1/{base}/i", outputs=f"flyte://v1/{base}/o"
        ),
    )
