"""Small valid requests that contract tests of Flyte 2 vary by one field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.core import interface_pb2, literals_pb2, tasks_pb2, types_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import common_pb2, environment_pb2, task_definition_pb2, task_service_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2
from flyteidl2.workflow import run_service_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

DOMAIN = "development"
TASK = "env.t"
ASCENDING = list_pb2.Sort.ASCENDING
DESCENDING = list_pb2.Sort.DESCENDING
Filter = list_pb2.Filter

INTEGER = types_pb2.LiteralType(simple=types_pb2.INTEGER)
STRING = types_pb2.LiteralType(simple=types_pb2.STRING)


def project(identifier: str, **rest: Any) -> project_service_pb2.CreateProjectRequest:
    rest.setdefault("name", identifier)
    body = project_service_pb2.Project(id=identifier, **rest)
    return project_service_pb2.CreateProjectRequest(project=body)


def listing(**rest: Any) -> list_pb2.ListRequest:
    return list_pb2.ListRequest(**rest)


def by(key: str, direction: Any = ASCENDING) -> list_pb2.Sort:
    return list_pb2.Sort(key=key, direction=direction)


def where(field: str, function: Any, *values: str) -> list_pb2.Filter:
    return list_pb2.Filter(field=field, function=function, values=values)


def place(owner: str, domain: str = DOMAIN) -> identifier_pb2.ProjectIdentifier:
    return identifier_pb2.ProjectIdentifier(name=owner, domain=domain)


def task_id(owner: str, version: str = "v1", *, name: str = TASK, domain: str = DOMAIN) -> Any:
    return task_definition_pb2.TaskIdentifier(
        project=owner, domain=domain, name=name, version=version
    )


def task_name(owner: str, name: str = TASK, *, domain: str = DOMAIN) -> Any:
    return task_definition_pb2.TaskName(project=owner, domain=domain, name=name)


def spec(
    image: str = "img:1",
    *,
    inputs: Mapping[str, types_pb2.LiteralType] | None = None,
    ignored: tuple[str, ...] = (),
    **rest: Any,
) -> task_definition_pb2.TaskSpec:
    variables = [
        interface_pb2.VariableEntry(key=name, value=interface_pb2.Variable(type=kind))
        for name, kind in (inputs or {}).items()
    ]
    template = tasks_pb2.TaskTemplate(
        type="python",
        metadata=tasks_pb2.TaskMetadata(
            runtime=tasks_pb2.RuntimeMetadata(
                type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version="2.3.6", flavor="python"
            ),
            cache_ignore_input_vars=ignored,
        ),
        interface=interface_pb2.TypedInterface(
            inputs=interface_pb2.VariableMap(variables=variables)
        ),
        container=tasks_pb2.Container(image=image, args=["run"]),
    )
    rest.setdefault("environment", environment_pb2.Environment(name="env"))
    return task_definition_pb2.TaskSpec(task_template=template, **rest)


def task(
    owner: str,
    version: str = "v1",
    *,
    name: str = TASK,
    domain: str = DOMAIN,
    triggers: Any = (),
    body: task_definition_pb2.TaskSpec | None = None,
) -> task_service_pb2.DeployTaskRequest:
    return task_service_pb2.DeployTaskRequest(
        task_id=task_id(owner, version, name=name, domain=domain),
        spec=spec() if body is None else body,
        triggers=triggers,
    )


def details(owner: str, version: str = "v1", **rest: Any) -> Any:
    return task_service_pb2.GetTaskDetailsRequest(task_id=task_id(owner, version, **rest))


def tasks(owner: str, **rest: Any) -> task_service_pb2.ListTasksRequest:
    return task_service_pb2.ListTasksRequest(project_id=place(owner), request=listing(**rest))


def versions(owner: str, name: str = TASK, **rest: Any) -> task_service_pb2.ListVersionsRequest:
    return task_service_pb2.ListVersionsRequest(
        task_name=task_name(owner, name), request=listing(**rest)
    )


def cron(expression: str = "0 3 * * *", zone: str = "") -> common_pb2.TriggerAutomationSpec:
    schedule = common_pb2.Schedule(cron=common_pb2.Cron(expression=expression, timezone=zone))
    return common_pb2.TriggerAutomationSpec(type=common_pb2.TYPE_SCHEDULE, schedule=schedule)


def rate(value: int, unit: Any = common_pb2.FIXED_RATE_UNIT_HOUR, **rest: Any) -> Any:
    schedule = common_pb2.Schedule(rate=common_pb2.FixedRate(value=value, unit=unit, **rest))
    return common_pb2.TriggerAutomationSpec(type=common_pb2.TYPE_SCHEDULE, schedule=schedule)


def trigger_name(
    owner: str, name: str = "nightly", *, task: str = TASK, domain: str = DOMAIN
) -> Any:
    return identifier_pb2.TriggerName(project=owner, domain=domain, task_name=task, name=name)


def trigger(
    owner: str,
    name: str = "nightly",
    *,
    task: str = TASK,
    automation: common_pb2.TriggerAutomationSpec | None = None,
    revision: int = 0,
    **body: Any,
) -> trigger_service_pb2.DeployTriggerRequest:
    body.setdefault("active", True)
    body.setdefault("task_version", "v1")
    return trigger_service_pb2.DeployTriggerRequest(
        name=trigger_name(owner, name, task=task),
        revision=revision,
        spec=trigger_definition_pb2.TriggerSpec(**body),
        automation_spec=cron() if automation is None else automation,
    )


def embedded_trigger(name: str = "nightly", *, automation: Any = None, **body: Any) -> Any:
    body.setdefault("active", True)
    return task_definition_pb2.TaskTrigger(
        name=name,
        spec=task_definition_pb2.TaskTriggerSpec(**body),
        automation_spec=cron() if automation is None else automation,
    )


def trigger_details(owner: str, name: str = "nightly", *, task: str = TASK) -> Any:
    return trigger_service_pb2.GetTriggerDetailsRequest(name=trigger_name(owner, name, task=task))


def trigger_revision(owner: str, revision: int, name: str = "nightly") -> Any:
    return trigger_service_pb2.GetTriggerRevisionDetailsRequest(
        id=identifier_pb2.TriggerIdentifier(name=trigger_name(owner, name), revision=revision)
    )


def history(owner: str, name: str = "nightly", **rest: Any) -> Any:
    return trigger_service_pb2.GetTriggerRevisionHistoryRequest(
        name=trigger_name(owner, name), request=listing(**rest)
    )


def triggers(owner: str, **rest: Any) -> trigger_service_pb2.ListTriggersRequest:
    return trigger_service_pb2.ListTriggersRequest(project_id=place(owner), request=listing(**rest))


def switch(owner: str, *names: str, active: bool) -> trigger_service_pb2.UpdateTriggersRequest:
    return trigger_service_pb2.UpdateTriggersRequest(
        names=[trigger_name(owner, name) for name in names], active=active
    )


def delete(owner: str, *names: str) -> trigger_service_pb2.DeleteTriggersRequest:
    return trigger_service_pb2.DeleteTriggersRequest(
        names=[trigger_name(owner, name) for name in names]
    )


def integer(value: int) -> literals_pb2.Literal:
    primitive = literals_pb2.Primitive(integer=value)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def inputs(**values: int) -> common_pb2.Inputs:
    return common_pb2.Inputs(
        literals=[
            common_pb2.NamedLiteral(name=name, value=integer(value))
            for name, value in values.items()
        ]
    )


def run_id(owner: str, suffix: str = "a", *, domain: str = DOMAIN) -> Any:
    """A run whose name begins with the project's, since all projects share a namespace."""
    return identifier_pb2.RunIdentifier(project=owner, domain=domain, name=owner + suffix)


def action_id(owner: str, suffix: str = "a", *, name: str = "a0") -> Any:
    return identifier_pb2.ActionIdentifier(run=run_id(owner, suffix), name=name)


def run(owner: str, suffix: str = "a", **rest: Any) -> run_service_pb2.CreateRunRequest:
    if not {"task_id", "task_spec", "trigger_name"} & rest.keys():
        rest["task_id"] = task_id(owner)
    return run_service_pb2.CreateRunRequest(run_id=run_id(owner, suffix), **rest)
