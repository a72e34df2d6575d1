"""Puts on an empty Flyte 1 what CI would have: projects, a task and the workflow of all plans."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import grpc
from flyteidl.admin import launch_plan_pb2, project_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, interface_pb2, tasks_pb2, types_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2
from flyteidl.service import admin_pb2_grpc

from reconciler.model.key import Place

WORKFLOW = "bench.etl"
VERSION = "v1"
INPUTS = {
    "day": types_pb2.DATETIME,
    "table": types_pb2.STRING,
    "source": types_pb2.STRING,
    "partitions": types_pb2.INTEGER,
    "threshold": types_pb2.FLOAT,
    "region": types_pb2.STRING,
    "full_refresh": types_pb2.BOOLEAN,
    "batch_size": types_pb2.INTEGER,
    "format": types_pb2.STRING,
    "since": types_pb2.DATETIME,
}
"""The workflow's inputs and their types."""

_SECONDS = 20.0
_TRIES = 3


def prepare(endpoint: str, places: Collection[Place]) -> None:
    """Create the projects that are missing and register the workflow in every place."""
    with grpc.insecure_channel(endpoint) as channel:
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        answer = stub.ListProjects(project_pb2.ProjectListRequest(limit=1000), timeout=_SECONDS)
        known = {project.id for project in answer.projects}
        for project in sorted({place.project for place in places} - known):
            message = project_pb2.Project(id=project, name=project)
            _send(stub.RegisterProject, project_pb2.ProjectRegisterRequest(project=message))
        for place in sorted(places):
            _register(stub, place)


def _register(stub: admin_pb2_grpc.AdminServiceStub, place: Place) -> None:
    where = {"project": place.project, "domain": place.domain, "version": VERSION}
    variables = {
        name: interface_pb2.Variable(type=types_pb2.LiteralType(simple=kind))
        for name, kind in INPUTS.items()
    }
    inputs = interface_pb2.VariableMap(variables=variables)
    task_id = identifier_pb2.Identifier(
        resource_type=identifier_pb2.TASK, name=f"{WORKFLOW}.load", **where
    )
    template = tasks_pb2.TaskTemplate(
        id=task_id,
        type="python-task",
        metadata=tasks_pb2.TaskMetadata(
            runtime=tasks_pb2.RuntimeMetadata(type=1, version="1", flavor="python")
        ),
        interface=interface_pb2.TypedInterface(),
        container=tasks_pb2.Container(image="example/image:v1", args=["run"]),
    )
    spec = task_pb2.TaskSpec(template=template)
    _send(stub.CreateTask, task_pb2.TaskCreateRequest(id=task_id, spec=spec))
    workflow_id = identifier_pb2.Identifier(
        resource_type=identifier_pb2.WORKFLOW, name=WORKFLOW, **where
    )
    graph = core_workflow_pb2.WorkflowTemplate(
        id=workflow_id,
        interface=interface_pb2.TypedInterface(inputs=inputs),
        nodes=[
            core_workflow_pb2.Node(
                id="n0", task_node=core_workflow_pb2.TaskNode(reference_id=task_id)
            )
        ],
    )
    workflow = workflow_pb2.WorkflowSpec(template=graph)
    _send(
        stub.CreateWorkflow,
        workflow_pb2.WorkflowCreateRequest(id=workflow_id, spec=workflow),
    )
    plan_id = identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN, name=WORKFLOW, **where
    )
    plan = launch_plan_pb2.LaunchPlanSpec(workflow_id=workflow_id)
    _send(stub.CreateLaunchPlan, launch_plan_pb2.LaunchPlanCreateRequest(id=plan_id, spec=plan))


def _send(call: Callable[..., Any], request: Any) -> None:
    """Send a registration that may exist already; its answer may be lost, then again."""
    for left in range(_TRIES, 0, -1):
        try:
            call(request, timeout=_SECONDS)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.ALREADY_EXISTS:
                return
            if left == 1 or error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            time.sleep(1)
        else:
            return
