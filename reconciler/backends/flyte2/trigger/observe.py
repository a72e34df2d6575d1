"""Reads triggers in pages; their content is read only where the revision is not the known one.

A list tells revision, switch and schedule. Pages are counted by offset, so that a row may be missed
while others come and go: what is asked for by name and not listed is looked up by itself.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

from reconciler.backends.flyte2 import ledger, locks, methods, paging
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.trigger import history, inputs, normal
from reconciler.backends.flyte2.trigger.normal import KIND
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Held
from reconciler.model.live import Live, Object, Query, Record, Versions


async def observe_triggers(link: Link, query: Query) -> Live:
    """Read the triggers of all places; what fails in a place is unreadable there."""
    asked: dict[Place, dict[Key, Held | None]] = defaultdict(dict)
    for place in query.places:
        if place.domain:
            asked[place] = {}
    for key, held in query.objects.items():
        if key.kind == KIND:
            asked[key.place][key] = held
    found: dict[Key, Versions | Record | Object] = {}
    failed: dict[tuple[str, Place], str] = {}

    async def read(place: Place, keys: Mapping[Key, Held | None]) -> None:
        try:
            found.update(await _read_place(link.channel, place, keys, query))
        except BackendError as error:
            failed[KIND, place] = str(error)

    async with asyncio.TaskGroup() as group:
        for place, keys in sorted(asked.items()):
            group.create_task(read(place, keys))
    return Live(found, failed)


async def list_triggers(channel: Channel, place: Place) -> dict[Key, Object]:
    """List the triggers of a place, without content; ledgers are left out."""
    request = trigger_service_pb2.ListTriggersRequest(
        project_id=identifier_pb2.ProjectIdentifier(name=place.project, domain=place.domain),
        request=list_pb2.ListRequest(),
    )
    return {
        normal.key_of_name(trigger.id.name): Object(
            revision=str(trigger.id.revision),
            is_active=trigger.active,
            listed={"schedule": normal.schedule_from_wire(trigger.automation_spec)},
        )
        async for page in paging.listing(
            channel, methods.LIST_TRIGGERS, request, "task_name", "name"
        )
        for trigger in page.triggers
        if trigger.id.name.task_name != ledger.RESERVED
    }


async def read_trigger(
    channel: Channel, key: Key, *, expected: dict[str, Json] | None, held: Held | None
) -> Object | None:
    """Read one trigger with its content; None when there is none."""
    details = await locks.details_of(channel, normal.name_of(key))
    if details is None:
        return None
    is_foreign = held is not None and held.revision not in {"", str(details.id.revision)}
    changed = await history.last_change(channel, details.id) if is_foreign else ""
    return _with_content(key, details, expected, changed)


async def _read_place(
    channel: Channel, place: Place, keys: Mapping[Key, Held | None], query: Query
) -> dict[Key, Object]:
    found = await list_triggers(channel, place)
    unread: dict[Key, Held | None] = {}
    for key, held in keys.items():
        listed = found.get(key)
        if listed is None or held is None or held.revision != listed.revision or not held.digest:
            unread[key] = held
            continue
        found[key] = Object(
            revision=listed.revision,
            body=query.expected.get(key),
            digest=held.digest,
            is_active=listed.is_active,
            listed=listed.listed,
        )
    answers = await asyncio.gather(
        *(
            read_trigger(channel, key, expected=query.expected.get(key), held=held)
            for key, held in unread.items()
        )
    )
    for key, answer in zip(unread, answers, strict=True):
        if answer is not None:
            found[key] = answer
        else:
            found.pop(key, None)
    return found


def _with_content(
    key: Key,
    details: trigger_definition_pb2.TriggerDetails,
    expected: dict[str, Json] | None,
    changed: str,
) -> Object:
    body = normal.from_wire(details)
    if expected is not None and "inputs" in body and "inputs" in expected:
        body["inputs"] = inputs.recognised(body["inputs"], expected["inputs"])
    return Object(
        revision=str(details.id.revision),
        body=expected if body == expected else body,
        digest=normal.content_digest(key.name, body),
        is_active=details.spec.active,
        listed={"schedule": body.get("schedule", {})},
        changed=changed,
    )
