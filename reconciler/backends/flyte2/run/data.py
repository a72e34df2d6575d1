"""Inputs and outputs of runs and of their actions, and reports.

Facts from the open-source manager 2.0.43: what is larger than 2 MiB is refused as INTERNAL, and no
call signs an address to read it by; a file that is not there is nothing. What somebody answered to
a condition is in its details alone. A run that succeeded, and whose last attempt told no place for
outputs, has none: NOT_FOUND, of its inputs too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from flyteidl2.cluster import payload_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.core import interface_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_definition_pb2 as wire
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.run import details, rows
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import to_json
from reconciler.errors import BackendError
from reconciler.model.document import Json
from reconciler.model.run import Data, RunId, Values

ANSWER = "o0"
"""The name that the SDK gives to the only output of a task."""

_Operation = payload_pb2.SelectClusterRequest
_TOO_LARGE = "limit exceeded"
_LARGEST_BYTES = 1 << 30


async def read(link: Link, run_id: RunId, step: str) -> Data:
    """Read inputs and outputs of an action, typed by its task; raises BackendError for none."""
    action = rows.action(run_id, step)
    found, stored = await asyncio.gather(
        details.action(link.channel, action), _stored(link, run_id, action)
    )
    interface = found.task.task_template.interface
    if found.WhichOneof("spec") == "trace":
        interface = found.trace.interface
    inputs, outputs = _types(interface.inputs), _types(interface.outputs)
    if found.WhichOneof("result") == "signal_info":
        answer = Values(
            literals={ANSWER: to_json(found.signal_info.output)},
            types={ANSWER: to_json(found.condition.type)},
        )
        return Data(outputs=answer)
    return Data(
        inputs=_values(stored.inputs.literals, inputs, stored.inputs_uri),
        outputs=_values(stored.outputs.literals, outputs, stored.outputs_uri),
    )


async def inputs_of(link: Link, run_id: RunId) -> common_pb2.Inputs:
    """Read the inputs of a run whole, as they are sent."""
    stored = await _stored(link, run_id, rows.action(run_id))
    return stored.inputs


async def report(link: Link, run_id: RunId, step: str) -> bytes:
    """Fetch the report of the last attempt that has one; raises BackendError when none has."""
    action = rows.action(run_id, step)
    found = await details.action(link.channel, action)
    number = _reported(found)
    where = f"run {run_id}: step {action.name}"
    if not number:
        raise BackendError(f"{where}: has no report; enable reports in its task", code="NOT_FOUND")
    request = dataproxy_service_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_service_pb2.ARTIFACT_TYPE_REPORT,
        action_attempt_id=identifier_pb2.ActionAttemptIdentifier(action_id=action, attempt=number),
    )
    channel = await link.routes.to(run_id.place, _Operation.OPERATION_CREATE_DOWNLOAD_LINK)
    answer = await channel.call(methods.CREATE_DOWNLOAD_LINK, request)
    return await _fetch(channel, answer.pre_signed_urls.signed_url[0])


async def _stored(
    link: Link, run_id: RunId, action: identifier_pb2.ActionIdentifier
) -> dataproxy_service_pb2.GetActionDataResponse:
    channel = await link.routes.to(run_id.place, _Operation.OPERATION_GET_ACTION_DATA)
    request = dataproxy_service_pb2.GetActionDataRequest(action_id=action)
    try:
        return await channel.call(methods.GET_ACTION_DATA, request)
    except BackendError as error:
        if faults.is_not_found(error):
            return dataproxy_service_pb2.GetActionDataResponse()
        if _TOO_LARGE not in str(error):
            raise
        uris = await link.channel.call(
            methods.GET_ACTION_DATA_URIS,
            run_service_pb2.GetActionDataURIsRequest(action_id=action),
        )
        kept = " and ".join(filter(None, (uris.inputs_uri, uris.outputs_uri)))
        raise BackendError(
            f"run {run_id}: step {action.name}: its data is larger than the server hands out; "
            f"read it from {kept}, or raise storage.limits.maxDownloadMBs of Flyte's manager",
            method=error.method,
            code=error.code,
        ) from error


def _values(
    literals: Iterable[common_pb2.NamedLiteral], types: Mapping[str, Json], uri: str
) -> Values | None:
    """Gather what was stored; None where nothing was."""
    if not uri:
        return None
    found = {one.name: to_json(one.value) for one in literals}
    return Values(literals=found, types=types, uri=uri)


def _types(found: interface_pb2.VariableMap) -> dict[str, Json]:
    return {one.key: to_json(one.value.type) for one in found.variables}


def _reported(found: wire.ActionDetails) -> int:
    numbers = [one.attempt for one in found.attempts if one.outputs.report_uri]
    return numbers[-1] if numbers else 0


async def _fetch(channel: Channel, signed_url: str) -> bytes:
    from reconciler.backends.data import download, upload  # loads an HTTP client

    async with upload.session(channel.settings.tls) as session:
        return await download.get(session, signed_url, limit_bytes=_LARGEST_BYTES)
