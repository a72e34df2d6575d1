"""The table of Flyte 2's calls: what reads, what may be repeated, and what is never sent."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl2.app import app_service_pb2
from flyteidl2.artifact import artifact_service_pb2
from flyteidl2.auth import auth_service_pb2, identity_pb2
from flyteidl2.cluster import service_pb2 as cluster_service_pb2
from flyteidl2.common import list_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.secret import secret_pb2
from flyteidl2.settings import settings_service_pb2
from flyteidl2.task import common_pb2, task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.run import methods as run_methods
from reconciler.backends.wire.method import Effect, Method

FILES = (
    *(app_service_pb2, artifact_service_pb2, auth_service_pb2, identity_pb2),
    *(cluster_service_pb2, dataproxy_service_pb2, project_service_pb2, secret_pb2),
    *(settings_service_pb2, task_service_pb2, trigger_service_pb2, run_service_pb2),
)
READING = ("Get", "List", "Tail", "UserInfo", "SelectCluster", "CreateDownloadLink", "Watch")
REPEATABLE_WRITES = {
    "DataProxyService.UploadInputs",
    "ProjectService.UpdateProject",
    "RunService.SignalEvent",
    "SecretService.UpdateSecret",
    "TaskService.DeployTask",
    "TriggerService.DeleteTriggers",
    "TriggerService.UpdateTriggers",
}


def test_every_call_has_the_messages_of_the_wire() -> None:
    wire = {
        f"/{service.full_name}/{method.name}": (
            method.input_type.full_name,
            method.output_type.full_name,
            method.server_streaming,
        )
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    for method in methods.TABLE.values():
        told = (
            method.request.DESCRIPTOR.full_name,
            method.response.DESCRIPTOR.full_name,
            method.is_stream,
        )
        assert wire[method.path] == told, method.name


def test_every_constant_is_in_the_table() -> None:
    found = [*vars(methods).values(), *vars(run_methods).values()]
    constants = {value.name for value in found if isinstance(value, Method)}

    assert constants == set(methods.TABLE)


def test_only_calls_that_change_nothing_are_reads() -> None:
    for name, method in methods.TABLE.items():
        is_reading = name.partition(".")[2].startswith(READING)
        assert (method.effect is Effect.READ) == is_reading, name


def test_every_read_may_be_repeated_and_of_the_writes_only_the_named() -> None:
    for name, method in methods.TABLE.items():
        expected = method.effect is Effect.READ or name in REPEATABLE_WRITES
        assert method.may_repeat(method.request()) == expected, name


@pytest.mark.parametrize("name", sorted(methods.TABLE))
def test_empty_request_is_incomplete_wherever_an_object_is_named(name: str) -> None:
    method = methods.TABLE[name]

    assert not method.needs or method.missing(method.request())


@pytest.mark.parametrize(
    "method",
    [methods.LIST_TASKS, methods.LIST_TRIGGERS, methods.LIST_RUNS],
    ids=lambda method: str(method.name),
)
def test_list_of_the_whole_installation_is_never_sent(method: Method[Any, Any]) -> None:
    unscoped = method.request(request=list_pb2.ListRequest(limit=1))
    everything = method.request(org="", request=list_pb2.ListRequest(limit=1))

    assert method.missing(unscoped) == method.missing(everything) == "scope_by"


def test_triggers_of_one_task_name_are_listed_everywhere() -> None:
    named = list_pb2.Filter(field="task_name", function=list_pb2.Filter.EQUAL, values=["t"])
    request = trigger_service_pb2.ListTriggersRequest(
        org="", request=list_pb2.ListRequest(limit=1, filters=[named])
    )

    assert methods.LIST_TRIGGERS.missing(request) == ""


@pytest.mark.parametrize("part", ["project", "domain", "task_name", "name"])
@pytest.mark.parametrize(
    "method", [methods.UPDATE_TRIGGERS, methods.DELETE_TRIGGERS], ids=lambda one: str(one.name)
)
def test_no_trigger_of_a_batch_may_be_half_named(method: Method[Any, Any], part: str) -> None:
    whole = {"project": "p", "domain": "d", "task_name": "t", "name": "n"}
    request = method.request(names=[whole, {**whole, part: ""}])

    assert method.missing(request) == f"names[1].{part}"
    assert method.missing(method.request(names=[whole])) == ""


NAME = {"project": "p", "domain": "d", "task_name": "t", "name": "n"}


@pytest.mark.parametrize("rate", [{"value": 0, "unit": 1}, {"value": 5, "unit": 0}], ids=str)
def test_rate_of_nothing_is_never_sent(rate: dict[str, int]) -> None:
    request = trigger_service_pb2.DeployTriggerRequest(name=NAME, spec={"task_version": "v"})
    request.automation_spec.schedule.rate.CopyFrom(common_pb2.FixedRate(**rate))

    assert "rate" in methods.DEPLOY_TRIGGER.missing(request)
    request.automation_spec.schedule.rate.CopyFrom(common_pb2.FixedRate(value=5, unit=1))
    assert methods.DEPLOY_TRIGGER.missing(request) == ""


def test_task_is_never_deployed_with_triggers() -> None:
    whole = {"project": "p", "domain": "d", "name": "t", "version": "v"}
    request = task_service_pb2.DeployTaskRequest(task_id=whole, triggers=[{"name": "n"}])

    assert methods.DEPLOY_TASK.missing(request) == "triggers"


def test_settings_of_a_project_need_a_domain() -> None:
    request = methods.GET_SETTINGS_FOR_EDIT.request(key={"project": "p"})

    assert methods.GET_SETTINGS_FOR_EDIT.missing(request) == "key.domain"


@pytest.mark.parametrize("name", ["", "Upper", "1st", "ends-", "x" * 31, "a.b", "\u00e4"])
def test_run_of_a_name_that_is_none_is_never_sent(name: str) -> None:
    run = {"project": "p", "domain": "d", "name": name}
    task = {"project": "p", "domain": "d", "name": "t", "version": "v"}
    request = run_service_pb2.CreateRunRequest(run_id=run, task_id=task)

    assert run_methods.CREATE_RUN.missing(request) == "run_id"
    request.run_id.name = "x" * 30
    assert run_methods.CREATE_RUN.missing(request) == ""
    request.ClearField("task_id")
    assert run_methods.CREATE_RUN.missing(request) == "task"


def test_answer_without_a_value_is_never_sent() -> None:
    run = {"project": "p", "domain": "d", "name": "r"}
    request = run_service_pb2.SignalEventRequest(action_id={"run": run, "name": "b1"})

    assert run_methods.SIGNAL_EVENT.missing(request) == "payload"
