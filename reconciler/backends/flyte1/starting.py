"""Looks up what a run starts: a launch plan, a workflow's default launch plan, or a task.

Each costs a call, and a page more where the newest version is followed: only the launch plan itself
tells all of its inputs. An execution of a workflow is one of its default launch plan.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.interface import default_literals, variables
from reconciler.backends.flyte1.paging import listing
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError
from reconciler.model.interface import Missing, Starts, Unread, Want, Workflow
from reconciler.model.key import Place

_NEWEST = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)
_PAGE = 200


async def look_up(channel: Channel, want: Want) -> Workflow | Missing | Unread:
    """Answer a want for what a run starts."""
    try:
        return await _look_up(channel, want)
    except BackendError as error:
        return Unread(str(error))


async def _look_up(channel: Channel, want: Want) -> Workflow | Missing:
    place = Place(want.project, want.domain)
    if want.starts is Starts.TRIGGER:
        return Missing("triggers are of Flyte 2")
    version = want.version
    if want.matching:
        version = await _newest(channel, want)
        if not version:
            return want.unmatched(str(want.starts))
    if want.starts is Starts.TASK:
        return await _task(channel, want, version)
    plan = await (_plan(channel, want, version) if version else _active(channel, want))
    if plan is None and not version:
        return Missing(f"no version of launch plan {want.name} is active in {place}")
    if plan is None:
        what = "launch plan" if want.starts is Starts.LAUNCH_PLAN else "default launch plan of"
        return Missing(f"{what} {want.name} version {version} is not registered in {place}")
    return Workflow(
        project=want.project,
        domain=want.domain,
        name=want.name,
        version=plan.id.version,
        inputs={
            name: to_json(parameter.var)
            for name, parameter in plan.closure.expected_inputs.parameters.items()
        },
        defaults=default_literals(plan.closure.expected_inputs),
    )


async def _plan(channel: Channel, want: Want, version: str) -> launch_plan_pb2.LaunchPlan | None:
    identifier = identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project=want.project,
        domain=want.domain,
        name=want.name,
        version=version,
    )
    try:
        return await channel.call(
            methods.GET_LAUNCH_PLAN, common_pb2.ObjectGetRequest(id=identifier)
        )
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise


async def _active(channel: Channel, want: Want) -> launch_plan_pb2.LaunchPlan | None:
    name = common_pb2.NamedEntityIdentifier(
        project=want.project, domain=want.domain, name=want.name
    )
    try:
        return await channel.call(
            methods.GET_ACTIVE_LAUNCH_PLAN, launch_plan_pb2.ActiveLaunchPlanRequest(id=name)
        )
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise


async def _task(channel: Channel, want: Want, version: str) -> Workflow | Missing:
    identifier = identifier_pb2.Identifier(
        resource_type=identifier_pb2.TASK,
        project=want.project,
        domain=want.domain,
        name=want.name,
        version=version,
    )
    try:
        task = await channel.call(methods.GET_TASK, common_pb2.ObjectGetRequest(id=identifier))
    except BackendError as error:
        if not faults.is_not_found(error):
            raise
        place = Place(want.project, want.domain)
        return Missing(f"task {want.name} version {version} is not registered in {place}")
    interface = task.closure.compiled_task.template.interface
    return Workflow(
        want.project, want.domain, want.name, version, inputs=variables(interface.inputs)
    )


async def _newest(channel: Channel, want: Want) -> str:
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(
            project=want.project, domain=want.domain, name=want.name
        ),
        sort_by=_NEWEST,
    )
    if want.starts is Starts.TASK:
        async for tasks in listing(channel, methods.LIST_TASKS, request, limit=_PAGE):
            for task in tasks.tasks:
                if fnmatchcase(task.id.version, want.matching):
                    return task.id.version
        return ""
    async for plans in listing(channel, methods.LIST_LAUNCH_PLANS, request, limit=_PAGE):
        for plan in plans.launch_plans:
            if fnmatchcase(plan.id.version, want.matching):
                return plan.id.version
    return ""
