"""The conditions of runs: what waits for an answer, and answering.

A gate is named as its condition is, or by its action where two conditions of a run share a name.
Facts from the open-source manager 2.0.43: values are booleans, integers, floats and texts; the same
one again is no error, another one is, and so is one for a condition that has ended.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

from flyteidl2.core import literals_pb2
from flyteidl2.workflow import run_definition_pb2 as wire
from flyteidl2.workflow import run_service_pb2

from reconciler.backends.flyte2.paging import one_of
from reconciler.backends.flyte2.run import details, lists, methods, steps, words
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.message import from_json, to_json
from reconciler.backends.wire.variables import shown
from reconciler.errors import BackendError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.model.run import Gate, Phase, RunId
from reconciler.values.types import show_type

_CONDITIONS = one_of("action_type", [str(wire.ACTION_TYPE_CONDITION)])
_PAYLOADS = {
    "boolean": "bool_value",
    "integer": "int_value",
    "float_value": "float_value",
    "string_value": "string_value",
}


async def gates(channel: Channel, run_id: RunId) -> tuple[Gate, ...]:
    """Read the conditions of a run, in the order in which they began."""
    return tuple(_gate(run_id, name, one) for name, one in await _named(channel, run_id))


async def waiting(channel: Channel, place: Place) -> tuple[Gate, ...]:
    """Read the conditions without an answer of the runs that have such; a call for each."""
    asked = AskedRuns(project=place.project, domain=place.domain)
    runs = [run.id async for run in lists.runs(channel, asked, waiting=True)]
    found = await asyncio.gather(*(_named(channel, run_id) for run_id in runs))
    return tuple(
        _gate(run_id, name, one)
        for run_id, of_run in zip(runs, found, strict=True)
        for name, one in of_run
        if _is_open(one)
    )


async def answer(channel: Channel, gate: Gate, literal: Mapping[str, Json]) -> None:
    """Send the value of a condition that waits."""
    found = dict(await _named(channel, gate.run)).get(gate.signal)
    where = f"run {gate.run}: gate {gate.signal}"
    if found is None:
        raise BackendError(
            f"{where}: is not open yet; answer it once the run waits there, or correct its name",
            code="NOT_FOUND",
        )
    value = literals_pb2.Literal()
    from_json(dict(literal), value)
    kind = value.scalar.primitive.WhichOneof("value") or ""
    if kind not in _PAYLOADS:
        raise BackendError(
            f"{where}: takes booleans, integers, floats and texts; give one of these",
            code="INVALID_ARGUMENT",
        )
    payload = _payload(kind, getattr(value.scalar.primitive, kind))
    request = run_service_pb2.SignalEventRequest(
        action_id=found.id, parent_action_name=found.metadata.parent, payload=payload
    )
    await channel.call(methods.SIGNAL_EVENT, request)


def _payload(kind: str, value: object) -> run_service_pb2.EventPayload:
    """Write a primitive of a literal as the payload of an answer."""
    payload = run_service_pb2.EventPayload()
    setattr(payload, _PAYLOADS[kind], value)
    return payload


async def _named(channel: Channel, run_id: RunId) -> list[tuple[str, wire.ActionDetails]]:
    """Read the conditions of a run under the names of their gates."""
    listed = [one.id async for one in steps.actions(channel, run_id, [_CONDITIONS])]
    found = await asyncio.gather(*(details.action(channel, one) for one in listed))
    counts = Counter(one.condition.name for one in found)
    return [
        (one.condition.name if counts[one.condition.name] == 1 else one.id.name, one)
        for one in found
    ]


def _gate(run_id: RunId, name: str, found: wire.ActionDetails) -> Gate:
    literal_type = to_json(found.condition.type)
    is_answered = found.HasField("signal_info")
    value = to_json(found.signal_info.output)
    return Gate(
        run=run_id,
        signal=name,
        type=show_type(literal_type),
        literal_type=literal_type,
        is_answered=is_answered,
        value=shown(value, literal_type) if is_answered else None,
    )


def _is_open(found: wire.ActionDetails) -> bool:
    return words.PHASES.get(found.status.phase) is Phase.PAUSED
