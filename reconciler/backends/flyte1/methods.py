"""Every call we make to Flyte 1, with what it may do: the one table that the channel obeys.

Facts from flyteadmin 1.16.8: which calls may be repeated (its writes are not transactional, and
activating an active version moves Flyte's catch-up baseline), and which fields it fails to check
(an update of a launch plan without a version acts on some version). A call that is not in this
table cannot be made. More calls about executions are in `run.methods`.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from flyteidl.admin import (
    common_pb2,
    description_entity_pb2,
    execution_pb2,
    launch_plan_pb2,
    matchable_resource_pb2,
    project_attributes_pb2,
    project_domain_attributes_pb2,
    project_pb2,
    task_pb2,
    version_pb2,
    workflow_attributes_pb2,
    workflow_pb2,
)
from flyteidl.core import identifier_pb2
from flyteidl.service import auth_pb2, dataproxy_pb2, identity_pb2
from google.protobuf.message import Message

from reconciler.backends.wire.method import Table, always

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = Table(
    {
        "AdminService": "flyteidl.service",
        "AuthMetadataService": "flyteidl.service",
        "DataProxyService": "flyteidl.service",
        "IdentityService": "flyteidl.service",
        "SignalService": "flyteidl.service",
    }
)
"""Every method by its name, for example `AdminService.ListTasks`."""

_RESOURCE_TYPE = attrgetter("id.resource_type")


def _of(resource_type: int) -> Callable[[Message], str]:
    """Check that `id` names this kind of entity."""

    def check(request: Message) -> str:
        return "" if _RESOURCE_TYPE(request) == resource_type else "id.resource_type"

    return check


def _deactivates(request: launch_plan_pb2.LaunchPlanUpdateRequest) -> bool:
    return request.state == launch_plan_pb2.INACTIVE


def _is_plain(
    request: project_attributes_pb2.ProjectAttributesUpdateRequest
    | project_domain_attributes_pb2.ProjectDomainAttributesUpdateRequest
    | workflow_attributes_pb2.WorkflowAttributesUpdateRequest,
) -> bool:
    """Plugin overrides are merged into the row instead of replacing it."""
    target = request.attributes.matching_attributes.WhichOneof("target")
    return target is not None and target != "plugin_overrides"


_ID = ("id.project", "id.domain", "id.name", "id.version")
_NAME = ("id.project", "id.domain", "id.name")
_LIST = ("id.project", "id.domain", "limit")
_NAMES = ("project", "domain", "limit")

GET_TASK = TABLE.read(
    "AdminService.GetTask",
    common_pb2.ObjectGetRequest,
    task_pb2.Task,
    *_ID,
    check=_of(identifier_pb2.TASK),
)
LIST_TASKS = TABLE.read(
    "AdminService.ListTasks", common_pb2.ResourceListRequest, task_pb2.TaskList, *_LIST
)
GET_WORKFLOW = TABLE.read(
    "AdminService.GetWorkflow",
    common_pb2.ObjectGetRequest,
    workflow_pb2.Workflow,
    *_ID,
    check=_of(identifier_pb2.WORKFLOW),
)
LIST_WORKFLOWS = TABLE.read(
    "AdminService.ListWorkflows", common_pb2.ResourceListRequest, workflow_pb2.WorkflowList, *_LIST
)
GET_LAUNCH_PLAN = TABLE.read(
    "AdminService.GetLaunchPlan",
    common_pb2.ObjectGetRequest,
    launch_plan_pb2.LaunchPlan,
    *_ID,
    check=_of(identifier_pb2.LAUNCH_PLAN),
)
GET_ACTIVE_LAUNCH_PLAN = TABLE.read(
    "AdminService.GetActiveLaunchPlan",
    launch_plan_pb2.ActiveLaunchPlanRequest,
    launch_plan_pb2.LaunchPlan,
    *_NAME,
)
LIST_ACTIVE_LAUNCH_PLANS = TABLE.read(
    "AdminService.ListActiveLaunchPlans",
    launch_plan_pb2.ActiveLaunchPlanListRequest,
    launch_plan_pb2.LaunchPlanList,
    *_NAMES,
)
LIST_LAUNCH_PLANS = TABLE.read(
    "AdminService.ListLaunchPlans",
    common_pb2.ResourceListRequest,
    launch_plan_pb2.LaunchPlanList,
    *_LIST,
)
GET_PROJECT = TABLE.read(
    "AdminService.GetProject", project_pb2.ProjectGetRequest, project_pb2.Project, "id"
)
LIST_PROJECTS = TABLE.read(
    "AdminService.ListProjects", project_pb2.ProjectListRequest, project_pb2.Projects
)
GET_DOMAINS = TABLE.read(
    "AdminService.GetDomains", project_pb2.GetDomainRequest, project_pb2.GetDomainsResponse
)
LIST_MATCHABLE_ATTRIBUTES = TABLE.read(
    "AdminService.ListMatchableAttributes",
    matchable_resource_pb2.ListMatchableAttributesRequest,
    matchable_resource_pb2.ListMatchableAttributesResponse,
)
LIST_NAMED_ENTITIES = TABLE.read(
    "AdminService.ListNamedEntities",
    common_pb2.NamedEntityListRequest,
    common_pb2.NamedEntityList,
    "resource_type",
    *_NAMES,
)
GET_NAMED_ENTITY = TABLE.read(
    "AdminService.GetNamedEntity",
    common_pb2.NamedEntityGetRequest,
    common_pb2.NamedEntity,
    "resource_type",
    *_NAME,
)
GET_VERSION = TABLE.read(
    "AdminService.GetVersion", version_pb2.GetVersionRequest, version_pb2.GetVersionResponse
)
GET_DESCRIPTION_ENTITY = TABLE.read(
    "AdminService.GetDescriptionEntity",
    common_pb2.ObjectGetRequest,
    description_entity_pb2.DescriptionEntity,
    "id.resource_type",
    *_ID,
)
GET_EXECUTION = TABLE.read(
    "AdminService.GetExecution",
    execution_pb2.WorkflowExecutionGetRequest,
    execution_pb2.Execution,
    *_NAME,
)
GET_EXECUTION_DATA = TABLE.read(
    "AdminService.GetExecutionData",
    execution_pb2.WorkflowExecutionGetDataRequest,
    execution_pb2.WorkflowExecutionGetDataResponse,
    *_NAME,
)
LIST_EXECUTIONS = TABLE.read(
    "AdminService.ListExecutions",
    common_pb2.ResourceListRequest,
    execution_pb2.ExecutionList,
    *_LIST,
)
USER_INFO = TABLE.read(
    "IdentityService.UserInfo", identity_pb2.UserInfoRequest, identity_pb2.UserInfoResponse
)
GET_OAUTH2_METADATA = TABLE.read(
    "AuthMetadataService.GetOAuth2Metadata",
    auth_pb2.OAuth2MetadataRequest,
    auth_pb2.OAuth2MetadataResponse,
    is_anonymous=True,
)
GET_PUBLIC_CLIENT_CONFIG = TABLE.read(
    "AuthMetadataService.GetPublicClientConfig",
    auth_pb2.PublicClientAuthConfigRequest,
    auth_pb2.PublicClientAuthConfigResponse,
    is_anonymous=True,
)
CREATE_DOWNLOAD_LOCATION = TABLE.read(
    "DataProxyService.CreateDownloadLocation",
    dataproxy_pb2.CreateDownloadLocationRequest,
    dataproxy_pb2.CreateDownloadLocationResponse,
    "native_url",
)
"""Signs a URL and stores nothing. flyteidl calls it deprecated; its successor knows decks alone."""

CREATE_TASK = TABLE.write(
    "AdminService.CreateTask",
    task_pb2.TaskCreateRequest,
    task_pb2.TaskCreateResponse,
    *_ID,
    may_repeat=always,
    check=_of(identifier_pb2.TASK),
)
CREATE_WORKFLOW = TABLE.write(
    "AdminService.CreateWorkflow",
    workflow_pb2.WorkflowCreateRequest,
    workflow_pb2.WorkflowCreateResponse,
    *_ID,
    may_repeat=always,
    check=_of(identifier_pb2.WORKFLOW),
)
CREATE_LAUNCH_PLAN = TABLE.write(
    "AdminService.CreateLaunchPlan",
    launch_plan_pb2.LaunchPlanCreateRequest,
    launch_plan_pb2.LaunchPlanCreateResponse,
    *_ID,
    *(f"spec.workflow_id.{part}" for part in ("project", "domain", "name", "version")),
    may_repeat=always,
    check=_of(identifier_pb2.LAUNCH_PLAN),
)
UPDATE_LAUNCH_PLAN = TABLE.write(
    "AdminService.UpdateLaunchPlan",
    launch_plan_pb2.LaunchPlanUpdateRequest,
    launch_plan_pb2.LaunchPlanUpdateResponse,
    *_ID,
    may_repeat=_deactivates,
    check=_of(identifier_pb2.LAUNCH_PLAN),
)
REGISTER_PROJECT = TABLE.write(
    "AdminService.RegisterProject",
    project_pb2.ProjectRegisterRequest,
    project_pb2.ProjectRegisterResponse,
    "project.id",
    "project.name",
)
UPDATE_PROJECT = TABLE.write(
    "AdminService.UpdateProject",
    project_pb2.Project,
    project_pb2.ProjectUpdateResponse,
    "id",
    may_repeat=always,
)
UPDATE_NAMED_ENTITY = TABLE.write(
    "AdminService.UpdateNamedEntity",
    common_pb2.NamedEntityUpdateRequest,
    common_pb2.NamedEntityUpdateResponse,
    "resource_type",
    *_NAME,
    may_repeat=always,
)
UPDATE_PROJECT_ATTRIBUTES = TABLE.write(
    "AdminService.UpdateProjectAttributes",
    project_attributes_pb2.ProjectAttributesUpdateRequest,
    project_attributes_pb2.ProjectAttributesUpdateResponse,
    "attributes.project",
    may_repeat=_is_plain,
)
DELETE_PROJECT_ATTRIBUTES = TABLE.write(
    "AdminService.DeleteProjectAttributes",
    project_attributes_pb2.ProjectAttributesDeleteRequest,
    project_attributes_pb2.ProjectAttributesDeleteResponse,
    "project",
)
UPDATE_PROJECT_DOMAIN_ATTRIBUTES = TABLE.write(
    "AdminService.UpdateProjectDomainAttributes",
    project_domain_attributes_pb2.ProjectDomainAttributesUpdateRequest,
    project_domain_attributes_pb2.ProjectDomainAttributesUpdateResponse,
    "attributes.project",
    "attributes.domain",
    may_repeat=_is_plain,
)
DELETE_PROJECT_DOMAIN_ATTRIBUTES = TABLE.write(
    "AdminService.DeleteProjectDomainAttributes",
    project_domain_attributes_pb2.ProjectDomainAttributesDeleteRequest,
    project_domain_attributes_pb2.ProjectDomainAttributesDeleteResponse,
    "project",
    "domain",
)
UPDATE_WORKFLOW_ATTRIBUTES = TABLE.write(
    "AdminService.UpdateWorkflowAttributes",
    workflow_attributes_pb2.WorkflowAttributesUpdateRequest,
    workflow_attributes_pb2.WorkflowAttributesUpdateResponse,
    "attributes.project",
    "attributes.domain",
    "attributes.workflow",
    may_repeat=_is_plain,
)
DELETE_WORKFLOW_ATTRIBUTES = TABLE.write(
    "AdminService.DeleteWorkflowAttributes",
    workflow_attributes_pb2.WorkflowAttributesDeleteRequest,
    workflow_attributes_pb2.WorkflowAttributesDeleteResponse,
    "project",
    "domain",
    "workflow",
)
CREATE_EXECUTION = TABLE.write(
    "AdminService.CreateExecution",
    execution_pb2.ExecutionCreateRequest,
    execution_pb2.ExecutionCreateResponse,
    "project",
    "domain",
    "name",
    *(
        f"spec.launch_plan.{part}"
        for part in ("resource_type", "project", "domain", "name", "version")
    ),
)
TERMINATE_EXECUTION = TABLE.write(
    "AdminService.TerminateExecution",
    execution_pb2.ExecutionTerminateRequest,
    execution_pb2.ExecutionTerminateResponse,
    *_NAME,
)
CREATE_UPLOAD_LOCATION = TABLE.write(
    "DataProxyService.CreateUploadLocation",
    dataproxy_pb2.CreateUploadLocationRequest,
    dataproxy_pb2.CreateUploadLocationResponse,
    "project",
    "domain",
    "content_md5",
)
