"""Reads triggers with all that can be told of their inputs; some calls each, for exports.

Offloaded inputs cannot be read by themselves. But a run that started from them names the file, and
the server shows the inputs of a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import cast

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2 import locks, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.trigger import inputs, normal
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.live import Object

_ROOT = "a0"
_NEWEST = list_pb2.Sort(key="created_at", direction=list_pb2.Sort.DESCENDING)


async def fetch(link: Link, keys: Collection[Key]) -> Mapping[Key, Object]:
    """Read triggers; what is gone is left out."""
    found = await asyncio.gather(*(_fetch(link, key) for key in keys))
    return {key: item for key, item in zip(keys, found, strict=True) if item is not None}


async def _fetch(link: Link, key: Key) -> Object | None:
    name = normal.name_of(key)
    details = await locks.details_of(link.channel, name)
    if details is None:
        return None
    body = normal.from_wire(details)
    if details.spec.HasField("offloaded_input_data"):
        known = await _inputs_of_last_run(link, name, details.spec.offloaded_input_data.uri)
        body["inputs"] = known or body["inputs"]
    return Object(
        revision=str(details.id.revision),
        body=body,
        digest=normal.content_digest(key.name, body),
        is_active=details.spec.active,
    )


async def _inputs_of_last_run(
    link: Link, name: identifier_pb2.TriggerName, uri: str
) -> dict[str, Json] | None:
    """Read the inputs of the last run, if it started from this upload and the server shows it."""
    listed = run_service_pb2.ListRunsRequest(
        trigger_name=name, request=list_pb2.ListRequest(limit=1, sort_by_fields=[_NEWEST])
    )
    try:
        answer = await link.channel.call(methods.LIST_RUNS, listed)
        for run in answer.runs:
            action = identifier_pb2.ActionIdentifier(run=run.action.id.run, name=_ROOT)
            data = await link.channel.call(
                methods.GET_ACTION_DATA,
                dataproxy_service_pb2.GetActionDataRequest(action_id=action),
            )
            if data.inputs_uri.startswith(f"{uri}/"):
                return _known(data.inputs)
    except BackendError:
        return None
    return None


def _known(message: common_pb2.Inputs) -> dict[str, Json]:
    literals = {item.name: cast("Json", to_json(item.value)) for item in message.literals}
    return inputs.known(literals, {pair.key: pair.value for pair in message.context})
