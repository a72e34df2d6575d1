"""AdminService: which function answers which call. What is not here answers UNIMPLEMENTED."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.admin import version_pb2

from reconciler.server import (
    attribute_calls,
    attributes,
    descriptions,
    executions,
    launch_plans,
    named_entities,
    projects,
    tasks,
    workflows,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.server.serving import Handler
    from reconciler.server.store import Store

# The release whose answers are given.
VERSION = "v1.16.8"


def _version(
    _store: Store, _request: version_pb2.GetVersionRequest
) -> version_pb2.GetVersionResponse:
    version = version_pb2.Version(Build="embedded", Version=VERSION)
    return version_pb2.GetVersionResponse(control_plane_version=version)


HANDLERS: Mapping[str, Handler] = {
    "GetVersion": _version,
    "RegisterProject": projects.register,
    "UpdateProject": projects.update,
    "GetProject": projects.get,
    "ListProjects": projects.list_projects,
    "GetDomains": projects.get_domains,
    "CreateTask": tasks.create,
    "GetTask": tasks.get,
    "ListTasks": tasks.list_tasks,
    "ListTaskIds": tasks.list_ids,
    "CreateWorkflow": workflows.create,
    "GetWorkflow": workflows.get,
    "ListWorkflows": workflows.list_workflows,
    "ListWorkflowIds": workflows.list_ids,
    "CreateLaunchPlan": launch_plans.create,
    "UpdateLaunchPlan": launch_plans.update,
    "GetLaunchPlan": launch_plans.get,
    "GetActiveLaunchPlan": launch_plans.get_active,
    "ListLaunchPlans": launch_plans.list_launch_plans,
    "ListActiveLaunchPlans": launch_plans.list_active,
    "ListLaunchPlanIds": launch_plans.list_ids,
    "UpdateNamedEntity": named_entities.update,
    "GetNamedEntity": named_entities.get,
    "ListNamedEntities": named_entities.list_named_entities,
    "GetDescriptionEntity": descriptions.get,
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
    "CreateExecution": executions.create,
    "GetExecution": executions.get,
    "GetExecutionData": executions.get_data,
    "UpdateExecution": executions.update,
    "TerminateExecution": executions.terminate,
    "ListExecutions": executions.list_executions,
}
