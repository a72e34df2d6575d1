"""AdminService: which function answers which call. What is not here answers UNIMPLEMENTED."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flyteidl.admin import version_pb2
from flyteidl.core import identifier_pb2

from reconciler.server.flyte1 import (
    attribute_calls,
    attributes,
    descriptions,
    execution_creation,
    execution_events,
    executions,
    launch_plans,
    metrics,
    named_entities,
    node_events,
    node_executions,
    projects,
    task_events,
    task_executions,
    tasks,
    workflows,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from reconciler.server.methods import Handler, Stream
    from reconciler.server.store import Store

# The release whose answers are given.
VERSION = "v1.16.8"


def _version(
    _store: Store, _request: version_pb2.GetVersionRequest
) -> version_pb2.GetVersionResponse:
    version = version_pb2.Version(Build="embedded", Version=VERSION)
    return version_pb2.GetVersionResponse(control_plane_version=version)


def _typed(kind: identifier_pb2.ResourceType, handler: Handler) -> Handler:
    """Fill in the type of an identifier that has none, which the HTTP gateway never sends."""

    def handle(store: Store, request: Any) -> Message | Stream:
        if request.HasField("id") and not request.id.resource_type:
            request.id.resource_type = kind
        return handler(store, request)

    return handle


HANDLERS: Mapping[str, Handler] = {
    "GetVersion": _version,
    "RegisterProject": projects.register,
    "UpdateProject": projects.update,
    "GetProject": projects.get,
    "ListProjects": projects.list_projects,
    "GetDomains": projects.get_domains,
    "CreateTask": tasks.create,
    "GetTask": _typed(identifier_pb2.TASK, tasks.get),
    "ListTasks": tasks.list_tasks,
    "ListTaskIds": tasks.list_ids,
    "CreateWorkflow": workflows.create,
    "GetWorkflow": _typed(identifier_pb2.WORKFLOW, workflows.get),
    "ListWorkflows": workflows.list_workflows,
    "ListWorkflowIds": workflows.list_ids,
    "CreateLaunchPlan": launch_plans.create,
    "UpdateLaunchPlan": _typed(identifier_pb2.LAUNCH_PLAN, launch_plans.update),
    "GetLaunchPlan": _typed(identifier_pb2.LAUNCH_PLAN, launch_plans.get),
    "GetActiveLaunchPlan": launch_plans.get_active,
    "ListLaunchPlans": launch_plans.list_launch_plans,
    "ListActiveLaunchPlans": launch_plans.list_active,
    "ListLaunchPlanIds": launch_plans.list_ids,
    "UpdateNamedEntity": named_entities.update,
    "GetNamedEntity": named_entities.get,
    "ListNamedEntities": named_entities.list_named_entities,
    "GetDescriptionEntity": _typed(identifier_pb2.TASK, descriptions.get),
    "ListDescriptionEntities": descriptions.list_descriptions,
    "UpdateProjectAttributes": attribute_calls.update_project,
    "GetProjectAttributes": attribute_calls.get_project,
    "DeleteProjectAttributes": attribute_calls.delete_project,
    "UpdateProjectDomainAttributes": attribute_calls.update_domain,
    "GetProjectDomainAttributes": attribute_calls.get_domain,
    "DeleteProjectDomainAttributes": attribute_calls.delete_domain,
    "UpdateWorkflowAttributes": attribute_calls.update_workflow,
    "GetWorkflowAttributes": attribute_calls.get_workflow,
    "DeleteWorkflowAttributes": attribute_calls.delete_workflow,
    "ListMatchableAttributes": attributes.list_all,
    "CreateExecution": execution_creation.create,
    "RelaunchExecution": execution_creation.relaunch,
    "RecoverExecution": execution_creation.recover,
    "GetExecution": executions.get,
    "GetExecutionData": executions.get_data,
    "GetExecutionMetrics": metrics.get,
    "UpdateExecution": executions.update,
    "TerminateExecution": executions.terminate,
    "ListExecutions": executions.list_executions,
    "CreateWorkflowEvent": execution_events.create,
    "CreateNodeEvent": node_events.create,
    "CreateTaskEvent": task_events.create,
    "GetNodeExecution": node_executions.get,
    "GetNodeExecutionData": node_executions.get_data,
    "GetDynamicNodeWorkflow": node_executions.get_dynamic,
    "ListNodeExecutions": node_executions.list_nodes,
    "ListNodeExecutionsForTask": node_executions.list_for_task,
    "GetTaskExecution": task_executions.get,
    "GetTaskExecutionData": task_executions.get_data,
    "ListTaskExecutions": task_executions.list_tasks,
}
