"""The ledger of a set on Flyte 2: an inactive trigger of a task that does not exist.

Its name is the set's, its task's name is reserved, and its content stands in the annotations of
the runs that it never starts. `locks` has what keeps two writers apart. Every revision stays
readable and is the audit log.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Collection, Iterable
from dataclasses import replace

import rfc8785
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import common_pb2, run_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

from reconciler.backends.flyte2 import faults, locks, methods, paging
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, ConflictError
from reconciler.model import ledger as ledgers
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.model.ledger import Ledger, Written

RESERVED = "flyte-reconciler.ledger"
"""The task that ledgers are triggers of; lists for people leave it out."""

_PLAIN = "ledger"
_PACKED = "ledger.gz"
_PLAIN_BYTES = 64 * 1024
_AT_ONCE = 8
AUDIT_BYTES = 32 << 20
"""What of a history is read at most: one of large ledgers is not read to its begin."""
_TASK_VERSION = "1"
_DESCRIPTION = "The ledger of a set of the Flyte reconciler: never runs, and must stay."


def trigger_name(set_name: str, place: Place) -> identifier_pb2.TriggerName:
    """Name the trigger of a set's ledger."""
    return identifier_pb2.TriggerName(
        project=place.project, domain=place.domain, task_name=RESERVED, name=set_name
    )


async def read(channel: Channel, set_name: str, place: Place) -> Ledger | None:
    """Read the ledger of a set in one place; None when there is none.

    Raises BackendError when it cannot be read, or was written by a newer format.
    """
    details = await locks.details_of(channel, trigger_name(set_name, place))
    return None if details is None else _decode(channel, details)


async def search(channel: Channel, set_name: str) -> Ledger | None:
    """Look for a set's ledger in the whole installation; the newest when it is in several."""
    wanted = list_pb2.Filter(function=list_pb2.Filter.EQUAL, field="name", values=[set_name])
    found = await _read_listed(channel, [wanted])
    return max(found, key=lambda item: item.revision, default=None)


async def read_all(channel: Channel, places: Collection[Place]) -> dict[str, Ledger]:
    """Read the ledger of every set that has one in these places: the list, and a call per set.

    Raises BackendError when one cannot be read.
    """
    found: dict[str, Ledger] = {}
    for item in await _read_listed(channel, [], within=frozenset(places)):
        known = found.get(item.set_name)
        if known is None or known.revision < item.revision:
            found[item.set_name] = item
    return found


async def _read_listed(
    channel: Channel,
    filters: Iterable[list_pb2.Filter],
    within: Collection[Place] | None = None,
) -> list[Ledger]:
    of_ledgers = list_pb2.Filter(
        function=list_pb2.Filter.EQUAL, field="task_name", values=[RESERVED]
    )
    request = trigger_service_pb2.ListTriggersRequest(
        org="", request=list_pb2.ListRequest(filters=[of_ledgers, *filters])
    )
    names = [
        trigger.id.name
        async for page in paging.listing(
            channel, methods.LIST_TRIGGERS, request, "project", "domain", "name"
        )
        for trigger in page.triggers
    ]
    places = [(name.name, Place(name.project, name.domain)) for name in names]
    answers = await asyncio.gather(
        *(read(channel, name, place) for name, place in places if within is None or place in within)
    )
    return [item for item in answers if item is not None]


async def audit(channel: Channel, ledger: Ledger, *, after: int, most: int) -> tuple[Written, ...]:
    """Read the versions of a ledger after one, the newest first; see the port."""
    if ledger.home is None:
        return ()
    name = trigger_name(ledger.set_name, ledger.home)
    left = range(ledger.revision, max(after, ledger.revision - most), -1)
    found: list[Written] = []
    size = 0
    for start in range(0, len(left), _AT_ONCE):
        answers = await asyncio.gather(
            *(_version(channel, name, revision) for revision in left[start : start + _AT_ONCE])
        )
        for details in filter(None, answers):
            size += details.ByteSize()
            if _PLAIN in (values := details.spec.run_spec.annotations.values) or _PACKED in values:
                found.append(_decode_written(channel, details))
        if size > AUDIT_BYTES:
            break
    return tuple(found)


