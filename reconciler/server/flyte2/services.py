"""The services of Flyte 2's manager, by their full names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.actions import actions_service_pb2
from flyteidl2.app import app_logs_service_pb2, app_service_pb2
from flyteidl2.auth import auth_service_pb2, identity_pb2
from flyteidl2.cacheservice.v2 import cacheservice_pb2
from flyteidl2.cluster import service_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.secret import secret_pb2
from flyteidl2.settings import settings_service_pb2
from flyteidl2.task import task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import run_service_pb2

from reconciler.server.flyte2 import (
    apps,
    caching,
    cluster,
    dataproxy,
    enqueueing,
    identity,
    projects,
    recording,
    runs,
    secrets,
    settings,
    tasks,
    triggers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.server.methods import Service

_WORKFLOW = run_service_pb2.DESCRIPTOR.package

SERVICES: Mapping[str, Service] = {
    f"{actions_service_pb2.DESCRIPTOR.package}.ActionsService": enqueueing.HANDLERS,
    f"{app_service_pb2.DESCRIPTOR.package}.AppService": apps.HANDLERS,
    f"{app_logs_service_pb2.DESCRIPTOR.package}.AppLogsService": apps.LOGS_HANDLERS,
    f"{auth_service_pb2.DESCRIPTOR.package}.AuthMetadataService": identity.METADATA_HANDLERS,
    f"{cacheservice_pb2.DESCRIPTOR.package}.CacheService": caching.HANDLERS,
    f"{identity_pb2.DESCRIPTOR.package}.IdentityService": identity.IDENTITY_HANDLERS,
    f"{service_pb2.DESCRIPTOR.package}.ClusterService": cluster.HANDLERS,
    f"{project_service_pb2.DESCRIPTOR.package}.ProjectService": projects.HANDLERS,
    f"{dataproxy_service_pb2.DESCRIPTOR.package}.DataProxyService": dataproxy.HANDLERS,
    f"{_WORKFLOW}.EventsProxyService": recording.PROXY_HANDLERS,
    f"{_WORKFLOW}.InternalRunService": recording.INTERNAL_HANDLERS,
    f"{_WORKFLOW}.RunService": runs.HANDLERS,
    f"{secret_pb2.DESCRIPTOR.package}.SecretService": secrets.HANDLERS,
    f"{settings_service_pb2.DESCRIPTOR.package}.SettingsService": settings.HANDLERS,
    f"{task_service_pb2.DESCRIPTOR.package}.TaskService": tasks.HANDLERS,
    f"{trigger_service_pb2.DESCRIPTOR.package}.TriggerService": triggers.HANDLERS,
}
