"""The plans of the set as FlyteTrigger documents, and the package of the tasks that they run."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path

import grpc
from flyteidl.core import types_pb2 as types1_pb2
from flyteidl2.core import interface_pb2, tasks_pb2, types_pb2
from flyteidl2.project import project_service_pb2, project_service_pb2_grpc
from flyteidl2.task import environment_pb2, task_definition_pb2, task_service_pb2

from reconciler.backends.flyte2.package import recording
from reconciler.model.key import Place
from tests.bench.plans import Plan, inputs
from tests.bench.workflows import INPUTS

TASKS = 100
"""The most tasks that a set has; plans take turns with them."""

CODE = "code"

_SECONDS = 20.0

_PACKAGE = """apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlytePackage
metadata: {name: etl}
spec: {archive: ../dist/etl.tgz}
"""

_TRIGGER = """apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteTrigger
metadata:
  name: {plan.name}
spec:
  project: {plan.place.project}
  domain: {plan.place.domain}
  task:
    name: {task}
    package: etl
  schedule:
    cron: "{plan.cron}"
    timezone: Europe/Berlin
    kickoffInput: day
  inputs:
{inputs}
  run:
    labels:
      team: {plan.team}
      tier: "{tier}"
    annotations:
      example.com/runbook: https://runbooks.example.com/orders
    serviceAccount: etl-{plan.team}
    notifications:
      - phases: [Failed, TimedOut]
        email: [{plan.team}-oncall@example.com]
    maxActionConcurrency: {plan.parallelism}
"""


def document(plan: Plan) -> str:
    """Write one plan as YAML."""
    values = "\n".join(f"    {name}: {json.dumps(value)}" for name, value in inputs(plan).items())
    return _TRIGGER.format(plan=plan, task=task(plan), inputs=values, tier=plan.number % 4)


def task(plan: Plan) -> str:
    """Name the task that a plan runs."""
    return _name(plan.number % TASKS)


def write_code(root: Path, count: int) -> None:
    """Write the package of the tasks of so many plans, as it would be recorded."""
    (root / CODE).mkdir(parents=True)
    (root / CODE / "etl.yaml").write_text(_PACKAGE, encoding="utf-8")
    (root / "dist").mkdir()
    content = recording.package(_deployments(min(count, TASKS)), store="upload://")
    (root / "dist" / "etl.tgz").write_bytes(content)


def prepare(endpoint: str, places: Collection[Place]) -> None:
    """Create the projects, which must be new."""
    with grpc.insecure_channel(endpoint) as channel:
        stub = project_service_pb2_grpc.ProjectServiceStub(channel)
        for name in sorted({place.project for place in places}):
            body = project_service_pb2.Project(id=name, name=name)
            request = project_service_pb2.CreateProjectRequest(project=body)
            stub.CreateProject(request, timeout=_SECONDS)


def _name(number: int) -> str:
    return f"etl.load_{number:03d}"


def _deployments(count: int) -> Iterator[task_service_pb2.DeployTaskRequest]:
    for number in range(count):
        yield task_service_pb2.DeployTaskRequest(
            task_id=task_definition_pb2.TaskIdentifier(
                project="any", domain="any", name=_name(number), version="any"
            ),
            spec=task_definition_pb2.TaskSpec(
                task_template=_template(number),
                short_name=f"load_{number:03d}",
                environment=environment_pb2.Environment(name="etl"),
            ),
        )


def _template(number: int) -> tasks_pb2.TaskTemplate:
    runtime = tasks_pb2.RuntimeMetadata(
        type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version="2.12.1", flavor="python"
    )
    return tasks_pb2.TaskTemplate(
        type="python",
        metadata=tasks_pb2.TaskMetadata(runtime=runtime),
        interface=interface_pb2.TypedInterface(
            inputs=interface_pb2.VariableMap(
                variables=[
                    interface_pb2.VariableEntry(
                        key=name, value=interface_pb2.Variable(type=_type(kind))
                    )
                    for name, kind in INPUTS.items()
                ]
            )
        ),
        container=tasks_pb2.Container(image="example.com/image:v1", args=["run", str(number)]),
    )


def _type(kind: types1_pb2.SimpleType) -> types_pb2.LiteralType:
    simple = types_pb2.SimpleType.Value(types1_pb2.SimpleType.Name(kind))
    return types_pb2.LiteralType(simple=simple)