async def _version(
    channel: Channel, name: identifier_pb2.TriggerName, revision: int
) -> trigger_definition_pb2.TriggerDetails | None:
    """Read a trigger as it was; None where that is not kept."""
    request = trigger_service_pb2.GetTriggerRevisionDetailsRequest(
        id=identifier_pb2.TriggerIdentifier(name=name, revision=revision)
    )
    try:
        return (await channel.call(methods.GET_TRIGGER_REVISION_DETAILS, request)).trigger
    except BackendError as error:
        if faults.is_not_found(error):
            return None
        raise


def _decode_written(channel: Channel, details: trigger_definition_pb2.TriggerDetails) -> Written:
    try:
        return ledgers.decode_written(_content(details), revision=details.id.revision)
    except (AttributeError, KeyError, OSError, EOFError, ValueError) as error:
        raise BackendError(
            f"{channel.endpoint}: ledger of set {details.id.name.name}: {error}"
        ) from error


def _content(details: trigger_definition_pb2.TriggerDetails) -> dict[str, Json]:
    annotations = details.spec.run_spec.annotations.values
    if _PACKED in annotations:
        text = gzip.decompress(base64.b64decode(annotations[_PACKED], validate=True))
    else:
        text = annotations[_PLAIN].encode()
    found: dict[str, Json] = json.loads(text)
    return found


def _decode(channel: Channel, details: trigger_definition_pb2.TriggerDetails) -> Ledger:
    name = details.id.name
    place = Place(name.project, name.domain)
    try:
        ledger = ledgers.decode(_content(details), revision=details.id.revision, home=place)
    except (AttributeError, KeyError, OSError, EOFError, ValueError) as error:
        raise BackendError(f"{channel.endpoint}: ledger of set {name.name}: {error}") from error
    if ledger.set_name != name.name:
        raise BackendError(f"{channel.endpoint}: ledger of set {name.name}: is not that set's")
    return ledger


async def write(channel: Channel, ledger: Ledger, home: Place) -> Ledger:
    """Write the revision after the one that was read.

    Raises ConflictError when somebody else wrote in between.
    """
    place = ledger.home or home
    request = trigger_service_pb2.DeployTriggerRequest(
        name=trigger_name(ledger.set_name, place),
        revision=ledger.revision or locks.NEW,
        spec=trigger_definition_pb2.TriggerSpec(
            active=False,
            task_version=_TASK_VERSION,
            description=_DESCRIPTION,
            run_spec=run_pb2.RunSpec(annotations=run_pb2.Annotations(values=_encode(ledger))),
        ),
        automation_spec=common_pb2.TriggerAutomationSpec(
            type=common_pb2.TriggerAutomationSpecType.TYPE_NONE
        ),
    )
    try:
        answer = await channel.call(methods.DEPLOY_TRIGGER, request)
    except BackendError as error:
        if not faults.is_conflict(error):
            raise
        request.revision = (
            0 if ledger.revision else await locks.deleted_revision(channel, request.name)
        )
        if not request.revision:
            raise ConflictError(
                f"{channel.endpoint}: ledger of set {ledger.set_name}: somebody else wrote "
                f"revision {ledger.revision + 1} in between; run again",
                method=error.method,
                code=error.code,
            ) from error
        answer = await channel.call(methods.DEPLOY_TRIGGER, request)
    return replace(ledger, revision=answer.trigger.id.revision, home=place)


def _encode(ledger: Ledger) -> dict[str, str]:
    text = rfc8785.dumps(ledgers.encode(ledger))
    if len(text) <= _PLAIN_BYTES:
        return {_PLAIN: text.decode()}
    return {_PACKED: base64.b64encode(gzip.compress(text, mtime=0)).decode("ascii")}
