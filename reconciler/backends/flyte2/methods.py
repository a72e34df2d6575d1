"""Every call we make to Flyte 2, with what it may do: the one table that the channel obeys.

Facts from the open-source manager 2.0.43, which checks next to nothing: a trigger's details are
those of any task where the task's name is missing; a list without a scope is of everything in the
database; deploying a trigger always makes a revision and without the last one overwrites; a run's
name that is sent again overwrites the inputs of that run. Hosted servers differ in being stricter.
A call that is not in this table cannot be made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.app import app_payload_pb2
from flyteidl2.artifact import artifact_service_pb2
from flyteidl2.auth import auth_service_pb2, identity_pb2
from flyteidl2.cluster import payload_pb2 as cluster_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.secret import payload_pb2 as secret_pb2
from flyteidl2.settings import settings_service_pb2
from flyteidl2.task import task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.wire.method import Table, always

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

TABLE = Table(
    {
        "AppService": "flyteidl2.app",
        "ArtifactService": "flyteidl2.artifact",
        "AuthMetadataService": "flyteidl2.auth",
        "ClusterService": "flyteidl2.cluster",
        "DataProxyService": "flyteidl2.dataproxy",
        "IdentityService": "flyteidl2.auth",
        "ProjectService": "flyteidl2.project",
        "RunService": "flyteidl2.workflow",
        "SecretService": "flyteidl2.secret",
        "SettingsService": "flyteidl2.settings",
        "TaskService": "flyteidl2.task",
        "TriggerService": "flyteidl2.trigger",
    }
)
"""Every method by its name, for example `TriggerService.ListTriggers`."""

_TASK = ("project", "domain", "name")
_TRIGGER = ("project", "domain", "task_name", "name")
_RUN = ("project", "domain", "name")


def _in(field: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{field}.{part}" for part in parts)


def _one_of(group: str, *, never: str = "") -> Callable[[Message], str]:
    """Check that one of a group of fields is set, and not the one that stands for everything."""

    def check(request: Message) -> str:
        chosen = request.WhichOneof(group)
        return group if chosen is None or chosen == never else ""

    return check


def _trigger_names(
    request: trigger_service_pb2.UpdateTriggersRequest | trigger_service_pb2.DeleteTriggersRequest,
) -> str:
    """Check that every trigger of a batch is named whole."""
    for index, name in enumerate(request.names):
        for part in _TRIGGER:
            if not getattr(name, part):
                return f"names[{index}].{part}"
    return ""


def _settings_key(
    request: settings_service_pb2.GetSettingsRequest
    | settings_service_pb2.GetSettingsForEditRequest
    | settings_service_pb2.CreateSettingsRequest
    | settings_service_pb2.UpdateSettingsRequest,
) -> str:
    """Check that a project's key has a domain too; an empty key is the organisation's."""
    return "key.domain" if request.key.project and not request.key.domain else ""


def _fires(request: trigger_service_pb2.DeployTriggerRequest) -> str:
    """Check the rate of a schedule: with none of nothing the manager's scheduler never returns."""
    schedule = request.automation_spec.schedule
    if schedule.WhichOneof("expression") != "rate":
        return ""
    rate = "automation_spec.schedule.rate"
    return "" if schedule.rate.value and schedule.rate.unit else f"{rate}.value or {rate}.unit"


def _alone(request: task_service_pb2.DeployTaskRequest) -> str:
    """Check that a task comes without triggers: with one, the server drops all others it has."""
    return "triggers" if request.triggers else ""


_SCOPED = _one_of("scope_by", never="org")


def _scoped_triggers(request: trigger_service_pb2.ListTriggersRequest) -> str:
    """Check that a list is of a place or a task, or by the name of one in the installation."""
    named = any(item.field == "task_name" for item in request.request.filters)
    return "" if named and request.WhichOneof("scope_by") == "org" else _SCOPED(request)


CREATE_PROJECT = TABLE.write(
    "ProjectService.CreateProject",
    project_service_pb2.CreateProjectRequest,
    project_service_pb2.CreateProjectResponse,
    "project.id",
    "project.name",
)
UPDATE_PROJECT = TABLE.write(
    "ProjectService.UpdateProject",
    project_service_pb2.UpdateProjectRequest,
    project_service_pb2.UpdateProjectResponse,
    "project.id",
    may_repeat=always,
)
GET_PROJECT = TABLE.read(
    "ProjectService.GetProject",
    project_service_pb2.GetProjectRequest,
    project_service_pb2.GetProjectResponse,
    "id",
)
LIST_PROJECTS = TABLE.read(
    "ProjectService.ListProjects",
    project_service_pb2.ListProjectsRequest,
    project_service_pb2.ListProjectsResponse,
    "limit",
)

