"""The ledger of a set on Flyte 1: a task under a reserved name that nobody runs.

The content stands in the task's `custom` field, one version per write. Registering a version that
exists with other content is refused, so that the next number is a compare-and-swap: of eight
writers racing for one number exactly one succeeded on flyteadmin 1.16.8. Each write carries a
random writer id, since equal content would answer "already exists" to both.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import replace

from flyteidl.admin import common_pb2, task_pb2
from flyteidl.core import identifier_pb2, interface_pb2, tasks_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import from_json, to_json
from reconciler.backends.wire.paging import pages
from reconciler.errors import BackendError, ConflictError
from reconciler.model import ledger as ledgers
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.model.ledger import Ledger, Written

RESERVED = "flyte-reconciler.ledger"
"""Prefix of the names of ledger tasks; lists for people leave them out."""

_TASK_TYPE = "flyte-reconciler-ledger"
_NEWEST = common_pb2.Sort(key="id", direction=common_pb2.Sort.DESCENDING)
_WRITER = "writer"
_AUDIT_PAGE = 20
AUDIT_BYTES = 32 << 20
"""What of a history is read at most: one of large ledgers is not read to its begin."""


def name_of(set_name: str) -> str:
    """Return the reserved task name of a set's ledger."""
    return f"{RESERVED}.{set_name}"


def _version(revision: int) -> str:
    return f"{revision:08d}"


async def read(channel: Channel, set_name: str, place: Place) -> Ledger | None:
    """Read the newest ledger of a set in one place; None when there is none.

    Raises BackendError when it cannot be read, or was written by a newer format.
    """
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(
            project=place.project, domain=place.domain, name=name_of(set_name)
        ),
        limit=1,
        sort_by=_NEWEST,
    )
    answer = await channel.call(methods.LIST_TASKS, request)
    return _decode(channel, answer.tasks[0], place) if answer.tasks else None


async def search(channel: Channel, set_name: str, places: Iterable[Place]) -> Ledger | None:
    """Look for a ledger in many places at once; the newest when it is in several."""
    answers = await asyncio.gather(*(read(channel, set_name, place) for place in places))
    found = [item for item in answers if item is not None]
    return max(found, key=lambda item: item.revision, default=None)


async def read_all(channel: Channel, places: Iterable[Place]) -> dict[str, Ledger]:
    """Read the newest ledger of every set, wherever it is: a call per place and one per set.

    Raises BackendError when a place or a ledger cannot be read.
    """
    answers = await asyncio.gather(*(_read_place(channel, place) for place in places))
    found: dict[str, Ledger] = {}
    for item in (ledger for answer in answers for ledger in answer):
        known = found.get(item.set_name)
        if known is None or known.revision < item.revision:
            found[item.set_name] = item
    return found


async def _read_place(channel: Channel, place: Place) -> list[Ledger]:
    """Read the newest ledger, then the newest of the others, until there is none."""
    found: list[Ledger] = []
    while True:
        others = [f"ne(name,{name_of(item.set_name)})" for item in found]
        request = common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain),
            filters="+".join([f"contains(name,{RESERVED}.)", *others]),
            limit=1,
            sort_by=_NEWEST,
        )
        answer = await channel.call(methods.LIST_TASKS, request)
        if not answer.tasks:
            return found
        name = answer.tasks[0].id.name.removeprefix(f"{RESERVED}.")
        ledger = _decode(channel, answer.tasks[0], place)
        if ledger.set_name != name or name in {item.set_name for item in found}:
            raise BackendError(f"{channel.endpoint}: ledger of set {name}: is not that set's")
        found.append(ledger)


async def audit(channel: Channel, ledger: Ledger, *, after: int, most: int) -> tuple[Written, ...]:
    """Read the versions of a ledger after one, the newest first; see the port."""
    place = ledger.home
    found: list[Written] = []
    if place is None:
        return ()
    name = common_pb2.NamedEntityIdentifier(
        project=place.project, domain=place.domain, name=name_of(ledger.set_name)
    )

    # One that was written after the ledger was read belongs to whoever reads it then.
    wanted = f"lte(version,{_version(ledger.revision)})"

    async def fetch(limit: int, token: str) -> task_pb2.TaskList:
        request = common_pb2.ResourceListRequest(
            id=name, limit=limit, token=token, sort_by=_NEWEST, filters=wanted
        )
        return await channel.call(methods.LIST_TASKS, request)

    size = 0
    async for page in pages(fetch, limit=min(_AUDIT_PAGE, most)):
        for item in page.tasks:
            revision = int(item.id.version)
            if revision <= after:
                return tuple(found)
            found.append(_decode_written(channel, item, revision))
        size += page.ByteSize()
        if size > AUDIT_BYTES or len(found) >= most:
            break
    return tuple(found[:most])


def _decode_written(channel: Channel, item: task_pb2.Task, revision: int) -> Written:
    custom = to_json(item.closure.compiled_task.template.custom)
    try:
        return ledgers.decode_written(custom, revision=revision)
    except ValueError as error:
        name = item.id.name.removeprefix(f"{RESERVED}.")
        raise BackendError(f"{channel.endpoint}: ledger of set {name}: {error}") from error


def _decode(channel: Channel, item: task_pb2.Task, place: Place) -> Ledger:
    custom = to_json(item.closure.compiled_task.template.custom)
    try:
        return ledgers.decode(custom, revision=int(item.id.version), home=place)
    except ValueError as error:
        name = item.id.name.removeprefix(f"{RESERVED}.")
        raise BackendError(f"{channel.endpoint}: ledger of set {name}: {error}") from error


async def write(channel: Channel, ledger: Ledger, home: Place) -> Ledger:
    """Write the revision after the one that was read; raises ConflictError when it is taken."""
    place = ledger.home or home
    revision = ledger.revision + 1
    writer = secrets.token_hex(8)
    content: dict[str, Json] = {**ledgers.encode(ledger), _WRITER: writer}
    identifier = identifier_pb2.Identifier(
        resource_type=identifier_pb2.TASK,
        project=place.project,
        domain=place.domain,
        name=name_of(ledger.set_name),
        version=_version(revision),
    )
    template = tasks_pb2.TaskTemplate(
        id=identifier,
        type=_TASK_TYPE,
        metadata=tasks_pb2.TaskMetadata(
            runtime=tasks_pb2.RuntimeMetadata(flavor="flyte-reconciler", version="1")
        ),
        interface=interface_pb2.TypedInterface(),
        container=tasks_pb2.Container(image="flyte-reconciler-ledger"),
    )
    from_json(content, template.custom)
    request = task_pb2.TaskCreateRequest(id=identifier, spec=task_pb2.TaskSpec(template=template))
    try:
        await channel.call(methods.CREATE_TASK, request)
    except BackendError as error:
        if not (faults.is_already_exists(error) or faults.is_different_structure(error)):
            raise
        if await _writer_of(channel, identifier) != writer:
            raise ConflictError(
                f"{channel.endpoint}: ledger of set {ledger.set_name}: somebody else wrote "
                f"revision {revision} in between; run again"
            ) from error
    return replace(ledger, revision=revision, home=place)


async def _writer_of(channel: Channel, identifier: identifier_pb2.Identifier) -> str:
    item = await channel.call(methods.GET_TASK, common_pb2.ObjectGetRequest(id=identifier))
    return str(to_json(item.closure.compiled_task.template.custom).get(_WRITER, ""))
