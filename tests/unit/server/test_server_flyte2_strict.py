"""The strict switch of the embedded Flyte 2: what a hosted installation refuses."""

from __future__ import annotations

import pathlib
from contextlib import closing
from typing import TYPE_CHECKING

import grpc
import pytest
from flyteidl2.core import tasks_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import common_pb2, task_definition_pb2, task_service_pb2
from flyteidl2.trigger import trigger_service_pb2

from reconciler.server.flyte2 import projects, tasks, triggers
from reconciler.server.status import StatusError
from reconciler.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator


def task(image: str, *, version: str = "v1", name: str = "env.t") -> object:
    container = tasks_pb2.Container(image=image)
    return task_service_pb2.DeployTaskRequest(
        task_id=task_definition_pb2.TaskIdentifier(
            project="flytesnacks", domain="development", name=name, version=version
        ),
        spec=task_definition_pb2.TaskSpec(
            task_template=tasks_pb2.TaskTemplate(container=container)
        ),
    )


@pytest.fixture
def strict(tmp_path: pathlib.Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "flyte.db", strict=True)) as store:
        yield store


def refusal(store: Store, service: object, method: str, request: object) -> StatusError:
    with pytest.raises(StatusError) as caught:
        service.HANDLERS[method](store, request)
    return caught.value


def test_strict_version_keeps_its_content(strict: Store) -> None:
    deploy = tasks.HANDLERS["DeployTask"]
    deploy(strict, task("img:1"))
    deploy(strict, task("img:1"))
    assert refusal(strict, tasks, "DeployTask", task("img:2")).code is (
        grpc.StatusCode.ALREADY_EXISTS
    )
    deploy(strict, task("img:2", version="v2"))
    found = tasks.HANDLERS["GetTaskDetails"](
        strict, task_service_pb2.GetTaskDetailsRequest(task_id=task("img:1").task_id)
    )
    assert found.details.spec == task("img:1").spec


def test_strict_server_checks_the_rules_of_messages(strict: Store) -> None:
    wrong = refusal(strict, tasks, "DeployTask", task("img:1", version="v" * 64))
    assert wrong.code is grpc.StatusCode.INVALID_ARGUMENT
    assert wrong.text.startswith("validation error: task_id.version: ")
    assert "63" in wrong.text
    nothing = trigger_service_pb2.DeployTriggerRequest()
    wrong = refusal(strict, triggers, "DeployTrigger", nothing)
    assert "spec: " in wrong.text


def test_strict_server_knows_the_organisation_from_the_caller(strict: Store) -> None:
    request = project_service_pb2.CreateProjectRequest(
        project=project_service_pb2.Project(id="mine", name="mine")
    )
    projects.HANDLERS["CreateProject"](strict, request)


def test_loose_server_checks_nothing(tmp_path: pathlib.Path) -> None:
    with closing(Store(tmp_path / "flyte.db")) as store:
        deploy = tasks.HANDLERS["DeployTask"]
        deploy(store, task("img:1", version="v" * 64))
        deploy(store, task("img:2", version="v" * 64))
        automation = common_pb2.TriggerAutomationSpec(type=common_pb2.TYPE_ARTIFACT)
        request = trigger_service_pb2.DeployTriggerRequest(automation_spec=automation)
        request.spec.SetInParent()
        triggers.HANDLERS["DeployTrigger"](store, request)


def test_active_rate_of_zero_is_stored_and_nothing_hangs(tmp_path: pathlib.Path) -> None:
    rate = common_pb2.FixedRate(value=0, unit=common_pb2.FIXED_RATE_UNIT_MINUTE)
    automation = common_pb2.TriggerAutomationSpec(schedule=common_pb2.Schedule(rate=rate))
    request = trigger_service_pb2.DeployTriggerRequest(automation_spec=automation)
    request.spec.active = True
    with closing(Store(tmp_path / "flyte.db")) as store:
        made = triggers.HANDLERS["DeployTrigger"](store, request).trigger
    assert (made.spec.active, made.automation_spec.schedule.rate) == (True, rate)
