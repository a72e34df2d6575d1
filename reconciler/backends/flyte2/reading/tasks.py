"""Tasks of Flyte 2.

Facts from the open-source manager 2.0.43: a list has one row for each name, the version that was
first deployed last among those that its filters keep; versions of a name are listed by a call of
their own; a specification is told by one call for one version.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2
from flyteidl2.trigger import trigger_service_pb2

from reconciler.backends.flyte2 import faults, ledger, methods, paging, people
from reconciler.backends.flyte2.reading.projects import places
from reconciler.backends.flyte2.task.interface import task_of
from reconciler.backends.flyte2.trigger.normal import key_of_name
from reconciler.backends.wire import variables
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.backends.wire.task_facts import facts_of
from reconciler.backends.wire.times import moment, written
from reconciler.errors import BackendError
from reconciler.model.asked import Asked, is_glob
from reconciler.model.document import Json, filled
from reconciler.model.entity import ACTIVE, INACTIVE, Details, Entity, Reference, Variable, What
from reconciler.model.key import Place

_AT_ONCE = 8
_NEWEST = list_pb2.Sort(key="created_at", direction=list_pb2.Sort.DESCENDING)
_LITERAL = re.compile(r"[^*?\[\]\\]+")

Filter = list_pb2.Filter


async def tasks(channel: Channel, asked: Asked) -> AsyncIterator[Entity]:
    """Yield a row for each name, or for each version, by place and name."""
    for place in await places(channel, asked):
        if asked.is_history and (not asked.version or is_glob(asked.version)):
            async for row in _versions(channel, place, asked):
                yield row
        else:
            async for row in _listed(channel, place, list(_filters(asked))):
                yield row


async def _listed(
    channel: Channel, place: Place, filters: list[list_pb2.Filter]
) -> AsyncIterator[Entity]:
    request = task_service_pb2.ListTasksRequest(
        project_id=identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain),
        request=list_pb2.ListRequest(filters=filters),
    )
    async for page in paging.listing(channel, methods.LIST_TASKS, request, "name"):
        for task in page.tasks:
            if task.task_id.name != ledger.RESERVED:
                yield _row(task)


async def _versions(channel: Channel, place: Place, asked: Asked) -> AsyncIterator[Entity]:
    """Yield the versions of each name, the newest first; a call for each name."""
    names = list(asked.exact_names)
    if not names:
        listed = _listed(channel, place, list(_by_name(asked)))
        names = [row.name async for row in listed if asked.is_named(row.name)]
    if len(names) == 1:
        async for row in _of_name(channel, place, names[0], asked):
            yield row
        return
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        for rows in await asyncio.gather(*(_all(channel, place, one, asked) for one in part)):
            for row in rows:
                yield row


async def _all(channel: Channel, place: Place, name: str, asked: Asked) -> list[Entity]:
    return [row async for row in _of_name(channel, place, name, asked)]


async def _of_name(
    channel: Channel, place: Place, name: str, asked: Asked
) -> AsyncIterator[Entity]:
    request = task_service_pb2.ListVersionsRequest(
        task_name=task_definition_pb2.TaskName(
            project=place.project, domain=place.domain, name=name
        ),
        request=list_pb2.ListRequest(filters=list(_by_age(asked)), sort_by_fields=[_NEWEST]),
    )
    async for page in paging.listing(channel, methods.LIST_VERSIONS, request, "version"):
        for one in page.versions:
            yield Entity(
                what=What.TASKS,
                project=place.project,
                domain=place.domain,
                name=name,
                version=one.version,
                created_at=moment(one, "deployed_at"),
                created_by=people.name_of(one.deployed_by),
            )


def _filters(asked: Asked) -> Iterator[list_pb2.Filter]:
    """Write what leaves the rows that are meant as they are.

    An upper bound of age would bring an older version of a name up, where the row is the newest.
    """
    yield from _by_name(asked)
    if asked.is_history:
        yield paging.one_of("version", [asked.version])
        yield from _by_age(asked)
    elif asked.created_after is not None:
        yield _compare(Filter.GREATER_THAN_OR_EQUAL, asked.created_after)


def _by_name(asked: Asked) -> Iterator[list_pb2.Filter]:
    """Filter by names, or by a part that a glob must have; the server broadens `%` and `_`."""
    if asked.exact_names:
        yield paging.one_of("name", frozenset(asked.exact_names))
    elif len(asked.names) == 1 and "[" not in asked.names[0]:
        parts = _LITERAL.findall(asked.names[0])
        if parts:
            longest = max(parts, key=len)
            yield Filter(function=Filter.CONTAINS, field="name", values=[longest])


def _by_age(asked: Asked) -> Iterator[list_pb2.Filter]:
    if asked.created_after is not None:
        yield _compare(Filter.GREATER_THAN_OR_EQUAL, asked.created_after)
    if asked.created_before is not None:
        yield _compare(Filter.LESS_THAN, asked.created_before)


def _compare(function: Filter.Function, when: datetime) -> list_pb2.Filter:
    return Filter(function=function, field="created_at", values=[written(when)])


def _row(task: task_definition_pb2.Task) -> Entity:
    metadata = task.metadata
    stats = metadata.triggers_summary.stats
    triggers = stats.total or int(metadata.triggers_summary.HasField("details"))
    facts: dict[str, Json] = {
        "environment": metadata.environment_name,
        "description": metadata.short_description,
        "triggers": triggers,
    }
    return Entity(
        what=What.TASKS,
        project=task.task_id.project,
        domain=task.task_id.domain,
        name=task.task_id.name,
        version=task.task_id.version,
        created_at=moment(metadata, "deployed_at"),
        created_by=people.name_of(metadata.deployed_by),
        facts=filled(facts),
    )


async def details(channel: Channel, place: Place, name: str, version: str) -> Details | None:
    """Read one version, without a name the newest, and the triggers of its task."""
    version = version or await _newest(channel, place, name)
    if not version:
        return None
    request = task_service_pb2.GetTaskDetailsRequest(
        task_id=task_definition_pb2.TaskIdentifier(
            project=place.project, domain=place.domain, name=name, version=version
        )
    )
    try:
        found = (await channel.call(methods.GET_TASK_DETAILS, request)).details
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise
    unread = ""
    references: tuple[Reference, ...] = ()
    try:
        references = await _fired_by(channel, place, name)
    except BackendError as error:
        unread = f"triggers: {error}"
    return Details(
        entity=_entity(found),
        inputs=_inputs(place, found),
        outputs=variables.outputs(
            {
                entry.key: to_json(entry.value)
                for entry in found.spec.task_template.interface.outputs.variables
            }
        ),
        references=references,
        message=to_json(found),
        unread=(unread,) if unread else (),
    )


def _inputs(place: Place, found: task_definition_pb2.TaskDetails) -> tuple[Variable, ...]:
    task = task_of(place, found.task_id.name, found.task_id.version, found.spec)
    return variables.inputs(task.inputs, task.defaults)


def _entity(found: task_definition_pb2.TaskDetails) -> Entity:
    spec, metadata = found.spec, found.metadata
    facts: dict[str, Json] = {
        "environment": spec.environment.name or metadata.environment_name,
        "shortName": spec.short_name or metadata.short_name,
        "description": spec.documentation.short_description or metadata.short_description,
        "source": spec.documentation.source_code.link,
        **facts_of(spec.task_template),
    }
    return Entity(
        what=What.TASKS,
        project=found.task_id.project,
        domain=found.task_id.domain,
        name=found.task_id.name,
        version=found.task_id.version,
        created_at=moment(metadata, "deployed_at"),
        created_by=people.name_of(metadata.deployed_by),
        facts={name: value for name, value in facts.items() if value or value is False},
    )


async def _newest(channel: Channel, place: Place, name: str) -> str:
    request = task_service_pb2.ListVersionsRequest(
        task_name=task_definition_pb2.TaskName(
            project=place.project, domain=place.domain, name=name
        ),
        request=list_pb2.ListRequest(limit=1, sort_by_fields=[_NEWEST]),
    )
    answer = await channel.call(methods.LIST_VERSIONS, request)
    return answer.versions[0].version if answer.versions else ""


async def _fired_by(channel: Channel, place: Place, name: str) -> tuple[Reference, ...]:
    request = trigger_service_pb2.ListTriggersRequest(
        task_name=task_definition_pb2.TaskName(
            project=place.project, domain=place.domain, name=name
        ),
        request=list_pb2.ListRequest(),
    )
    return tuple(
        [
            Reference(
                what=What.TRIGGERS,
                project=place.project,
                domain=place.domain,
                name=key_of_name(one.id.name).name,
                role=f"fires it, {ACTIVE if one.active else INACTIVE}",
            )
            async for page in paging.listing(channel, methods.LIST_TRIGGERS, request, "name")
            for one in page.triggers
        ]
    )