DEPLOY_TASK = TABLE.write(
    "TaskService.DeployTask",
    task_service_pb2.DeployTaskRequest,
    task_service_pb2.DeployTaskResponse,
    *_in("task_id", (*_TASK, "version")),
    may_repeat=always,
    check=_alone,
)
GET_TASK_DETAILS = TABLE.read(
    "TaskService.GetTaskDetails",
    task_service_pb2.GetTaskDetailsRequest,
    task_service_pb2.GetTaskDetailsResponse,
    *_in("task_id", (*_TASK, "version")),
)
LIST_TASKS = TABLE.read(
    "TaskService.ListTasks",
    task_service_pb2.ListTasksRequest,
    task_service_pb2.ListTasksResponse,
    "request.limit",
    check=_SCOPED,
)
LIST_VERSIONS = TABLE.read(
    "TaskService.ListVersions",
    task_service_pb2.ListVersionsRequest,
    task_service_pb2.ListVersionsResponse,
    "request.limit",
    *_in("task_name", _TASK),
)

DEPLOY_TRIGGER = TABLE.write(
    "TriggerService.DeployTrigger",
    trigger_service_pb2.DeployTriggerRequest,
    trigger_service_pb2.DeployTriggerResponse,
    *_in("name", _TRIGGER),
    "spec.task_version",
    check=_fires,
)
GET_TRIGGER_DETAILS = TABLE.read(
    "TriggerService.GetTriggerDetails",
    trigger_service_pb2.GetTriggerDetailsRequest,
    trigger_service_pb2.GetTriggerDetailsResponse,
    *_in("name", _TRIGGER),
)
GET_TRIGGER_REVISION_DETAILS = TABLE.read(
    "TriggerService.GetTriggerRevisionDetails",
    trigger_service_pb2.GetTriggerRevisionDetailsRequest,
    trigger_service_pb2.GetTriggerRevisionDetailsResponse,
    *_in("id.name", _TRIGGER),
    "id.revision",
)
LIST_TRIGGERS = TABLE.read(
    "TriggerService.ListTriggers",
    trigger_service_pb2.ListTriggersRequest,
    trigger_service_pb2.ListTriggersResponse,
    "request.limit",
    check=_scoped_triggers,
)
GET_TRIGGER_REVISION_HISTORY = TABLE.read(
    "TriggerService.GetTriggerRevisionHistory",
    trigger_service_pb2.GetTriggerRevisionHistoryRequest,
    trigger_service_pb2.GetTriggerRevisionHistoryResponse,
    "request.limit",
    *_in("name", _TRIGGER),
)
UPDATE_TRIGGERS = TABLE.write(
    "TriggerService.UpdateTriggers",
    trigger_service_pb2.UpdateTriggersRequest,
    trigger_service_pb2.UpdateTriggersResponse,
    "names",
    may_repeat=always,
    check=_trigger_names,
)
DELETE_TRIGGERS = TABLE.write(
    "TriggerService.DeleteTriggers",
    trigger_service_pb2.DeleteTriggersRequest,
    trigger_service_pb2.DeleteTriggersResponse,
    "names",
    may_repeat=always,
    check=_trigger_names,
)

CREATE_SECRET = TABLE.write(
    "SecretService.CreateSecret",
    secret_pb2.CreateSecretRequest,
    secret_pb2.CreateSecretResponse,
    "id.name",
)
UPDATE_SECRET = TABLE.write(
    "SecretService.UpdateSecret",
    secret_pb2.UpdateSecretRequest,
    secret_pb2.UpdateSecretResponse,
    "id.name",
    may_repeat=always,
)
GET_SECRET = TABLE.read(
    "SecretService.GetSecret",
    secret_pb2.GetSecretRequest,
    secret_pb2.GetSecretResponse,
    "id.name",
)
DELETE_SECRET = TABLE.write(
    "SecretService.DeleteSecret",
    secret_pb2.DeleteSecretRequest,
    secret_pb2.DeleteSecretResponse,
    "id.name",
)
LIST_SECRETS = TABLE.read(
    "SecretService.ListSecrets",
    secret_pb2.ListSecretsRequest,
    secret_pb2.ListSecretsResponse,
)

