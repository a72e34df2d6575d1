"""One task, workflow or launch plan with all that flyteadmin tells of it.

Facts from flyteadmin 1.16.8: a list of tasks or launch plans gives whole versions, so that the
newest one costs one call; that of workflows leaves the graph out. The defaults of a workflow's
inputs are in the launch plan of its own name and version. Who registered a version is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from flyteidl.admin import common_pb2, launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, interface_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.interface import default_literals
from reconciler.backends.flyte1.interface import variables as unordered
from reconciler.backends.flyte1.launch_plan import describe as plan_words
from reconciler.backends.flyte1.launch_plan import normal
from reconciler.backends.flyte1.reading import graph, rows
from reconciler.backends.flyte1.reading.names import state_of
from reconciler.backends.flyte1.reading.versions import BY_ID_DOWN
from reconciler.backends.wire import variables
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.backends.wire.method import Method
from reconciler.backends.wire.task_facts import facts_of
from reconciler.errors import BackendError
from reconciler.model.document import Json
from reconciler.model.entity import ACTIVE, Details, What
from reconciler.model.key import Place

_GETS: Mapping[What, Method[Any, Any]] = {
    What.TASKS: methods.GET_TASK,
    What.WORKFLOWS: methods.GET_WORKFLOW,
    What.LAUNCH_PLANS: methods.GET_LAUNCH_PLAN,
}


async def details(
    channel: Channel, what: What, place: Place, name: str, version: str
) -> Details | None:
    """Read one version: the one that is named, else the active one, else the newest."""
    active = await _active(channel, place, name) if what is What.LAUNCH_PLANS else None
    if version:
        found = await _get(channel, what, place, name, version)
    elif active is not None:
        found = active
    else:
        found = await _newest(channel, what, place, name)
    if found is None:
        return None
    described = await _described(channel, found)
    if what is not What.LAUNCH_PLANS:
        described = await _linked(channel, found.id, described)
    entity = await _named(channel, what, place, described)
    return replace(entity, active_version=active.id.version if active is not None else "")


async def _described(channel: Channel, found: Any) -> Details:
    match found:
        case task_pb2.Task():
            return _task(found)
        case launch_plan_pb2.LaunchPlan():
            return _plan(found)
        case _:
            return await _workflow(channel, found)


def _task(task: task_pb2.Task) -> Details:
    template = task.closure.compiled_task.template
    row = rows.row(task)
    return Details(
        entity=replace(row, facts={**row.facts, **facts_of(template)}),
        inputs=variables.inputs(_by_name(template.interface.inputs), {}),
        outputs=variables.outputs(_by_name(template.interface.outputs)),
        message=to_json(task),
    )


def _plan(plan: launch_plan_pb2.LaunchPlan) -> Details:
    parameters = plan.closure.expected_inputs.parameters
    schedule = normal.schedule_from_wire(plan.spec.entity_metadata.schedule)
    workflow = rows.reference(plan.spec.workflow_id, "runs")
    return Details(
        entity=rows.row(plan),
        inputs=variables.inputs(
            {name: to_json(one.var) for name, one in sorted(parameters.items())},
            default_literals(plan.closure.expected_inputs),
            required={name for name, one in parameters.items() if one.required},
        ),
        outputs=variables.outputs(_by_name(plan.closure.expected_outputs)),
        schedule=schedule,
        references=(workflow,),
        spec=plan_words.describe(normal.from_wire(plan.id, plan.spec)),
        message=to_json(plan),
    )


async def _workflow(channel: Channel, workflow: workflow_pb2.Workflow) -> Details:
    identifier = workflow.id
    compiled = workflow.closure.compiled_workflow
    interface = compiled.primary.template.interface
    place = Place(identifier.project, identifier.domain)
    plan, unread = None, ""
    try:
        plan = await _get(channel, What.LAUNCH_PLANS, place, identifier.name, identifier.version)
    except BackendError as error:
        unread = f"defaults of inputs: {error}"
    defaults = interface_pb2.ParameterMap() if plan is None else plan.spec.default_inputs
    found = graph.nodes(compiled)
    return Details(
        entity=rows.row(workflow),
        inputs=variables.inputs(_by_name(interface.inputs), default_literals(defaults)),
        outputs=variables.outputs(_by_name(interface.outputs)),
        nodes=found,
        references=graph.references(found),
        message=to_json(workflow),
        unread=(unread,) if unread else (),
    )


async def _linked(
    channel: Channel, identifier: identifier_pb2.Identifier, found: Details
) -> Details:
    """Add where the version is declared, which its description may tell."""
    request = common_pb2.ObjectGetRequest(id=identifier)
    try:
        about = await _or_none(channel, methods.GET_DESCRIPTION_ENTITY, request)
    except BackendError as error:
        return replace(found, unread=(*found.unread, f"source: {error}"))
    if about is None or not about.source_code.link:
        return found
    facts = {**found.entity.facts, "source": about.source_code.link}
    return replace(found, entity=replace(found.entity, facts=facts))


async def _named(channel: Channel, what: What, place: Place, found: Details) -> Details:
    """Add what is kept at the name: a description, and whether it is archived."""
    request = common_pb2.NamedEntityGetRequest(
        resource_type=rows.TYPES[what], id=_name(place, found.entity.name)
    )
    try:
        named = await channel.call(methods.GET_NAMED_ENTITY, request)
    except BackendError as error:
        return replace(found, unread=(*found.unread, f"description: {error}"))
    facts: dict[str, Json] = dict(found.entity.facts)
    if named.metadata.description:
        facts["nameDescription"] = named.metadata.description
    state = state_of(named.metadata)
    if state != ACTIVE:
        facts["nameState"] = state
    return replace(found, entity=replace(found.entity, facts=facts))


async def _active(channel: Channel, place: Place, name: str) -> launch_plan_pb2.LaunchPlan | None:
    request = launch_plan_pb2.ActiveLaunchPlanRequest(id=_name(place, name))
    found = await _or_none(channel, methods.GET_ACTIVE_LAUNCH_PLAN, request)
    return cast("launch_plan_pb2.LaunchPlan | None", found)


async def _get(channel: Channel, what: What, place: Place, name: str, version: str) -> Any:
    request = common_pb2.ObjectGetRequest(
        id=identifier_pb2.Identifier(
            resource_type=rows.TYPES[what],
            project=place.project,
            domain=place.domain,
            name=name,
            version=version,
        )
    )
    return await _or_none(channel, _GETS[what], request)


async def _newest(channel: Channel, what: What, place: Place, name: str) -> Any:
    method, field = rows.LISTS[what]
    request = common_pb2.ResourceListRequest(id=_name(place, name), limit=1, sort_by=BY_ID_DOWN)
    found = getattr(await channel.call(method, request), field)
    if not found:
        return None
    if what is not What.WORKFLOWS:
        return found[0]
    return await _get(channel, what, place, name, found[0].id.version)


def _by_name(found: interface_pb2.VariableMap) -> dict[str, dict[str, Json]]:
    """Read variables in the order of their names: a map of the wire has none."""
    return dict(sorted(unordered(found).items()))


async def _or_none(channel: Channel, method: Method[Any, Any], request: Any) -> Any:
    try:
        return await channel.call(method, request)
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise


def _name(place: Place, name: str) -> common_pb2.NamedEntityIdentifier:
    return common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain, name=name)
