"""What is registered in a project-domain, and what it needs of the same registration.

Clients register a package under one version, sets under versions of their own: what has the same
version, or is a version of the same set, was registered together. Everything else that something
refers to belongs to others, as in the package that it came from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flyteidl.admin import common_pb2, launch_plan_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, tasks_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.package.compiled import spec_of
from reconciler.backends.flyte1.package.identifiers import (
    KINDS,
    RESOURCE_TYPES,
    is_together,
    walk,
)
from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.backends.flyte1.workflow import KIND as WORKFLOW
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.method import Method
from reconciler.errors import BackendError
from reconciler.model.key import Place

Id = tuple[str, str, str]
"""Kind, name and version."""

_METHODS: dict[str, Method[Any, Any]] = {
    TASK: methods.GET_TASK,
    WORKFLOW: methods.GET_WORKFLOW,
    LAUNCH_PLAN: methods.GET_LAUNCH_PLAN,
}


@dataclass(slots=True)
class Registered:
    """Entities of one place as far as they were read; `absent` are those that there are not."""

    place: Place
    tasks: dict[Id, tasks_pb2.TaskTemplate] = field(default_factory=dict)
    workflows: dict[Id, workflow_pb2.WorkflowSpec] = field(default_factory=dict)
    plans: dict[Id, launch_plan_pb2.LaunchPlan] = field(default_factory=dict)
    absent: set[Id] = field(default_factory=set)

    def __contains__(self, id_: object) -> bool:
        return id_ in self.tasks or id_ in self.workflows or id_ in self.plans

    def add_plan(self, plan: launch_plan_pb2.LaunchPlan) -> Id:
        """Take a plan as it was listed."""
        id_ = (LAUNCH_PLAN, plan.id.name, plan.id.version)
        self.plans[id_] = plan
        return id_

    def add_task(self, template: tasks_pb2.TaskTemplate) -> Id | None:
        """Take a task as it was listed or came with a workflow; None when it is of elsewhere."""
        id_ = self.id_of(template.id)
        if id_ is not None:
            self.tasks.setdefault(id_, template)
        return id_

    def id_of(self, identifier: identifier_pb2.Identifier) -> Id | None:
        """Name an entity of this place; None for one of another place, or of no such kind."""
        kind = KINDS.get(identifier.resource_type)
        if kind is None or Place(identifier.project, identifier.domain) != self.place:
            return None
        return kind, identifier.name, identifier.version

    def needs(self, id_: Id) -> Iterator[Id]:
        """List what an entity refers to that was registered together with it."""
        message: Any = self.workflows.get(id_) or self.plans.get(id_)
        if message is None:
            return
        default = (LAUNCH_PLAN, id_[1], id_[2])
        if id_ in self.workflows and (
            default not in self.plans or self.workflow_of(default) == id_
        ):
            yield default
        for identifier in walk(message):
            found = self.id_of(identifier)
            if found is not None and found != id_ and is_together(found[2], id_[2]):
                yield found

    def closure(self, id_: Id) -> frozenset[Id]:
        """Collect an entity and everything that it needs, directly or not."""
        found: set[Id] = set()
        left = [id_]
        while left:
            one = left.pop()
            if one in self and one not in found:
                found.add(one)
                left.extend(self.needs(one))
        return frozenset(found)

    def workflow_of(self, plan: Id) -> Id | None:
        """Name the workflow that a plan runs, if it was registered together with it."""
        found = self.id_of(self.plans[plan].spec.workflow_id)
        return found if found is not None and is_together(found[2], plan[2]) else None


async def load(channel: Channel, found: Registered, roots: Iterable[Id]) -> None:
    """Read entities and everything that they need into `found`; what there is not is `absent`."""
    seen: set[Id] = set()
    left = set(roots)
    while left:
        unread = sorted(left - set(_known(found)))
        await asyncio.gather(*(_read(channel, found, id_) for id_ in unread))
        seen |= left
        left = {need for id_ in left for need in found.needs(id_)} - seen


def _known(found: Registered) -> Iterator[Id]:
    yield from found.tasks
    yield from found.workflows
    yield from found.plans
    yield from found.absent


async def _read(channel: Channel, found: Registered, id_: Id) -> None:
    kind, name, version = id_
    identifier = identifier_pb2.Identifier(
        resource_type=RESOURCE_TYPES[kind],
        project=found.place.project,
        domain=found.place.domain,
        name=name,
        version=version,
    )
    try:
        answer = await channel.call(_METHODS[kind], common_pb2.ObjectGetRequest(id=identifier))
    except BackendError as error:
        if not faults.is_not_found(error):
            raise
        found.absent.add(id_)
        return
    if kind == TASK:
        found.tasks[id_] = answer.closure.compiled_task.template
    elif kind == LAUNCH_PLAN:
        found.plans[id_] = answer
    else:
        compiled = answer.closure.compiled_workflow
        found.workflows[id_] = spec_of(compiled)
        for task in compiled.tasks:
            found.add_task(task.template)