GET_SETTINGS = TABLE.read(
    "SettingsService.GetSettings",
    settings_service_pb2.GetSettingsRequest,
    settings_service_pb2.GetSettingsResponse,
    check=_settings_key,
)
GET_SETTINGS_FOR_EDIT = TABLE.read(
    "SettingsService.GetSettingsForEdit",
    settings_service_pb2.GetSettingsForEditRequest,
    settings_service_pb2.GetSettingsForEditResponse,
    check=_settings_key,
)
CREATE_SETTINGS = TABLE.write(
    "SettingsService.CreateSettings",
    settings_service_pb2.CreateSettingsRequest,
    settings_service_pb2.CreateSettingsResponse,
    check=_settings_key,
)
UPDATE_SETTINGS = TABLE.write(
    "SettingsService.UpdateSettings",
    settings_service_pb2.UpdateSettingsRequest,
    settings_service_pb2.UpdateSettingsResponse,
    "version",
    check=_settings_key,
)

CREATE_UPLOAD_LOCATION = TABLE.write(
    "DataProxyService.CreateUploadLocation",
    dataproxy_service_pb2.CreateUploadLocationRequest,
    dataproxy_service_pb2.CreateUploadLocationResponse,
    "project",
    "domain",
    "content_md5",
)
UPLOAD_INPUTS = TABLE.write(
    "DataProxyService.UploadInputs",
    dataproxy_service_pb2.UploadInputsRequest,
    dataproxy_service_pb2.UploadInputsResponse,
    may_repeat=always,
    check=_one_of("id"),
)
CREATE_DOWNLOAD_LINK = TABLE.read(
    "DataProxyService.CreateDownloadLink",
    dataproxy_service_pb2.CreateDownloadLinkRequest,
    dataproxy_service_pb2.CreateDownloadLinkResponse,
    check=_one_of("source"),
)
GET_ACTION_DATA = TABLE.read(
    "DataProxyService.GetActionData",
    dataproxy_service_pb2.GetActionDataRequest,
    dataproxy_service_pb2.GetActionDataResponse,
    *_in("action_id.run", _RUN),
    "action_id.name",
)

GET_RUN_DETAILS = TABLE.read(
    "RunService.GetRunDetails",
    run_service_pb2.GetRunDetailsRequest,
    run_service_pb2.GetRunDetailsResponse,
    *_in("run_id", _RUN),
)
LIST_RUNS = TABLE.read(
    "RunService.ListRuns",
    run_service_pb2.ListRunsRequest,
    run_service_pb2.ListRunsResponse,
    "request.limit",
    check=_SCOPED,
)
LIST_ACTIONS = TABLE.read(
    "RunService.ListActions",
    run_service_pb2.ListActionsRequest,
    run_service_pb2.ListActionsResponse,
    "request.limit",
    *_in("run_id", _RUN),
)
GET_ACTION_DETAILS = TABLE.read(
    "RunService.GetActionDetails",
    run_service_pb2.GetActionDetailsRequest,
    run_service_pb2.GetActionDetailsResponse,
    *_in("action_id.run", _RUN),
    "action_id.name",
)
GET_ACTION_DATA_URIS = TABLE.read(
    "RunService.GetActionDataURIs",
    run_service_pb2.GetActionDataURIsRequest,
    run_service_pb2.GetActionDataURIsResponse,
    *_in("action_id.run", _RUN),
    "action_id.name",
)

SELECT_CLUSTER = TABLE.read(
    "ClusterService.SelectCluster",
    cluster_pb2.SelectClusterRequest,
    cluster_pb2.SelectClusterResponse,
    "operation",
    check=_one_of("resource"),
)
LIST_APPS = TABLE.read("AppService.List", app_payload_pb2.ListRequest, app_payload_pb2.ListResponse)
LIST_ARTIFACTS = TABLE.read(
    "ArtifactService.ListArtifacts",
    artifact_service_pb2.ListArtifactsRequest,
    artifact_service_pb2.ListArtifactsResponse,
)
USER_INFO = TABLE.read(
    "IdentityService.UserInfo", identity_pb2.UserInfoRequest, identity_pb2.UserInfoResponse
)
GET_OAUTH2_METADATA = TABLE.read(
    "AuthMetadataService.GetOAuth2Metadata",
    auth_service_pb2.GetOAuth2MetadataRequest,
    auth_service_pb2.GetOAuth2MetadataResponse,
    is_anonymous=True,
)
GET_PUBLIC_CLIENT_CONFIG = TABLE.read(
    "AuthMetadataService.GetPublicClientConfig",
    auth_service_pb2.GetPublicClientConfigRequest,
    auth_service_pb2.GetPublicClientConfigResponse,
    is_anonymous=True,
)
