"""Two tapes at one endpoint: what clients of each Flyte register, and when it is a package."""

from __future__ import annotations

import asyncio
import hashlib
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from flyteidl.admin import task_pb2
from flyteidl.core import identifier_pb2, interface_pb2, tasks_pb2
from flyteidl.service import admin_pb2_grpc
from flyteidl2.cluster import payload_pb2, service_pb2_grpc
from flyteidl2.common import identifier_pb2 as common_pb2
from flyteidl2.core import identifier_pb2 as core_pb2
from flyteidl2.core import tasks_pb2 as core_tasks_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2, dataproxy_service_pb2_grpc
from flyteidl2.project import project_service_pb2, project_service_pb2_grpc
from flyteidl2.task import task_definition_pb2, task_service_pb2, task_service_pb2_grpc

from reconciler.api.listening import Listening
from reconciler.backends.flyte2.package import recorded
from reconciler.backends.packages import recording as shared
from reconciler.errors import UsageError
from reconciler.server.embedded import open_server
from reconciler.sources import archive

VERSION = "0" * 32


class Endpoint:
    """A recording endpoint and a channel to it."""

    def __init__(self, listening: Listening, channel: grpc.aio.Channel) -> None:
        self.listening = listening
        self.channel = channel
        self.tasks = task_service_pb2_grpc.TaskServiceStub(channel)

    async def deploy(self, name: str = "env.work", *args: str, **more: Any) -> None:
        """Deploy a task as the SDK does."""
        where = {"project": "anything", "domain": "anywhere", "name": name, "version": VERSION}
        template = core_tasks_pb2.TaskTemplate(
            id=core_pb2.Identifier(resource_type=core_pb2.TASK, **where),
            type="python",
            container=core_tasks_pb2.Container(
                image="r/app:v1", args=["a0", "--version", VERSION, *args]
            ),
        )
        request = task_service_pb2.DeployTaskRequest(
            task_id=task_definition_pb2.TaskIdentifier(**where),
            spec=task_definition_pb2.TaskSpec(task_template=template),
            **more,
        )
        await self.tasks.DeployTask(request)

    async def upload(self, content: bytes) -> str:
        """Upload a code archive as the SDK does."""
        stub = dataproxy_service_pb2_grpc.DataProxyServiceStub(self.channel)
        answer = await stub.CreateUploadLocation(
            dataproxy_service_pb2.CreateUploadLocationRequest(
                project="anything",
                domain="anywhere",
                filename="fast.tar.gz",
                content_md5=hashlib.md5(content).digest(),
            )
        )
        headers = {k: v for k, v in answer.headers.items() if k != "Content-Length"}
        put = urllib.request.Request(answer.signed_url, content, headers, method="PUT")
        await asyncio.to_thread(urllib.request.urlopen, put)
        return str(answer.native_url)

    async def register(self) -> None:
        """Register a task of Flyte 1."""
        identifier = identifier_pb2.Identifier(
            resource_type=identifier_pb2.TASK, project="p", domain="d", name="t", version="v"
        )
        template = tasks_pb2.TaskTemplate(
            id=identifier,
            type="python-task",
            metadata=tasks_pb2.TaskMetadata(
                runtime=tasks_pb2.RuntimeMetadata(type=1, version="1", flavor="python")
            ),
            interface=interface_pb2.TypedInterface(),
            container=tasks_pb2.Container(image="r/app:v1", args=["run"]),
        )
        await admin_pb2_grpc.AdminServiceStub(self.channel).CreateTask(
            task_pb2.TaskCreateRequest(id=identifier, spec=task_pb2.TaskSpec(template=template))
        )


@pytest.fixture
async def endpoint(tmp_path: Path) -> AsyncIterator[Endpoint]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with (
        open_server(tmp_path) as server,
        grpc.aio.insecure_channel(server.grpc_address, options=options) as channel,
    ):
        yield Endpoint(Listening(server), channel)


async def test_deployed_tasks_are_a_package_wherever_they_were_meant_to_go(
    endpoint: Endpoint,
) -> None:
    code = shared.pack(archive.Archive({"app.py": b"x = 1"}))
    url = await endpoint.upload(code)
    await endpoint.deploy("env.work", "--tgz", url, "--dest", ".")
    await endpoint.deploy("env.other", "--tgz", url, "--dest", ".")
    tape = endpoint.listening.chosen()
    assert tape is endpoint.listening.flyte2
    assert tape.counts() == {"task": 2}
    found = recorded.read(archive.read(tape.package()))
    assert sorted(found.tasks) == ["env.other", "env.work"]
    assert [one.content for one in found.code.values()] == [code]


async def test_triggers_keep_their_inputs_and_are_named(endpoint: Endpoint) -> None:
    clusters = service_pb2_grpc.ClusterServiceStub(endpoint.channel)
    place = common_pb2.ProjectIdentifier(name="anything", domain="anywhere")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await clusters.SelectCluster(
            payload_pb2.SelectClusterRequest(
                project_id=place,
                operation=payload_pb2.SelectClusterRequest.OPERATION_UPLOAD_TRIGGER,
            )
        )
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await clusters.SelectCluster(
        payload_pb2.SelectClusterRequest(
            project_id=place,
            operation=payload_pb2.SelectClusterRequest.OPERATION_CREATE_UPLOAD_LOCATION,
        )
    )
    await endpoint.deploy(triggers=[task_definition_pb2.TaskTrigger(name="daily")])
    assert endpoint.listening.flyte2.triggers() == ("env.work/daily",)


async def test_deployment_that_the_endpoint_refuses_is_not_kept(endpoint: Endpoint) -> None:
    trigger = task_definition_pb2.TaskTrigger(name="daily")
    trigger.automation_spec.type = 2
    trigger.automation_spec.schedule.cron.expression = "0 25 * * *"
    with pytest.raises(grpc.aio.AioRpcError):
        await endpoint.deploy(triggers=[trigger])
    assert endpoint.listening.chosen() is None
    await endpoint.deploy("env.good")
    assert [one.task_id.name for one in endpoint.listening.flyte2.sent] == ["env.good"]


async def test_other_writes_are_counted(endpoint: Endpoint) -> None:
    projects = project_service_pb2_grpc.ProjectServiceStub(endpoint.channel)
    await projects.CreateProject(
        project_service_pb2.CreateProjectRequest(
            project=project_service_pb2.Project(id="mine", name="mine")
        )
    )
    await endpoint.deploy()
    assert endpoint.listening.flyte2.left_out == {"CreateProject": 1}


async def test_clients_of_both_flytes_are_no_package(endpoint: Endpoint) -> None:
    assert endpoint.listening.chosen() is None
    await endpoint.register()
    assert endpoint.listening.chosen() is endpoint.listening.flyte1
    await endpoint.deploy()
    with pytest.raises(UsageError, match="with Flyte 1 and with Flyte 2"):
        endpoint.listening.chosen()
