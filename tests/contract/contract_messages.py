"""Small valid requests that contract tests vary by one field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flyteidl.admin import (
    cluster_assignment_pb2,
    common_pb2,
    execution_pb2,
    launch_plan_pb2,
    matchable_resource_pb2,
    project_attributes_pb2,
    project_domain_attributes_pb2,
    project_pb2,
    schedule_pb2,
    task_pb2,
    workflow_pb2,
)
from flyteidl.core import (
    identifier_pb2,
    interface_pb2,
    literals_pb2,
    tasks_pb2,
    types_pb2,
)
from flyteidl.core import workflow_pb2 as core_workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

DOMAIN = "development"

INTEGER = types_pb2.LiteralType(simple=types_pb2.INTEGER)
STRING = types_pb2.LiteralType(simple=types_pb2.STRING)
FLOAT = types_pb2.LiteralType(simple=types_pb2.FLOAT)
BOOLEAN = types_pb2.LiteralType(simple=types_pb2.BOOLEAN)
DATETIME = types_pb2.LiteralType(simple=types_pb2.DATETIME)
STRUCT = types_pb2.LiteralType(simple=types_pb2.STRUCT)
NONE = types_pb2.LiteralType(simple=types_pb2.NONE)

TASK = identifier_pb2.TASK
WORKFLOW = identifier_pb2.WORKFLOW
LAUNCH_PLAN = identifier_pb2.LAUNCH_PLAN


def identifier(
    kind: Any, project: str, name: str, version: str = "v1", *, domain: str = DOMAIN
) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind, project=project, domain=domain, name=name, version=version
    )


def named(
    project: str, name: str = "", *, domain: str = DOMAIN
) -> common_pb2.NamedEntityIdentifier:
    return common_pb2.NamedEntityIdentifier(project=project, domain=domain, name=name)


def listing(
    project: str, name: str = "", *, domain: str = DOMAIN, **rest: Any
) -> common_pb2.ResourceListRequest:
    rest.setdefault("limit", 100)
    rest.setdefault("sort_by", by("id"))
    return common_pb2.ResourceListRequest(id=named(project, name, domain=domain), **rest)


def by(key: str, *, descending: bool = False) -> common_pb2.Sort:
    direction = common_pb2.Sort.DESCENDING if descending else common_pb2.Sort.ASCENDING
    return common_pb2.Sort(key=key, direction=direction)


def integer(value: int) -> literals_pb2.Literal:
    primitive = literals_pb2.Primitive(integer=value)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def string(value: str) -> literals_pb2.Literal:
    primitive = literals_pb2.Primitive(string_value=value)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def moment(seconds: int) -> literals_pb2.Literal:
    literal = literals_pb2.Literal()
    literal.scalar.primitive.datetime.seconds = seconds
    return literal


def literals(**values: literals_pb2.Literal) -> literals_pb2.LiteralMap:
    return literals_pb2.LiteralMap(literals=values)


def variables(**types: types_pb2.LiteralType) -> interface_pb2.VariableMap:
    return interface_pb2.VariableMap(
        variables={name: interface_pb2.Variable(type=kind) for name, kind in types.items()}
    )


def interface(
    inputs: Mapping[str, types_pb2.LiteralType] | None = None,
    outputs: Mapping[str, types_pb2.LiteralType] | None = None,
) -> interface_pb2.TypedInterface:
    return interface_pb2.TypedInterface(
        inputs=variables(**(inputs or {})), outputs=variables(**(outputs or {}))
    )


def default(kind: types_pb2.LiteralType, value: literals_pb2.Literal) -> interface_pb2.Parameter:
    return interface_pb2.Parameter(var=interface_pb2.Variable(type=kind), default=value)


def free(kind: types_pb2.LiteralType) -> interface_pb2.Parameter:
    return interface_pb2.Parameter(var=interface_pb2.Variable(type=kind), required=True)


def parameters(**values: interface_pb2.Parameter) -> interface_pb2.ParameterMap:
    return interface_pb2.ParameterMap(parameters=values)


def project(identifier: str, **rest: Any) -> project_pb2.ProjectRegisterRequest:
    rest.setdefault("name", identifier)
    return project_pb2.ProjectRegisterRequest(project=project_pb2.Project(id=identifier, **rest))


def task(
    owner: str,
    name: str = "t",
    version: str = "v1",
    *,
    domain: str = DOMAIN,
    inputs: Mapping[str, types_pb2.LiteralType] | None = None,
    outputs: Mapping[str, types_pb2.LiteralType] | None = None,
) -> task_pb2.TaskCreateRequest:
    template = tasks_pb2.TaskTemplate(
        type="python-task",
        metadata=tasks_pb2.TaskMetadata(
            runtime=tasks_pb2.RuntimeMetadata(
                type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version="1.0", flavor="python"
            )
        ),
        interface=interface(inputs, outputs),
        container=tasks_pb2.Container(image="img:1", args=["run"]),
    )
    return task_pb2.TaskCreateRequest(
        id=identifier(TASK, owner, name, version, domain=domain),
        spec=task_pb2.TaskSpec(template=template),
    )


def promise(node: str, var: str) -> literals_pb2.BindingData:
    return literals_pb2.BindingData(promise=types_pb2.OutputReference(node_id=node, var=var))


def constant(literal: literals_pb2.Literal) -> literals_pb2.BindingData:
    return literals_pb2.BindingData(scalar=literal.scalar)


def bindings(**values: literals_pb2.BindingData) -> list[literals_pb2.Binding]:
    return [literals_pb2.Binding(var=name, binding=data) for name, data in values.items()]


def task_node(
    name: str,
    reference: identifier_pb2.Identifier,
    *,
    upstream: tuple[str, ...] = (),
    **inputs: literals_pb2.BindingData,
) -> core_workflow.Node:
    return core_workflow.Node(
        id=name,
        metadata=core_workflow.NodeMetadata(name=name),
        inputs=bindings(**inputs),
        upstream_node_ids=upstream,
        task_node=core_workflow.TaskNode(reference_id=reference),
    )


def workflow(
    owner: str,
    name: str = "w",
    version: str = "v1",
    *,
    nodes: list[core_workflow.Node],
    domain: str = DOMAIN,
    inputs: Mapping[str, types_pb2.LiteralType] | None = None,
    outputs: Mapping[str, types_pb2.LiteralType] | None = None,
    returns: Mapping[str, literals_pb2.BindingData] | None = None,
) -> workflow_pb2.WorkflowCreateRequest:
    template = core_workflow.WorkflowTemplate(
        interface=interface(inputs, outputs), nodes=nodes, outputs=bindings(**(returns or {}))
    )
    return workflow_pb2.WorkflowCreateRequest(
        id=identifier(WORKFLOW, owner, name, version, domain=domain),
        spec=workflow_pb2.WorkflowSpec(template=template),
    )


def simple_workflow(
    owner: str,
    name: str = "w",
    version: str = "v1",
    *,
    domain: str = DOMAIN,
    inputs: Mapping[str, types_pb2.LiteralType] | None = None,
) -> workflow_pb2.WorkflowCreateRequest:
    """A workflow whose one node runs the task `t` at v1 of `owner`, which takes no inputs."""
    return workflow(
        owner,
        name,
        version,
        nodes=[task_node("n0", identifier(TASK, owner, "t", domain=domain))],
        domain=domain,
        inputs=inputs,
    )


def launch_plan(
    owner: str,
    name: str = "p",
    version: str = "v1",
    *,
    workflow: str = "w",
    domain: str = DOMAIN,
    **spec: Any,
) -> launch_plan_pb2.LaunchPlanCreateRequest:
    spec.setdefault("workflow_id", identifier(WORKFLOW, owner, workflow, domain=domain))
    return launch_plan_pb2.LaunchPlanCreateRequest(
        id=identifier(LAUNCH_PLAN, owner, name, version, domain=domain),
        spec=launch_plan_pb2.LaunchPlanSpec(**spec),
    )


def cron(expression: str, *, kickoff: str = "") -> launch_plan_pb2.LaunchPlanMetadata:
    return launch_plan_pb2.LaunchPlanMetadata(
        schedule=schedule_pb2.Schedule(
            cron_schedule=schedule_pb2.CronSchedule(schedule=expression),
            kickoff_time_input_arg=kickoff,
        )
    )


def rate(value: int, unit: Any = schedule_pb2.MINUTE) -> launch_plan_pb2.LaunchPlanMetadata:
    return launch_plan_pb2.LaunchPlanMetadata(
        schedule=schedule_pb2.Schedule(rate=schedule_pb2.FixedRate(value=value, unit=unit))
    )


def state(
    owner: str, name: str = "p", version: str = "v1", *, active: bool, domain: str = DOMAIN
) -> launch_plan_pb2.LaunchPlanUpdateRequest:
    return launch_plan_pb2.LaunchPlanUpdateRequest(
        id=identifier(LAUNCH_PLAN, owner, name, version, domain=domain),
        state=launch_plan_pb2.ACTIVE if active else launch_plan_pb2.INACTIVE,
    )


def get(kind: Any, owner: str, name: str, version: str = "v1") -> common_pb2.ObjectGetRequest:
    return common_pb2.ObjectGetRequest(id=identifier(kind, owner, name, version))


def execution(
    owner: str, name: str, *, plan: str = "p", **spec: Any
) -> execution_pb2.ExecutionCreateRequest:
    return execution_pb2.ExecutionCreateRequest(
        project=owner,
        domain=DOMAIN,
        name=name,
        spec=execution_pb2.ExecutionSpec(launch_plan=identifier(LAUNCH_PLAN, owner, plan), **spec),
    )


def execution_config(owner: str, level: str, **config: Any) -> tuple[str, Any] | None:
    """The call that sets how executions run, at the project or in the domain."""
    wire = matchable_resource_pb2
    attributes = wire.MatchingAttributes(
        workflow_execution_config=wire.WorkflowExecutionConfig(**config)
    )
    if level == "project":
        row = project_attributes_pb2.ProjectAttributes(
            project=owner, matching_attributes=attributes
        )
        return "UpdateProjectAttributes", project_attributes_pb2.ProjectAttributesUpdateRequest(
            attributes=row
        )
    if level == "domain":
        return "UpdateProjectDomainAttributes", _of_domain(owner, attributes)
    return None


def cluster_pool(owner: str, pool: str) -> tuple[str, Any]:
    """The call that binds executions of the domain to a pool."""
    assignment = cluster_assignment_pb2.ClusterAssignment(cluster_pool_name=pool)
    attributes = matchable_resource_pb2.MatchingAttributes(cluster_assignment=assignment)
    return "UpdateProjectDomainAttributes", _of_domain(owner, attributes)


def _of_domain(owner: str, attributes: matchable_resource_pb2.MatchingAttributes) -> Any:
    row = project_domain_attributes_pb2.ProjectDomainAttributes(
        project=owner, domain=DOMAIN, matching_attributes=attributes
    )
    return project_domain_attributes_pb2.ProjectDomainAttributesUpdateRequest(attributes=row)
