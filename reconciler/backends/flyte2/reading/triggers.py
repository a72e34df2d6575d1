"""Triggers of Flyte 2, named `TASK/TRIGGER`.

A list tells no version of the task, no inputs and no description (open-source manager 2.0.43).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

from reconciler.backends.flyte2 import ledger, locks, methods, paging, people
from reconciler.backends.flyte2.reading.projects import places
from reconciler.backends.flyte2.task.fetch import spec_of
from reconciler.backends.flyte2.task.interface import task_of
from reconciler.backends.flyte2.trigger import describe, history, normal
from reconciler.backends.wire import variables
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.backends.wire.times import moment
from reconciler.errors import BackendError
from reconciler.model.asked import Asked
from reconciler.model.document import Json, filled
from reconciler.model.entity import (
    ACTIVE,
    INACTIVE,
    Details,
    Entity,
    Reference,
    Variable,
    What,
)
from reconciler.model.key import Key, Place


async def triggers(channel: Channel, asked: Asked) -> AsyncIterator[Entity]:
    """Yield the triggers of each place by name; the server sorts by task and name apart."""
    for place in await places(channel, asked):
        rows = [row async for row in _listed(channel, place, asked)]
        for row in sorted(rows, key=lambda one: one.name):
            yield row


async def _listed(channel: Channel, place: Place, asked: Asked) -> AsyncIterator[Entity]:
    filters = []
    if asked.state in {ACTIVE, INACTIVE}:
        filters.append(paging.one_of("active", [str(asked.state == ACTIVE).lower()]))
    request = trigger_service_pb2.ListTriggersRequest(
        project_id=identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain),
        request=list_pb2.ListRequest(filters=filters),
    )
    listing = paging.listing(channel, methods.LIST_TRIGGERS, request, "task_name", "name")
    async for page in listing:
        for trigger in page.triggers:
            if trigger.id.name.task_name != ledger.RESERVED:
                yield _row(trigger)


def _row(trigger: trigger_definition_pb2.Trigger) -> Entity:
    return _entity(trigger.id, trigger, is_active=trigger.active, version="")


def _entity(
    identifier: identifier_pb2.TriggerIdentifier,
    found: trigger_definition_pb2.Trigger | trigger_definition_pb2.TriggerDetails,
    *,
    is_active: bool,
    version: str,
) -> Entity:
    name = identifier.name
    fired = moment(found.status, "triggered_at")
    facts: dict[str, Json] = {
        "task": _task(name, version).to_dict(),
        "schedule": normal.schedule_from_wire(found.automation_spec),
        "revision": int(identifier.revision),
        "firedAt": fired.isoformat().replace("+00:00", "Z") if fired else "",
    }
    return Entity(
        what=What.TRIGGERS,
        project=name.project,
        domain=name.domain,
        name=normal.key_of_name(name).name,
        state=ACTIVE if is_active else INACTIVE,
        created_at=moment(found.status, "deployed_at"),
        updated_at=moment(found.status, "updated_at"),
        created_by=people.name_of(found.metadata.deployed_by),
        facts=filled(facts),
    )


def _task(name: identifier_pb2.TriggerName, version: str) -> Reference:
    return Reference(
        what=What.TASKS,
        project=name.project,
        domain=name.domain,
        name=name.task_name,
        version=version,
        role="runs",
    )


async def details(channel: Channel, place: Place, name: str) -> Details | None:
    """Read one trigger, the interface of the task version that it runs, and its last change."""
    key = Key(normal.KIND, place.project, place.domain, name)
    if "/" not in name:
        return None
    found = await locks.details_of(channel, normal.name_of(key))
    if found is None:
        return None
    entity = _entity(found.id, found, is_active=found.spec.active, version=found.spec.task_version)
    changed = await history.last_change(channel, found.id)
    facts = {**entity.facts, "changed": changed} if changed else dict(entity.facts)
    inputs, unread = await _interface(channel, found)
    return Details(
        entity=replace(entity, facts=facts),
        inputs=inputs,
        schedule=normal.schedule_from_wire(found.automation_spec),
        references=(_task(found.id.name, found.spec.task_version),),
        spec=describe.describe(normal.from_wire(found)),
        message=to_json(found),
        unread=unread,
    )


async def _interface(
    channel: Channel, found: trigger_definition_pb2.TriggerDetails
) -> tuple[tuple[Variable, ...], tuple[str, ...]]:
    name = found.id.name
    identifier = task_definition_pb2.TaskIdentifier(
        project=name.project,
        domain=name.domain,
        name=name.task_name,
        version=found.spec.task_version,
    )
    try:
        spec = await spec_of(channel, identifier)
    except BackendError as error:
        return (), (f"interface of the task: {error}",)
    if spec is None:
        why = f"version {found.spec.task_version} of task {name.task_name} is not registered"
        return (), (f"interface of the task: {why}",)
    task = task_of(Place(name.project, name.domain), name.task_name, identifier.version, spec)
    return variables.inputs(task.inputs, task.defaults), ()
