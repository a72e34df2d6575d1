"""Calls about executions, in the same table as all others (`flyte1.methods`).

Facts from flyteadmin 1.16.8: relaunching and recovering make a name up where none is given, so that
they are never sent without one; the signal service ends its process on a message that lacks a part.
"""

from __future__ import annotations

from flyteidl.admin import (
    execution_pb2,
    node_execution_pb2,
    signal_pb2,
    task_execution_pb2,
)
from flyteidl.service import dataproxy_pb2

from reconciler.backends.flyte1.methods import TABLE
from reconciler.backends.wire.method import always

_RUN = ("id.project", "id.domain", "id.name")
_RUN_OF_NODE = tuple(f"id.execution_id.{part}" for part in ("project", "domain", "name"))
_RUN_OF_LIST = tuple(f"workflow_execution_id.{part}" for part in ("project", "domain", "name"))


def _is_whole(request: signal_pb2.SignalSetRequest) -> str:
    value = request.value
    kind = value.WhichOneof("value")
    if kind is None or (kind == "scalar" and value.scalar.WhichOneof("value") is None):
        return "value"
    return ""


LIST_NODE_EXECUTIONS = TABLE.read(
    "AdminService.ListNodeExecutions",
    node_execution_pb2.NodeExecutionListRequest,
    node_execution_pb2.NodeExecutionList,
    *_RUN_OF_LIST,
    "limit",
)
LIST_NODE_EXECUTIONS_FOR_TASK = TABLE.read(
    "AdminService.ListNodeExecutionsForTask",
    node_execution_pb2.NodeExecutionForTaskListRequest,
    node_execution_pb2.NodeExecutionList,
    "task_execution_id.task_id.name",
    "task_execution_id.node_execution_id.node_id",
    "limit",
)
GET_NODE_EXECUTION = TABLE.read(
    "AdminService.GetNodeExecution",
    node_execution_pb2.NodeExecutionGetRequest,
    node_execution_pb2.NodeExecution,
    *_RUN_OF_NODE,
    "id.node_id",
)
GET_NODE_EXECUTION_DATA = TABLE.read(
    "AdminService.GetNodeExecutionData",
    node_execution_pb2.NodeExecutionGetDataRequest,
    node_execution_pb2.NodeExecutionGetDataResponse,
    *_RUN_OF_NODE,
    "id.node_id",
)
GET_DYNAMIC_NODE_WORKFLOW = TABLE.read(
    "AdminService.GetDynamicNodeWorkflow",
    node_execution_pb2.GetDynamicNodeWorkflowRequest,
    node_execution_pb2.DynamicNodeWorkflowResponse,
    *_RUN_OF_NODE,
    "id.node_id",
)
LIST_TASK_EXECUTIONS = TABLE.read(
    "AdminService.ListTaskExecutions",
    task_execution_pb2.TaskExecutionListRequest,
    task_execution_pb2.TaskExecutionList,
    "node_execution_id.execution_id.name",
    "node_execution_id.node_id",
    "limit",
)
GET_EXECUTION_METRICS = TABLE.read(
    "AdminService.GetExecutionMetrics",
    execution_pb2.WorkflowExecutionGetMetricsRequest,
    execution_pb2.WorkflowExecutionGetMetricsResponse,
    *_RUN,
)
LIST_SIGNALS = TABLE.read(
    "SignalService.ListSignals",
    signal_pb2.SignalListRequest,
    signal_pb2.SignalList,
    *_RUN_OF_LIST,
    "limit",
)
CREATE_DOWNLOAD_LINK = TABLE.read(
    "DataProxyService.CreateDownloadLink",
    dataproxy_pb2.CreateDownloadLinkRequest,
    dataproxy_pb2.CreateDownloadLinkResponse,
    "artifact_type",
    "node_execution_id.node_id",
)
"""Signs a URL and stores nothing."""

GET_DATA = TABLE.read(
    "DataProxyService.GetData",
    dataproxy_pb2.GetDataRequest,
    dataproxy_pb2.GetDataResponse,
    "flyte_url",
)

RELAUNCH_EXECUTION = TABLE.write(
    "AdminService.RelaunchExecution",
    execution_pb2.ExecutionRelaunchRequest,
    execution_pb2.ExecutionCreateResponse,
    *_RUN,
    "name",
)
RECOVER_EXECUTION = TABLE.write(
    "AdminService.RecoverExecution",
    execution_pb2.ExecutionRecoverRequest,
    execution_pb2.ExecutionCreateResponse,
    *_RUN,
    "name",
)
SET_SIGNAL = TABLE.write(
    "SignalService.SetSignal",
    signal_pb2.SignalSetRequest,
    signal_pb2.SignalSetResponse,
    *_RUN_OF_NODE,
    "id.signal_id",
    may_repeat=always,
    check=_is_whole,
)
